/** Which stamp a built event gets: its fragments' smallest, largest, or mean (rounded down). */
export type StampPolicy = "earliest" | "latest" | "average";

/** How one output of a run is built. */
export interface Building {
  /** u64; undefined: every fragment is an event of its own. */
  readonly windowTicks: bigint | undefined;
  readonly match: "window" | "gap";
  readonly policy: StampPolicy;
  /** Of one event; Infinity: any number. */
  readonly fragmentsMax: number;
  /** What built events say they are from. */
  readonly sourceId: number;
  /** What EVB_GLOM_INFO says where there is no window. */
  readonly ticksWithoutWindow: bigint;
  /** The items of this source alone, as they were before they were built into events; undefined: events of all. */
  readonly sourceOnly?: number | undefined;
}

/** What bounds the parts of an output. */
export interface PartLimits {
  readonly bytes: number;
  readonly events: number;
  /** Of one output file; Infinity: any. */
  readonly segmentBytes: number;
}
