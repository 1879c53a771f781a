import { describe, expect, test } from "@jest/globals";
import {
  binsOf,
  CLOSING_ITEM,
  distancesFrom,
  FRAGMENT,
  gapsOf,
  orderSources,
  quantile,
  RUN_ITEM,
  tryWindows,
  windowsToTry,
  type Distances,
  type SourcedRows,
} from "@evb/event";
import { SeededRandom } from "../support/random.ts";

const TICKS_MAX = 2n ** 64n - 1n;

/** `2@1000` is a fragment of source 2, `item@1000` a run item, `barrier@1000` one that ends the open event. */
function rowsOf(text: string): SourcedRows {
  const KINDS: Readonly<Record<string, number>> = { item: RUN_ITEM, barrier: CLOSING_ITEM };
  const all = text
    .split(" ")
    .filter(Boolean)
    .map((each) => {
      const [what, stamp] = each.split("@") as [string, string];
      const kind = KINDS[what] ?? FRAGMENT;
      return { stamp: BigInt(stamp), source: what in KINDS ? 0 : Number(what), kind };
    });
  return columnsOf(all);
}

interface Row {
  readonly stamp: bigint;
  readonly source: number;
  readonly kind: number;
}

function columnsOf(all: readonly Row[]): SourcedRows {
  const stamp = BigUint64Array.from(all, (row) => row.stamp);
  const source = Uint16Array.from(all, (row) => row.source);
  // Higher bits mean nothing here.
  const kind = Uint8Array.from(all, (row) => row.kind | 0x30);
  return { order: orderSources({ stamp, source }), stamp, source, kind };
}

function randomRows(random: SeededRandom): Row[] {
  const spread = random.below(3) === 0 ? 3 : 60;
  // At the end of the clock as well as at its beginning: differences may need all 64 bits.
  const base = (): bigint => (random.below(40) === 0 ? TICKS_MAX - 100n : 100n);
  return Array.from({ length: random.below(40) }, () => ({
    stamp: base() + BigInt(random.below(spread)),
    source: random.below(4),
    kind: [FRAGMENT, FRAGMENT, FRAGMENT, FRAGMENT, RUN_ITEM, CLOSING_ITEM][random.below(6)]!,
  }));
}

/** In time order, by a sort of objects. */
const inOrder = (all: readonly Row[]): Row[] =>
  [...all].sort((one, other) =>
    one.stamp === other.stamp ? one.source - other.source : one.stamp < other.stamp ? -1 : 1,
  );

/** Events as lists of sources, by the words of the specification. */
function eventsOf(all: readonly Row[], window: bigint, match: "window" | "gap"): number[][] {
  const events: number[][] = [];
  let since: bigint | undefined;
  for (const { stamp, source, kind } of inOrder(all)) {
    if (kind === CLOSING_ITEM) since = undefined;
    if (kind !== FRAGMENT) continue;
    if (since === undefined || stamp - since > window) {
      events.push([]);
      since = stamp;
    }
    events.at(-1)!.push(source);
    if (match === "gap") since = stamp;
  }
  return events;
}

function plainOutcome(all: readonly Row[], window: bigint, match: "window" | "gap"): object {
  const events = eventsOf(all, window, match);
  const sources = new Set(events.flat()).size;
  const multiplicity = new Map<number, number>();
  for (const { length } of events) multiplicity.set(length, (multiplicity.get(length) ?? 0) + 1);
  return {
    windowTicks: window,
    events: events.length,
    multiplicity: new Map([...multiplicity].sort(([one], [other]) => one - other)),
    complete: events.filter((event) => new Set(event).size === sources).length,
    repeated: events.filter((event) => new Set(event).size < event.length).length,
  };
}

describe("a window that is tried", () => {
  test.each([
    // Rows, window, match, events, complete, repeated, [fragments, events] …
    [
      "1@10 2@15 1@30",
      5n,
      "window",
      2,
      1,
      0,
      [
        [1, 1],
        [2, 1],
      ],
    ],
    ["1@10 2@15 1@30", 4n, "window", 3, 0, 0, [[1, 3]]],
    [
      "1@10 2@15 1@20",
      5n,
      "window",
      2,
      1,
      0,
      [
        [1, 1],
        [2, 1],
      ],
    ],
    ["1@10 2@15 1@20", 5n, "gap", 1, 1, 1, [[3, 1]]],
    ["1@10 item@12 2@15", 5n, "window", 1, 1, 0, [[2, 1]]],
    ["1@10 barrier@12 2@15", 5n, "window", 2, 0, 0, [[1, 2]]],
    ["item@1 1@10", 0n, "window", 1, 1, 0, [[1, 1]]],
    ["1@10 1@10", 0n, "window", 1, 1, 1, [[2, 1]]],
    ["item@1", 0n, "window", 0, 0, 0, []],
  ] as const)("%s, %s ticks by %s: %i events", (...row) => {
    const [text, window, match, events, complete, repeated, multiplicity] = row;
    const outcome = tryWindows(rowsOf(text), { windows: [window], match });
    expect(outcome).toEqual([
      {
        windowTicks: window,
        events,
        complete,
        repeated,
        multiplicity: new Map(multiplicity),
      },
    ]);
  });

  test("gives what a plain count gives", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const all = randomRows(new SeededRandom(seed));
      for (const match of ["window", "gap"] as const) {
        const windows = [0n, 1n, 7n, 1000n, TICKS_MAX];
        const expected = windows.map((window) => plainOutcome(all, window, match));
        const found = tryWindows(columnsOf(all), { windows, match });
        expect({ seed, match, found }).toEqual({ seed, match, found: expected });
      }
    }
  });

  test("counts events of thousands of fragments", () => {
    const all = Array.from({ length: 5000 }, () => ({ stamp: 7n, source: 0, kind: FRAGMENT }));
    const [outcome] = tryWindows(columnsOf(all), { windows: [0n], match: "window" });
    expect(outcome!.multiplicity).toEqual(new Map([[5000, 1]]));
  });
});

describe("distances", () => {
  const signed = ({ before, behind }: Distances): bigint[] => [
    ...[...before].reverse().map((ticks) => -ticks),
    ...behind,
  ];
  const counts = ({ source, kind }: SourcedRows): number[] =>
    [0, 1, 2, 3].map(
      (s) => [...source].filter((each, row) => each === s && (kind[row]! & 3) === FRAGMENT).length,
    );

  test.each([
    ["behind the only one", "1@10 2@15", [5n]],
    ["before the only one", "2@5 1@10", [-5n]],
    ["between two, nearer to the earlier", "1@10 2@12 1@20", [2n]],
    ["between two, nearer to the later", "1@10 2@18 1@20", [-2n]],
    ["between two, in the middle: from the earlier", "1@10 2@15 1@20", [5n]],
    ["with the same stamp as the later one", "1@10 2@20 1@20", [0n]],
    ["past run items", "1@10 item@11 2@12", [2n]],
    ["across the whole clock", `1@0 2@${String(TICKS_MAX)}`, [TICKS_MAX]],
    ["from nothing", "2@5 3@6", []],
  ] as const)("%s", (_, text, expected) => {
    const rows = rowsOf(text);
    expect(signed(distancesFrom(rows, 1, counts(rows))[2]!)).toEqual(expected);
    expect(signed(distancesFrom(rows, 1, counts(rows))[1]!)).toEqual([]);
  });

  test("are those of a search among all fragments of the reference", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const all = randomRows(new SeededRandom(seed));
      const fragments = all.filter(({ kind }) => kind === FRAGMENT);
      const reference = fragments.filter(({ source }) => source === 0).map(({ stamp }) => stamp);
      const rows = columnsOf(all);
      const found = distancesFrom(rows, 0, counts(rows)).map(signed);
      const expected = [0, 1, 2, 3].map((s) =>
        s === 0 || reference.length === 0
          ? []
          : fragments
              .filter(({ source }) => source === s)
              .map(({ stamp }) => nearest(stamp, reference))
              .sort((one, other) => (one < other ? -1 : 1)),
      );
      expect({ seed, found }).toEqual({ seed, found: expected });
    }
  });

  function nearest(stamp: bigint, reference: readonly bigint[]): bigint {
    const size = (ticks: bigint): bigint => (ticks < 0n ? -ticks : ticks);
    return reference
      .map((each) => stamp - each)
      .reduce((one, other) => {
        if (size(one) !== size(other)) return size(one) < size(other) ? one : other;
        return one > other ? one : other;
      });
  }

  test("of neighbours in time are gaps, whatever their source", () => {
    expect(signed(gapsOf(rowsOf("1@30 2@10 item@12 3@10 1@17")))).toEqual([0n, 7n, 13n]);
    expect(signed(gapsOf(rowsOf("1@30")))).toEqual([]);
    expect(signed(gapsOf(rowsOf("")))).toEqual([]);
  });

  test("have quantiles that were found: the nearest rank", () => {
    const distances = {
      before: BigUint64Array.of(1n, 4n),
      behind: BigUint64Array.of(0n, 2n, TICKS_MAX),
    };
    // -4 -1 0 2 max: ranks ceil(5 · share), from 1.
    const shares = [0, 0.2, 0.21, 0.5, 0.99, 1];
    expect(shares.map((share) => quantile(distances, share))).toEqual([
      -4n,
      -4n,
      -1n,
      0n,
      TICKS_MAX,
      TICKS_MAX,
    ]);
    const none = { before: new BigUint64Array(0), behind: new BigUint64Array(0) };
    expect(quantile(none, 0.5)).toBeUndefined();
  });

  test("are counted by their number of bits", () => {
    const distances = {
      before: BigUint64Array.of(1n, 3n),
      behind: BigUint64Array.of(0n, 0n, 4n, 7n, 8n),
    };
    expect(binsOf(distances)).toEqual([
      { from: 0n, to: 0n, before: 0, behind: 2 },
      { from: 1n, to: 1n, before: 1, behind: 0 },
      { from: 2n, to: 3n, before: 1, behind: 0 },
      { from: 4n, to: 7n, before: 0, behind: 2 },
      { from: 8n, to: 15n, before: 0, behind: 1 },
    ]);
    const [last] = binsOf({ before: new BigUint64Array(0), behind: BigUint64Array.of(TICKS_MAX) });
    expect(last).toEqual({ from: 2n ** 63n, to: TICKS_MAX, before: 0, behind: 1 });
    expect(binsOf({ before: new BigUint64Array(0), behind: new BigUint64Array(0) })).toEqual([]);
  });
});

describe("windows to try", () => {
  test.each([
    ["none without gaps", [], 16, []],
    ["one for one gap of 0", [0n], 16, [0n]],
    ["one for a gap that is in the series", [10n], 16, [10n]],
    ["those around a gap that isn't", [7n], 16, [5n, 10n]],
    [
      "1, 2, 5, 10 … from the shortest to the longest",
      [0n, 30n],
      16,
      [0n, 1n, 2n, 5n, 10n, 20n, 50n],
    ],
    ["powers of ten where there would be too many", [0n, 30n], 6, [0n, 1n, 10n, 100n]],
    ["up to the end of the clock", [TICKS_MAX], 16, [10n ** 19n]],
  ] as const)("are %s", (_, gaps, most, expected) => {
    expect(windowsToTry(BigUint64Array.from(gaps), most)).toEqual(expected);
  });

  test("leave out what a hundredth of the gaps is shorter or longer than", () => {
    const gaps = [1n, ...Array.from({ length: 198 }, () => 100n), 1_000_000n];
    expect(windowsToTry(BigUint64Array.from(gaps), 16)).toEqual([100n]);
  });
});
