import { FRAGMENT, type OrderedRows } from "./glom.ts";
import type { SourcedRows } from "./windows.ts";

/**
 * How far fragments lie from others, in u64 ticks, apart for either side, as a difference of two stamps
 * may need 65 bits.
 */
export interface Distances {
  /** Ascending: of those that come before, at least 1. */
  readonly before: BigUint64Array;
  /** Ascending: of those that come behind, or have the same stamp. */
  readonly behind: BigUint64Array;
}

const NONE = new BigUint64Array(0);

/** From each fragment, of any source, to the one before it in time order. */
export function gapsOf({ order, stamp, kind }: OrderedRows): Distances {
  const gaps = new BigUint64Array(order.length);
  let count = 0;
  let last = -1;
  for (const row of order) {
    if ((kind[row]! & 3) !== FRAGMENT) continue;
    if (last >= 0) gaps[count++] = stamp[row]! - stamp[last]!;
    last = row;
  }
  return { before: NONE, behind: gaps.subarray(0, count).sort() };
}

/**
 * From the nearest fragment of a reference source to each fragment of every other one; of two that are
 * equally near to the earlier. Empty for the reference itself, and where it has no fragment.
 *
 * @param reference row of a source
 * @param fragments by source: how many fragments it has
 */
export function distancesFrom(
  rows: SourcedRows,
  reference: number,
  fragments: readonly number[],
): Distances[] {
  const found = fragments.map((count, s) => new SideBySide(s === reference ? 0 : count));
  const { order, source, kind } = rows;
  // The last fragment of the reference, and the first place behind it.
  let earlier = -1;
  let from = 0;
  const upTo = (end: number, later: number): void => {
    for (let place = from; place < end; place++) {
      const row = order[place]!;
      if ((kind[row]! & 3) === FRAGMENT) found[source[row]!]!.add(rows, { row, earlier, later });
    }
  };
  for (let place = 0; place < order.length; place++) {
    const row = order[place]!;
    if (source[row] !== reference || (kind[row]! & 3) !== FRAGMENT) continue;
    upTo(place, row);
    earlier = row;
    from = place + 1;
  }
  if (earlier >= 0) upTo(order.length, -1);
  return found.map((one) => one.sorted());
}

/** Distances of one source, in one column: those before from its end, those behind from its beginning. */
class SideBySide {
  readonly #ticks: BigUint64Array;
  #before = 0;
  #behind = 0;

  constructor(count: number) {
    this.#ticks = new BigUint64Array(count);
  }

  /** @param near the fragment, and the reference's around it: rows, −1 where there is none */
  add({ stamp }: SourcedRows, near: { row: number; earlier: number; later: number }): void {
    const { row, earlier, later } = near;
    const ticks = this.#ticks;
    if (later < 0) ticks[this.#behind++] = stamp[row]! - stamp[earlier]!;
    else if (
      earlier >= 0 &&
      BigInt.asUintN(64, stamp[row]! - stamp[earlier]!) <=
        BigInt.asUintN(64, stamp[later]! - stamp[row]!)
    )
      ticks[this.#behind++] = stamp[row]! - stamp[earlier]!;
    else this.#addBefore(stamp[later]! - stamp[row]!);
  }

  sorted(): Distances {
    const ticks = this.#ticks;
    return {
      before: ticks.subarray(ticks.length - this.#before).sort(),
      behind: ticks.subarray(0, this.#behind).sort(),
    };
  }

  /** Of equal stamps the reference may be the later one in order: that isn't before it. */
  #addBefore(distance: bigint): void {
    if (distance === 0n) this.#ticks[this.#behind++] = 0n;
    else this.#ticks[this.#ticks.length - ++this.#before] = distance;
  }
}

/**
 * The distance that a share of all is at most as large as, negative on the side before; undefined where
 * there is none.
 *
 * @param share from 0 to 1; the nearest rank is taken, so that it is a distance that was found
 */
export function quantile({ before, behind }: Distances, share: number): bigint | undefined {
  const count = before.length + behind.length;
  if (count === 0) return undefined;
  const rank = Math.max(0, Math.ceil(share * count) - 1);
  return rank < before.length ? -before[before.length - 1 - rank]! : behind[rank - before.length]!;
}

/** Distances from `from` to `to` ticks, both included, on either side. */
export interface DistanceBin {
  readonly from: bigint;
  readonly to: bigint;
  readonly before: number;
  readonly behind: number;
}

/**
 * Counts by the number of bits: 0, 1, 2 … 3, 4 … 7, and so on, from the first bin that has some to the
 * last.
 */
export function binsOf({ before, behind }: Distances): DistanceBin[] {
  const bins: DistanceBin[] = [];
  for (let bits = 0n; bits <= 64n; bits++) {
    const [from, to] = bits === 0n ? [0n, 0n] : [2n ** (bits - 1n), 2n ** bits - 1n];
    const count = (ticks: BigUint64Array): number =>
      firstBehind(ticks, to) - (from === 0n ? 0 : firstBehind(ticks, from - 1n));
    bins.push({ from, to, before: count(before), behind: count(behind) });
  }
  const has = (bin: DistanceBin): boolean => bin.before + bin.behind > 0;
  return bins.slice(bins.findIndex(has), bins.findLastIndex(has) + 1);
}

/** Where the first larger one stands in an ascending list. */
function firstBehind(ascending: BigUint64Array, ticks: bigint): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= ticks) low = middle + 1;
    else high = middle;
  }
  return low;
}
