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
  #firsts: number[] = [];
  #ends: number[] = [];
  #count = 0;

  constructor(ranges: readonly Range[] = []) {
    this.addAll(ranges);
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
    if (first >= (this.#ends.at(-1) ?? 0)) {
      this.#append(first, end);
      return [{ first, end }];
    }
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

  /** Adds many ranges, in any order, in one pass over the set: add() would move its tail for each. */
  addAll(ranges: readonly Range[]): void {
    const added = inOrder(ranges);
    const [firsts, ends] = [this.#firsts, this.#ends];
    this.#firsts = [];
    this.#ends = [];
    this.#count = 0;
    let own = 0;
    let other = 0;
    while (own < firsts.length || other < added.length)
      if (other === added.length || (own < firsts.length && firsts[own]! <= added[other]!.first))
        this.#append(firsts[own]!, ends[own++]!);
      else {
        const { first, end } = added[other++]!;
        this.#append(first, end);
      }
  }

  /** Takes many ranges out, in any order, in one pass; returns the parts that were in the set. */
  removeAll(ranges: readonly Range[]): Range[] {
    const removed = new RangeSet(ranges);
    const parts = removed.#firsts.flatMap((first, i) =>
      this.common({ first, end: removed.#ends[i]! }),
    );
    const [firsts, ends] = [this.#firsts, this.#ends];
    this.#firsts = [];
    this.#ends = [];
    this.#count = 0;
    let part = 0;
    firsts.forEach((first, i) => {
      let at = first;
      for (; part < parts.length && parts[part]!.first < ends[i]!; part++) {
        this.#append(at, parts[part]!.first);
        at = parts[part]!.end;
      }
      this.#append(at, ends[i]!);
    });
    return parts;
  }

  /** Takes a range out; returns the parts that were in the set. */
  remove({ first, end }: Range): Range[] {
    const low = this.#firstEndingAtOrAfter(first + 1);
    if (first >= end || low === this.#firsts.length || this.#firsts[low]! >= end) return [];
    const parts = this.common({ first, end });
    const high = low + parts.length;
    const rest: Range[] = [];
    if (this.#firsts[low]! < first) rest.push({ first: this.#firsts[low]!, end: first });
    if (this.#ends[high - 1]! > end) rest.push({ first: end, end: this.#ends[high - 1]! });
    this.#firsts.splice(low, high - low, ...rest.map((part) => part.first));
    this.#ends.splice(low, high - low, ...rest.map((part) => part.end));
    this.#count -= lengthOf(parts);
    return parts;
  }

  /** The lowest range. */
  get lowest(): Range | undefined {
    const first = this.#firsts[0];
    return first === undefined ? undefined : { first, end: this.#ends[0]! };
  }

  /** Takes the highest range out, at most `max` numbers of it. */
  takeLast(max: number): Range | undefined {
    const end = this.#ends.at(-1);
    if (end === undefined || max < 1) return undefined;
    return this.remove({ first: Math.max(this.#firsts.at(-1)!, end - max), end })[0];
  }

  /** Takes the lowest range out, at most `max` numbers of it. */
  takeFirst(max: number): Range | undefined {
    const first = this.#firsts[0];
    if (first === undefined || max < 1) return undefined;
    const end = Math.min(this.#ends[0]!, first + max);
    if (end < this.#ends[0]!) this.#firsts[0] = end;
    else {
      this.#firsts.shift();
      this.#ends.shift();
    }
    this.#count -= end - first;
    return { first, end };
  }

  /** Whether any number of the range is in the set. */
  touches({ first, end }: Range): boolean {
    const i = this.#firstEndingAtOrAfter(first + 1);
    return first < end && i < this.#firsts.length && this.#firsts[i]! < end;
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

  /** The parts of many ranges, in their order, that are not in the set. */
  missingOf(ranges: readonly Range[]): Range[] {
    return ranges.flatMap((range) => this.missing(range));
  }

  /** A range that begins at or after all others do; it may touch or overlap the last one. */
  #append(first: number, end: number): void {
    if (first >= end) return;
    const last = this.#ends.length - 1;
    if (last < 0 || first > this.#ends[last]!) {
      this.#firsts.push(first);
      this.#ends.push(end);
      this.#count += end - first;
    } else if (end > this.#ends[last]!) {
      this.#count += end - this.#ends[last]!;
      this.#ends[last] = end;
    }
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

function inOrder(ranges: readonly Range[]): readonly Range[] {
  for (let i = 1; i < ranges.length; i++)
    if (ranges[i]!.first < ranges[i - 1]!.first)
      return [...ranges].sort((a, b) => a.first - b.first);
  return ranges;
}

export const lengthOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { first, end }) => sum + end - first, 0);
