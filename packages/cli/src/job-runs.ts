import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeIndexFolder, needsIndex, noteIndex, type Job, type JobRun } from "@evb/launch";
import { counted } from "@evb/watch";
import { runCommand, type ChildEnd } from "./job-child.ts";
import { log, print, printJson, type Output } from "./terminal.ts";

/** What one start of a job is told, over what the job file says. */
export interface JobStart extends Output {
  readonly force: boolean;
  readonly resume: boolean;
  readonly clients: string | undefined;
  /** Of all runs together. */
  readonly timeLimitMs: number | undefined;
}

interface RunEnd extends ChildEnd {
  readonly run: JobRun;
}

const STOPPED = 4;

/**
 * Does the runs of a job on this host, one after another. One that fails keeps no other from its turn;
 * one that is stopped does.
 *
 * @returns the exit code: of the run, or of several 0, 1 or 4
 */
export async function runJob(
  job: Job,
  runs: readonly JobRun[],
  start: JobStart,
  signal: AbortSignal,
): Promise<number> {
  const deadline =
    start.timeLimitMs === undefined ? undefined : performance.now() + start.timeLimitMs;
  const ends: RunEnd[] = [];
  for (const run of runs) {
    if (isOver(signal, deadline)) break;
    if (runs.length > 1 && !start.quiet) log(`run ${run.name}`);
    const end = await oneRun(job, run, { ...start, deadline }, signal);
    ends.push({ ...end, run });
    if (start.json) printJson(jsonLine({ ...end, run }));
  }
  const isStopped = isOver(signal, deadline) && ends.some(({ code }) => code === STOPPED);
  const unbegun = runs.slice(ends.length);
  if (runs.length > 1) summarise(job, { ends, unbegun }, start);
  return verdict(ends, isStopped || unbegun.length > 0);
}

const isOver = (signal: AbortSignal, deadline: number | undefined): boolean =>
  signal.aborted || (deadline !== undefined && performance.now() >= deadline);

type TimedStart = JobStart & { readonly deadline: number | undefined };

async function oneRun(
  job: Job,
  run: JobRun,
  start: TimedStart,
  signal: AbortSignal,
): Promise<ChildEnd> {
  if (job.kind === "generate" && start.resume && existsSync(join(run.out, "truth.json"))) {
    if (!start.quiet) log(`${run.out} is there already, with its truth.json`);
    return { code: 0, reason: undefined, stdout: "" };
  }
  const { index } = run;
  if (index !== undefined && (await needsIndex(run))) {
    makeIndexFolder(index);
    const words = ["index", ...index.words, ...(start.quiet ? ["--quiet"] : [])];
    const end = await runCommand(words, start.quiet ? "ignore" : "stderr", signal);
    if (end.code !== 0) return signal.aborted ? { ...end, code: STOPPED } : end;
    await noteIndex(index);
  }
  return runCommand(commandWords(job, run, start), start.json ? "text" : "inherit", signal);
}

/** What is typed behind the job file stands in place of what it says. */
function commandWords(job: Job, run: JobRun, start: TimedStart): string[] {
  const leftMs = start.deadline === undefined ? undefined : start.deadline - performance.now();
  const limit =
    leftMs === undefined ? undefined : `--time-limit=${String(Math.max(1, Math.round(leftMs)))}ms`;
  const clients = start.clients ?? (run.clients === undefined ? undefined : String(run.clients));
  const own = [...run.words, ...run.readerWords].filter(
    (word) => limit === undefined || !word.startsWith("--time-limit="),
  );
  const flags = (["resume", "json", "quiet", "force"] as const).filter((flag) => start[flag]);
  return [
    job.kind,
    ...own,
    "--attached",
    ...(clients === undefined ? [] : [`--clients=${clients}`]),
    ...(limit === undefined ? [] : [limit]),
    ...flags
      .filter((flag) => flag !== "resume" || job.kind !== "generate")
      .map((flag) => `--${flag}`),
  ];
}

const jsonLine = ({ run, code, reason, stdout }: RunEnd): object => ({
  run: run.name,
  out: run.out,
  exitCode: code,
  reason: reason ?? null,
  report: stdout.trim() === "" ? null : (JSON.parse(stdout) as unknown),
});

/** With --json, stdout has a line for each run already. */
function summarise(
  { name }: Job,
  { ends, unbegun }: { readonly ends: readonly RunEnd[]; readonly unbegun: readonly JobRun[] },
  { json }: Output,
): void {
  const say = json ? log : print;
  const withCode = (is: (code: number) => boolean): RunEnd[] => ends.filter(({ code }) => is(code));
  const failed = withCode((code) => code !== 0 && code !== STOPPED);
  const stopped = withCode((code) => code === STOPPED);
  const counts = [
    counted(ends.length + unbegun.length, "run"),
    `${String(withCode((code) => code === 0).length)} done`,
    `${String(failed.length)} failed`,
    ...(stopped.length > 0 ? [`${String(stopped.length)} stopped`] : []),
    ...(unbegun.length > 0 ? [`${String(unbegun.length)} not begun`] : []),
  ];
  say(`job ${name}: ${counts.join(", ")}`);
  for (const { run, reason, code } of failed)
    say(`run ${run.name} failed: ${reason ?? `it ended with exit code ${String(code)}`}`);
  for (const { run } of stopped) say(`run ${run.name} was stopped; --resume goes on`);
}

function verdict(ends: readonly RunEnd[], isStopped: boolean): number {
  const codes = ends.map(({ code }) => code);
  if (isStopped) return STOPPED;
  if (codes.length === 1) return codes[0]!;
  if (codes.every((code) => code === 0)) return 0;
  return codes.some((code) => code !== 0 && code !== STOPPED) ? 1 : STOPPED;
}
