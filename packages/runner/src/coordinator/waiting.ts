import type { Rank } from "@evb/event";
import { cutBefore, cutBehind, type LeaseCuts } from "./lease-cuts.ts";
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
  /** By client: the rest of chunks that it has begun. Nobody else gets it who has anything else to do. */
  readonly #kept = new Map<Rank, RangeSet>();
  /** They may have ended a client: given to one that has nothing else. */
  readonly #suspect = new RangeSet();
  /** Of those, what must be one at a time. */
  readonly #alone = new RangeSet();
  /** Somebody may bring their results soon: given out when nothing else is left. */
  readonly #later = new RangeSet();
  /** Those of all that somebody had before. */
  readonly #again = new RangeSet();

  readonly #cuts: LeaseCuts | undefined;

  /** @param cuts undefined: it is all the same where leases end */
  constructor(suspects: Suspects, cuts: LeaseCuts | undefined) {
    this.#suspects = suspects;
    this.#cuts = cuts;
  }

  get count(): number {
    let count = this.#free.count + this.#suspect.count + this.#alone.count + this.#later.count;
    for (const kept of this.#kept.values()) count += kept.count;
    return count;
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
    for (const kept of this.#kept.values()) kept.remove(range);
  }

  /** One event; where more wait than {@link ALONE_MAX}, so many in a row that as many leases hold them all. */
  takeSuspects(): Range | undefined {
    const several = Math.ceil(this.#suspect.count / ALONE_MAX);
    return this.#alone.takeFirst(1) ?? this.#suspect.takeFirst(several);
  }

  /** At most `max` events of the others; what another client would go on with only for one that idles. */
  take(rank: Rank, max: number, { idles }: { idles: boolean }): Range | undefined {
    return (
      this.#kept.get(rank)?.takeFirst(max) ??
      this.#takeCut(this.#free, rank, max) ??
      this.#takeCut(this.#later, rank, max) ??
      (idles ? this.#takeKept(max) : undefined)
    );
  }

  /** A client goes on with nothing any more: what was kept for it is anybody's. */
  release(rank: Rank): void {
    this.#free.addAll(this.#kept.get(rank)?.ranges ?? []);
    this.#kept.delete(rank);
  }

  #takeCut(set: RangeSet, rank: Rank, max: number): Range | undefined {
    const lowest = set.lowest;
    const cuts = this.#cuts;
    if (cuts === undefined || lowest === undefined || lowest.end <= lowest.first + max)
      return set.takeFirst(max);
    const { first } = lowest;
    const end = cutBefore(cuts, { first, end: first + max });
    const taken = set.takeFirst(end - first);
    // Where the border lies within chunks, who has them goes on.
    const rest = cutBehind(cuts, { first: end, end: lowest.end });
    if (rest > end) this.#keptFor(rank).addAll(set.remove({ first: end, end: rest }));
    return taken;
  }

  #keptFor(rank: Rank): RangeSet {
    const known = this.#kept.get(rank) ?? new RangeSet();
    this.#kept.set(rank, known);
    return known;
  }

  /** Of the client that has most before it, what it would come to last. */
  #takeKept(max: number): Range | undefined {
    let most: RangeSet | undefined;
    for (const kept of this.#kept.values()) if (kept.count > (most?.count ?? 0)) most = kept;
    return most?.takeLast(max);
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
