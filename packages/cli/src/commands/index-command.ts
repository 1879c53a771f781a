import type { Argv, CommandModule } from "yargs";
import type { Require } from "@evb/event";
import {
  buildIndex,
  LAYOUTS,
  type IndexOrder,
  type Layout,
  type RingIndexOrder,
  type SelectOrder,
} from "@evb/index";
import { counted, matchSummary, ProgressBar } from "@evb/watch";
import { common } from "../common-options.ts";
import { fault } from "../faults.ts";
import { parseCount } from "../sizes.ts";
import { log, print, printJson } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";
import {
  parseSpan,
  ringScan,
  ringScanOptions,
  ringScanSettings,
  type RingScanWords,
} from "./ring-scan.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("input", {
      type: "string",
      array: true,
      demandOption: true,
      describe: "files, folders, globs",
    })
    .option("out", {
      alias: "o",
      type: "string",
      demandOption: true,
      describe: "the index to write",
    })
    .option("force", common.force)
    .option("layout", {
      choices: LAYOUTS,
      describe: "how the files are laid out (found by itself)",
    })
    .option("match", {
      choices: ["exact", "window", "gap", "nearest"] as const,
      describe: "how fragments become events (exact; with --window: window)",
    })
    .option("window", {
      type: "string",
      describe: "ticks or 110ns from the first fragment; gap: from the last",
    })
    .option("reference", {
      type: "string",
      describe: "nearest to this source (the one with most fragments)",
    })
    .option("require", { type: "string", default: "any", describe: "any, all, or K sources" })
    .option("select", { type: "string", describe: "labels that an event's time must have" })
    .option("all", {
      type: "boolean",
      default: false,
      describe: "every event, whatever its labels",
    })
    .option("sources", { type: "string", describe: "glob: these sources only" })
    .options(ringScanOptions)
    .option("json", common.json)
    .option("quiet", common.quiet)
    .example("$0 index run1/ -o run1.index.h5", "events labelled red")
    .example("$0 index run1/ -o all.index.h5 --all --require 2", "events of two sources or more")
    .example(`$0 index run1/*.h5 -o g.index.h5 --select 'smalldata == "green"'`, "")
    .example("$0 index run-0001-*.evt -o run.index.h5 --window 100", "ring items")
    .example("$0 index run1/ -o n.index.h5 --match nearest --window 2us", "");

interface IndexCommand extends RingScanWords {
  readonly input: string[];
  readonly out: string;
  readonly force: boolean;
  readonly layout?: Layout | undefined;
  readonly match?: "exact" | "window" | "gap" | "nearest" | undefined;
  readonly window?: string | undefined;
  readonly reference?: string | undefined;
  readonly require: string;
  readonly select?: string | undefined;
  readonly all: boolean;
  readonly sources?: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

export const indexCommand: CommandModule<object, IndexCommand> = {
  command: "index <input..>",
  describe: "find the events of a run; print the match report",
  builder: builder,
  handler: async (argv) => {
    const bar = new ProgressBar(
      process.stderr,
      "scanning",
      (files) => `${counted(Math.round(files), "file")}/s`,
    );
    const outcome = await buildIndex(
      {
        inputs: argv.input,
        out: argv.out,
        force: argv.force,
        layout: argv.layout,
        match: matchOrder(argv),
        ring: ringOrder(argv),
        select: selectOrder(argv),
        require: parseRequire(argv.require),
        sources: argv.sources,
        evbVersion: EVB_VERSION,
      },
      (files, of) => {
        if (!argv.quiet) bar.show(files, of);
      },
    );
    bar.clear();
    if (argv.json) printJson(outcome.report);
    else {
      print(matchSummary(outcome));
      print(`index ${argv.out}`);
    }
    const report = outcome.report;
    if (!argv.quiet) for (const sentence of report.warnings ?? []) log(sentence);
    const disordered = report.sources.filter((source) => source.outOfOrder > 0);
    if (disordered.length > 0 && !argv.quiet)
      log(
        `${counted(disordered.length, "source")} out of time order: ${disordered
          .map(({ source }) => source)
          .slice(0, 8)
          .join(", ")}; matched all the same`,
      );
    const slow = report.sources.filter(({ library }) => library !== null);
    if (slow.length > 0 && !argv.quiet)
      log(
        `${counted(slow.length, "source")} must be read through the HDF5 library, which is slower: ${slow
          .map(({ source, library }) => `${source} (${library!})`)
          .slice(0, 4)
          .join(", ")}`,
      );
    // Said in any case: these events will fail.
    if (outcome.misplaced.size > 0)
      log(
        `${counted(outcome.misplaced.size, "source")} ${outcome.misplaced.size === 1 ? "is" : "are"} damaged, and events will fail: ${[
          ...outcome.misplaced,
        ]
          .map(([source, what]) => `${source} (${what} would lie over something else of its file)`)
          .slice(0, 4)
          .join(", ")}`,
      );
    const selection = outcome.selected?.text ?? "every time stamp";
    if (report.events === 0) throw fault("no-event", { index: argv.out, selection });
  },
};

function selectOrder({ all, select }: IndexCommand): SelectOrder {
  if (all && select !== undefined) throw fault("options-exclude", { one: "all", other: "select" });
  if (all) return { kind: "all" };
  return select === undefined ? { kind: "default" } : { kind: "expression", text: select };
}

/** A window alone says enough; undefined where nothing is said. */
function matchOrder({ match, window, reference }: IndexCommand): IndexOrder["match"] {
  const usage = (reason: string): Error => fault("usage", { reason, command: "evb index" });
  // `evb order` takes several, so yargs lets them pass.
  if (Array.isArray(window)) throw usage("an index is of one --window");
  const span = window === undefined ? undefined : parseSpan(window);
  if (match === "nearest") return { match, window: span, reference };
  if (reference !== undefined)
    throw usage("--reference is what --match nearest is nearest to: give both");
  if (span === undefined) {
    if (match === undefined || match === "exact") return match && { match };
    throw usage(`--match ${match} needs a --window: give its ticks`);
  }
  if (match === "exact") throw usage("--match exact has no --window: leave one of them out");
  return { match: match ?? "window", window: span };
}

function ringOrder(words: RingScanWords): RingIndexOrder {
  const { depth, run, timestampAt, headerless, salvage } = words;
  const given = { depth, run, "timestamp-at": timestampAt };
  const typed = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : name));
  if (headerless.length > 0) typed.push("headerless");
  if (salvage) typed.push("salvage");
  return { scan: ringScan(words), settings: ringScanSettings(words), typed };
}

function parseRequire(text: string): Require {
  if (text === "any" || text === "all") return text;
  return parseCount("require", text, { min: 1, max: 65_535 });
}
