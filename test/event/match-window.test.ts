import { describe, expect, test } from "@jest/globals";
import {
  CLOSING_ITEM,
  matchWindow,
  RUN_ITEM,
  rowsInOrder,
  type Match,
  type MatchRows,
  type MatchWindow,
  type Require,
  type SourceTimes,
} from "@evb/event";
import { SeededRandom } from "../support/random.ts";
import { sourcesOf, stamps } from "./match-cases.ts";

/** An event as [source, row] of each fragment, in its order. */
type Pairs = readonly (readonly [source: number, row: number])[];

function pairsOf(match: Match, sources: readonly SourceTimes[]): Pairs[] {
  return Array.from(match.time, (_, event) =>
    Array.from(match.fragment.subarray(match.start[event], match.start[event + 1]), (fragment) => {
      const s = sources.findLastIndex(
        ({ fragmentFirst, times }) => fragmentFirst <= fragment && times.length > 0,
      );
      return [s, fragment - sources[s]!.fragmentFirst] as const;
    }),
  );
}

function find(
  columns: readonly BigUint64Array[],
  how: MatchWindow,
  { wanted, require = "any" }: { wanted?: BigUint64Array; require?: Require } = {},
): { match: Match; events: Pairs[] } {
  const sources = sourcesOf(columns);
  const match = matchWindow({ rows: rowsInOrder(sources), sources }, how, wanted, require);
  return { match, events: pairsOf(match, sources) };
}

const window = (windowTicks: number): MatchWindow => ({
  match: "window",
  windowTicks: BigInt(windowTicks),
});
const gap = (windowTicks: number): MatchWindow => ({ ...window(windowTicks), match: "gap" });

describe("the match by a window", () => {
  // Source 0 at 10, 25 and 40; source 1 at 15 and 30.
  const COLUMNS = [stamps(10, 25, 40), stamps(15, 30)];

  test.each<readonly [name: string, how: MatchWindow, events: Pairs[]]>([
    [
      "counts from an event's first fragment, its last tick included",
      window(15),
      // 10, 15, 25 are within 15 of 10; 30 and 40 within 15 of 30.
      [
        [
          [0, 0],
          [1, 0],
          [0, 1],
        ],
        [
          [1, 1],
          [0, 2],
        ],
      ],
    ],
    [
      "one tick less cuts the event",
      window(14),
      [
        [
          [0, 0],
          [1, 0],
        ],
        [
          [0, 1],
          [1, 1],
        ],
        [[0, 2]],
      ],
    ],
    [
      "a gap counts from the fragment before",
      gap(10),
      [
        [
          [0, 0],
          [1, 0],
          [0, 1],
          [1, 1],
          [0, 2],
        ],
      ],
    ],
    [
      "of no ticks takes equal stamps alone",
      window(0),
      [[[0, 0]], [[1, 0]], [[0, 1]], [[1, 1]], [[0, 2]]],
    ],
  ])("%s", (_, how, events) => {
    expect(find(COLUMNS, how).events).toEqual(events);
  });

  test("an event's time is its earliest fragment's; fragments of equal stamps are by source, then row", () => {
    const { match, events } = find([stamps(7, 5), stamps(5, 5)], window(2));
    expect([...match.time]).toEqual([5n]);
    expect(events).toEqual([
      [
        [0, 1],
        [1, 0],
        [1, 1],
        [0, 0],
      ],
    ]);
  });

  test("none is a duplicate: an event may have several fragments of a source", () => {
    const { match } = find([stamps(5, 5, 4)], window(0));
    expect(match.sources).toEqual([
      { rows: 3, matched: 3, unmatched: 0, duplicates: 0, outOfOrder: 1 },
    ]);
    expect(match.multiplicity).toEqual(
      new Map([
        [1, 1],
        [2, 1],
      ]),
    );
  });

  test("sources are required, not fragments", () => {
    const { match, events } = find([stamps(10, 11, 30), stamps(31)], window(5), { require: 2 });
    expect(events).toEqual([
      [
        [0, 2],
        [1, 0],
      ],
    ]);
    expect(match.sources.map(({ matched, unmatched }) => [matched, unmatched])).toEqual([
      [1, 2],
      [1, 0],
    ]);
  });

  test("an event is selected by a stamp from its first fragment's to its last one's", () => {
    const columns = [stamps(10, 20, 30), stamps(13, 23, 33)];
    const times = (...wanted: number[]): bigint[] => [
      ...find(columns, window(5), { wanted: stamps(...wanted) }).match.time,
    ];
    // 11 lies within 10 to 13; 14 within none, though the window goes on to 15.
    expect(times(11)).toEqual([10n]);
    expect(times(14)).toEqual([]);
    expect(times(33, 20, 20)).toEqual([20n, 30n]);
  });

  test("a run item ends an event if it is a barrier, and belongs to none", () => {
    const sources = sourcesOf([stamps(10, 12, 14)]);
    const rows = (kind: number): MatchRows => ({
      order: Uint32Array.of(0, 3, 1, 2),
      stamp: stamps(10, 12, 14, 11),
      kind: Uint8Array.of(0, 0, 0, kind),
      source: new Uint16Array(4),
      fragment: Uint32Array.of(0, 1, 2, 99),
    });
    const of = (kind: number): Pairs[] =>
      pairsOf(matchWindow({ rows: rows(kind), sources }, window(9), undefined, "any"), sources);
    expect(of(RUN_ITEM)).toEqual([
      [
        [0, 0],
        [0, 1],
        [0, 2],
      ],
    ]);
    expect(of(CLOSING_ITEM)).toEqual([
      [[0, 0]],
      [
        [0, 1],
        [0, 2],
      ],
    ]);
  });

  test("does what two loops over a sorted list do, for seeded sources", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const base = [0n, 2n ** 53n, 2n ** 64n - 500n][random.below(3)]!;
      const columns = Array.from({ length: 1 + random.below(4) }, () =>
        BigUint64Array.from({ length: random.below(30) }, () => base + BigInt(random.below(400))),
      );
      const how = random.below(2) === 0 ? window(random.below(30)) : gap(random.below(30));
      const needed = random.below(3);
      const { match, events } = find(columns, how, { require: needed });
      const wanted = plainEvents(columns, how, needed);
      expect({ seed, events }).toEqual({ seed, events: wanted });
      const matched = match.sources.reduce((sum, source) => sum + source.matched, 0);
      expect({ seed, matched }).toEqual({ seed, matched: wanted.flat().length });
    }
  });
});

/** Slow, and too short to be wrong. */
function plainEvents(
  columns: readonly BigUint64Array[],
  { match, windowTicks }: MatchWindow,
  needed: number,
): Pairs[] {
  const all = columns
    .flatMap((times, s) => Array.from(times, (time, row) => ({ time, s, row })))
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.s - b.s || a.row - b.row));
  const events: (typeof all)[] = [];
  for (const fragment of all) {
    const open = events.at(-1);
    const since = match === "gap" ? open?.at(-1) : open?.[0];
    if (since !== undefined && fragment.time - since.time <= windowTicks) open!.push(fragment);
    else events.push([fragment]);
  }
  return events
    .filter((event) => new Set(event.map(({ s }) => s)).size >= Math.max(1, needed))
    .map((event) => event.map(({ s, row }) => [s, row]));
}
