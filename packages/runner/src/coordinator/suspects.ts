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
 * the one: from then on each is given out alone, so that the next deaths are surely its own. Of very
 * many, some at a time first: see {@link Waiting.takeSuspects}.
 */
export class Suspects {
  readonly #once: RangeSet;
  readonly #twice: RangeSet;
  /** A client died that had some of the suspects and nothing else: now one by one. */
  readonly #single = new RangeSet();
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

  /**
   * A client died with these events in its hands; returns those that have ended three.
   *
   * @param how.several it had nothing but these suspects, more than one: it is laid to none of them
   */
  died(rank: Rank, undone: readonly Range[], { several }: { several: boolean }): Range[] {
    if (several) {
      this.#single.addAll(undone);
      return [];
    }
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

  /** The parts of the range that are given out as they come, as suspects, and those that must be alone. */
  parts(range: Range): { free: Range[]; suspect: Range[]; alone: Range[] } {
    if (!this.#once.touches(range)) return { free: [range], suspect: [], alone: [] };
    const known = this.#once.common(range);
    const among = (set: RangeSet, parts: readonly Range[]): Range[] =>
      parts.flatMap((part) => set.common(part));
    const suspect = known
      .flatMap((part) => this.#single.missing(part))
      .flatMap((part) => this.#twice.missing(part));
    const alone = [...among(this.#single, known), ...among(this.#twice, known)];
    return { free: this.#once.missing(range), suspect, alone };
  }
}
