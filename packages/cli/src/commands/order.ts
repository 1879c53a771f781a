import type { Argv, CommandModule } from "yargs";
import type { OrderArguments } from "./order-arguments.ts";
import { common, listenOptions } from "../common-options.ts";
import { ringScanOptions } from "./ring-scan.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("input", {
      type: "string",
      array: true,
      demandOption: true,
      describe: ".evt files, folders or globs; - reads a pipe",
    })
    .option("out", { alias: "o", type: "string", describe: "folder for the new files" })
    .option("stagearea", {
      type: "string",
      describe: "instead of --out: experiment/runN and complete below this folder",
    })
    .option("split", {
      type: "string",
      describe: "instead of --out: folder for one plain file per source",
    })
    .option("window", {
      type: "string",
      array: true,
      default: [] as string[],
      describe: "ticks from an event's first fragment; repeatable (order only)",
    })
    .option("match", {
      choices: ["window", "gap"] as const,
      default: "window" as const,
      describe: "count the window from the first fragment or the one before",
    })
    .option("policy", {
      choices: ["earliest", "latest", "average"] as const,
      describe: "time stamp of an event (earliest)",
    })
    .option("max-fragments", { type: "string", describe: "fragments of one event (any number)" })
    .option("source-id", { type: "string", default: "0", describe: "source id of events" })
    .option("like", {
      choices: ["glom", "offlineevb"] as const,
      describe: "this program's defaults and readings",
    })
    .options(ringScanOptions)
    .option("segment-size", { type: "string", describe: "of an output file, at most (any)" })
    .option("checksum", {
      choices: ["sha512", "none"] as const,
      default: "sha512" as const,
      describe: "of what is written",
    })
    .option("index", { type: "string", describe: "file that keeps the index" })
    .option("clients", { type: "string", default: "1", describe: "processes that write" })
    .option("batch", { type: "string", describe: "the most events of a part (evb chooses)" })
    .option("memory", { type: "string", default: "2MB", describe: "of each client, for bytes" })
    .option("force", common.force)
    .option("resume", {
      type: "boolean",
      default: false,
      describe: "go on with the runs in OUT, where they ended",
    })
    .option("data", common.data)
    .options(listenOptions)
    .option("client-timeout", {
      type: "string",
      default: "5m",
      describe: "end without a client for so long",
    })
    .option("time-limit", { type: "string", describe: "stop after so long, exit 4" })
    .option("trace", {
      type: "string",
      describe: "file for what the coordinator does, as JSON lines",
    })
    .option("attached", common.attached)
    .option("json", common.json)
    .option("quiet", common.quiet)
    .example("$0 order run-0001-*.evt -o out", "bring a run into order")
    .example("$0 order run-0001-00.evt -o out --window 100", "and build events again")
    .example("$0 order night.yaml", "all runs of a job file");

export const orderCommand: CommandModule<object, OrderArguments> = {
  command: "order <input..>",
  describe: "bring ring-item runs into order, and build their events again",
  builder: builder as never,
  handler: async (argv) => {
    // What other commands need isn't loaded: half a run of 500 MB would be over before it was.
    const { runOrderCommand } = await import("./order-run.ts");
    process.exitCode = await runOrderCommand(argv);
  },
};
