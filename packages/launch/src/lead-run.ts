import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isEvbError } from "@evb/event";
import { refuseLiveRun } from "@evb/runner";
import type { CoordinatorLock } from "./coordinator-lock.ts";
import { BEAT_MS } from "./election.ts";
import { fault } from "./faults.ts";
import { makeIndexFolder, needsIndex, noteIndex } from "./job-index.ts";
import { endText, RankChild, type ChildEnd } from "./rank-child.ts";
import { connectionOf, valuesOf, type RankOrder } from "./rank-order.ts";
import {
  allRecords,
  logsOf,
  newRecord,
  nextStep,
  readRecord,
  writeRecord,
  type RunRecord,
  type Step,
} from "./run-record.ts";

/** What is left of a coordinator whose rank was killed stops by itself, in less. */
const QUIET_MS_MAX = 10_000;
const QUIET_LOOK_MS = 100;
/** A coordinator that something ends again and again is not started for ever. */
const LIVES_MAX = 4;
/** Some clients may never come, as their host is down: the others begin without them. */
const BEGIN_AFTER = ["--begin-after", "30s"];
const STOPPED = 4;

/**
 * Does what the coordinator's rank does for a run, from the index to the report, and says how it ended to those
 * that wait for it.
 *
 * @returns the exit code
 */
export async function leadRun(
  order: RankOrder,
  lock: CoordinatorLock,
  signal: AbortSignal,
): Promise<number> {
  const { run, job, log } = order;
  const lost = new AbortController();
  const beat = setInterval(() => {
    keepLock(lock, lost);
  }, BEAT_MS);
  const stop = AbortSignal.any([signal, lost.signal]);
  try {
    const { step, code } = stepOf(order);
    tellStep(order, step);
    const exitCode = code ?? (await workOn(order, step, stop));
    // What is refused is none of this job's.
    const words = step === "refuse" ? [] : run.words;
    writeRecord(run.out, job, { ...recordOf(order), words, exitCode });
    if (!lost.signal.aborted) return exitCode;
    log.say((lost.signal.reason as Error).message);
    return 1;
  } finally {
    clearInterval(beat);
    lock.release();
  }
}

/** A shared file system that hiccups says nothing of who holds the lock. */
function keepLock(lock: CoordinatorLock, lost: AbortController): void {
  try {
    lock.beat();
    if (!lock.isOurs) lost.abort(fault("lock-lost", { path: lock.path }));
  } catch (thrown) {
    if (!isEvbError(thrown) && (thrown as NodeJS.ErrnoException).code === undefined) throw thrown;
  }
}

const recordOf = ({ run, place }: RankOrder): RunRecord => ({
  ...newRecord(place),
  words: run.words,
  indexWords: run.index?.words ?? [],
});

/** @returns what to do, and the exit code where that is nothing */
function stepOf(order: RankOrder): { step: Step; code: number | undefined } {
  const { run, job, kind } = order;
  const own = job === "" ? undefined : readRecord(run.out, job);
  const isOwn = own !== undefined && own.words.length > 0;
  const same = allRecords(run.out).filter(({ words }) => words.join("\0") === run.words.join("\0"));
  const code = kind === "run" ? doneCode(run.out) : own?.exitCode;
  const isDone = code === 0 || (kind === "run" && code === 1);
  const isThere = existsSync(run.out);
  const { othersAreOpen } = order;
  const step = nextStep({ isThere, isDone, isOwn, isSame: same.length > 0, othersAreOpen }, order);
  return { step, code: step === "leave" ? code : step === "refuse" ? 2 : undefined };
}

/** Of a run whose report is whole, as its coordinator ended: 1 where events failed. Undefined: it is not done. */
export function doneCode(out: string): 0 | 1 | undefined {
  try {
    const text = readFileSync(join(out, "report.json"), "utf8");
    const { ended, failed } = JSON.parse(text) as { ended?: string; failed?: number };
    if (ended !== undefined) return undefined;
    return failed === undefined || failed === 0 ? 0 : 1;
  } catch {
    return undefined;
  }
}

function tellStep({ run, log }: RankOrder, step: Step): void {
  if (step === "go-on") log.say(`run ${run.name} goes on in ${run.out}`);
  if (step === "leave") log.say(`run ${run.name} is done already, and left as it is: ${run.out}`);
  if (step === "refuse") log.say(fault("out-done", { out: run.out }).message);
}

function workOn(order: RankOrder, step: Step, signal: AbortSignal): Promise<number> {
  writeRecord(order.run.out, order.job, recordOf(order));
  switch (order.kind) {
    case "run":
      return coordinate(order, step, signal);
    case "order":
      return once(order, ["order", ...order.run.words, ...writers(order), ...asked(step)], signal);
    case "generate":
      return once(order, ["generate", ...order.run.words, ...again(step)], signal);
  }
}

const asked = (step: Step): string[] =>
  step === "begin-anew" ? ["--force"] : step === "go-on" ? ["--resume"] : [];

/** Half of a mock run is of no use. */
const again = (step: Step): string[] => (asked(step).length > 0 ? ["--force"] : []);

/** One host writes: its clients are all there are. */
const writers = ({ run }: RankOrder): string[] => {
  return ["--clients", String(run.clients ?? Math.max(1, availableParallelism() - 1))];
};

async function coordinate(order: RankOrder, step: Step, signal: AbortSignal): Promise<number> {
  const { run, log } = order;
  const indexed = await makeIndex(order, signal);
  if (indexed !== 0) return indexed;
  if (step !== "begin") await quiet(connectionOf(run), signal);
  for (let life = 1; ; life++) {
    const words = life === 1 ? asked(step) : ["--resume"];
    const end = await runCommand(order, [...coordinatorWords(order), ...words], signal);
    if (end.code !== null) return end.code;
    if (signal.aborted) return STOPPED;
    if (life === LIVES_MAX) return 1;
    log.say(`the coordinator ${endText(end)}; it goes on with what its journal has`);
  }
}

function coordinatorWords({ run, place, flags }: RankOrder): string[] {
  const words = [...run.words, ...flags, "--attached"];
  const clients = run.clients === undefined ? [] : ["--clients", String(run.clients)];
  if (place.size === 1) return ["run", ...words, ...run.readerWords, ...clients];
  const awaited = place.size === undefined ? (run.clients ?? 1) : place.size - 1;
  const isSaid = valuesOf(run.coordinatorWords, "begin-after").length > 0;
  const begin = ["--clients", String(awaited), ...(isSaid ? [] : BEGIN_AFTER)];
  return ["coordinator", ...words, ...run.coordinatorWords, ...begin, "--logs", logsOf(run.out)];
}

/** @returns 0, or what keeps the run from having an index */
async function makeIndex(order: RankOrder, signal: AbortSignal): Promise<number> {
  const { index } = order.run;
  const needed = await needsIndex(order.run);
  if (signal.aborted) return STOPPED;
  if (index === undefined || !needed) return 0;
  makeIndexFolder(index);
  const child = command(order, ["index", ...index.words, "--quiet"], "log");
  const stop = (): void => {
    child.terminate();
  };
  signal.addEventListener("abort", stop, { once: true });
  const { code } = await child.ended;
  signal.removeEventListener("abort", stop);
  if (code === 0) await noteIndex(index);
  return code ?? STOPPED;
}

/** Waits until nobody answers at an old connection file any more; who still does then is another job's. */
async function quiet(connection: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + QUIET_MS_MAX;
  while (!signal.aborted && performance.now() < deadline) {
    try {
      await refuseLiveRun(connection);
      return;
    } catch {
      await setTimeout(QUIET_LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function once(order: RankOrder, words: string[], signal: AbortSignal): Promise<number> {
  const end = await runCommand(order, [...words, ...order.flags, "--attached"], signal);
  if (end.code === null) order.log.say(`evb ${words[0]!} ${endText(end)}`);
  return end.code ?? (signal.aborted ? STOPPED : 1);
}

/** Runs one of evb's commands to its end; the signal stops it politely. */
async function runCommand(
  order: RankOrder,
  words: string[],
  signal: AbortSignal,
): Promise<ChildEnd> {
  const child = command(order, words, "print");
  const stop = (): void => {
    child.stop();
  };
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const end = await child.ended;
  signal.removeEventListener("abort", stop);
  order.log.note(`evb ${words[0]!} ${endText(end)}`);
  return end;
}

/** @param stdout where it goes beside the log */
function command(order: RankOrder, words: string[], stdout: "print" | "log"): RankChild {
  const { evb, log, print } = order;
  log.note(`evb ${words.join(" ")}`);
  return new RankChild(
    [...evb, ...words],
    (line) => {
      log.say(line.replace(/^evb: /, ""));
    },
    (text) => {
      if (stdout === "print") print(text);
      for (const line of text.split("\n")) if (line !== "") log.note(line);
    },
  );
}
