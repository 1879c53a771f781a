import { fileURLToPath } from "node:url";
import type { Argv, CommandModule } from "yargs";
import { checkRuns, placeInJob, readJob, runRank } from "@evb/launch";
import { common, runOptions } from "../common-options.ts";
import { fault } from "../faults.ts";
import { interruptSignal } from "../interrupts.ts";
import { log } from "../terminal.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("job", { type: "string", demandOption: true, describe: "the job file" })
    .option("only", { type: "string", describe: "this run of the job, by its name (all)" })
    .option("rank", { type: "string", describe: "which process this is, from 0: the coordinator" })
    .option("size", { type: "string", describe: "how many processes there are" })
    .option("job-id", {
      type: "string",
      describe: "the same for all processes and after a requeue; without --rank: they elect",
    })
    .option("check", {
      type: "boolean",
      default: false,
      describe: "do nothing, and say whether all runs are done: 0, 1 or 4",
    })
    .option("force", common.force)
    .option("resume", runOptions.resume)
    .option("json", common.json)
    .option("quiet", common.quiet)
    .example("srun $0 rank JOB.yaml", "under Slurm: task 0 coordinates, the others are clients")
    .example("mpirun -n 34 $0 rank JOB.yaml", "one coordinator and 33 clients")
    .example("blaunch $0 rank JOB.yaml", "under LSF: the first that makes OUT.lock coordinates");

interface RankCommand {
  readonly job: string;
  readonly only?: string | undefined;
  readonly rank?: string | undefined;
  readonly size?: string | undefined;
  readonly jobId?: string | undefined;
  readonly check: boolean;
  readonly force: boolean;
  readonly resume: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

export const rankCommand: CommandModule<object, RankCommand> = {
  command: "rank <job>",
  describe: "one process of a job: finds out which, and does its part",
  builder,
  handler: async (argv) => {
    const signal = interruptSignal();
    const { force, resume, rank, size, jobId, only } = argv;
    if (force && resume) throw fault("options-exclude", { one: "force", other: "resume" });
    const job = readJob(argv.job);
    if (argv.check) {
      process.exitCode = checkRuns({ job, only, say: log });
      return;
    }
    const place = placeInJob(process.env, { rank, size, job: jobId });
    process.exitCode = await runRank(
      {
        job,
        place,
        only,
        force,
        resume,
        flags: (["json", "quiet"] as const).filter((flag) => argv[flag]).map((flag) => `--${flag}`),
        evb: [process.execPath, fileURLToPath(new URL("../bin/evb.js", import.meta.url))],
        print: (text) => process.stdout.write(text),
        say: log,
      },
      signal,
    );
  },
};
