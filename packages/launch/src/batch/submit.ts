import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";
import type { JobRun } from "../job-file.ts";
import { batchFolder, batchName, type BatchOrder } from "./batch-order.ts";
import { composePlan, environmentText } from "./compose-plan.ts";
import { lsfScript } from "./lsf-script.ts";
import { quoted, quotedAll } from "./shell-words.ts";
import { slurmScript } from "./slurm-script.ts";

export type BatchSystem = "slurm" | "lsf";

/** What was submitted, and under which number. */
export interface Submitted {
  /** The batch system's. */
  readonly id: string;
  readonly script: string;
}

interface Submitter {
  readonly system: string;
  readonly program: string;
  readonly write: (order: BatchOrder) => string;
  readonly ending: string;
  /** In what it prints. */
  readonly number: RegExp;
}

const SUBMITTERS: Readonly<Record<BatchSystem, Submitter>> = {
  slurm: {
    system: "Slurm",
    program: "sbatch",
    write: slurmScript,
    ending: "slurm.sh",
    number: /Submitted batch job (\d+)/,
  },
  lsf: {
    system: "LSF",
    program: "bsub",
    write: lsfScript,
    ending: "lsf.sh",
    number: /Job <(\d+)>/,
  },
};

export const batchScript = (system: BatchSystem, order: BatchOrder): string =>
  SUBMITTERS[system].write(order);

/** A submit host that doesn't answer for so long is down. */
const SUBMIT_MS_MAX = 120_000;

/**
 * Writes the script beside the first run's output and hands it to the batch system, by stdin: only so
 * `bsub` reads its `#BSUB` lines at every site.
 *
 * @throws EvbError "script-unwritable", "submit-not-found", "submit-refused"
 */
export function submitBatch(system: BatchSystem, order: BatchOrder): Submitted {
  const { write, ending, program, number, ...names } = SUBMITTERS[system];
  const text = write(order);
  const script = join(batchFolder(order.job), `${batchName(order)}.${ending}`);
  writeText(script, text);
  const { error, status, stdout, stderr } = spawnSync(program, {
    input: text,
    encoding: "utf8",
    timeout: SUBMIT_MS_MAX,
  });
  if (error !== undefined && (error as NodeJS.ErrnoException).code === "ENOENT")
    throw fault("submit-not-found", { program, system: names.system, script });
  const id = number.exec(stdout)?.[1];
  if (status === 0 && id !== undefined) return { id, script };
  const reason = (error?.message ?? `${stderr}${stdout}`).trim().replaceAll(/\s*\n\s*/g, " ");
  throw fault("submit-refused", { program, script, reason });
}

function writeText(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o755 });
  } catch (thrown) {
    throw fault("script-unwritable", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

/** A run in containers. */
export interface ComposeOrder {
  readonly order: BatchOrder;
  readonly runs: readonly JobRun[];
  /** evb's docker-compose.yml. */
  readonly file: string;
}

/** What would be done: the environment, and the line that starts the containers. */
export function composeScript({ order, runs, file }: ComposeOrder): string {
  const plan = composePlan(order.job, runs, ownUser());
  const line = quotedAll(["docker", ...composeWords(file, plan.clients)]);
  return `# ${plan.environmentPath}\n${environmentText(plan)}${line}\n`;
}

/**
 * Keeps the environment beside the output and starts the containers; they go on by themselves.
 *
 * @returns the line by which they are asked further, before what is asked
 * @throws EvbError "script-unwritable", "submit-not-found", "submit-refused", "no-compose-file", and of a plan
 */
export function submitCompose({ order, runs, file }: ComposeOrder): string {
  const plan = composePlan(order.job, runs, ownUser());
  if (!existsSync(file)) throw fault("no-compose-file", { path: file });
  const { environmentPath: script } = plan;
  // Else the engine makes it, as root's.
  mkdirSync(dirname(runs[0]!.out), { recursive: true });
  writeText(script, environmentText(plan));
  const { error, status } = spawnSync("docker", composeWords(file, plan.clients), {
    env: { ...process.env, ...plan.environment },
    stdio: ["ignore", 2, 2],
  });
  const program = "docker";
  if (error !== undefined && (error as NodeJS.ErrnoException).code === "ENOENT")
    throw fault("submit-not-found", { program, system: "docker compose", script });
  if (status !== 0)
    throw fault("submit-refused", { program, script, reason: "what it said is above" });
  return `. ${quoted(script)} && ${quotedAll(["docker", "compose", "--file", file])}`;
}

const composeWords = (file: string, clients: number): string[] => [
  ...["compose", "--file", file, "up", "--detach"],
  ...["--scale", `client=${String(clients)}`],
];

const ownUser = (): string =>
  `${String(process.getuid?.() ?? 1000)}:${String(process.getgid?.() ?? 1000)}`;
