import { describe, expect, test } from "@jest/globals";
import { matchNearest, rowsInOrder, type Match, type MatchNearest, type Require } from "@evb/event";
import { SeededRandom } from "../support/random.ts";
import { plainEvents, sourcesOf, stamps, type PlainEvent } from "./match-cases.ts";

interface Wish extends Partial<MatchNearest> {
  readonly wanted?: BigUint64Array;
  readonly require?: Require;
}

function find(
  columns: readonly BigUint64Array[],
  wish: Wish = {},
): Match & { plain: PlainEvent[] } {
  const sources = sourcesOf(columns);
  const how = { reference: wish.reference ?? 0, windowTicks: wish.windowTicks };
  const rows = { rows: rowsInOrder(sources), sources };
  const match = matchNearest(rows, how, wish.wanted, wish.require ?? "any");
  return { ...match, plain: plainEvents(match, sources) };
}

describe("the match by the nearest", () => {
  test.each<readonly [name: string, columns: BigUint64Array[], wish: Wish, events: PlainEvent[]]>([
    [
      "gives each event what is nearest to it of every source, and the event its earliest fragment's time",
      [stamps(100, 200, 300), stamps(90, 199, 310), stamps(205)],
      {},
      [
        [90n, 0, 0, -1],
        [199n, 1, 1, 0],
        [300n, 2, 2, -1],
      ],
    ],
    [
      "has a fragment in the middle join the earlier event",
      [stamps(100, 200), stamps(150)],
      {},
      [
        [100n, 0, 0],
        [200n, 1, -1],
      ],
    ],
    [
      "of two that are equally near takes the earlier",
      [stamps(100), stamps(95, 105)],
      {},
      [[95n, 0, 0]],
    ],
    ["takes the nearest of several", [stamps(100), stamps(94, 105, 120)], {}, [[100n, 0, 1]]],
    [
      "takes nothing beyond the window, whose last tick counts",
      [stamps(100, 200), stamps(95, 206)],
      { windowTicks: 5n },
      [
        [95n, 0, 0],
        [200n, 1, -1],
      ],
    ],
    [
      "is around the fragments of any source",
      [stamps(100, 130, 160), stamps(131)],
      { reference: 1 },
      [[130n, 1, 0]],
    ],
    [
      "is exact beyond 2^53, and where stamps are as far apart as they can be",
      [stamps(0n, 2n ** 64n - 1n), stamps(2n ** 63n - 1n, 2n ** 63n)],
      {},
      [
        [0n, 0, 0],
        [2n ** 63n, 1, 1],
      ],
    ],
    ["is none where the reference has no fragment", [stamps(), stamps(1, 2)], {}, []],
    [
      "is selected by a stamp from its first fragment's to its last one's",
      [stamps(100, 200), stamps(90, 210)],
      { wanted: stamps(95, 205, 220) },
      [
        [90n, 0, 0],
        [200n, 1, 1],
      ],
    ],
    [
      "leaves out what isn't selected",
      [stamps(100, 200), stamps(90, 210)],
      { wanted: stamps(211, 101, 150, 200) },
      [[200n, 1, 1]],
    ],
  ])("%s", (_name, columns, wish, events) => {
    expect(find(columns, wish).plain).toEqual(events);
  });

  test("counts what joined, what didn't, and equal stamps of a source", () => {
    const { plain, sources, multiplicity } = find(
      [stamps(200, 100, 100), stamps(101, 101, 150, 151)],
      {
        require: 2,
      },
    );
    expect(plain).toEqual([
      [100n, 1, 0],
      [151n, 0, 3],
    ]);
    expect(sources).toEqual([
      { rows: 3, matched: 2, unmatched: 0, duplicates: 1, outOfOrder: 1 },
      { rows: 4, matched: 2, unmatched: 1, duplicates: 1, outOfOrder: 0 },
    ]);
    expect(multiplicity).toEqual(new Map([[2, 2]]));
  });

  test("does what a search among all does, for seeded sources", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const base = [0n, 2n ** 53n, 2n ** 64n - 500n][random.below(3)]!;
      const columns = Array.from({ length: 1 + random.below(4) }, () =>
        BigUint64Array.from({ length: random.below(30) }, () => base + BigInt(random.below(400))),
      );
      const wish = {
        reference: random.below(columns.length),
        windowTicks: random.below(2) === 0 ? undefined : BigInt(random.below(30)),
        require: random.below(3),
      };
      const { plain, sources } = find(columns, wish);
      expect({ seed, plain }).toEqual({ seed, plain: bySearch(columns, wish) });
      for (const { rows, matched, unmatched, duplicates } of sources)
        expect({ seed, rows }).toEqual({ seed, rows: matched + unmatched + duplicates });
    }
  });
});

/** Slow, and too short to be wrong. */
function bySearch(
  columns: readonly BigUint64Array[],
  { reference, windowTicks, require }: MatchNearest & { readonly require: number },
): PlainEvent[] {
  const apart = (one: bigint, other: bigint): bigint => (one < other ? other - one : one - other);
  const nearestTo = (stamp: bigint, among: readonly bigint[]): bigint | undefined => {
    const distances = among.map((each) => apart(each, stamp));
    const least = distances.reduce((a, b) => (b < a ? b : a), 2n ** 64n);
    return among.find((_, k) => distances[k] === least);
  };
  const inOrder = columns.map((times) => [...new Set(times)].sort((a, b) => (a < b ? -1 : 1)));
  const centres = inOrder[reference]!;
  return centres
    .map((centre) =>
      inOrder.map((stampsOf, s) => {
        if (s === reference) return centre;
        const joining = stampsOf.filter(
          (each) =>
            nearestTo(each, centres) === centre &&
            (windowTicks === undefined || apart(each, centre) <= windowTicks),
        );
        return nearestTo(centre, joining);
      }),
    )
    .filter((event) => event.filter((each) => each !== undefined).length >= Math.max(1, require))
    .map((event): PlainEvent => {
      const rows = event.map((each, s) => (each === undefined ? -1 : columns[s]!.indexOf(each)));
      const first = event.reduce((a, b) =>
        b === undefined || (a !== undefined && a <= b) ? a : b,
      );
      return [first!, ...rows];
    });
}
