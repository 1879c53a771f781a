import type { ResultSchema } from "@evb/analysis";
import type { Lease, LeaseSources } from "../wire/lease-message.ts";
import type { ClientTimes } from "../wire/result-message.ts";
import type { Delta } from "./delta.ts";
import type { ResultBuilder } from "./result-builder.ts";

/** Where a client's events are worked on, and what came of them is kept until it is sent. */
export interface Bench {
  readonly schema: ResultSchema;
  /** That leases may name. */
  readonly leaseSources: LeaseSources;
  readonly results: ResultBuilder;
  /** Ranges of events whose totals were not taken yet. */
  readonly uncountedRanges: number;
  /** Since it was opened. */
  readonly times: Pick<
    ClientTimes,
    "bytes" | "bytesRead" | "openSeconds" | "readSeconds" | "decodeSeconds" | "analysisSeconds"
  >;
  /**
   * One event of a lease, whole. The next one begins when it has come.
   *
   * @param event counted from 0 in the lease; @param fragment of its first fragment
   * @throws EvbError where no event can be right any more
   */
  run(lease: Lease, event: number, fragment: number): void | Promise<void>;
  /** What is to be done before an event's result and totals are added to those of others. */
  beforeResult: () => void;
  /**
   * Begins to read what an event that comes will need; events are told in order. False where enough is on
   * its way, or nothing need be begun ahead.
   */
  ahead(lease: Lease, event: number, fragment: number): boolean;
  /** What was begun ahead is of no use: those events are somebody else's. */
  forgetAhead(): void;
  /** Makes sure that what results say is so, wherever they are read. */
  settle(): void;
  /** Makes sure that no input changed since it was opened. @throws EvbError "data-changed" */
  checkUnchanged(): void;
  /** The totals since the last take, and the events in them. */
  takeEpoch(): ReturnType<Delta["take"]>;
  close(): void | Promise<void>;
}
