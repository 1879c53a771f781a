import type { Argv, CommandModule } from "yargs";
import { chosenRuns, launchFault, readJob, type JobKind } from "@evb/launch";
import { common, runOptions } from "../common-options.ts";
import { fault } from "../faults.ts";
import { interruptSignal } from "../interrupts.ts";
import { runJob } from "../job-runs.ts";
import { parseCount, parseDuration } from "../sizes.ts";
import { CLIENTS_MAX } from "./run-parts.ts";

/** What may stand behind a job file. */
export const jobOptions = (yargs: Argv) =>
  yargs
    .positional("job", { type: "string", demandOption: true, describe: "the job file, in YAML" })
    .option("only", { type: "string", describe: "this run of the job, by its name (all)" })
    .option("clients", { type: "string", describe: "in place of what the job says" })
    .option("time-limit", { type: "string", describe: "stop after so long, of all runs; exit 4" })
    .option("force", common.force)
    .option("resume", { ...runOptions.resume, describe: "go on with the job, where it ended" })
    .option("json", { ...common.json, describe: "print a line of JSON for each run" })
    .option("quiet", common.quiet);

export interface JobArguments {
  readonly job: string;
  readonly only?: string | undefined;
  readonly clients?: string | undefined;
  readonly timeLimit?: string | undefined;
  readonly force: boolean;
  readonly resume: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** `evb run JOB.yaml`, `evb order JOB.yaml`, `evb generate JOB.yaml`. */
export const jobCommand = (kind: JobKind): CommandModule<object, JobArguments> => ({
  command: `${kind} <job>`,
  describe: `do all runs of a job file of kind ${kind}, on this host`,
  builder: jobOptions,
  handler: async (argv) => {
    process.exitCode = await runJobHere(argv, kind);
  },
});

/** @param command the kind that is expected; undefined: whichever it is */
export async function runJobHere(
  argv: JobArguments,
  command: JobKind | undefined,
): Promise<number> {
  const { clients, timeLimit, force, resume } = argv;
  if (force && resume) throw fault("options-exclude", { one: "force", other: "resume" });
  const job = readJob(argv.job);
  if (command !== undefined && job.kind !== command)
    throw launchFault("job-kind", { path: argv.job, kind: job.kind, command });
  refuseOthers(job.kind, argv);
  const runs = chosenRuns(job, argv.only);
  if (clients !== undefined) parseCount("clients", clients, { min: 1, max: CLIENTS_MAX });
  const start = {
    ...argv,
    clients,
    timeLimitMs: timeLimit === undefined ? undefined : parseDuration("time-limit", timeLimit),
  };
  return runJob(job, runs, start, interruptSignal());
}

/** A mock run has no clients, and nothing that could go on. */
function refuseOthers(kind: JobKind, { clients, timeLimit }: JobArguments): void {
  if (kind !== "generate") return;
  const typed = { clients, "time-limit": timeLimit };
  for (const [name, value] of Object.entries(typed))
    if (value !== undefined)
      throw fault("usage", {
        reason: `--${name} goes with a job of kind run or order`,
        command: "evb generate",
      });
}
