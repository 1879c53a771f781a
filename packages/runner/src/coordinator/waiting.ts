import { lengthOf, RangeSet, type Range } from "./range-set.ts";
import type { Suspects } from "./suspects.ts";

/** Events that nobody has, by how they are given out. */
export class Waiting {
  readonly #suspects: Suspects;
  readonly #free = new RangeSet();
  /** They may have ended a client: one at a time, to a client that has nothing else. */
  readonly #alone = new RangeSet();
  /** Somebody may bring their results soon: given out when nothing else is left. */
  readonly #later = new RangeSet();
  /** Those of all that somebody had before. */
  readonly #again = new RangeSet();

  constructor(suspects: Suspects) {
    this.#suspects = suspects;
  }

  get count(): number {
    return this.#free.count + this.#alone.count + this.#later.count;
  }

  get hasSuspects(): boolean {
    return this.#alone.count > 0;
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
    for (const set of [this.#free, this.#alone, this.#later, this.#again]) set.remove(range);
  }

  takeSuspect(): Range | undefined {
    return this.#alone.takeFirst(1);
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
    this.#alone.addAll(parts.flatMap(({ alone }) => alone));
    return parts.flatMap(({ free }) => free);
  }
}
