import { disorderOf, isStrictlyAscending, type Disorder } from "./disorder.ts";
import { orderRows } from "./order.ts";
import { uniqueUnion } from "./union.ts";

/** One source as the matcher sees it. */
export interface SourceTimes {
  /** Shape (rows), u64 ticks in file order. */
  readonly times: BigUint64Array;
  /** Number of the source's first row among the fragments of all sources. */
  readonly fragmentFirst: number;
  /** What the scan counted; where it didn't, the match looks for itself. */
  readonly disorder?: Disorder | undefined;
}

/** Which sources an event needs: any one, all of them, or at least so many. */
export type Require = "any" | "all" | number;

/** What the match found in one source: rows = matched + unmatched + duplicates. */
export interface SourceMatch {
  readonly rows: number;
  readonly matched: number;
  readonly unmatched: number;
  /** Rows whose stamp an earlier row of the same source has. */
  readonly duplicates: number;
  /** Rows whose stamp is smaller than that of the row before them. */
  readonly outOfOrder: number;
}

/** The events, in time order, as columns. */
export interface Match {
  /** Shape (events), u64 ticks: the stamp of an event's earliest fragment; in an exact match all have it. */
  readonly time: BigUint64Array;
  /** Shape (events + 1): event k is `fragment[start[k]]` up to, not including, `fragment[start[k + 1]]`. */
  readonly start: Uint32Array;
  /** Shape (fragments): `fragmentFirst + row` of its source; in an event, by (time, source, row). */
  readonly fragment: Uint32Array;
  readonly sources: readonly SourceMatch[];
  /** Fragments per event → events. */
  readonly multiplicity: ReadonlyMap<number, number>;
}

/** So many stamps are looked up in every source before the next: source columns of a block stay in the second-level cache. */
const BLOCK = 1 << 12;

/**
 * Finds the events of exactly equal time stamps.
 *
 * An event is every wanted stamp that at least one source has. Of equal stamps in one source the
 * first row in file order belongs to the event. Each source is merged with the wanted stamps,
 * block by block, without a branch on the data (docs/decisions/0004-kernels.md).
 *
 * @param sources in the order that an event's fragments get
 * @param wanted shape (n), the selected stamps in any order, or undefined for every stamp there is
 * @param require events with fewer sources are left out, and their fragments count as unmatched
 */
export function matchExact(
  sources: readonly SourceTimes[],
  wanted: BigUint64Array | undefined,
  require: Require,
): Match {
  const ordered = sources.map(inOrder);
  const stamps =
    wanted === undefined ? uniqueUnion(ordered.map((each) => each.times)) : sortedStamps(wanted);
  return collect(ordered, stamps, sourcesNeeded(require, sources.length));
}

/** How many sources an event needs, out of so many. */
export const sourcesNeeded = (require: Require, sources: number): number =>
  require === "any" ? 1 : require === "all" ? sources : Math.max(1, require);

interface OrderedSource extends SourceTimes {
  /** Shape (rows): file row of each sorted row; undefined where the file is in order. */
  readonly rows: Uint32Array | undefined;
  readonly outOfOrder: number;
  readonly duplicates: number;
}

function inOrder(source: SourceTimes): OrderedSource {
  const { times, fragmentFirst } = source;
  const { descents, repeats } = source.disorder ?? disorderOf(times);
  if (descents === 0)
    return { times, fragmentFirst, rows: undefined, outOfOrder: 0, duplicates: repeats };
  const rows = orderRows(times);
  const sortedTimes = take(times, rows);
  const duplicates = disorderOf(sortedTimes).repeats;
  return { times: sortedTimes, fragmentFirst, rows, outOfOrder: descents, duplicates };
}

/** Stamps in any order, each once and ascending. */
export function sortedStamps(times: BigUint64Array): BigUint64Array {
  if (isStrictlyAscending(times)) return times;
  return uniqueUnion([disorderOf(times).descents === 0 ? times : take(times, orderRows(times))]);
}

function take(times: BigUint64Array, rows: Uint32Array): BigUint64Array {
  const taken = new BigUint64Array(rows.length);
  for (let i = 0; i < rows.length; i++) taken[i] = times[rows[i]!]!;
  return taken;
}

function collect(sources: readonly OrderedSource[], stamps: BigUint64Array, needed: number): Match {
  const rowsInAll = sources.reduce((sum, source) => sum + source.times.length, 0);
  const block: Block = {
    rows: new Int32Array(BLOCK * sources.length),
    firsts: Uint32Array.from(sources, (source) => source.fragmentFirst),
    cursors: new Uint32Array(sources.length),
    matched: new Uint32Array(sources.length),
  };
  const histogram = new Float64Array(sources.length + 1);
  const time = new BigUint64Array(stamps.length);
  const start = new Uint32Array(stamps.length + 1);
  // One event of room to spare: fragments are written before it is known whether they count.
  const capacity = Math.min(rowsInAll, stamps.length * sources.length);
  const fragment = new Uint32Array(capacity + sources.length);
  let events = 0;
  for (let first = 0; first < stamps.length; first += BLOCK) {
    const count = Math.min(BLOCK, stamps.length - first);
    const wanted = stamps.subarray(first, first + count);
    lookUpAll(wanted, sources, block);
    const into = { time, start, fragment, histogram };
    events = gather(block, wanted, needed, into, events);
  }
  return {
    time: time.subarray(0, events),
    start: start.subarray(0, events + 1),
    // Memory that was never written is none: a copy would cost more.
    fragment: fragment.subarray(0, start[events]),
    sources: sources.map((source, s) => summary(source, block.matched[s]!)),
    multiplicity: multiplicityOf(histogram),
  };
}

/** What is looked up at a time. */
interface Block {
  /** Shape (BLOCK, sources): the row in its file, or −1. */
  readonly rows: Int32Array;
  /** Shape (sources): see {@link SourceTimes}. */
  readonly firsts: Uint32Array;
  /** Shape (sources): rows of the ordered source that are behind us. */
  readonly cursors: Uint32Array;
  /** Shape (sources). */
  readonly matched: Uint32Array;
}

function lookUpAll(wanted: BigUint64Array, sources: readonly OrderedSource[], block: Block): void {
  for (let s = 0; s < sources.length; s += 2) {
    if (s + 1 < sources.length)
      lookUpTwo(wanted, sources[s]!.times, sources[s + 1]!.times, block, s);
    else lookUp(wanted, sources[s]!.times, block, s, 0);
  }
  sources.forEach(({ rows }, s) => {
    if (rows !== undefined) toFileRows(rows, block, s, wanted.length);
  });
}

/**
 * Rows of `times` that have the wanted stamps, or −1, into column `s` of the block. Both ascend.
 * The comparison is added to the cursors instead of branched on: on random drops 1.5–1.9 × faster.
 *
 * @param from the first wanted stamp that is not looked up yet
 */
function lookUp(
  wanted: BigUint64Array,
  times: BigUint64Array,
  block: Block,
  s: number,
  from: number,
): void {
  const rows = block.rows;
  const stride = block.firsts.length;
  const n = wanted.length;
  const end = times.length;
  let row = block.cursors[s]!;
  let found = 0;
  let k = from;
  while (k < n && row < end) {
    const stamp = wanted[k]!;
    const time = times[row]!;
    const up = +(stamp <= time);
    const forward = +(time <= stamp);
    const same = up & forward;
    rows[s + stride * k] = ((row + 1) & -same) - 1;
    found += same;
    k += up;
    row += forward;
  }
  for (; k < n; k++) rows[s + stride * k] = -1;
  block.cursors[s] = row;
  block.matched[s]! += found;
}

/**
 * The same for columns `s` and `s + 1` at once. A step waits for the cursor of the step before; two
 * chains of steps wait together: 13.8 against 17.1 ms for ten sources (test/bench/match.mjs).
 */
function lookUpTwo(
  wanted: BigUint64Array,
  timesA: BigUint64Array,
  timesB: BigUint64Array,
  block: Block,
  s: number,
): void {
  const { rows, cursors, matched } = block;
  const stride = block.firsts.length;
  const n = wanted.length;
  const [endA, endB] = [timesA.length, timesB.length];
  let rowA = cursors[s]!;
  let rowB = cursors[s + 1]!;
  let [kA, kB, foundA, foundB] = [0, 0, 0, 0];
  while (kA < n && rowA < endA && kB < n && rowB < endB) {
    const stampA = wanted[kA]!;
    const timeA = timesA[rowA]!;
    const stampB = wanted[kB]!;
    const timeB = timesB[rowB]!;
    const upA = +(stampA <= timeA);
    const upB = +(stampB <= timeB);
    const forwardA = +(timeA <= stampA);
    const forwardB = +(timeB <= stampB);
    rows[s + stride * kA] = ((rowA + 1) & -(upA & forwardA)) - 1;
    rows[s + 1 + stride * kB] = ((rowB + 1) & -(upB & forwardB)) - 1;
    foundA += upA & forwardA;
    foundB += upB & forwardB;
    kA += upA;
    kB += upB;
    rowA += forwardA;
    rowB += forwardB;
  }
  cursors[s] = rowA;
  cursors[s + 1] = rowB;
  matched[s]! += foundA;
  matched[s + 1]! += foundB;
  lookUp(wanted, timesA, block, s, kA);
  lookUp(wanted, timesB, block, s + 1, kB);
}

/** Turns rows of the ordered source into rows of its file. */
function toFileRows(fileRows: Uint32Array, block: Block, s: number, count: number): void {
  const stride = block.firsts.length;
  for (let k = 0, at = s; k < count; k++, at += stride) {
    const row = block.rows[at]!;
    if (row >= 0) block.rows[at] = fileRows[row]!;
  }
}

/** Where a block's events go. */
interface Gathered {
  readonly time: BigUint64Array;
  readonly fragment: Uint32Array;
  readonly start: Uint32Array;
  readonly histogram: Float64Array;
}

/** Appends the block's events that have enough fragments; returns how many events there are now. */
function gather(
  block: Block,
  wanted: BigUint64Array,
  needed: number,
  into: Gathered,
  events: number,
): number {
  const { rows, firsts } = block;
  const { time, start, fragment, histogram } = into;
  const stride = firsts.length;
  let event = events;
  let begin = start[events]!;
  for (let k = 0, at = 0; k < wanted.length; k++) {
    let end = begin;
    for (let s = 0; s < stride; s++, at++) {
      const row = rows[at]!;
      fragment[end] = firsts[s]! + row;
      end += +(row >= 0);
    }
    const fragments = end - begin;
    if (fragments < needed) {
      giveBack(block, at - stride);
      continue;
    }
    histogram[fragments]!++;
    time[event] = wanted[k]!;
    start[++event] = end;
    begin = end;
  }
  return event;
}

/** The fragments of an event that is left out count as unmatched. */
function giveBack(block: Block, at: number): void {
  for (let s = 0; s < block.firsts.length; s++) block.matched[s]! -= +(block.rows[at + s]! >= 0);
}

/** The source of a fragment: the last of `starts` (ascending) that is not above `fragment`, skipping empty sources. */
export function sourceOfFragment(starts: ArrayLike<number>, fragment: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= fragment) low = middle;
    else high = middle;
  }
  return low;
}

function summary(source: OrderedSource, matched: number): SourceMatch {
  const { duplicates, outOfOrder } = source;
  const rows = source.times.length;
  return { rows, matched, unmatched: rows - matched - duplicates, duplicates, outOfOrder };
}

function multiplicityOf(histogram: Float64Array): Map<number, number> {
  const counts = new Map<number, number>();
  histogram.forEach((events, fragments) => {
    if (events > 0) counts.set(fragments, events);
  });
  return counts;
}
