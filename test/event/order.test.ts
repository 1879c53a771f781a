import { describe, expect, test } from "@jest/globals";
import { disorderOf, orderRows, uniqueUnion } from "@evb/event";
import { SeededRandom } from "../support/random.ts";

const stamps = (...values: (bigint | number)[]): BigUint64Array =>
  BigUint64Array.from(values, BigInt);

/** The plain way: JavaScript's own stable sort of BigInts. */
function plainlyOrdered(times: BigUint64Array): number[] {
  return Array.from(times.keys()).sort((a, b) =>
    times[a]! < times[b]! ? -1 : times[a]! > times[b]! ? 1 : 0,
  );
}

/** How stamps of a random run are made: each way leaves other digits of the radix sort constant. */
const WAYS: Readonly<Record<string, (random: SeededRandom) => bigint>> = {
  "of all 64 bits": (random) => random.u64(),
  "of few values": (random) => BigInt(random.below(7)),
  "of nanoseconds today": (random) => 1_700_000_000_000_000_000n + BigInt(random.u32()),
  "that differ in the highest digit only": (random) => BigInt(random.below(512)) << 55n,
  "that differ across the two halves of the word": (random) => BigInt(random.below(2048)) << 28n,
  "near the end of the range": (random) => 2n ** 64n - 1n - BigInt(random.below(4000)),
};

describe("orderRows", () => {
  test.each([
    ["nothing", stamps(), []],
    ["one row", stamps(5), [0]],
    ["rows in order", stamps(1, 2, 3), [0, 1, 2]],
    ["rows backwards", stamps(3, 2, 1), [2, 1, 0]],
    ["equal stamps, which stay in file order", stamps(7, 3, 7, 3, 7), [1, 3, 0, 2, 4]],
    ["0 and 2^64 - 1", stamps(2n ** 64n - 1n, 0, 2n ** 63n, 1), [1, 3, 2, 0]],
    // 2^53 + 13 and 2^53 + 14 are one double.
    ["stamps that a double can't tell apart", stamps(2n ** 53n + 14n, 2n ** 53n + 13n), [1, 0]],
    ["all stamps equal", stamps(9, 9, 9), [0, 1, 2]],
  ])("orders %s", (_, times, rows) => {
    expect(Array.from(orderRows(times))).toEqual(rows);
  });

  test.each(Object.keys(WAYS))("orders as a plain sort does, stamps %s", (way) => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const times = BigUint64Array.from({ length: random.below(600) }, () => WAYS[way]!(random));
      expect({ seed, rows: Array.from(orderRows(times)) }).toEqual({
        seed,
        rows: plainlyOrdered(times),
      });
    }
  });

  test("reads a column that is a part of a larger one", () => {
    const all = stamps(9, 4, 3, 2, 0);
    expect(Array.from(orderRows(all.subarray(1, 4)))).toEqual([2, 1, 0]);
    expect(Array.from(all)).toEqual([9n, 4n, 3n, 2n, 0n]);
  });
});

describe("disorderOf", () => {
  test.each([
    [stamps(), { descents: 0, repeats: 0 }],
    [stamps(4), { descents: 0, repeats: 0 }],
    [stamps(1, 2, 3), { descents: 0, repeats: 0 }],
    [stamps(1, 1, 1, 2), { descents: 0, repeats: 2 }],
    [stamps(3, 1, 2, 2, 0), { descents: 2, repeats: 1 }],
    // The second is smaller by 1; as doubles they would be equal.
    [stamps(2n ** 60n + 1n, 2n ** 60n), { descents: 1, repeats: 0 }],
    [stamps(2n ** 64n - 1n, 0), { descents: 1, repeats: 0 }],
  ])("of %p is %p", (times, disorder) => {
    expect(disorderOf(times)).toEqual(disorder);
  });
});

describe("uniqueUnion", () => {
  test.each([
    ["no list", [], []],
    ["an empty list", [stamps()], []],
    ["one list with repeats", [stamps(1, 1, 2, 2, 2)], [1n, 2n]],
    ["lists that share stamps", [stamps(1, 3, 5), stamps(1, 2, 3), stamps(5)], [1n, 2n, 3n, 5n]],
    ["a list beside empty ones", [stamps(), stamps(4, 4), stamps()], [4n]],
    ["0 and 2^64 - 1", [stamps(0, 2n ** 64n - 1n), stamps(0)], [0n, 2n ** 64n - 1n]],
  ])("of %s has every stamp once, ascending", (_, lists, union) => {
    expect(Array.from(uniqueUnion(lists))).toEqual(union);
  });

  test("is that of a Set", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new SeededRandom(seed);
      const lists = Array.from({ length: random.below(9) }, () =>
        BigUint64Array.from({ length: random.below(60) }, () => BigInt(random.below(90))).sort(),
      );
      const all = new Set(lists.flatMap((list) => Array.from(list)));
      const union = Array.from(uniqueUnion(lists));
      expect({ seed, union }).toEqual({
        seed,
        union: Array.from(BigUint64Array.from(all).sort()),
      });
    }
  });
});
