import { describe, expect, test } from "@jest/globals";
import { disorderOf, matchExact, sourceOfFragment, type Require } from "@evb/event";
import { SeededRandom } from "../support/random.ts";
import { matchByMap, plainEvents, sourcesOf, stamps, type PlainEvent } from "./match-cases.ts";

/** Name, the sources' stamps in file order, wanted stamps, require, and the events with the row of each source. */
type Case = readonly [
  name: string,
  columns: BigUint64Array[],
  wanted: BigUint64Array | undefined,
  require: Require,
  events: PlainEvent[],
];

const T = 1_700_000_000_000_000_000n;

const CASES: Case[] = [
  ["no sources give no events", [], undefined, "any", []],
  ["empty sources give no events", [stamps(), stamps()], undefined, "any", []],
  ["wanted stamps that nobody has give no events", [stamps(1)], stamps(2), "any", []],
  [
    "every stamp of any source is an event, in time order",
    [stamps(10, 30), stamps(20, 30)],
    undefined,
    "any",
    [
      [10n, 0, -1],
      [20n, -1, 0],
      [30n, 1, 1],
    ],
  ],
  [
    "stamps 13 ns apart are different events, though a double can't tell them apart",
    [stamps(T, T + 13n), stamps(T + 13n, T + 26n)],
    undefined,
    "any",
    [
      [T, 0, -1],
      [T + 13n, 1, 0],
      [T + 26n, -1, 1],
    ],
  ],
  [
    "of equal stamps in one source the first row in file order belongs to the event",
    [stamps(5, 5, 6), stamps(6, 5, 5)],
    undefined,
    "any",
    [
      [5n, 0, 1],
      [6n, 2, 0],
    ],
  ],
  [
    "rows may stand in any order in their file",
    [stamps(1, 2, 3), stamps(3, 1, 2)],
    undefined,
    "any",
    [
      [1n, 0, 1],
      [2n, 1, 2],
      [3n, 2, 0],
    ],
  ],
  [
    "wanted stamps may be repeated and in any order",
    [stamps(1, 2, 3), stamps(2, 3)],
    stamps(3, 1, 3),
    "any",
    [
      [1n, 0, -1],
      [3n, 2, 1],
    ],
  ],
  [
    "a wanted stamp that the first source lacks is an event of the others",
    [stamps(1), stamps(1, 2), stamps(2)],
    stamps(2),
    "any",
    [[2n, -1, 1, 0]],
  ],
  [
    "all: only events of all sources are kept",
    [stamps(1, 2), stamps(2, 3)],
    undefined,
    "all",
    [[2n, 1, 0]],
  ],
  ["all: an empty source leaves no event", [stamps(1), stamps()], undefined, "all", []],
  [
    "2: events of two sources or more are kept",
    [stamps(1, 2), stamps(2, 3), stamps(3, 4)],
    undefined,
    2,
    [
      [2n, 1, 0, -1],
      [3n, -1, 1, 0],
    ],
  ],
  ["more than there are sources: no event is kept", [stamps(1), stamps(1)], undefined, 3, []],
  [
    "0 and 2^64 - 1 are stamps like others",
    [stamps(0, 2n ** 64n - 1n), stamps(2n ** 64n - 1n)],
    undefined,
    "any",
    [
      [0n, 0, -1],
      [2n ** 64n - 1n, 1, 0],
    ],
  ],
];

describe("the exact match", () => {
  test.each(CASES)("%s", (_, columns, wanted, require, events) => {
    const sources = sourcesOf(columns);
    expect(plainEvents(matchExact(sources, wanted, require), sources)).toEqual(events);
  });

  test("counts matched, unmatched, duplicate and disordered rows of each source", () => {
    // The second source: row 1 is smaller than row 0 (disorder), row 2 repeats row 0, and 9 is not wanted.
    const columns = [stamps(1, 2, 3), stamps(2, 1, 2, 9), stamps()];
    const match = matchExact(sourcesOf(columns), stamps(1, 2), "any");
    expect(match.sources).toEqual([
      { rows: 3, matched: 2, unmatched: 1, duplicates: 0, outOfOrder: 0 },
      { rows: 4, matched: 2, unmatched: 1, duplicates: 1, outOfOrder: 1 },
      { rows: 0, matched: 0, unmatched: 0, duplicates: 0, outOfOrder: 0 },
    ]);
    expect(match.multiplicity).toEqual(new Map([[2, 2]]));
  });

  test("counts the fragments of an event that lacks sources as unmatched", () => {
    const match = matchExact(sourcesOf([stamps(1, 2, 3), stamps(2)]), undefined, "all");
    expect(match.sources.map(({ matched, unmatched }) => [matched, unmatched])).toEqual([
      [1, 2],
      [1, 0],
    ]);
    expect(match.multiplicity).toEqual(new Map([[2, 1]]));
  });

  test("finds a fragment however far behind in its file it is", () => {
    // The old script looked only as far into a file as the selection is long.
    const before = BigUint64Array.from({ length: 100_000 }, (_, i) => BigInt(i));
    const long = BigUint64Array.from([...before, 1_000_000n]);
    const sources = sourcesOf([stamps(1_000_000), long]);
    const match = matchExact(sources, stamps(1_000_000), "any");
    expect(plainEvents(match, sources)).toEqual([[1_000_000n, 0, 100_000]]);
  });

  test("gives the fragments of an event by source, and closes the last event", () => {
    const match = matchExact(sourcesOf([stamps(7), stamps(7), stamps(7)]), undefined, "any");
    expect(Array.from(match.fragment)).toEqual([0, 1, 2]);
    expect(Array.from(match.start)).toEqual([0, 3]);
  });

  test("leaves the columns it is given as they are", () => {
    const [times, wanted] = [stamps(3, 1, 2), stamps(2, 1)];
    matchExact(sourcesOf([times]), wanted, "any");
    expect([Array.from(times), Array.from(wanted)]).toEqual([
      [3n, 1n, 2n],
      [2n, 1n],
    ]);
  });
});

describe("a random run", () => {
  /** 1 to 8 sources with gaps, repeats and disorder; what is wanted and required is random too. */
  function randomRun(seed: number) {
    const random = new SeededRandom(seed);
    const spread = 1 + random.below(200);
    const base = random.below(2) === 0 ? 0n : T;
    const column = (): BigUint64Array => {
      const ordered = Array.from(
        { length: random.below(3) === 0 ? 0 : random.below(120) },
        () => base + 13n * BigInt(random.below(spread)),
      ).sort((a, b) => (a < b ? -1 : 1));
      return stamps(...(random.below(2) === 0 ? ordered : random.shuffled(ordered)));
    };
    const columns = Array.from({ length: 1 + random.below(8) }, column);
    const wanted = random.below(2) === 0 ? undefined : column();
    const require: Require = (["any", "all", 2] as const)[random.below(3)]!;
    return { columns, wanted, require };
  }

  test("is matched as by a Map of stamps, for 400 seeds", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const { columns, wanted, require } = randomRun(seed);
      const needed = require === "any" ? 1 : require === "all" ? columns.length : require;
      // The scan may have counted the disorder already.
      const sources = sourcesOf(columns).map((source) =>
        seed % 2 === 0 ? source : { ...source, disorder: disorderOf(source.times) },
      );
      const match = matchExact(sources, wanted, require);
      const found = { events: plainEvents(match, sources), sources: match.sources };
      expect({ seed, ...found }).toEqual({ seed, ...matchByMap(columns, wanted, needed) });
      for (const each of match.sources)
        expect(each.matched + each.unmatched + each.duplicates).toBe(each.rows);
      const events = [...match.multiplicity.values()].reduce((sum, n) => sum + n, 0);
      const fragments = [...match.multiplicity].reduce((sum, [n, count]) => sum + n * count, 0);
      expect([events, fragments]).toEqual([match.time.length, match.fragment.length]);
    }
  });

  test("longer than one block of the matcher is matched the same", () => {
    const random = new SeededRandom(7);
    const columns = Array.from({ length: 3 }, (_, s) => {
      const times = Array.from({ length: 20_000 }, (__, i) => T + 13n * BigInt(i)).filter(
        () => random.below(3) > 0,
      );
      return stamps(...(s === 1 ? random.shuffled(times) : times));
    });
    const sources = sourcesOf(columns);
    const match = matchExact(sources, undefined, 2);
    const plain = matchByMap(columns, undefined, 2);
    expect(match.sources).toEqual(plain.sources);
    // As text: ten thousand small arrays are compared a hundred times faster.
    expect(plainEvents(match, sources).join("\n")).toBe(plain.events.join("\n"));
  });
});

test("the source of a fragment is the last that begins at or before it, never an empty one", () => {
  // Sources of 2, 0, 0, 3 rows.
  const starts = [0, 2, 2, 2];
  expect([0, 1, 2, 3, 4].map((fragment) => sourceOfFragment(starts, fragment))).toEqual([
    0, 0, 3, 3, 3,
  ]);
});
