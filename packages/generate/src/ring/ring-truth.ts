import type { DoneDamage } from "./segments.ts";

/**
 * What is in a mock run of ring items, as the generator decided it: truth.json. All counts say what there was before the
 * damage; offsets say where it is in the file. u64 are decimal strings.
 *
 * A new field doesn't change the version; a field with another meaning does.
 */
export interface RingTruth {
  readonly format: "evb-ring-truth";
  readonly version: 1;
  readonly seed: number;
  readonly run: number;
  /** Layout of the items: 10, 11 or 12. */
  readonly itemVersion: number;
  readonly byteOrder: "little" | "big";
  /** Levels of builders; 0: raw items. */
  readonly nesting: number;
  /** Stamp of the run's tick 0, from which --late-source counts. */
  readonly firstTick: string;
  readonly triggers: number;
  readonly bytes: number;
  readonly items: number;
  /** Name or number of a type → items, payloads not counted. */
  readonly itemsByType: Readonly<Record<string, number>>;
  readonly fragments: number;
  readonly files: readonly TrueSegment[];
  readonly sources: readonly TrueSource[];
  /** In file order; null in a run that can have more than 100,000 fragments. */
  readonly runItems: readonly TrueRunItem[] | null;
  /** In file order; null in a run that can have more than 100,000. */
  readonly fragmentList: readonly TrueFragment[] | null;
  readonly damage: readonly DoneDamage[];
  /** Null in a run of more than 10,000,000 fragments. */
  readonly expected: ExpectedEvents | null;
}

interface TrueSegment {
  readonly file: string;
  readonly bytes: number;
  readonly items: number;
  /** Number of its first item in the run. */
  readonly firstItem: number;
}

export interface TrueSource {
  readonly source: number;
  readonly fragments: number;
  /** Name or number of a type → items that aren't PHYSICS_EVENTs, with or without body header. */
  readonly items: Readonly<Record<string, number>>;
  /** Fragments with the stamp of the one before in the source. */
  readonly duplicates: number;
  /** Fragments with a smaller stamp than the one before in the source. */
  readonly backwardSteps: number;
  /** Fragments without a stamp. */
  readonly nullStamps: number;
  /** Sum of the payloads' bytes. */
  readonly payloadBytes: number;
}

export interface TrueRunItem {
  readonly item: number;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly type: string;
  /** Null for an item of no source. */
  readonly source: number | null;
  readonly hasHeader: boolean;
  /** Null for none. */
  readonly stamp: string | null;
  /** Null without body header. */
  readonly barrier: number | null;
}

export interface TrueFragment {
  /** What the fragment header says, in raw items the body header; null for none. */
  readonly stamp: string | null;
  /** By which `evb order` orders it: a NULL stamp is the largest that its source has shown so far. */
  readonly orderStamp: string;
  readonly source: number;
  /** The outermost item that holds it. */
  readonly item: number;
  readonly file: string;
  /** Of the payload's item. */
  readonly offset: number;
  readonly bytes: number;
  /** Of the payload's item. */
  readonly sha1: string;
}

/** The events that a window makes of the ordered fragments. */
export interface ExpectedEvents {
  readonly window: string;
  readonly events: number;
  readonly fragments: number;
  /** Fragments of an event → events. */
  readonly multiplicity: Readonly<Record<string, number>>;
}
