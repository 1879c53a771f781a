import { join } from "node:path";
import type { Resources } from "../resources.ts";
import {
  batchFolder,
  batchName,
  checkLines,
  moduleLines,
  ownLines,
  processesOf,
  taskWords,
  titleLine,
  type BatchOrder,
  type HeadStyle,
  type Processes,
} from "./batch-order.ts";
import { headValue, quoted, quotedAll } from "./shell-words.ts";

const SLURM: HeadStyle = { directive: "#SBATCH", option: /^--[a-z]/ };
/** So long before the walltime ends the script is told; Slurm looks every 30 s or so, and may be late by that. */
const WARNING_SECONDS = 120;
/** A job that is stopped so often before its end is stopped by something else than its walltime. */
const RESTARTS_MAX = 100;

/**
 * A batch script for sbatch: one `srun`, each of whose tasks finds out what it is. Two minutes before
 * the walltime ends they are told to stop, and the job puts itself into the queue again.
 */
export function slurmScript(order: BatchOrder): string {
  const { job, connection } = order;
  const processes = processesOf(order);
  const isArray = connection === undefined && job.runs.length > 1;
  const goesOn = connection === undefined;
  return [
    "#!/bin/bash",
    titleLine(order, processes),
    ...headLines(order, processes, isArray).map((line) => `#SBATCH ${line}`),
    ...ownLines(job.resources.lines, SLURM),
    "",
    ...moduleLines(job.resources.modules, quotedAll(job.resources.modules)),
    ...job.resources.before,
    `evb=("\${EVB_NODE:-${doubleQuoted(order.evb[0])}}" ${quoted(order.evb[1])})`,
    ...(isArray ? arrayLines(order) : []),
    ...stopLines,
    ...stepLines(order, processes, isArray),
    ...(goesOn
      ? [...checkLines('"${evb[@]}"', order, isArray ? arrayChoice : ""), ...requeueLines]
      : []),
    'exit "$code"',
    "",
  ].join("\n");
}

function headLines(
  { job, ...order }: BatchOrder,
  processes: Processes,
  isArray: boolean,
): string[] {
  const { resources } = job;
  const name = batchName({ job, ...order });
  const log = join(batchFolder(job), `${name}-${isArray ? "%A_%a" : "%j"}.log`);
  const isMany = (processes.nodes ?? processes.tasks) > 1;
  return [
    `--job-name=${headValue(name)}`,
    ...option("nodes", processes.nodes),
    `--ntasks=${String(processes.tasks)}`,
    ...option("cpus-per-task", processes.cpusPerTask),
    ...askedFor(resources),
    `--output=${headValue(escapedPattern(log))}`,
    "--open-mode=append",
    ...(order.connection === undefined ? ["--requeue"] : ["--no-requeue"]),
    ...(isMany ? ["--no-kill"] : []),
    `--signal=B:USR1@${String(WARNING_SECONDS)}`,
    ...(isArray ? [`--array=0-${String(job.runs.length - 1)}`] : []),
  ];
}

function askedFor({ memoryMebibytes, walltimeMinutes, queue, account }: Resources): string[] {
  return [
    ...option("mem", memoryMebibytes === undefined ? undefined : `${String(memoryMebibytes)}M`),
    ...option("time", walltimeMinutes),
    ...option("partition", queue),
    ...option("account", account),
  ];
}

const option = (name: string, value: number | string | undefined): string[] =>
  value === undefined ? [] : [`--${name}=${headValue(String(value))}`];

/** `%` begins a pattern of sbatch's, as our own at the end does. */
const escapedPattern = (log: string): string => {
  const [, folder, pattern] = /^(.*-)(%j|%A_%a)\.log$/.exec(log)!;
  return `${folder!.replaceAll("%", "%%")}${pattern!}.log`;
};

const doubleQuoted = (text: string): string => text.replaceAll(/["\\$`]/g, "\\$&");

const arrayLines = ({ job }: BatchOrder): string[] => [
  `runs=(${job.runs.map(({ name }) => quoted(name)).join(" ")})`,
];

const arrayChoice = ' --only "${runs[SLURM_ARRAY_TASK_ID]}"';

const stopLines = [
  "",
  "why=",
  "caught=",
  "# USR1 comes before the walltime ends. Not srun is told, which would kill its tasks, but they.",
  "trap 'why=walltime caught=yes; scancel --quiet --signal=TERM \"$SLURM_JOB_ID\"' USR1",
  "# TERM comes with scancel and scontrol requeue; the tasks have it already.",
  "trap 'why=cancelled caught=yes' TERM",
];

function stepLines(order: BatchOrder, processes: Processes, isArray: boolean): string[] {
  const isMany = (processes.nodes ?? processes.tasks) > 1;
  const options = [
    "--kill-on-bad-exit=0",
    "--wait=0",
    ...(isMany ? ["--no-kill"] : []),
    ...option("cpus-per-task", processes.cpusPerTask),
  ];
  const only = isArray ? arrayChoice : "";
  return [
    `srun ${options.join(" ")} "\${evb[@]}" ${quotedAll(taskWords(order))}${only} &`,
    "step=$!",
    "# A signal ends `wait`, and not the step.",
    'while wait "$step"; code=$?; [ -n "$caught" ] && [ "$code" -gt 128 ]; do caught=; done',
  ];
}

const requeueLines = [
  "",
  "# Stopped before its end: what was done is kept, and the same job goes on.",
  `if [ "$code" -eq 4 ] && [ "$why" != cancelled ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${String(RESTARTS_MAX)} ]; then`,
  '  scontrol requeue "$SLURM_JOB_ID"',
  "fi",
];
