import { orderRows } from "./order.ts";

/** Rows of several sources, as columns in the order of their arrival. */
export interface Arrivals {
  /** Shape (n), u64 ticks. */
  readonly stamp: BigUint64Array;
  /** Shape (n): ascending with the sources' ids. */
  readonly source: Uint16Array;
}

/**
 * So many places may be moved for each row before the other way is faster: 6 ns a row for 0.1 % late
 * rows, 68 ns for the radix sort (docs/decisions/0021-ring-kernels.md).
 */
const MOVES_PER_ROW = 4;

/**
 * The rows by (stamp, source, arrival). Rows that are nearly in order are inserted, others sorted; both
 * ways give the same.
 *
 * @returns shape (n), the permutation
 */
export function orderSources(arrivals: Arrivals): Uint32Array {
  const { stamp, source } = arrivals;
  const order = new Uint32Array(stamp.length);
  return insertAll(arrivals, order) ? order : orderRows(stamp, bySource(source, order));
}

/** Returns whether it came to its end before too much was moved. */
function insertAll({ stamp, source }: Arrivals, order: Uint32Array): boolean {
  const n = stamp.length;
  let budget = MOVES_PER_ROW * n;
  // The row before this one in the order so far, which is the last one.
  let last = 0;
  for (let row = 0; row < n; row++) {
    if (
      stamp[row]! > stamp[last]! ||
      (stamp[row]! === stamp[last]! && source[row]! >= source[last]!)
    ) {
      order[row] = row;
      last = row;
      continue;
    }
    let at = row;
    while (at > 0) {
      const before = order[at - 1]!;
      if (
        stamp[before]! < stamp[row]! ||
        (stamp[before]! === stamp[row]! && source[before]! <= source[row]!)
      )
        break;
      order[at] = before;
      at--;
    }
    budget -= row - at;
    if (budget < 0) return false;
    order[at] = row;
  }
  return true;
}

/** Rows by (source, arrival), into `order`. */
function bySource(source: Uint16Array, order: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(2 ** 16 + 1);
  for (let row = 0; row < source.length; row++) starts[source[row]! + 1]!++;
  for (let s = 1; s < starts.length; s++) starts[s]! += starts[s - 1]!;
  for (let row = 0; row < source.length; row++) order[starts[source[row]!]!++] = row;
  return order;
}
