import { lengthOf, RangeSet, type Range } from "./range-set.ts";
import type { Suspects } from "./suspects.ts";

/** Events that nobody has, by how they are given out. */
export class Waiting {
  readonly #suspects: Suspects;
  readonly #free = new RangeSet();
  readonly #single = new RangeSet();
  readonly #exclusive = new RangeSet();
  /** Somebody may bring their results soon: given out when nothing else is left. */
  readonly #later = new RangeSet();
  /** Those of all that somebody had before. */
  readonly #again = new RangeSet();

  constructor(suspects: Suspects) {
    this.#suspects = suspects;
  }

  get count(): number {
    return this.#free.count + this.#single.count + this.#exclusive.count + this.#later.count;
  }

  get hasSingle(): boolean {
    return this.#single.count > 0;
  }

  get hasExclusive(): boolean {
    return this.#exclusive.count > 0;
  }

  /** @param again they were in a lease of a client that was lost, or their totals were */
  add(ranges: readonly Range[], { again }: { again: boolean }): void {
    const parts = ranges.map((range) => this.#suspects.parts(range));
    this.#free.addAll(parts.flatMap(({ free }) => free));
    this.#single.addAll(parts.flatMap(({ single }) => single));
    this.#exclusive.addAll(parts.flatMap(({ exclusive }) => exclusive));
    if (again) this.#again.addAll(ranges);
  }

  /** Of an earlier life of the coordinator: clients that had them may be on their way. */
  addLater(ranges: readonly Range[]): void {
    const parts = ranges.map((range) => this.#suspects.parts(range));
    this.#later.addAll(parts.flatMap(({ free }) => free));
    this.#single.addAll(parts.flatMap(({ single }) => single));
    this.#exclusive.addAll(parts.flatMap(({ exclusive }) => exclusive));
    this.#again.addAll(ranges);
  }

  /** Somebody has done them. */
  remove(range: Range): void {
    for (const set of [this.#free, this.#single, this.#exclusive, this.#later, this.#again])
      set.remove(range);
  }

  /** One event of those that a client must hold alone. */
  takeExclusive(): Range | undefined {
    return this.#exclusive.takeFirst(1);
  }

  /** Suspects first: one at a time; else at most `max` events. */
  take(max: number): Range | undefined {
    return this.#single.takeFirst(1) ?? this.#free.takeFirst(max) ?? this.#later.takeFirst(max);
  }

  /** How many of these somebody had before; asked once, when they are leased. */
  countAgain(range: Range): number {
    return this.#again.count === 0 ? 0 : lengthOf(this.#again.remove(range));
  }
}
