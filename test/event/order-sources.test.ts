import { describe, expect, test } from "@jest/globals";
import { orderSources, type Arrivals } from "@evb/event";
import { SeededRandom } from "../support/random.ts";

/** The plain way: JavaScript's own stable sort. */
function plainlyOrdered({ stamp, source }: Arrivals): number[] {
  return Array.from(stamp.keys()).sort((a, b) => {
    if (stamp[a]! !== stamp[b]!) return stamp[a]! < stamp[b]! ? -1 : 1;
    return source[a]! - source[b]! || a - b;
  });
}

/** Places that rows would be moved by, in all, if each were inserted where it belongs. */
function movesOf(order: readonly number[]): number {
  let moves = 0;
  order.forEach((row, place) => {
    for (let later = place + 1; later < order.length; later++) moves += +(order[later]! < row);
  });
  return moves;
}

/** How stamps arrive: each way asks for another number of moves, or for other digits of a stamp. */
const WAYS: Readonly<Record<string, (random: SeededRandom, row: number) => bigint>> = {
  "in order": (_, row) => BigInt(row),
  "all equal": () => 7n,
  backwards: (_, row) => BigInt(10_000 - row),
  "nearly in order": (random, row) => BigInt(10 * row + random.below(25)),
  "in order but for a late one now and then": (random, row) =>
    BigInt(random.below(50) === 0 ? row - Math.min(row, random.below(300)) : row),
  "of few values": (random) => BigInt(random.below(5)),
  "of all 64 bits": (random) => random.u64(),
  "nearly in order, up to 2^64 - 1": (random, row) =>
    2n ** 64n - 1n - BigInt(Math.max(0, 5000 - 8 * row - random.below(30))),
  "across 2^53, where doubles are 2 apart": (random) => 2n ** 53n - 20n + BigInt(random.below(41)),
  "across the two halves of a word": (random, row) =>
    2n ** 32n - 300n + BigInt(row + random.below(9)),
};

function arrivals(random: SeededRandom, way: string): Arrivals {
  const length = random.below(400);
  const sources = 1 + random.below(6);
  const step = random.below(2) === 0 ? 1 : 13_000;
  return {
    stamp: BigUint64Array.from({ length }, (_, row) => WAYS[way]!(random, row)),
    source: Uint16Array.from({ length }, () => step * random.below(Math.min(sources, 5))),
  };
}

describe("orderSources", () => {
  test.each([
    ["nothing", [], [], []],
    ["one row", [5n], [3], [0]],
    ["by stamp before source", [2n, 1n], [0, 1], [1, 0]],
    ["equal stamps by source", [4n, 4n, 4n], [2, 0, 1], [1, 2, 0]],
    ["equal stamps and sources by arrival", [4n, 3n, 4n, 4n, 3n], [1, 1, 1, 0, 1], [1, 4, 3, 0, 2]],
    ["0 and 2^64 - 1", [2n ** 64n - 1n, 0n], [0, 65_534], [1, 0]],
    // 2^60 and 2^60 + 1 are one double.
    ["stamps that a double can't tell apart", [2n ** 60n + 1n, 2n ** 60n], [0, 1], [1, 0]],
  ])("orders %s", (_, stamps, sources, rows) => {
    const stamp = BigUint64Array.from(stamps);
    const source = Uint16Array.from(sources);
    expect(Array.from(orderSources({ stamp, source }))).toEqual(rows);
  });

  test.each(Object.keys(WAYS))("orders as a plain sort does, stamps %s", (way) => {
    for (let seed = 1; seed <= 150; seed++) {
      const rows = arrivals(new SeededRandom(seed), way);
      const order = Array.from(orderSources(rows));
      expect({ seed, order }).toEqual({ seed, order: plainlyOrdered(rows) });
    }
  });

  test("is given above what it takes to insert rows, and to sort them", () => {
    const perRow = Object.keys(WAYS).flatMap((way) =>
      Array.from({ length: 10 }, (_, seed) => {
        const rows = arrivals(new SeededRandom(seed + 1), way);
        return movesOf(plainlyOrdered(rows)) / Math.max(1, rows.stamp.length);
      }),
    );
    // A row that moves less than one place on average is inserted whatever a sort costs; one that moves
    // fifty places can't be.
    expect(perRow.filter((moves) => moves > 0 && moves < 1).length).toBeGreaterThan(10);
    expect(perRow.filter((moves) => moves > 50).length).toBeGreaterThan(10);
  });

  test("gives up inserting where one late row follows another, and forgets nothing", () => {
    // The first half is in order, then each row goes before all of it: it is noticed in the middle.
    const n = 4000;
    const stamp = BigUint64Array.from({ length: n }, (_, row) =>
      BigInt(row < n / 2 ? n + row : row),
    );
    const source = Uint16Array.from({ length: n }, (_, row) => row % 3);
    expect(Array.from(orderSources({ stamp, source }))).toEqual(plainlyOrdered({ stamp, source }));
  });

  test("leaves its columns as they are, and reads parts of larger ones", () => {
    const all = BigUint64Array.of(9n, 4n, 3n, 2n, 0n);
    const stamp = all.subarray(1, 4);
    const source = Uint16Array.of(5, 1, 1, 1, 5).subarray(1, 4);
    expect(Array.from(orderSources({ stamp, source }))).toEqual([2, 1, 0]);
    expect(Array.from(all)).toEqual([9n, 4n, 3n, 2n, 0n]);
  });
});
