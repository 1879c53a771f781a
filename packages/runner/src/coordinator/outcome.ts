import type { ResultSchema, Totals } from "@evb/analysis";
import type { Failure } from "../wire/join.ts";
import type { ClientTimes } from "../wire/result-message.ts";
import type { Peer } from "./peer.ts";
import type { Range } from "./range-set.ts";
import type { Progress } from "./schedule.ts";

/** One client's part of the run. */
export interface ClientShare extends ClientTimes {
  readonly rank: number;
  readonly host: string;
  readonly pid: number;
  readonly events: number;
  readonly fragments: number;
}

/** How the run went. */
export interface RunOutcome extends Progress {
  /** From the first batch handed out to the last result. */
  readonly seconds: number;
  readonly clients: readonly ClientShare[];
  /** Events whose analysis failed. */
  readonly failed: number;
  /** Which they are, in order; of very many, those that failed first. */
  readonly failures: readonly Failure[];
  readonly totals: Totals | undefined;
  /** Events that are done, in order. */
  readonly doneRanges: readonly Range[];
  readonly schema: ResultSchema | undefined;
  /** Frames that nobody could understand, or that belong to no client. */
  readonly strayFrames: number;
  /** Undefined where every event is done; else why the run ended before. */
  readonly ended: Error | undefined;
  /** It ended because the signal said so. */
  readonly stopped: boolean;
}

export function shareOf(peer: Peer): ClientShare {
  const { rank, events, fragments, times } = peer;
  const { host, pid } = peer.join;
  return { rank, host, pid, events, fragments, ...times };
}
