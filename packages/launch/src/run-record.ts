import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { sentenceOf } from "@evb/event";
import { fault } from "./faults.ts";
import type { PlaceInJob } from "./place-in-job.ts";

/** What the coordinator of a job says of a run, for its clients and for whoever goes on: OUT.logs/job-<job>.json. */
export interface RunRecord {
  readonly launch: string;
  /** The command that it is done by. */
  readonly words: readonly string[];
  /** Of the index; empty where the index was there. */
  readonly indexWords: readonly string[];
  /** undefined: the run has begun and not ended. */
  readonly exitCode: number | undefined;
  /** Who wrote it last, and when (ISO 8601): no two are alike. */
  readonly host: string;
  readonly pid: number;
  readonly time: string;
}

/** Of a run that nothing is known of yet. */
export const newRecord = ({ launch = "" }: Pick<PlaceInJob, "launch">): RunRecord => ({
  launch,
  words: [],
  indexWords: [],
  exitCode: undefined,
  host: hostname(),
  pid: process.pid,
  time: new Date().toISOString(),
});

/** Where the logs of all ranks of a run lie, and the records of its jobs. */
export const logsOf = (out: string): string => `${out}.logs`;

const RECORD = /^job-.*\.json$/;

const recordPath = (out: string, job: string): string =>
  join(logsOf(out), `job-${job === "" ? "none" : job.replaceAll(/[^\w.-]/g, "_")}.json`);

/** Undefined where the job hasn't begun the run. @param job "" where it is of no batch system */
export const readRecord = (out: string, job: string): RunRecord | undefined =>
  recordIn(recordPath(out, job));

/** Of all jobs that ever began it. */
export function allRecords(out: string): RunRecord[] {
  const folder = logsOf(out);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => RECORD.test(name));
  return names.flatMap((name) => recordIn(join(folder, name)) ?? []);
}

/** @throws EvbError "lock-unwritable" */
export function writeRecord(out: string, job: string, record: RunRecord): void {
  const path = recordPath(out, job);
  const partial = `${path}.${String(process.pid)}.partial`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(partial, `${JSON.stringify(record)}\n`);
    renameSync(partial, path);
  } catch (thrown) {
    throw fault("lock-unwritable", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

function recordIn(path: string): RunRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as Partial<RunRecord>;
    const { launch = "", words = [], indexWords = [], host = "", pid = 0, time = "" } = record;
    return { launch, words, indexWords, exitCode: record.exitCode, host, pid, time };
  } catch {
    return undefined;
  }
}

/** What is to become of an OUT. */
export type Step = "begin" | "begin-anew" | "go-on" | "leave" | "refuse";

/** What is known of an OUT before a job works on it. */
export interface OutBefore {
  readonly isThere: boolean;
  /** It has come to its end. */
  readonly isDone: boolean;
  /** By this job, which was requeued since. */
  readonly isOwn: boolean;
  /** By a job that said the same of it. */
  readonly isSame: boolean;
  /** Other runs of the job are not done. */
  readonly othersAreOpen: boolean;
}

/** A run that was stopped goes on; one that is done is never done twice, and never taken for another one. */
export function nextStep(before: OutBefore, asked: { force: boolean; resume: boolean }): Step {
  if (!before.isThere) return "begin";
  // What --force meant was done when the job began.
  if (before.isOwn) return before.isDone ? "leave" : "go-on";
  if (asked.force) return "begin-anew";
  if (!before.isDone || asked.resume) return "go-on";
  return before.isSame && before.othersAreOpen ? "leave" : "refuse";
}
