import type { Argv } from "yargs";
import { common } from "../common-options.ts";

/** Options of one format have no default of yargs': those of the other are refused, and so must not be there. */
const hdf5Options = {
  layout: { choices: ["seed", "lcls"] as const, describe: "layout of the files (seed)" },
  files: { type: "string", describe: "how many (10)" },
  labels: { type: "string", describe: "labels, separated by commas (red,green,blue)" },
  "events-per-chunk": { type: "string", describe: "rows of an HDF5 chunk (1)" },
  compression: { type: "string", describe: "none or gzip:1 … gzip:9 (none)" },
  late: { type: "string", describe: "share of rows that stand later in their file (0)" },
} as const;

const ringOptions = {
  sources: { type: "string", describe: "how many (4)" },
  "first-source": { type: "string", describe: "id of the first, the others follow (1)" },
  run: { type: "string", describe: "run number (1)" },
  period: { type: "string", describe: "ticks from trigger to trigger (1000)" },
  jitter: { type: "string", describe: "ticks of a fragment around its trigger (10)" },
  window: { type: "string", describe: "ticks of a built event, also of truth.json's (100)" },
  nesting: { type: "string", describe: "levels of builders, two inputs each (1)" },
  unbuilt: { type: "boolean", describe: "raw items in place of built events" },
  delay: { type: "string", describe: "--disorder: ticks, how late at most (5000)" },
  "late-source": { type: "string", describe: "SOURCE:START:TICKS,… that stalls for so long" },
  "null-stamps": { type: "string", describe: "share of fragments without time stamp (0)" },
  "missing-headers": { type: "string", describe: "none, run-items, all, or SOURCE,… (none)" },
  "item-version": {
    type: "string",
    choices: ["10", "11", "12"] as const,
    describe: "NSCLDAQ's (12)",
  },
  "big-endian": { type: "boolean", describe: "as a big-endian host writes" },
  extension: { type: "string", describe: "bytes behind each body header (0)" },
  "scalers-every": { type: "string", describe: "triggers between scalers, 0: none (100)" },
  pauses: { type: "string", describe: "groups of PAUSE_RUN and RESUME_RUN (0)" },
  "segment-size": { type: "string", describe: "most bytes of a segment (one segment)" },
  damage: {
    type: "string",
    describe: "truncate:BYTES, zero-size:ITEM, bad-count:ITEM, garbage:ITEM:BYTES, …",
  },
} as const;

const groups = {
  "Options of --format hdf5:": Object.keys(hdf5Options),
  "Options of --format ring:": Object.keys(ringOptions),
};

/** What belongs to one format alone. */
export const FORMAT_OPTIONS = {
  hdf5: groups["Options of --format hdf5:"],
  ring: groups["Options of --format ring:"],
} as const;

/** What the command line holds; texts are parsed by the format's own half. */
export interface GenerateArguments {
  readonly dir: string;
  readonly format: "hdf5" | "ring";
  readonly events?: string | undefined;
  readonly fileSize?: string | undefined;
  readonly eventSize?: string | undefined;
  readonly drop?: string | undefined;
  readonly duplicate: string;
  readonly disorder: string;
  readonly seed: string;
  readonly attached: boolean;
  readonly force: boolean;
  readonly json: boolean;
  readonly quiet: boolean;

  readonly layout?: "seed" | "lcls" | undefined;
  readonly files?: string | undefined;
  readonly labels?: string | undefined;
  readonly eventsPerChunk?: string | undefined;
  readonly compression?: string | undefined;
  readonly late?: string | undefined;

  readonly sources?: string | undefined;
  readonly firstSource?: string | undefined;
  readonly run?: string | undefined;
  readonly period?: string | undefined;
  readonly jitter?: string | undefined;
  readonly window?: string | undefined;
  readonly nesting?: string | undefined;
  readonly unbuilt?: boolean | undefined;
  readonly delay?: string | undefined;
  readonly lateSource?: string | undefined;
  readonly nullStamps?: string | undefined;
  readonly missingHeaders?: string | undefined;
  readonly itemVersion?: "10" | "11" | "12" | undefined;
  readonly bigEndian?: boolean | undefined;
  readonly extension?: string | undefined;
  readonly scalersEvery?: string | undefined;
  readonly pauses?: string | undefined;
  readonly segmentSize?: string | undefined;
  readonly damage?: string | undefined;
}

export const generateOptions = (yargs: Argv) =>
  yargs
    .positional("dir", { type: "string", demandOption: true, describe: "folder for the files" })
    .option("format", {
      choices: ["hdf5", "ring"] as const,
      default: "hdf5",
      describe: "kind of files",
    })
    .option("events", { type: "string", describe: "events or triggers of the run (300)" })
    .option("file-size", {
      type: "string",
      describe: "size of the first file, or of a ring run, instead of --events",
    })
    .option("event-size", {
      type: "string",
      describe: "bytes of a fragment (1MB, ring: 200, on average)",
    })
    .option("drop", {
      type: "string",
      describe: "share of events that each other file, or each source, lacks (0.5, ring: 0.1)",
    })
    .option("duplicate", {
      type: "string",
      default: "0",
      describe: "share of rows that are there twice, of fragments with the stamp before",
    })
    .option("disorder", {
      type: "string",
      default: "0",
      describe: "share of rows that swap with the next, of fragments that come late",
    })
    .option("seed", { type: "string", default: "1", describe: "same seed, same bytes" })
    .option("attached", common.attached)
    .option("force", { ...common.force, describe: "replace the mock run in DIR" })
    .option("json", common.json)
    .option("quiet", common.quiet)
    .options(hdf5Options)
    .options(ringOptions)
    .group(groups["Options of --format hdf5:"], "Options of --format hdf5:")
    .group(groups["Options of --format ring:"], "Options of --format ring:")
    .example("$0 generate run1", "ten files, 300 events of 1 MB")
    .example("$0 generate run2 --file-size 10GB --files 4", "")
    .example("$0 generate run3 --layout lcls --events 1000 --event-size 250kB", "")
    .example("$0 generate run4 --format ring --disorder 0.01", "ring items, built once")
    .example("$0 generate run5 --format ring --unbuilt --item-version 11", "")
    .example("$0 generate mock-runs.yaml", "all runs of a job file");
