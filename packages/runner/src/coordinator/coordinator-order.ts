import type { ResultSchema, Totals } from "@evb/analysis";
import type { AnalysisOrder, Failure, RebuildWelcome } from "../wire/join.ts";
import type { Range } from "./range-set.ts";
import type { Share } from "./roster.ts";
import type { Before, Progress } from "./stimulus.ts";

/** What a coordinator is asked to do. */
export interface CoordinatorOrder {
  /** Which run this is; clients of another one are not answered. */
  readonly run: string;
  readonly range: Range;
  readonly analysis: AnalysisOrder;
  readonly batchCap: number;
  /** The clock starts when so many clients are there. Asked anew each time: one that died isn't waited for. */
  readonly clientsAwaited: () => number;
  /** Whether clients outlive their coordinator, and come to the one that goes on. */
  readonly clientsReturn: boolean;
  /** Without a client for so long, the run ends. */
  readonly clientTimeoutMs: number;
  /** An event that takes longer fails; undefined: none does. */
  readonly eventTimeoutMs: number | undefined;
  /** The first failed event ends the run. */
  readonly strict: boolean;
  /** Undefined where events are analysed; else an event is a part of what is written. */
  readonly rebuild?: Rebuild | undefined;
}

/** What clients are told that write. */
export interface Rebuild extends RebuildWelcome {
  /** What is to be written for an event: see part-message.ts. */
  part(event: number): Uint8Array;
  /** Told when parts are written, each once. */
  written(events: readonly Range[]): void;
}

/** What an earlier life of the coordinator did, as its journal says. */
export interface RunBefore {
  readonly schedule: Before;
  readonly agreed: { readonly schema: ResultSchema; readonly totals: Totals } | undefined;
  readonly failures: readonly Failure[];
  readonly failed: number;
  readonly clients: readonly Share[];
  readonly batches: number;
  readonly redone: number;
  readonly doubled: number;
  readonly revoked: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** What the coordinator tells whoever watches it. */
export interface CoordinatorEvents {
  progress(
    progress: Progress & {
      readonly clients: number;
      readonly bytes: number;
      /** Events that ended too many clients. */
      readonly setAside: number;
    },
  ): void;
  notice(sentence: string): void;
}
