import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { generateRingRun, type MockRingRun, type RingTruth } from "@evb/generate";
import { inFolder } from "./mock-files.ts";
import { SMALL_RING } from "./ring-files.ts";

/** The first tick of every run, from which stalls count. */
const FIRST_TICK = 1_700_000_000_000_000_000n;

const made = (asked: Partial<MockRingRun>): Promise<{ truth: RingTruth; bytes: Buffer }> =>
  inFolder(async (directory) => {
    const truth = await generateRingRun({ ...SMALL_RING, ...asked, directory }, {});
    const files = truth.files.map(({ file }) => readFileSync(join(directory, file)));
    return { truth, bytes: Buffer.concat(files) };
  });

/** Ticks since the run's first, and source, of each fragment in file order. */
const arrivals = ({ fragmentList }: RingTruth): { ticks: number; source: number }[] =>
  fragmentList!.map(({ stamp, source }) => ({
    ticks: Number(BigInt(stamp!) - FIRST_TICK),
    source,
  }));

describe("time stamps", () => {
  test("of the n-th trigger are within the jitter of n + 10 periods", async () => {
    const { truth } = await made({ dropShare: 0, sources: 1 });
    expect(truth.firstTick).toBe(String(FIRST_TICK));
    const ticks = arrivals(truth).map((fragment) => fragment.ticks);
    expect(ticks).toHaveLength(60);
    const misses = ticks.map((each, row) => each - 1000 * (row + 11));
    expect([Math.min(...misses), Math.max(...misses)]).toEqual([-10, 10]);
  });

  test("are nowhere a backward step without disorder", async () => {
    const { truth } = await made({ nesting: 0, jitterTicks: 3000 });
    expect(truth.sources.map(({ backwardSteps }) => backwardSteps)).toEqual([0, 0, 0]);
    const ticks = arrivals(truth).map((fragment) => fragment.ticks);
    expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
  });
});

describe("disorder", () => {
  test("makes fragments late by the delay at most", async () => {
    const { truth } = await made({
      nesting: 0,
      disorderShare: 0.2,
      delayTicks: 4321,
      size: { kind: "events", events: 3000 },
    });
    let largest = 0;
    let late = 0;
    let worst = 0;
    for (const { ticks } of arrivals(truth)) {
      worst = Math.max(worst, largest - ticks);
      // Something arrived before it whose stamp is beyond all jitter.
      if (largest - ticks > 20) late++;
      largest = Math.max(largest, ticks);
    }
    // Draws of up to 4321 ticks, of which one in four (up to 1000) is before the next trigger.
    expect(worst).toBeLessThanOrEqual(4321);
    expect(worst).toBeGreaterThan(3500);
    expect(late / truth.fragments).toBeGreaterThan(0.13);
    expect(late / truth.fragments).toBeLessThan(0.22);
  });

  test("of a stalled source is only between sources", async () => {
    const stall = { source: 2, startTicks: 20_000, lengthTicks: 15_000 };
    const { truth } = await made({ nesting: 0, stalls: [stall], dropShare: 0 });
    expect(truth.sources.map(({ backwardSteps }) => backwardSteps)).toEqual([0, 0, 0]);
    const all = arrivals(truth);
    const held = all.flatMap(({ ticks, source }, row) =>
      source === 2 && ticks >= 20_000 && ticks < 35_000 ? [row] : [],
    );
    // Triggers 20 to 34 or 35, with a jitter of 10.
    expect(held.length).toBeGreaterThanOrEqual(14);
    const lastBefore = all.findLastIndex(({ ticks, source }) => source !== 2 && ticks < 35_000);
    expect(held[0]!).toBeGreaterThan(lastBefore);
  });
});

describe("shares of fragments", () => {
  test("that are duplicates: with 1 all have the first one's stamp", async () => {
    const { truth } = await made({ duplicateShare: 1, scalersEvery: 0, nesting: 0 });
    for (const { source, fragments, duplicates } of truth.sources) {
      expect(duplicates).toBe(fragments - 1);
      const stamps = truth.fragmentList!.filter((each) => each.source === source);
      expect(new Set(stamps.map(({ stamp }) => stamp)).size).toBe(1);
    }
  });

  test("without stamp: with 1 all are ordered where their source's scalers are", async () => {
    const { truth } = await made({
      nullShare: 1,
      scalersEvery: 30,
      dropShare: 0,
      jitterTicks: 0,
      nesting: 0,
    });
    for (const { fragments, nullStamps } of truth.sources) expect(nullStamps).toBe(fragments);
    // The scalers of trigger 30 are 10 + 30 periods after the first tick; those of trigger 60 come behind all.
    const orders = truth.fragmentList!.map(({ orderStamp }) => orderStamp);
    const [zeros, scalers] = [Array<string>(90).fill("0"), Array<string>(90)];
    expect(orders).toEqual([...zeros, ...scalers.fill(String(FIRST_TICK + 40_000n))]);
  });

  test("that a source lacks", async () => {
    const size = { kind: "events", events: 20_000 } as const;
    const { truth } = await made({ dropShare: 0.3, size });
    // 20 000 draws: the deviation is sqrt(20 000 · 0.3 · 0.7) = 65.
    for (const { fragments } of truth.sources)
      expect(Math.abs(fragments - 14_000)).toBeLessThan(5 * 65);
  });
});

describe("damage", () => {
  test("is done where truth.json says, and nothing else is changed", async () => {
    const whole = await made({});
    const damage = [
      { kind: "garbage", item: 30, bytes: 77 },
      { kind: "zero-size", item: 40 },
      { kind: "bad-count", item: 50 },
      { kind: "truncate", bytes: 9 },
    ] as const;
    const { truth, bytes } = await made({ damage });
    expect(truth.damage.map(({ kind, item }) => [kind, item])).toEqual([
      ["garbage", 30],
      ["zero-size", 40],
      ["bad-count", 50],
      ["truncate", whole.truth.items - 1],
    ]);
    const [garbage, zero, count, cut] = truth.damage.map(({ offset }) => offset);
    const mended = Buffer.concat([
      bytes.subarray(0, garbage),
      bytes.subarray(garbage! + 77),
      whole.bytes.subarray(-9),
    ]);
    const [zeroAt, countAt] = [zero! - 77, count! - 77];
    expect(mended.readUInt32LE(zeroAt)).toBe(0);
    mended.writeUInt32LE(whole.bytes.readUInt32LE(zeroAt), zeroAt);
    expect(mended.readUInt32LE(countAt)).toBe(whole.bytes.readUInt32LE(countAt) + 1);
    mended.writeUInt32LE(mended.readUInt32LE(countAt) - 1, countAt);
    expect(mended.equals(whole.bytes)).toBe(true);
    expect(cut).toBe(bytes.length);
    expect(truth.files[0]!.bytes).toBe(bytes.length);
    // An item's size stands in front of its type, a byte count behind two headers.
    const start = (item: number): number => {
      let at = 0;
      for (let before = 0; before < item; before++) at += whole.bytes.readUInt32LE(at);
      return at;
    };
    expect([garbage, zeroAt, countAt]).toEqual([start(30), start(40), start(50) + 28]);
  });

  test("doesn't change what the truth counts, only where it is", async () => {
    const whole = await made({});
    const { truth } = await made({ damage: [{ kind: "garbage", item: 30, bytes: 77 }] });
    expect(truth.expected).toEqual(whole.truth.expected);
    expect(truth.sources).toEqual(whole.truth.sources);
    expect(truth.fragmentList).toEqual(
      whole.truth.fragmentList!.map((fragment) => ({
        ...fragment,
        offset: fragment.offset + (fragment.item >= 30 ? 77 : 0),
      })),
    );
  });

  test("swaps nothing in a big-endian run", async () => {
    const whole = await made({ littleEndian: false });
    const { truth, bytes } = await made({
      littleEndian: false,
      damage: [{ kind: "bad-count", item: 50 }],
    });
    const at = truth.damage[0]!.offset;
    expect(bytes.readUInt32BE(at)).toBe(whole.bytes.readUInt32BE(at) + 1);
  });

  test.each<readonly [damage: MockRingRun["damage"][number], sentence: string]>([
    [{ kind: "bad-count", item: 1 }, "--damage bad-count:1 is for a built event, and that item is"],
    [{ kind: "zero-size", item: 999 }, "--damage zero-size:999 is for an item that the run of "],
    [{ kind: "truncate", bytes: 1e6 }, "--damage truncate:1000000 takes all "],
  ])("that can't be done leaves nothing behind: %j", (damage, sentence) =>
    inFolder(async (directory) => {
      const making = generateRingRun({ ...SMALL_RING, damage: [damage], directory }, {});
      await expect(making).rejects.toThrow(sentence);
      await expect(making).rejects.toMatchObject({ tag: "mock-run-unusable", exitCode: 2 });
      expect(readdirSync(directory)).toEqual([]);
    }),
  );
});
