import type { ResultSchema, Totals } from "@evb/analysis";
import type { Failure } from "../wire/join.ts";
import type { ClientTimes } from "../wire/result-message.ts";
import type { FaultCounts } from "./counts.ts";
import type { Range } from "./range-set.ts";
import type { Share } from "./roster.ts";
import type { Progress } from "./stimulus.ts";

/** One client's part of the run. */
export interface ClientShare extends ClientTimes {
  readonly rank: number;
  readonly host: string;
  readonly pid: number;
  readonly events: number;
  readonly fragments: number;
}

/** …and whether it went without a word, and didn't come back. */
export interface ClientEnd extends ClientShare {
  readonly lost: boolean;
}

/** How the run went, over all lives of its coordinator. */
export interface RunOutcome extends Progress {
  /** From the first batch handed out to the last result; without the time between two lives. */
  readonly seconds: number;
  /** Of these, at the end, from the first client that had nothing to do any more. */
  readonly tailSeconds: number;
  readonly clients: readonly ClientEnd[];
  /** Events whose analysis failed. */
  readonly failed: number;
  /** Which they are, in order; of very many, those that failed first. */
  readonly failures: readonly Failure[];
  readonly totals: Totals | undefined;
  /** Events that are done, in order. */
  readonly doneRanges: readonly Range[];
  readonly schema: ResultSchema | undefined;
  readonly faults: FaultCounts;
  /** Undefined where every event is done; else why the run ended before. */
  readonly ended: Error | undefined;
  /** It ended because the signal said so. */
  readonly stopped: boolean;
}

export function shareOf({ rank, host, pid, events, fragments, lost, times }: Share): ClientEnd {
  return { rank, host, pid, events, fragments, lost, ...times };
}
