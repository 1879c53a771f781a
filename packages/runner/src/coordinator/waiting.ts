import { lengthOf, RangeSet, type Range } from "./range-set.ts";
import type { Suspects } from "./suspects.ts";

/**
 * Suspects that are given out one at a time, each for a round trip of 0.3 ms and more. A client that
 * dies can leave 20,000 tiny events: alone, each, they cost a run 6 s (2026-11-20).
 */
const ALONE_MAX = 256;

/** Events that nobody has, by how they are given out. */
export class Waiting {
  readonly #suspects: Suspects;
  readonly #free = new RangeSet();
  /** They may have ended a client: given to one that has nothing else. */
  readonly #suspect = new RangeSet();
  /** Of those, what must be one at a time. */
  readonly #alone = new RangeSet();
  /** Somebody may bring their results soon: given out when nothing else is left. */
  readonly #later = new RangeSet();
  /** Those of all that somebody had before. */
  readonly #again = new RangeSet();

  constructor(suspects: Suspects) {
    this.#suspects = suspects;
  }

  get count(): number {
    return this.#free.count + this.#suspect.count + this.#alone.count + this.#later.count;
  }

  get hasSuspects(): boolean {
    return this.#suspect.count + this.#alone.count > 0;
  }

  /** @param again they were in a lease of a client that was lost, or their totals were */
  add(ranges: readonly Range[], { again }: { again: boolean }): void {
    this.#free.addAll(this.#withoutSuspects(ranges));
    if (again) this.#again.addAll(ranges);
  }

  /** Of an earlier life of the coordinator: clients that had them may be on their way. */
  addLater(ranges: readonly Range[]): void {
    this.#later.addAll(this.#withoutSuspects(ranges));
    this.#again.addAll(ranges);
  }

  /** Somebody has done them. */
  remove(range: Range): void {
    const sets = [this.#free, this.#suspect, this.#alone, this.#later, this.#again];
    for (const set of sets) set.remove(range);
  }

  /** One event; where more wait than {@link ALONE_MAX}, so many in a row that as many leases hold them all. */
  takeSuspects(): Range | undefined {
    const several = Math.ceil(this.#suspect.count / ALONE_MAX);
    return this.#alone.takeFirst(1) ?? this.#suspect.takeFirst(several);
  }

  /** At most `max` events of the others. */
  take(max: number): Range | undefined {
    return this.#free.takeFirst(max) ?? this.#later.takeFirst(max);
  }

  /** How many of these somebody had before; asked once, when they are leased. */
  countAgain(range: Range): number {
    return this.#again.count === 0 ? 0 : lengthOf(this.#again.remove(range));
  }

  #withoutSuspects(ranges: readonly Range[]): Range[] {
    const parts = ranges.map((range) => this.#suspects.parts(range));
    this.#suspect.addAll(parts.flatMap(({ suspect }) => suspect));
    this.#alone.addAll(parts.flatMap(({ alone }) => alone));
    return parts.flatMap(({ free }) => free);
  }
}
