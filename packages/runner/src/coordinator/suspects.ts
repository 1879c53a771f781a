import type { Rank } from "@evb/event";
import { RangeSet, type Range } from "./range-set.ts";

/** Events that may have ended clients, as the journal keeps them. */
export interface SuspectRanges {
  /** At least one client died with them; at least two. */
  readonly once: readonly Range[];
  readonly twice: readonly Range[];
}

/**
 * Which events may have ended clients. Of all that a client had when it died any event may have been
 * the one: from then on each is given out alone, so that the next deaths are surely its own.
 */
export class Suspects {
  readonly #once: RangeSet;
  readonly #twice: RangeSet;
  /** What each client had when its connection broke as if it had died, until it shows that it lives. */
  readonly #blamed = new Map<Rank, readonly Range[]>();

  /** @param before of an earlier life of the coordinator */
  constructor(before?: SuspectRanges) {
    this.#once = new RangeSet(before?.once);
    this.#twice = new RangeSet(before?.twice);
  }

  get ranges(): SuspectRanges {
    return { once: this.#once.ranges, twice: this.#twice.ranges };
  }

  /** A client died with these events in its hands; returns those that have ended three. */
  died(rank: Rank, undone: readonly Range[]): Range[] {
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

  /** The parts of the range that are given out as they come, and those that are given out alone. */
  parts(range: Range): { free: Range[]; alone: Range[] } {
    if (!this.#once.touches(range)) return { free: [range], alone: [] };
    return { free: this.#once.missing(range), alone: this.#once.common(range) };
  }
}
