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

const LSF: HeadStyle = { directive: "#BSUB", option: /^-[A-Za-z]/ };
/** So many minutes before the run limit the script is told. */
const WARNING_MINUTES = 2;

/**
 * A batch script for `bsub <`: one `blaunch`, which starts a process in each slot; the first of them
 * that takes OUT.lock coordinates. It ends with 4 where the job is to go on, and LSF queues it again.
 */
export function lsfScript(order: BatchOrder): string {
  const { job, connection } = order;
  const processes = processesOf(order);
  const isArray = connection === undefined && job.runs.length > 1;
  return [
    "#!/bin/sh",
    titleLine(order, processes),
    ...headLines(order, processes, isArray).map((line) => `#BSUB ${line}`),
    ...ownLines(job.resources.lines, LSF),
    "",
    ...moduleLines(job.resources.modules, quotedAll(job.resources.modules)),
    ...job.resources.before,
    `node=\${EVB_NODE:-${quoted(order.evb[0])}}`,
    ...(isArray ? arrayLines(order) : []),
    ...stopLines,
    launchLine(order, processes, isArray),
    "task=$!",
    "# A signal ends `wait`, and not the processes.",
    'while wait "$task"; code=$?; [ -n "$caught" ] && [ "$code" -gt 128 ]; do caught=; done',
    ...(connection === undefined
      ? checkLines(`"$node" ${quoted(order.evb[1])}`, order, isArray ? arrayChoice : "")
      : []),
    "# A job that was killed isn't to be queued again, as one that ends with 4 is.",
    '[ "$code" -eq 4 ] && [ "$why" = killed ] && code=130',
    'exit "$code"',
    "",
  ].join("\n");
}

function headLines(order: BatchOrder, processes: Processes, isArray: boolean): string[] {
  const { job, connection } = order;
  const name = batchName(order);
  const log = join(batchFolder(job), `${name}-%J${isArray ? "_%I" : ""}.log`);
  const { queue, account, walltimeMinutes } = job.resources;
  const goesOn = connection === undefined;
  return [
    `-J "${name}${isArray ? `[1-${String(job.runs.length)}]` : ""}"`,
    ...option("q", queue),
    `-n ${String(processes.tasks)}`,
    ...resourceLine(job.resources, processes),
    `-o ${headValue(log)}`,
    ...(walltimeMinutes === undefined
      ? []
      : [`-W ${String(walltimeMinutes)}`, `-wt ${String(WARNING_MINUTES)}`, "-wa USR2"]),
    ...option("P", account),
    // Queued again where it was stopped before its end, and where its host went down.
    ...(goesOn ? ['-Q "4"', "-r"] : []),
  ];
}

function resourceLine({ memoryMebibytes }: Resources, { tasks, nodes }: Processes): string[] {
  const span = nodes === undefined ? [] : [`span[ptile=${String(Math.ceil(tasks / nodes))}]`];
  const memory = memoryMebibytes === undefined ? [] : [`rusage[mem=${String(memoryMebibytes)}MB]`];
  const all = [...span, ...memory];
  return all.length === 0 ? [] : [`-R "${all.join(" ")}"`];
}

const option = (name: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`-${name} ${headValue(value)}`];

/** The index of an array's job begins with 1. */
const arrayLines = ({ job }: BatchOrder): string[] => [
  `set -- ${job.runs.map(({ name }) => quoted(name)).join(" ")}`,
  'shift "$((LSB_JOBINDEX - 1))"',
];

const arrayChoice = ' --only "$1"';

const stopLines = [
  "",
  "why=",
  "caught=",
  "task=",
  'pass_on() { why=$1 caught=yes; [ -z "$task" ] || kill -TERM "$task"; }',
  "# USR2 comes before the run limit and at it; INT and TERM come with bkill, where the site lets them.",
  "trap 'pass_on limit' USR2",
  "trap 'pass_on killed' INT TERM",
];

/** Behind blaunch the words go through another shell on each host, as with rsh; one process needs neither. */
function launchLine(order: BatchOrder, { tasks }: Processes, isArray: boolean): string {
  const words = [order.evb[1], ...taskWords(order)].map(quoted);
  const only = isArray ? arrayChoice : "";
  if (tasks === 1) return `"$node" ${words.join(" ")}${only} &`;
  return `blaunch "$node" ${words.map(quoted).join(" ")}${only} &`;
}
