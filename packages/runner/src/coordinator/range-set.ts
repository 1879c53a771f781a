/** Events `first` up to, not including, `end`. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

/**
 * A set of whole numbers, kept as disjoint ranges in order. Events are handed out and come back in
 * runs, so 10^8 of them are a few ranges; a change costs a binary search and a short move.
 */
export class RangeSet {
  readonly #firsts: number[] = [];
  readonly #ends: number[] = [];
  #count = 0;

  constructor(...ranges: readonly Range[]) {
    for (const range of ranges) this.add(range);
  }

  /** Numbers in the set. */
  get count(): number {
    return this.#count;
  }

  get ranges(): Range[] {
    return this.#firsts.map((first, i) => ({ first, end: this.#ends[i]! }));
  }

  /** Adds a range; returns the parts that were not in the set before. */
  add({ first, end }: Range): Range[] {
    if (first >= end) return [];
    const fresh = this.missing({ first, end });
    // Everything that touches the range becomes one with it.
    const low = this.#firstEndingAtOrAfter(first);
    let high = low;
    let [newFirst, newEnd] = [first, end];
    while (high < this.#firsts.length && this.#firsts[high]! <= end) {
      newFirst = Math.min(newFirst, this.#firsts[high]!);
      newEnd = Math.max(newEnd, this.#ends[high]!);
      high++;
    }
    this.#firsts.splice(low, high - low, newFirst);
    this.#ends.splice(low, high - low, newEnd);
    for (const part of fresh) this.#count += part.end - part.first;
    return fresh;
  }

  /** Takes a range out; returns the parts that were in the set. */
  remove({ first, end }: Range): Range[] {
    const parts = this.common({ first, end });
    if (parts.length === 0) return [];
    const low = this.#firstEndingAtOrAfter(first + 1);
    let high = low;
    const rest: Range[] = [];
    while (high < this.#firsts.length && this.#firsts[high]! < end) {
      if (this.#firsts[high]! < first) rest.push({ first: this.#firsts[high]!, end: first });
      if (this.#ends[high]! > end) rest.push({ first: end, end: this.#ends[high]! });
      high++;
    }
    this.#firsts.splice(low, high - low, ...rest.map((part) => part.first));
    this.#ends.splice(low, high - low, ...rest.map((part) => part.end));
    for (const part of parts) this.#count -= part.end - part.first;
    return parts;
  }

  /** Takes the lowest range out, at most `max` numbers of it. */
  takeFirst(max: number): Range | undefined {
    const first = this.#firsts[0];
    if (first === undefined || max < 1) return undefined;
    const range = { first, end: Math.min(this.#ends[0]!, first + max) };
    this.remove(range);
    return range;
  }

  /** The parts of a range that are in the set. */
  common({ first, end }: Range): Range[] {
    const parts: Range[] = [];
    for (let i = this.#firstEndingAtOrAfter(first + 1); i < this.#firsts.length; i++) {
      if (this.#firsts[i]! >= end) break;
      parts.push({ first: Math.max(first, this.#firsts[i]!), end: Math.min(end, this.#ends[i]!) });
    }
    return parts;
  }

  /** The parts of a range that are not in the set. */
  missing({ first, end }: Range): Range[] {
    const parts: Range[] = [];
    let at = first;
    for (const part of this.common({ first, end })) {
      if (part.first > at) parts.push({ first: at, end: part.first });
      at = part.end;
    }
    if (at < end) parts.push({ first: at, end });
    return parts;
  }

  #firstEndingAtOrAfter(value: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export const lengthOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { first, end }) => sum + end - first, 0);
