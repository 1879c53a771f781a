import type { LeaseId, Rank } from "@evb/event";
import type { LeasePart } from "./client-state.ts";
import type { Range } from "./range-set.ts";
import type { SuspectRanges } from "./suspects.ts";

/** What a schedule is told. */
export type Stimulus =
  /** The barrier is open: leases may go out. */
  | { readonly kind: "started" }
  /** The run ends before its end: nothing more goes out. */
  | { readonly kind: "stopped" }
  /** `returned`: the same process was lost before, or its coordinator was. */
  | {
      readonly kind: "client-ready";
      readonly rank: Rank;
      readonly returned: boolean;
      /** Bytes of events that it may have before it; undefined: as is best. */
      readonly memoryBytes?: number | undefined;
    }
  /** Columns of these events arrived. */
  | {
      readonly kind: "results";
      readonly rank: Rank;
      readonly ranges: readonly LeasePart[];
      /** Seconds that the client has spent on events since it joined. */
      readonly busySeconds: number;
      /** Seconds that it has had nothing to do. */
      readonly waitSeconds: number;
    }
  /** Totals of exactly these events arrived. */
  | { readonly kind: "epoch"; readonly rank: Rank; readonly ranges: readonly Range[] }
  /** Nothing is heard of it, and its connection stands: blocked is not dead. */
  | { readonly kind: "client-late"; readonly rank: Rank }
  /** It is heard again. */
  | { readonly kind: "client-back"; readonly rank: Rank }
  /** Its connection broke: what it had is done again. `died` as far as can be told. */
  | { readonly kind: "client-lost"; readonly rank: Rank; readonly died: boolean }
  /** All totals that it had when it joined have been sent. */
  | { readonly kind: "client-settled"; readonly rank: Rank }
  /** It gives back what it had, and goes. */
  | { readonly kind: "client-left"; readonly rank: Rank }
  /** It gives back events that it hasn't begun, as it was asked to. */
  | {
      readonly kind: "revoked";
      readonly rank: Rank;
      readonly ranges: readonly LeasePart[];
    }
  /** A tenth of a second has passed. */
  | { readonly kind: "beat" }
  /** Clients of an earlier life of the coordinator that have not come by now never will. */
  | { readonly kind: "waited" };

/** What it says is to be done, in this order. */
export type Action =
  | {
      readonly kind: "lease";
      readonly rank: Rank;
      readonly lease: LeaseId;
      readonly range: Range;
      /** Another client has these events, too. */
      readonly double: boolean;
      /** How many of them somebody had before who was lost, and may come back with them. */
      readonly again: number;
    }
  /** These results are the first of their events: they count. */
  | { readonly kind: "commit"; readonly rank: Rank; readonly ranges: readonly Range[] }
  /** It is to give back what it hasn't begun: others have nothing to do. */
  | { readonly kind: "revoke"; readonly rank: Rank }
  | { readonly kind: "accept-epoch"; readonly rank: Rank }
  | { readonly kind: "refuse-epoch"; readonly rank: Rank }
  /** These events ended too many clients: they are done and counted, as failed. */
  | { readonly kind: "set-aside"; readonly rank: Rank; readonly ranges: readonly Range[] }
  | { readonly kind: "finish" };

/** What the schedule has seen so far. */
export interface Progress {
  readonly events: number;
  /** Events whose columns are journalled. */
  readonly done: number;
  /** Events that are in an accepted epoch of totals. */
  readonly counted: number;
  /** Leases handed out. */
  readonly batches: number;
  /** Events handed out again because their client was lost, or their epoch was. */
  readonly redone: number;
  /** Events handed out while another client had them. */
  readonly doubled: number;
  /** Events that were taken back from a client that hadn't begun them, for one that had nothing to do. */
  readonly revoked: number;
  /** From it on no event has been handed out; below it all have been, or are kept for clients that have their neighbours. */
  readonly handedOut: number;
}

/** What an earlier life of the coordinator did. */
export interface Before {
  readonly done: readonly Range[];
  readonly counted: readonly Range[];
  /** Done and not counted, by the client that may still bring the totals. */
  readonly uncounted: ReadonlyMap<Rank, readonly Range[]>;
  readonly handedOut: number;
  readonly suspects?: SuspectRanges | undefined;
}
