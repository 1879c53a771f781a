import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Argv, CommandModule } from "yargs";
import { generateRun, planMockRun, type MockRun } from "@evb/generate";
import { bytesText, counted, ProgressBar, secondsText } from "@evb/watch";
import { common } from "../common-options.ts";
import { fault } from "../faults.ts";
import { interruptSignal } from "../interrupts.ts";
import { parseCount, parseShare, parseSize } from "../sizes.ts";
import { print, printJson } from "../terminal.ts";

const FILES_MAX = 10_000;
const COUNT_MAX = 2 ** 32 - 1;

const builder = (yargs: Argv) =>
  yargs
    .positional("dir", { type: "string", demandOption: true, describe: "folder for the files" })
    .option("format", { choices: ["hdf5"] as const, default: "hdf5", describe: "kind of files" })
    .option("layout", {
      choices: ["seed", "lcls"] as const,
      default: "seed",
      describe: "layout of the files",
    })
    .option("files", { type: "string", default: "10", describe: "how many" })
    .option("events", { type: "string", describe: "events of the run (300)" })
    .option("file-size", {
      type: "string",
      describe: "size of the first file, instead of --events",
    })
    .option("event-size", { type: "string", default: "1MB", describe: "bytes of a fragment" })
    .option("labels", {
      type: "string",
      default: "red,green,blue",
      describe: "labels, separated by commas",
    })
    .option("drop", {
      type: "string",
      default: "0.5",
      describe: "share of events that each other file lacks",
    })
    .option("events-per-chunk", { type: "string", default: "1", describe: "rows of an HDF5 chunk" })
    .option("compression", { type: "string", default: "none", describe: "none or gzip:1 … gzip:9" })
    .option("late", {
      type: "string",
      default: "0",
      describe: "share of rows that stand later in their file",
    })
    .option("duplicate", {
      type: "string",
      default: "0",
      describe: "share of rows that are there twice",
    })
    .option("disorder", {
      type: "string",
      default: "0",
      describe: "share of rows that swap with the next",
    })
    .option("seed", { type: "string", default: "1", describe: "same seed, same bytes" })
    .option("json", common.json)
    .option("quiet", common.quiet)
    .example("$0 generate run1", "ten files, 300 events of 1 MB")
    .example("$0 generate run2 --file-size 10GB --files 4", "")
    .example("$0 generate run3 --layout lcls --events 1000 --event-size 250kB", "");

interface GenerateCommand {
  readonly dir: string;
  readonly layout: "seed" | "lcls";
  readonly files: string;
  readonly events?: string | undefined;
  readonly fileSize?: string | undefined;
  readonly eventSize: string;
  readonly labels: string;
  readonly drop: string;
  readonly eventsPerChunk: string;
  readonly compression: string;
  readonly late: string;
  readonly duplicate: string;
  readonly disorder: string;
  readonly seed: string;
  readonly json: boolean;
  readonly quiet: boolean;
}

export const generateCommand: CommandModule<object, GenerateCommand> = {
  command: "generate <dir>",
  describe: "write a mock run with known content, and truth.json",
  builder: builder as never,
  handler: async (argv) => {
    const run = mockRun(argv);
    const planned = planMockRun(run).bytes;
    checkSpace(argv.dir, planned);
    const bar = new ProgressBar(process.stderr, "writing", (bytes) => `${bytesText(bytes)}/s`);
    const begun = performance.now();
    const signal = interruptSignal();
    const truth = await generateRun(run, {
      signal,
      onProgress: (done, total) => {
        if (!argv.quiet) bar.show(done, total);
      },
    }).catch((thrown: unknown) => {
      throw thrown === signal.reason ? fault("generate-interrupted", { folder: argv.dir }) : thrown;
    });
    bar.clear();
    if (argv.json) printJson(truth);
    else {
      const seconds = (performance.now() - begun) / 1000;
      print(
        `${counted(run.files, "file")}, ${counted(truth.events, "event")}, ${bytesText(planned)} in ${secondsText(seconds)}`,
      );
      print(`run ${argv.dir}, content in ${argv.dir}/truth.json`);
    }
  },
};

function mockRun(argv: GenerateCommand): MockRun {
  const gzip = parseCompression(argv.compression);
  return {
    directory: argv.dir,
    layout: argv.layout,
    files: parseCount("files", argv.files, { min: 1, max: FILES_MAX }),
    size: runSize(argv),
    eventBytes: parseSize("event-size", argv.eventSize),
    labels: argv.labels.split(",").map((label) => label.trim()),
    dropShare: parseShare("drop", argv.drop),
    eventsPerChunk: parseCount("events-per-chunk", argv.eventsPerChunk, { min: 1, max: COUNT_MAX }),
    ...(gzip !== undefined && { gzip }),
    seed: parseCount("seed", argv.seed, { min: 0, max: COUNT_MAX }),
    lateShare: parseShare("late", argv.late),
    duplicateShare: parseShare("duplicate", argv.duplicate),
    disorderShare: parseShare("disorder", argv.disorder),
  };
}

function runSize({ events, fileSize }: GenerateCommand): MockRun["size"] {
  if (events !== undefined && fileSize !== undefined)
    throw fault("options-exclude", { one: "events", other: "file-size" });
  if (fileSize !== undefined) return { kind: "file-size", bytes: parseSize("file-size", fileSize) };
  return {
    kind: "events",
    events: parseCount("events", events ?? "300", { min: 1, max: COUNT_MAX }),
  };
}

function parseCompression(text: string): number | undefined {
  if (text === "none") return undefined;
  const level = /^gzip:([1-9])$/.exec(text)?.[1];
  if (level === undefined)
    throw fault("bad-option", { option: "compression", text, wanted: "none or gzip:1 to gzip:9" });
  return Number(level);
}

/** A disk that fills up half-way has cost the user the time. */
function checkSpace(directory: string, bytes: number): void {
  let folder = resolve(directory);
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (bytes > free)
    throw fault("no-space", { folder, needed: bytesText(bytes), free: bytesText(free) });
}
