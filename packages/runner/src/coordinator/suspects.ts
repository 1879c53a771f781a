import type { Rank } from "@evb/event";
import { RangeSet, type Range } from "./range-set.ts";

/** Events that may have ended clients, as the journal keeps them. */
export interface SuspectRanges {
  /** Clients that were lost had them, dead or not. */
  readonly single: readonly Range[];
  /** At least one client died with them; at least two. */
  readonly once: readonly Range[];
  readonly twice: readonly Range[];
}

/**
 * Which events may have ended clients. Of a lease whose client died any event may have been the one:
 * it is cut to single events. Of singles a client holds several at a time; an event that was among
 * them when a second client died is given out alone, so that the third death is surely its own.
 */
export class Suspects {
  /** Of clients that were lost, dead or not: leased one by one. */
  readonly #single: RangeSet;
  /** That one client died with, and that two did. */
  readonly #once: RangeSet;
  readonly #twice: RangeSet;
  /** What each client had when its connection broke as if it had died, until it shows that it lives. */
  readonly #blamed = new Map<Rank, readonly Range[]>();

  /** @param before of an earlier life of the coordinator */
  constructor(before?: SuspectRanges) {
    this.#single = new RangeSet(before?.single);
    this.#once = new RangeSet(before?.once);
    this.#twice = new RangeSet(before?.twice);
  }

  get ranges(): SuspectRanges {
    return {
      single: this.#single.ranges,
      once: this.#once.ranges,
      twice: this.#twice.ranges,
    };
  }

  /** Returns the events that have ended three clients. */
  lost(rank: Rank, undone: readonly Range[], { died }: { died: boolean }): Range[] {
    this.#single.addAll(undone);
    if (!died) return [];
    const setAside = undone.flatMap((range) => this.#twice.common(range));
    this.#twice.addAll(undone.flatMap((range) => this.#once.common(range)));
    this.#once.addAll(undone);
    this.#blamed.set(rank, undone);
    return setAside;
  }

  /** The process lives after all: what was lost was its connection. Its events have ended one client less. */
  returned(rank: Rank): void {
    const blamed = this.#blamed.get(rank);
    if (blamed === undefined) return;
    this.#blamed.delete(rank);
    const once = blamed.flatMap((range) => this.#twice.missing(range));
    this.#twice.removeAll(blamed);
    this.#once.removeAll(once);
  }

  /** The parts of the range by how they are leased: as they come, one by one, or alone. */
  parts(range: Range): { free: Range[]; single: Range[]; exclusive: Range[] } {
    if (!this.#single.touches(range)) return { free: [range], single: [], exclusive: [] };
    const exclusive = this.#twice.common(range);
    const single = this.#single.common(range).flatMap((part) => this.#twice.missing(part));
    return { free: this.#single.missing(range), single, exclusive };
  }
}
