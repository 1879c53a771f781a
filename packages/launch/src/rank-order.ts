import type { JobRun } from "./job-file.ts";
import type { PlaceInJob } from "./place-in-job.ts";
import type { RankLog } from "./rank-log.ts";

/** How one process of a job works on one of its runs. */
export interface RankOrder {
  readonly kind: "run" | "order" | "generate";
  readonly run: JobRun;
  readonly place: PlaceInJob;
  /** Of the batch system; "": of none. */
  readonly job: string;
  readonly force: boolean;
  readonly resume: boolean;
  /** Whether other runs of the job are not done. */
  readonly othersAreOpen: boolean;
  /** What every command is told: --json, --quiet. */
  readonly flags: readonly string[];
  /** Program and first words of a command line of evb's. */
  readonly evb: readonly string[];
  readonly log: RankLog;
  /** What commands print on stdout. */
  readonly print: (text: string) => void;
}

/** The lock of the run. */
export const lockOf = ({ out }: JobRun): string => `${out}.lock`;

/** Where the run's coordinator says how to reach it. */
export const connectionOf = ({ out, coordinatorWords }: JobRun): string =>
  valuesOf(coordinatorWords, "connection").at(-1) ?? `${out}/connection.json`;

/** Of an option, among words that are `--name=value`. */
export const valuesOf = (words: readonly string[], name: string): string[] =>
  words.flatMap((word) => (word.startsWith(`--${name}=`) ? [word.slice(name.length + 3)] : []));
