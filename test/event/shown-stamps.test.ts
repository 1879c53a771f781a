import { describe, expect, test } from "@jest/globals";
import { FRAGMENT, RUN_ITEM, ShownStamps, type SourceOrder } from "@evb/event";
import { SeededRandom } from "../support/random.ts";

const NONE = 2n ** 64n - 1n;
const ASSIGNED = 16;

/** A fragment, a run item, or a stamp that is shown by what is no row. */
interface Arrival {
  readonly what: "fragment" | "item" | "shown";
  readonly source: number;
  /** {@link NONE}: without. */
  readonly stamp: bigint;
}

type Streams = readonly (readonly Arrival[])[];

/** All rows of all streams, taken in pieces of random length. */
function take(streams: Streams, sources: number, random: SeededRandom) {
  const rows = streams.flat().filter(({ what }) => what !== "shown");
  const columns = {
    stamp: BigUint64Array.from(rows, ({ stamp }) => stamp),
    source: Uint16Array.from(rows, ({ source }) => source),
    kind: Uint8Array.from(rows, ({ what }) => (what === "fragment" ? FRAGMENT : RUN_ITEM)),
  };
  const shown = new ShownStamps(columns, sources);
  let [taken, row] = [0, 0];
  for (const stream of streams) {
    shown.beginStream();
    for (const { what, source, stamp } of stream) {
      if (what !== "shown") {
        row++;
        if (random.below(3) > 0) continue;
      }
      shown.take(taken, row);
      taken = row;
      if (what === "shown") shown.show(source, stamp);
    }
    shown.take(taken, row);
    taken = row;
  }
  return {
    stamps: Array.from(columns.stamp),
    assigned: Array.from(columns.kind, (kind) => (kind & ASSIGNED) !== 0),
    backwardSteps: shown.backwardSteps,
    sources: Array.from({ length: sources }, (_, source) => shown.of(source)),
  };
}

const largest = (stamps: readonly bigint[]): bigint =>
  stamps.reduce((one, other) => (other > one ? other : one), 0n);

/** Each row looks back over all that came before it in its stream. */
function plainly(streams: Streams, sources: number): ReturnType<typeof take> {
  const whole = streams.map((stream) => {
    const filled: (Arrival & { assigned: boolean })[] = [];
    for (const arrival of stream) {
      const own = filled.filter(({ source, stamp }) => source === arrival.source && stamp !== NONE);
      const assigned = arrival.stamp === NONE && arrival.what !== "shown";
      const stamp = assigned ? largest(own.map((before) => before.stamp)) : arrival.stamp;
      filled.push({ ...arrival, stamp, assigned });
    }
    return filled.filter(({ what }) => what !== "shown");
  });
  const fragments = whole.map((stream) => stream.filter(({ what }) => what === "fragment"));
  const of = (source: number): SourceOrder => {
    const own = fragments.map((stream) => stream.filter((each) => each.source === source));
    const all = own.flat();
    const items = whole.flat().filter((each) => each.source === source);
    const steps = own.flatMap((stream) =>
      stream.slice(1).map((each, k) => ({ each, before: stream[k]! })),
    );
    const behind = fragments.flatMap((stream) =>
      stream.flatMap((each, k) => {
        const most = largest(stream.slice(0, k).map(({ stamp }) => stamp));
        return each.source === source && each.stamp < most ? [most - each.stamp] : [];
      }),
    );
    const stamps = all.map(({ stamp }) => stamp);
    return {
      fragments: all.length,
      runItems: items.length - all.length,
      nullStamps: items.filter(({ assigned }) => assigned).length,
      duplicates: steps.filter(({ each, before }) => each.stamp === before.stamp && !each.assigned)
        .length,
      outOfOrder: steps.filter(({ each, before }) => each.stamp < before.stamp).length,
      late: behind.length,
      latenessMax: largest(behind),
      first: stamps.length === 0 ? 0n : stamps.reduce((a, b) => (b < a ? b : a)),
      last: largest(stamps),
    };
  };
  return {
    stamps: whole.flat().map(({ stamp }) => stamp),
    assigned: whole.flat().map(({ assigned }) => assigned),
    backwardSteps: fragments.reduce(
      (sum, stream) =>
        sum + stream.filter(({ stamp }, k) => k > 0 && stamp < stream[k - 1]!.stamp).length,
      0,
    ),
    sources: Array.from({ length: sources }, (_, source) => of(source)),
  };
}

function randomStreams(random: SeededRandom, sources: number): Streams {
  const base = [0n, 2n ** 53n, NONE - 40n][random.below(3)]!;
  const spread = 1 + random.below(40);
  return Array.from({ length: 1 + random.below(3) }, () =>
    Array.from({ length: random.below(30) }, () => {
      const die = random.below(10);
      return {
        what: die === 0 ? "shown" : die < 3 ? "item" : "fragment",
        source: random.below(sources),
        stamp: random.below(4) === 0 ? NONE : base + BigInt(random.below(spread)),
      } as const;
    }),
  );
}

const fragment = (source: number, stamp: bigint): Arrival => ({ what: "fragment", source, stamp });

describe("a row without a stamp", () => {
  test.each([
    ["0 before the first one of its source", [[fragment(1, 9n), fragment(0, NONE)]], [9n, 0n]],
    [
      "the largest so far, not the last",
      [[fragment(0, 9n), fragment(0, 4n), fragment(0, NONE)]],
      [9n, 4n, 9n],
    ],
    [
      "what a run item of its source showed",
      [[{ what: "item", source: 0, stamp: 7n }, fragment(0, NONE)]],
      [7n, 7n],
    ],
    [
      "what its source showed in this stream alone",
      [[fragment(0, 9n)], [fragment(0, NONE), fragment(0, 3n), fragment(0, NONE)]],
      [9n, 0n, 3n, 3n],
    ],
    [
      "2^64 - 2 where that was shown",
      [[fragment(0, NONE - 1n), fragment(0, NONE)]],
      [NONE - 1n, NONE - 1n],
    ],
  ] as [string, Streams, bigint[]][])("gets %s", (_, streams, stamps) => {
    expect(take(streams, 2, new SeededRandom(1)).stamps).toEqual(stamps);
  });
});

test("stamps, and what is counted of them, are those of a plain look back", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = new SeededRandom(seed);
    const sources = 1 + random.below(4);
    const streams = randomStreams(random, sources);
    expect({ seed, ...take(streams, sources, random) }).toEqual({
      seed,
      ...plainly(streams, sources),
    });
  }
});
