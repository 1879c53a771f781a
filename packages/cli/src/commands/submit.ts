import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Argv, CommandModule } from "yargs";
import {
  batchScript,
  chosenRuns,
  composeScript,
  quoted,
  readJob,
  submitBatch,
  submitCompose,
  type BatchOrder,
  type Job,
} from "@evb/launch";
import { fault } from "../faults.ts";
import { parseCount } from "../sizes.ts";
import { print, printJson } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";
import { CLIENTS_MAX } from "./run-parts.ts";
import { jobOptions, runJobHere, type JobArguments } from "./job.ts";

/** Seen from the bundle, and from dist/: see scripts/bundle.mjs. */
const EVB = fileURLToPath(new URL("../bin/evb.js", import.meta.url));
const OWN_COMPOSE_FILE = fileURLToPath(new URL("../../../docker-compose.yml", import.meta.url));

const builder = (yargs: Argv) =>
  jobOptions(yargs)
    .option("with", {
      choices: ["local", "slurm", "lsf", "compose"] as const,
      demandOption: true,
      describe: "who starts the job's processes",
    })
    .option("dry-run", {
      type: "boolean",
      default: false,
      describe: "print what would be submitted, and nothing else",
    })
    .option("clients-only", {
      type: "string",
      describe: "clients for the run of this connection file, which is on",
    })
    .option("compose-file", {
      type: "string",
      describe: "compose: evb's docker-compose.yml",
    })
    .example("$0 submit night.yaml --with slurm", "write a batch script, and hand it to sbatch")
    .example("$0 submit night.yaml --with lsf --dry-run", "see it first");

interface SubmitCommand extends JobArguments {
  readonly with: "local" | "slurm" | "lsf" | "compose";
  readonly dryRun: boolean;
  readonly clientsOnly?: string | undefined;
  readonly composeFile?: string | undefined;
}

export const submitCommand: CommandModule<object, SubmitCommand> = {
  command: "submit <job>",
  describe: "launch a job file: here, by Slurm, by LSF, or in containers",
  builder: builder as never,
  handler: async (argv) => {
    refuseOthers(argv);
    switch (argv.with) {
      case "local":
        if (argv.dryRun) print(localText(readJob(argv.job), argv));
        else process.exitCode = await runJobHere(argv, undefined);
        return;
      case "slurm":
      case "lsf": {
        const order = batchOrder(argv);
        if (argv.dryRun) process.stdout.write(batchScript(argv.with, order));
        else tell(submitBatch(argv.with, order), argv);
        return;
      }
      case "compose":
        startContainers(argv);
    }
  },
};

/** What has no meaning for the launcher would be passed over in silence. */
function refuseOthers(argv: SubmitCommand): void {
  const isBatch = argv.with === "slurm" || argv.with === "lsf";
  const typed = {
    "time-limit": argv.timeLimit !== undefined && argv.with !== "local",
    "clients-only": argv.clientsOnly !== undefined && !isBatch,
    "compose-file": argv.composeFile !== undefined && argv.with !== "compose",
  };
  for (const [name, is] of Object.entries(typed))
    if (is)
      throw fault("usage", {
        reason: `--${name} doesn't go with --with ${argv.with}`,
        command: "evb submit",
      });
  if (argv.force && argv.resume) throw fault("options-exclude", { one: "force", other: "resume" });
}

/** The job of the file, as far as it was asked for. */
function askedJob({ job: path, only, clients }: SubmitCommand): Job {
  const job = readJob(path);
  const runs = chosenRuns(job, only);
  if (clients === undefined) return { ...job, runs };
  const count = parseCount("clients", clients, { min: 1, max: CLIENTS_MAX });
  return { ...job, runs: runs.map((run) => ({ ...run, clients: count })) };
}

function batchOrder(argv: SubmitCommand): BatchOrder {
  const { only, clientsOnly } = argv;
  const flags = (["force", "resume", "quiet"] as const).filter((flag) => argv[flag]);
  return {
    job: askedJob(argv),
    evb: [process.execPath, EVB],
    version: EVB_VERSION,
    words: [...(only === undefined ? [] : ["--only", only]), ...flags.map((flag) => `--${flag}`)],
    connection: clientsOnly === undefined ? undefined : resolve(clientsOnly),
  };
}

function tell(
  submitted: { readonly id: string; readonly script: string },
  argv: SubmitCommand,
): void {
  if (argv.json) printJson({ job: submitted.id, script: submitted.script });
  else print(`job ${submitted.id} submitted\nscript ${submitted.script}`);
}

/** The same as lines for a shell. */
function localText({ kind, path }: Job, { only, clients, ...argv }: SubmitCommand): string {
  const flags = (["force", "resume", "json", "quiet"] as const).filter((flag) => argv[flag]);
  const words = [
    ...(only === undefined ? [] : ["--only", only]),
    ...(clients === undefined ? [] : ["--clients", clients]),
    ...(argv.timeLimit === undefined ? [] : ["--time-limit", argv.timeLimit]),
    ...flags.map((flag) => `--${flag}`),
  ];
  return ["evb", kind, path, ...words].map(quoted).join(" ");
}

function startContainers(argv: SubmitCommand): void {
  const order = batchOrder(argv);
  const file = resolve(argv.composeFile ?? OWN_COMPOSE_FILE);
  const containers = { order, runs: order.job.runs, file };
  if (argv.dryRun) {
    process.stdout.write(composeScript(containers));
    return;
  }
  const docker = submitCompose(containers);
  if (argv.json) printJson({ docker });
  else print(`the containers are on\n${docker} wait coordinator\n${docker} logs --follow`);
}
