import { describe, expect, test } from "@jest/globals";
import {
  CLOSING_ITEM,
  FRAGMENT,
  gap,
  glom,
  RUN_ITEM,
  type EventLimits,
  type OrderedRows,
} from "@evb/event";
import { SeededRandom } from "../support/random.ts";

const MAX = 2n ** 64n - 1n;
/** Bits of a row's kind that mean nothing here. */
const OTHER_BITS = 0b1111_1100;

/** `f`: a fragment, `i`: a run item, `b`: one with a barrier. */
type Row = readonly [what: "f" | "i" | "b", stamp: bigint];

/** Places of the fragments of each event, in the plain way: one that is open, and what closes it. */
function plainEvents(
  rows: readonly Row[],
  { windowTicks, fragmentsMax }: EventLimits,
  from: "first" | "last",
): number[][] {
  const events: number[][] = [];
  let open: number[] | undefined;
  rows.forEach(([what, stamp], place) => {
    if (what === "b") open = undefined;
    if (what !== "f") return;
    if (open !== undefined) {
      const since = rows[from === "first" ? open[0]! : open.at(-1)!]![1];
      if (stamp - since > windowTicks || open.length >= fragmentsMax) open = undefined;
    }
    if (open === undefined) events.push((open = []));
    open.push(place);
  });
  return events;
}

/** 0 behind an event's first place up to that of its last fragment, else 1. */
function begins(rows: readonly Row[], events: readonly number[][]): number[] {
  const result = rows.map(() => 1);
  for (const event of events) result.fill(0, event[0]! + 1, event.at(-1)! + 1);
  return result;
}

/** Rows as columns in another order than that of their turns, with all bits of kinds set that mean nothing. */
function columns(rows: readonly Row[], random: SeededRandom): OrderedRows {
  const order = Uint32Array.from(random.shuffled(rows.map((_, place) => place)));
  const stamp = new BigUint64Array(rows.length);
  const kind = new Uint8Array(rows.length);
  rows.forEach(([what, ticks], place) => {
    stamp[order[place]!] = ticks;
    const bits = random.below(2) === 0 ? 0 : OTHER_BITS;
    kind[order[place]!] = bits | { f: FRAGMENT, i: RUN_ITEM, b: CLOSING_ITEM }[what];
  });
  return { order, stamp, kind };
}

const BASES = [0n, 2n ** 32n - 30n, 2n ** 53n - 10n, 2n ** 63n - 20n, MAX - 80n];
const WINDOWS = [0n, 1n, 5n, 12n, 2n ** 32n, 2n ** 63n, MAX - 1n, MAX];

function randomRows(random: SeededRandom): Row[] {
  const base = BASES[random.below(BASES.length)]!;
  const stamps = Array.from({ length: random.below(40) }, () => {
    const far = random.below(25) === 0;
    if (far) return random.u64();
    const stamp = base + BigInt(random.below(80));
    return stamp > MAX ? MAX : stamp;
  });
  stamps.sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  const runItems = random.below(4);
  return stamps.map((stamp) => {
    const die = random.below(12);
    return [die < runItems ? (die === 0 ? "b" : "i") : "f", stamp];
  });
}

function randomLimits(random: SeededRandom): EventLimits {
  return {
    windowTicks: WINDOWS[random.below(WINDOWS.length)]!,
    fragmentsMax: [Infinity, Infinity, 1, 2, 3, 1001][random.below(6)]!,
  };
}

const rowsOf = (text: string): Row[] =>
  text.split(" ").map((word) => {
    const [what, stamp] = [word[0], word.slice(1)];
    return [what as Row[0], BigInt(stamp)];
  });

/** Stamps of each event, as a table can say them. */
function eventsOf(text: string, find: typeof glom, limits: Partial<EventLimits>): string {
  const rows = rowsOf(text);
  const { begins, events } = find(columns(rows, new SeededRandom(1)), {
    windowTicks: 10n,
    fragmentsMax: Infinity,
    ...limits,
  });
  const said = rows
    .map(([what, stamp], place) => `${begins[place] === 1 ? "|" : ""}${what}${String(stamp)}`)
    .join(" ");
  return `${String(events)}: ${said}`;
}

describe("a window", () => {
  test.each([
    ["its last tick belongs to it", "f0 f10 f11", {}, "2: |f0 f10 |f11"],
    ["counts from the event's first fragment", "f0 f6 f12", {}, "2: |f0 f6 |f12"],
    ["of 0 joins equal stamps", "f5 f5 f6", { windowTicks: 0n }, "2: |f5 f5 |f6"],
    [
      "of 2^64 - 1 joins everything",
      `f0 f9 f${String(MAX)}`,
      { windowTicks: MAX },
      `1: |f0 f9 f${String(MAX)}`,
    ],
    [
      "of 2^64 - 2 doesn't",
      `f0 f9 f${String(MAX)}`,
      { windowTicks: MAX - 1n },
      `2: |f0 f9 |f${String(MAX)}`,
    ],
    [
      "is begun anew where the most fragments are there",
      "f0 f1 f2 f11 f12",
      { fragmentsMax: 2 },
      "3: |f0 f1 |f2 f11 |f12",
    ],
    ["of one fragment", "f0 f0 f0", { fragmentsMax: 1 }, "3: |f0 |f0 |f0"],
    ["stays open for a run item", "f0 i1 f2", {}, "1: |f0 i1 f2"],
    [
      "doesn't hold the run items behind its last fragment",
      "f0 i1 f2 i3 f20",
      {},
      "2: |f0 i1 f2 |i3 |f20",
    ],
    ["ends at a barrier", "f0 i1 b2 f3", {}, "2: |f0 |i1 |b2 |f3"],
    ["isn't begun by a run item", "i0 f9 f19 f20", {}, "2: |i0 |f9 f19 |f20"],
    ["of no rows but run items", "i0 b1 i2", {}, "0: |i0 |b1 |i2"],
  ])("%s", (_, rows, limits, units) => {
    expect(eventsOf(rows, glom, limits)).toBe(units);
  });
});

describe("a gap", () => {
  test.each([
    ["counts from the fragment before", "f0 f6 f12 f23", {}, "2: |f0 f6 f12 |f23"],
    ["isn't bridged by a run item", "f0 i8 f12", {}, "2: |f0 |i8 |f12"],
    ["has limits, too", "f0 f1 f2", { fragmentsMax: 2 }, "2: |f0 f1 |f2"],
    ["ends at a barrier", "f0 b1 f2", {}, "2: |f0 |b1 |f2"],
  ])("%s", (_, rows, limits, units) => {
    expect(eventsOf(rows, gap, limits)).toBe(units);
  });
});

describe.each([
  ["glom", glom, "first"],
  ["gap", gap, "last"],
] as const)("%s", (_, find, from) => {
  test("finds the events that a plain search finds, whatever stands among them", () => {
    for (let seed = 1; seed <= 4000; seed++) {
      const random = new SeededRandom(seed);
      const rows = randomRows(random);
      const limits = randomLimits(random);
      const found = find(columns(rows, random), limits);
      const events = plainEvents(rows, limits, from);
      expect({ seed, begins: Array.from(found.begins), events: found.events }).toEqual({
        seed,
        begins: begins(rows, events),
        events: events.length,
      });
    }
  });
});
