import { dirname, join } from "node:path";
import type { Job } from "../job-file.ts";
import { quotedAll } from "./shell-words.ts";

/** What a batch script is written for. */
export interface BatchOrder {
  readonly job: Job;
  /** Program and file of evb, as the hosts of the batch system have them. */
  readonly evb: readonly [program: string, file: string];
  readonly version: string;
  /** Further words for each process of the job, such as `--resume`. */
  readonly words: readonly string[];
  /** The connection file of a run that is on: then there are clients only, which join it. Absolute. */
  readonly connection: string | undefined;
}

/** How many processes a job is, and what each may use. */
export interface Processes {
  readonly tasks: number;
  readonly cpusPerTask: number | undefined;
  readonly nodes: number | undefined;
  /** What they are, for people. */
  readonly text: string;
}

const plural = (count: number, noun: string): string =>
  `${String(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Only a run has clients on other hosts; the other kinds are one process on one host. */
export function processesOf({ job, connection }: BatchOrder): Processes {
  const { resources } = job;
  const { cpusPerTask } = resources;
  const most = (counts: readonly (number | undefined)[]): number | undefined => {
    const given = counts.filter((count) => count !== undefined);
    return given.length === 0 ? undefined : Math.max(...given);
  };
  const clients = most(job.runs.map((run) => run.clients));
  if (connection === undefined && job.kind !== "run") {
    const cpus = cpusPerTask ?? clients;
    return { tasks: 1, nodes: 1, cpusPerTask: cpus, text: "one process" };
  }
  const coordinators = connection === undefined ? 1 : 0;
  const tasks = Math.max(
    coordinators + 1,
    resources.tasks ?? (clients ?? resources.nodes ?? 1) + coordinators,
  );
  const joining = plural(tasks - coordinators, "client");
  return {
    tasks,
    cpusPerTask,
    nodes: resources.nodes === undefined ? undefined : Math.min(resources.nodes, tasks),
    text: coordinators === 0 ? joining : `${String(tasks)} slots: 1 coordinator and ${joining}`,
  };
}

/** Beside the first run's output, where batch scripts and their logs lie. */
export const batchFolder = ({ runs }: Job): string => join(dirname(runs[0]!.out), ".evb");

/** Under this name the batch system lists it. */
export const batchName = ({ job, connection }: BatchOrder): string =>
  connection === undefined ? job.name : `${job.name}-clients`;

/** Clients that begin before their coordinator wait so long for it. */
const CLIENT_WAIT = "--wait=10m";

/** For people who look at the script. */
export const titleLine = (order: BatchOrder, { text }: Processes): string =>
  `# Job ${batchName(order)}, ${text}; of ${order.job.path.replaceAll("\n", " ")}, by evb ${order.version}.`;

/** What each process of the job is told: the words of evb. */
export function taskWords({ job, words, connection }: BatchOrder): string[] {
  if (connection === undefined) return ["rank", job.path, ...words];
  const { clientWords } = job.runs[0]!;
  const waits = clientWords.some((word) => word.startsWith("--wait="));
  return ["client", connection, ...(waits ? [] : [CLIENT_WAIT]), ...clientWords];
}

/** How a batch system marks a line of a script's head, and how its options begin, as no other one's do. */
export interface HeadStyle {
  readonly directive: string;
  readonly option: RegExp;
}

/** Lines of a job's resources that the system reads: those of another one are left out. */
export function ownLines(lines: readonly string[], { directive, option }: HeadStyle): string[] {
  return lines.flatMap((line) => {
    if (option.test(line)) return `${directive} ${line}`;
    return line.startsWith(directive) ? line : [];
  });
}

/**
 * A process that died gives its code to all, whatever became of the job: then what was done counts.
 *
 * @param evb as the script calls it
 * @param only the words that choose a run of several
 */
export const checkLines = (evb: string, { job, words }: BatchOrder, only: string): string[] => [
  'if [ "$code" -gt 128 ]; then',
  `  ${evb} rank ${quotedAll([job.path, ...chosenWords(words)])}${only} --check`,
  "  code=$?",
  "fi",
];

/** Of further words, those that choose. */
const chosenWords = (words: readonly string[]): readonly string[] =>
  words[0] === "--only" ? words.slice(0, 2) : [];

/** `module` is a shell function, which not every batch script has. */
export const moduleLines = (modules: readonly string[], load: string): string[] =>
  modules.length === 0
    ? []
    : ["command -v module >/dev/null || . /etc/profile.d/modules.sh", `module load ${load}`];
