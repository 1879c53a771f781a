import type { Argv, CommandModule } from "yargs";
import { common, listenOptions } from "../common-options.ts";
import type { ExtractArguments } from "./extract-arguments.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("index", { type: "string", demandOption: true, describe: "what evb index wrote" })
    .option("out", { alias: "o", type: "string", demandOption: true, describe: "the new file" })
    .option("events", { type: "string", describe: "A:B: only events A to B - 1" })
    .option("sources", { type: "string", describe: "glob: these sources only" })
    .option("compression", {
      type: "string",
      default: "none",
      describe: "none or gzip:1 … gzip:9",
    })
    .option("shuffle", {
      type: "boolean",
      default: false,
      describe: "bytes of one significance side by side before gzip",
    })
    .option("events-per-chunk", {
      type: "string",
      describe: "of every source (compressed: about 1 MiB; else no chunks)",
    })
    .option("clients", { type: "string", describe: "processes that write (cores - 1, at least 1)" })
    .option("batch", { type: "string", describe: "the most events of a part (evb chooses)" })
    .option("memory", { type: "string", default: "2MB", describe: "of each client, for rows" })
    .option("strict", {
      type: "boolean",
      default: false,
      describe: "the first row that can't be read ends it",
    })
    .option("force", common.force)
    .option("resume", {
      type: "boolean",
      default: false,
      describe: "go on where an earlier one was stopped",
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
    .option("json", common.json)
    .option("quiet", common.quiet)
    .example("$0 extract run1.index.h5 -o red.h5", "the matched events, rows aligned")
    .example(
      "$0 extract run1.index.h5 -o red.h5 --compression gzip:4 --shuffle",
      "the same, compressed",
    );

export const extractCommand: CommandModule<object, ExtractArguments> = {
  command: "extract <index>",
  describe: "write the matched events into one file, rows aligned over the sources",
  builder: builder as never,
  handler: async (argv) => {
    const { runExtractCommand } = await import("./extract-run.ts");
    process.exitCode = await runExtractCommand(argv);
  },
};
