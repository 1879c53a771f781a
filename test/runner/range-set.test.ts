import { describe, expect, test } from "@jest/globals";
import { lengthOf, RangeSet, type Range } from "@evb/runner";
import { SeededRandom } from "../support/random.ts";

/** Numbers of a small world, so that ranges touch and overlap all the time. */
const WORLD = 60;

function randomRange(random: SeededRandom): Range {
  const first = random.below(WORLD);
  return { first, end: first + random.below(12) };
}

const numbersOf = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ first, end }) =>
    Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i),
  );

const ascending = (a: number, b: number): number => a - b;

/** One change to both, compared with a Set of single numbers. */
function change(random: SeededRandom, ranges: RangeSet, truth: Set<number>): void {
  const range = randomRange(random);
  const many = Array.from({ length: random.below(6) }, () => randomRange(random));
  const inRange = numbersOf([range]);
  switch (random.below(7)) {
    case 0: {
      const fresh = inRange.filter((n) => !truth.has(n));
      expect(numbersOf(ranges.add(range))).toEqual(fresh);
      for (const n of fresh) truth.add(n);
      break;
    }
    case 1: {
      const there = inRange.filter((n) => truth.has(n));
      expect(numbersOf(ranges.remove(range))).toEqual(there);
      for (const n of there) truth.delete(n);
      break;
    }
    case 2:
      ranges.addAll(many);
      for (const n of numbersOf(many)) truth.add(n);
      break;
    case 3: {
      const there = [...new Set(numbersOf(many))].filter((n) => truth.has(n)).sort(ascending);
      expect(numbersOf(ranges.removeAll(many))).toEqual(there);
      for (const n of there) truth.delete(n);
      break;
    }
    case 4: {
      const max = random.below(5);
      const taken = ranges.takeFirst(max);
      const lowest = [...truth].sort(ascending);
      const run = lowest.filter((n, i) => i < max && n === lowest[0]! + i);
      expect(numbersOf(taken === undefined ? [] : [taken])).toEqual(run);
      for (const n of run) truth.delete(n);
      break;
    }
    case 5:
      expect(numbersOf(ranges.common(range))).toEqual(inRange.filter((n) => truth.has(n)));
      expect(ranges.touches(range)).toBe(inRange.some((n) => truth.has(n)));
      break;
    default:
      expect(numbersOf(ranges.missing(range))).toEqual(inRange.filter((n) => !truth.has(n)));
  }
}

describe("a set of ranges", () => {
  test("holds what a set of single numbers holds, whatever is done to it", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const ranges = new RangeSet();
      const truth = new Set<number>();
      try {
        for (let step = 0; step < 60; step++) {
          change(random, ranges, truth);
          expect(numbersOf(ranges.ranges)).toEqual([...truth].sort(ascending));
          expect(ranges.count).toBe(truth.size);
        }
      } catch (thrown) {
        throw new Error(`seed ${String(seed)}`, { cause: thrown });
      }
    }
  });

  test("keeps ranges apart that don't touch, and joins those that do", () => {
    const set = new RangeSet([
      { first: 8, end: 10 },
      { first: 0, end: 2 },
      { first: 2, end: 4 },
    ]);
    expect(set.ranges).toEqual([
      { first: 0, end: 4 },
      { first: 8, end: 10 },
    ]);
    expect(lengthOf(set.ranges)).toBe(6);
  });

  test("takes 10^5 single numbers in and out in a moment, in any order", () => {
    // Two clients that take turns: one's events are the gaps of the other's.
    const ours = Array.from({ length: 100_000 }, (_, i) => ({ first: 2 * i, end: 2 * i + 1 }));
    const theirs = ours.map(({ first }) => ({ first: first + 1, end: first + 2 }));
    const begun = performance.now();
    const set = new RangeSet(ours);
    set.addAll(theirs);
    expect(set.ranges).toEqual([{ first: 0, end: 200_000 }]);
    set.removeAll(theirs);
    expect(set.count).toBe(100_000);
    // 30 ms; with a move of the tail for each it took seconds.
    expect(performance.now() - begun).toBeLessThan(1500);
  });
});
