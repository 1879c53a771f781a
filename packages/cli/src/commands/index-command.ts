import type { Argv, CommandModule } from "yargs";
import type { Require } from "@evb/event";
import { buildIndex, LAYOUTS, type SelectOrder } from "@evb/index";
import { counted, matchSummary, ProgressBar } from "@evb/watch";
import { common } from "../common-options.ts";
import { fault } from "../faults.ts";
import { parseCount } from "../sizes.ts";
import { log, print, printJson } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";

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
      choices: ["exact"] as const,
      default: "exact",
      describe: "how fragments become events",
    })
    .option("require", { type: "string", default: "any", describe: "any, all, or K sources" })
    .option("select", { type: "string", describe: "labels that an event's time must have" })
    .option("all", {
      type: "boolean",
      default: false,
      describe: "every event, whatever its labels",
    })
    .option("sources", { type: "string", describe: "glob: these sources only" })
    .option("json", common.json)
    .option("quiet", common.quiet)
    .example("$0 index run1/ -o run1.index.h5", "events labelled red")
    .example("$0 index run1/ -o all.index.h5 --all --require 2", "events of two sources or more")
    .example(`$0 index run1/*.h5 -o g.index.h5 --select 'smalldata == "green"'`, "");

export const indexCommand: CommandModule<object, Awaited<ReturnType<typeof builder>["argv"]>> = {
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

function selectOrder({ all, select }: { all: boolean; select?: string | undefined }): SelectOrder {
  if (all && select !== undefined) throw fault("options-exclude", { one: "all", other: "select" });
  if (all) return { kind: "all" };
  return select === undefined ? { kind: "default" } : { kind: "expression", text: select };
}

function parseRequire(text: string): Require {
  if (text === "any" || text === "all") return text;
  return parseCount("require", text, { min: 1, max: 65_535 });
}
