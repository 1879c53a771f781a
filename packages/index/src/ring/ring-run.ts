import type { SourceOrder } from "@evb/event";
import type { RingRows, Skipped, StampPlace } from "@evb/formats";
import type { HeaderlessRule } from "./headerless-rule.ts";

/** How ring items are to be understood. */
export interface RingScanOrder {
  /** How many event-builder levels are opened; Infinity: all. */
  readonly depth: number;
  /** Damage is skipped; else it is an error. */
  readonly salvage: boolean;
  readonly stampAt: StampPlace | undefined;
  readonly rules: readonly HeaderlessRule[];
  /** All inputs are one run of this number, whatever their items say. */
  readonly runNumber: number | undefined;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** A file of the run, as its bytes are counted: all files one behind the other. */
export interface RingFile {
  readonly path: string;
  readonly base: number;
  readonly sizeBytes: number;
}

/** A run item that doesn't stand among the events. */
export interface EndItem {
  readonly type: number;
  /** In the bytes of all files. */
  readonly offset: number;
  readonly size: number;
  /** The source's id. */
  readonly source: number;
  readonly barrier: number;
  /** See ROW of @evb/formats. */
  readonly kind: number;
}

export interface RingSource extends SourceOrder {
  /** The source's id. */
  readonly source: number;
}

/** A run of ring items: where everything in it lies, and in which order it belongs. */
export interface RingRun {
  readonly number: number;
  readonly files: readonly RingFile[];
  readonly rows: RingRows;
  /** Rows by (stamp, source, arrival); of a group of state changes the one that stands for it. */
  readonly order: Uint32Array;
  /** By the row that stands for it: rows of a group, by (source, arrival). */
  readonly groups: ReadonlyMap<number, readonly number[]>;
  /** By (source, arrival). */
  readonly begins: readonly EndItem[];
  /** END_RUN by (source, arrival), then ABNORMAL_ENDRUN. */
  readonly ends: readonly EndItem[];
  /** The one that is kept. */
  readonly format: EndItem | undefined;
  readonly v10: boolean;
  /** Whose layout its items have: 12 since there are original sources in them. */
  readonly version: 10 | 11 | 12;
  readonly bigEndian: boolean;
  readonly itemsIn: number;
  readonly builtEvents: number;
  readonly fragments: number;
  readonly backwardSteps: number;
  readonly sources: readonly RingSource[];
  readonly skipped: readonly Skipped[];
  readonly warnings: readonly string[];
}
