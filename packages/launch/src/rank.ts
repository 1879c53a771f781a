import { isEvbError, type ExitCode } from "@evb/event";
import { CoordinatorLock } from "./coordinator-lock.ts";
import { contend } from "./election.ts";
import { fault } from "./faults.ts";
import { followRun } from "./follow-run.ts";
import type { Job, JobRun } from "./job-file.ts";
import { doneCode, leadRun } from "./lead-run.ts";
import type { PlaceInJob } from "./place-in-job.ts";
import { RankLog } from "./rank-log.ts";
import { connectionOf, lockOf, type RankOrder } from "./rank-order.ts";
import { allRecords, logsOf, newRecord, writeRecord } from "./run-record.ts";

/** One process of a job, as `evb rank` is asked for it. */
export interface RankJob {
  readonly job: Job;
  readonly place: PlaceInJob;
  /** The name of the only run that is to be done; undefined: all of them. */
  readonly only: string | undefined;
  readonly force: boolean;
  readonly resume: boolean;
  readonly flags: readonly string[];
  readonly evb: readonly string[];
  readonly print: (text: string) => void;
  /** A sentence, on stderr. */
  readonly say: (sentence: string) => void;
}

interface RunEnd {
  readonly name: string;
  readonly code: number;
}

/**
 * Goes through the runs of a job, as all its other processes do: as coordinator, or as a client.
 *
 * @returns the exit code: of the runs, if it is the same for all; else 4 where one was stopped, or 1
 * @throws EvbError "run-unknown"
 */
export async function runRank(rank: RankJob, signal: AbortSignal): Promise<0 | ExitCode> {
  const runs = chosenRuns(rank);
  const ends: RunEnd[] = [];
  let leads = rank.place.rank === 0;
  for (const run of runs) {
    if (signal.aborted && !leads) break;
    if (signal.aborted) {
      const { message, exitCode } = fault("not-begun", { run: run.name });
      rank.say(message);
      ends.push({ name: run.name, code: exitCode });
      break;
    }
    const end = await oneRun(rank, run, signal);
    leads = end.leads;
    ends.push({ name: run.name, code: end.code });
  }
  const failed = ends.filter(({ code }) => code !== 0);
  if (runs.length > 1)
    for (const { name, code } of failed)
      rank.say(`run ${name} ended with exit code ${String(code)}`);
  return verdict(ends.map(({ code }) => code));
}

function chosenRuns({ job, only }: Pick<RankJob, "job" | "only">): readonly JobRun[] {
  if (only === undefined) return job.runs;
  const run = job.runs.find(({ name }) => name === only);
  if (run !== undefined) return [run];
  const names = job.runs.map(({ name }) => name);
  throw fault("run-unknown", { path: job.path, only, names });
}

/**
 * Whether all runs of a job are done, for launchers that don't say how their processes ended.
 *
 * @returns 0; 1 where events failed; 4 where the same command goes on
 * @throws EvbError "run-unknown"
 */
export function checkRuns(rank: Pick<RankJob, "job" | "only" | "say">): 0 | ExitCode {
  const codes = chosenRuns(rank).map((run) => {
    const code = rank.job.kind === "run" ? doneCode(run.out) : recordedCode(run);
    if (code !== undefined) return code;
    const { message, exitCode } = fault("not-done", { run: run.name });
    rank.say(message);
    return exitCode;
  });
  return verdict(codes);
}

/** Of what has no report: as the last job that did it ended. */
function recordedCode({ out, words }: JobRun): number | undefined {
  const same = allRecords(out).filter((record) => record.words.join("\0") === words.join("\0"));
  return same.some(({ exitCode }) => exitCode === 0) ? 0 : undefined;
}

function verdict(codes: readonly number[]): 0 | ExitCode {
  const [first = 0] = codes;
  if (codes.every((code) => code === first)) return first as 0 | ExitCode;
  return codes.includes(4) ? 4 : 1;
}

interface OneEnd {
  readonly code: number;
  /** As the run's coordinator. */
  readonly leads: boolean;
}

async function oneRun(rank: RankJob, run: JobRun, signal: AbortSignal): Promise<OneEnd> {
  const { place } = rank;
  const log = new RankLog(logsOf(run.out), place.rank, (line) => {
    rank.say(
      place.rank === undefined || place.rank === 0 ? line : `rank ${String(place.rank)}: ${line}`,
    );
  });
  try {
    const order = orderOf(rank, run, log);
    if (place.rank === undefined) return await electedRun(order, signal);
    if (place.rank === 0) return await firstRank(order, signal);
    if (order.kind === "run") return await followed(order, signal);
    log.note(`nothing to do: one process does \`evb ${order.kind}\``);
    return follows(0);
  } catch (thrown) {
    return failedRun(thrown, rank, run, log);
  } finally {
    log.close();
  }
}

/** One run that can't begin doesn't keep the others from it. */
function failedRun(thrown: unknown, { place }: RankJob, run: JobRun, log: RankLog): OneEnd {
  if (!isEvbError(thrown)) throw thrown;
  const { exitCode, message } = thrown;
  log.say(message);
  const isFirst = place.rank === 0;
  // Its other processes wait for nothing.
  const job = jobOf(place);
  if (isFirst && job !== "") writeRecord(run.out, job, { ...newRecord(place), exitCode });
  return { code: exitCode, leads: isFirst };
}

const follows = (code: number): OneEnd => ({ code, leads: false });
const leads = (code: number): OneEnd => ({ code, leads: true });

/** mpirun's own jobs have numbers, too, though each start is another one. */
const jobOf = ({ job, launch }: PlaceInJob): string => job ?? launch ?? "";

function orderOf(rank: RankJob, run: JobRun, log: RankLog): RankOrder {
  const { job, place, force, resume, flags, evb, print } = rank;
  const { kind } = job;
  // A run that comes later is done, or not, when its turn comes.
  const othersAreOpen = job.runs.some(
    (other) => other !== run && doneCode(other.out) === undefined,
  );
  const order = { kind, run, place, job: jobOf(place), force, resume };
  return { ...order, othersAreOpen, flags, evb, log, print };
}

async function firstRank(order: RankOrder, signal: AbortSignal): Promise<OneEnd> {
  const lock = await contend(claimOf(order), { shared: false }, signal);
  return leads(lock instanceof CoordinatorLock ? await leadRun(order, lock, signal) : 4);
}

async function followed(order: RankOrder, signal: AbortSignal): Promise<OneEnd> {
  const end = await followRun(order, signal);
  return follows(end.kind === "over" ? end.code : 1);
}

/** Nobody says who is who: the first that makes OUT.lock is the coordinator. */
async function electedRun(order: RankOrder, signal: AbortSignal): Promise<OneEnd> {
  const { kind, log } = order;
  while (!signal.aborted) {
    const lock = await contend(claimOf(order), { shared: true }, signal);
    if (lock === undefined) break;
    if (lock instanceof CoordinatorLock) {
      log.note(`this process has ${lock.path}: it is the coordinator`);
      return leads(await leadRun(order, lock, signal));
    }
    log.note(`the coordinator is process ${String(lock.pid)} on ${lock.host}`);
    if (kind !== "run") break;
    const end = await followRun(order, signal);
    if (end.kind === "over") return follows(end.code);
  }
  return follows(0);
}

const claimOf = (order: RankOrder): { path: string; connection: string; job: string } => ({
  path: lockOf(order.run),
  connection: connectionOf(order.run),
  job: order.job,
});
