import type { Argv, CommandModule } from "yargs";
import { parseDataPlace } from "@evb/index";
import { bottleneckOf, diskLimitOf, measureReading } from "@evb/runner";
import { benchSummary, bottleneckSentence } from "@evb/watch";
import { common } from "../common-options.ts";
import { parseSeconds } from "../sizes.ts";
import { print, printJson } from "../terminal.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("file", {
      type: "string",
      array: true,
      demandOption: true,
      describe: "an index, or data files, or any files",
    })
    .option("seconds", {
      type: "string",
      default: "1",
      describe: "all of it takes about ten times as long",
    })
    .option("cold", {
      type: "boolean",
      default: true,
      describe: "reads from the disk as well: the system forgets these files first",
    })
    .option("data", common.data)
    .option("json", common.json)
    .example("$0 bench run1.index.h5", "this host, and evb on the first events' rows")
    .example("$0 bench run1/*.h5 --no-cold", "leave the files in memory")
    .example("$0 bench /scratch/large.tar --seconds 3 --json", "of any file: plain reads");

export const benchCommand: CommandModule<object, Awaited<ReturnType<typeof builder>["argv"]>> = {
  command: "bench <file..>",
  describe: "how fast this machine reads files, and evb's reader",
  builder: builder,
  handler: async (argv) => {
    const measured = await measureReading({
      paths: argv.file,
      places: argv.data.map(parseDataPlace),
      seconds: parseSeconds("seconds", argv.seconds),
      cold: argv.cold,
    });
    if (argv.json)
      printJson({
        ...measured,
        bottleneck: bottleneckOf(measured),
        disk: diskLimitOf(measured) ?? null,
        rows: measured.rows ?? null,
        sentence: bottleneckSentence(measured),
      });
    else print(benchSummary(measured));
  },
};
