import type { Argv, CommandModule } from "yargs";
import { isRingFile } from "@evb/formats";
import { validateRingFiles, type ContentReport, type RingReport } from "@evb/index";
import { bytesText, counted, countText } from "@evb/watch";
import { common } from "../common-options.ts";
import { fault } from "../faults.ts";
import { print, printJson } from "../terminal.ts";

/** So many problems of each kind are printed for people; --json has more. */
const PRINTED_MAX = 20;

const builder = (yargs: Argv) =>
  yargs
    .positional("file", {
      type: "string",
      array: true,
      demandOption: true,
      describe: "ring-item files (.evt) of a run",
    })
    .option("against", {
      type: "string",
      array: true,
      default: [] as string[],
      describe: "input that the files were made from",
    })
    .option("json", common.json)
    .example("$0 validate run-0001-*.evt", "is the run whole, and in order?")
    .example("$0 validate out/run-0001-00.evt --against in.evt", "nothing lost or changed?");

interface ValidateCommand {
  readonly file: string[];
  readonly against: string[];
  readonly json: boolean;
}

export const validateCommand: CommandModule<object, ValidateCommand> = {
  command: "validate <file..>",
  describe: "every problem of a run's files, as a list",
  builder: builder,
  handler: (argv) => {
    for (const path of [...argv.file, ...argv.against])
      if (!isRingFile(path)) throw fault("validate-not-ring", { path });
    const report = validateRingFiles(argv.file, argv.against);
    if (argv.json) printJson(jsonOf(report));
    else for (const line of textOf(report)) print(line);
    const problems = problemCount(report);
    if (problems > 0) throw fault("problems-found", { problems, files: report.files.length });
  },
};

const problemCount = ({ problemCounts }: RingReport): number =>
  Object.values(problemCounts).reduce((sum, count) => sum + count, 0);

const jsonOf = (report: RingReport): object => ({
  ...report,
  problemCount: problemCount(report),
  against: report.against ?? null,
});

function* textOf(report: RingReport): Generator<string> {
  const { files, items, bytes, problems, problemCounts, warnings, against } = report;
  yield `${counted(files.length, "file")}, ${counted(items, "item")}, ${bytesText(bytes)}`;
  if (against !== undefined) yield* contentLines(against);
  for (const warning of warnings) yield `warning: ${warning}`;
  for (const [kind, count] of Object.entries(problemCounts)) {
    const some = problems.filter((problem) => problem.kind === kind).slice(0, PRINTED_MAX);
    for (const { sentence } of some) yield `${kind}: ${sentence}`;
    if (count > some.length) yield `${kind}: … and ${countText(count - some.length)} more`;
  }
  if (problems.length === 0) yield "no problem found";
}

function* contentLines({ files, inputs, outputs }: ContentReport): Generator<string> {
  yield `against ${counted(files.length, "file")}:`;
  yield `  fragments: ${countText(inputs.fragments)} in, ${countText(outputs.fragments)} out`;
  yield `  run items: ${countText(inputs.runItems)} in, ${countText(outputs.runItems)} out`;
}
