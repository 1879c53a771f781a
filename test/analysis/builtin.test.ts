import { describe, expect, test } from "@jest/globals";
import {
  BUILT_IN_NAMES,
  builtInAnalysis,
  EventFragment,
  optionsOf,
  schemaOf,
  StagedTotals,
  statsOf,
  Totals,
  VARIES,
  type Analysis,
  type EventResult,
  type SourceInfo,
} from "@evb/analysis";
import { ELEMENT_TYPES, isFloat, type Elements } from "@evb/event";
import { newElementsOf } from "../support/run-elements.ts";
import { SeededRandom } from "../support/random.ts";

const source = (type: SourceInfo["type"], n: number): SourceInfo => ({
  name: `source of ${type}`,
  type,
  shape: [n],
});

/** What an analysis says of one event with one fragment, and what it totals. */
async function workOn(
  analysis: Analysis,
  info: SourceInfo,
  data: Elements,
): Promise<{ result: EventResult | undefined; totals: Totals }> {
  const options = optionsOf("test", analysis, {});
  const work = await analysis.setup({ options, sources: [info], rank: 1 });
  const schema = schemaOf("test", work);
  const staged = new StagedTotals(schema.totals);
  const totals = new Totals(schema.totals);
  const result = work.event(
    { id: 0, time: 5n, fragments: [new EventFragment(info, 0, data)] },
    staged,
  );
  staged.commit(totals);
  return { result, totals };
}

describe("statistics of a fragment", () => {
  test.each(ELEMENT_TYPES)("of %s: first, min, max, sum and mean", (type) => {
    const data = newElementsOf(type, [3, 1, 2, 7, 5]);
    const cast = (value: number): number | bigint =>
      typeof data[0] === "bigint" ? BigInt(value) : value;
    expect(statsOf(data)).toEqual({
      first: cast(3),
      min: cast(1),
      max: cast(7),
      sum: 18,
      mean: 3.6,
    });
  });

  test.each(ELEMENT_TYPES)(
    "of %s without elements: zeros, and a mean that is not a number",
    (type) => {
      expect(statsOf(newElementsOf(type, []))).toEqual({
        first: 0,
        min: 0,
        max: 0,
        sum: 0,
        mean: NaN,
      });
    },
  );

  test.each(["f4", "f8"] as const)(
    "of %s with not-a-number: as numpy says, all but first",
    (type) => {
      expect(statsOf(newElementsOf(type, [1, NaN, 3]))).toEqual({
        first: 1,
        min: NaN,
        max: NaN,
        sum: NaN,
        mean: NaN,
      });
    },
  );

  test.each([
    [[1, Infinity], { min: 1, max: Infinity, sum: Infinity, mean: Infinity }],
    [[-Infinity, 1], { min: -Infinity, max: 1, sum: -Infinity, mean: -Infinity }],
    // The sum is not a number, and still there is a smallest and a largest.
    [[Infinity, -Infinity], { min: -Infinity, max: Infinity, sum: NaN, mean: NaN }],
  ])("with infinities %j", (values, stats) => {
    expect(statsOf(newElementsOf("f8", values))).toEqual({ first: values[0], ...stats });
  });

  test("sums of 32 bit integers are exact: a megabyte of the largest", () => {
    const data = new Int32Array(250_000).fill(2 ** 31 - 1);
    expect(statsOf(data).sum).toBe(250_000 * (2 ** 31 - 1));
  });

  test("sums of 64 bit integers are the doubles next to the exact sums", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const unsigned = BigUint64Array.from({ length: 5000 }, () => random.u64());
      const signed = new BigInt64Array(unsigned.buffer);
      const sum = (values: BigInt64Array | BigUint64Array): number =>
        Number([...values].reduce((total: bigint, value: bigint) => total + value, 0n));
      expect({ seed, sum: statsOf(unsigned).sum }).toEqual({ seed, sum: sum(unsigned) });
      expect({ seed, sum: statsOf(signed).sum }).toEqual({ seed, sum: sum(signed) });
      expect(statsOf(signed.subarray(1)).min).toBe(
        [...signed.subarray(1)].reduce((a, b) => (a < b ? a : b)),
      );
    }
  });

  test("sums of a million tenths are within 1e-12", () => {
    const { sum } = statsOf(new Float64Array(1_000_000).fill(0.1));
    expect(Math.abs(sum - 100_000) / 100_000).toBeLessThan(1e-12);
  });
});

describe("a built-in analysis", () => {
  test("looks at ring items as 16-bit words: an odd byte is in none", async () => {
    const info: SourceInfo = { name: "1", type: "u1", shape: [VARIES], hasWords: true };
    const words = Uint16Array.of(0x0201, 0x0403);
    const row = new EventFragment(info, 0, Uint8Array.of(1, 2, 3, 4, 5));
    const fragment = Object.assign(row, { words });
    for (const name of ["read", "stats", "wait"]) {
      const analysis = builtInAnalysis(name)!;
      const work = await analysis.setup({
        options: optionsOf("test", analysis, { ...(name === "wait" && { ms: "0" }) }),
        sources: [info],
        rank: 1,
      });
      const { fragmentColumns } = schemaOf("test", work);
      expect(fragmentColumns[0]).toEqual({ name: "first", type: "u2" });
      const staged = new StagedTotals(schemaOf("test", work).totals);
      const result = work.event({ id: 0, time: 5n, fragments: [fragment] }, staged);
      expect(result?.fragments).toMatchObject({ first: [0x0201] });
      if (name === "stats") expect(result?.fragments).toMatchObject({ max: [0x0403], sum: [1540] });
    }
  });

  test("gives columns the type of rows whose length varies, and 0 for what is empty", async () => {
    const info: SourceInfo = { name: "1", type: "u1", shape: [VARIES] };
    const fragments = [[7, 9], []].map((row) => new EventFragment(info, 0, Uint8Array.from(row)));
    const work = await builtInAnalysis("stats")!.setup({ options: {}, sources: [info], rank: 1 });
    const { fragmentColumns, totals } = schemaOf("test", work);
    expect(fragmentColumns[0]).toEqual({ name: "first", type: "data" });
    const result = work.event({ id: 0, time: 5n, fragments }, new StagedTotals(totals));
    expect(result?.fragments).toMatchObject({ first: [7, 0], sum: [16, 0], mean: [8, NaN] });
  });

  test("is known by its name, and others aren't", () => {
    expect(BUILT_IN_NAMES).toEqual(["read", "stats", "wait", "none"]);
    expect(BUILT_IN_NAMES.every((name) => builtInAnalysis(name) !== undefined)).toBe(true);
    expect(builtInAnalysis("toString")).toBeUndefined();
  });

  test.each(["read", "stats", "wait"] as const)(
    "%s counts, and sums the first elements of integers",
    async (name) => {
      for (const type of ELEMENT_TYPES) {
        const info = source(type, 3);
        const { result, totals } = await workOn(
          builtInAnalysis(name)!,
          info,
          newElementsOf(type, [7, 8, 9]),
        );
        const first = totals.schema.findIndex((total) => total.name === "first");
        expect([...(result!.fragments!["first"] as number[])].map(Number)).toEqual([7]);
        expect(totals.integer(0)).toBe(1n);
        if (isFloat(type)) expect(first).toBe(-1);
        else expect(totals.integer(first)).toBe(7n);
      }
    },
  );

  test("none reads nothing and returns nothing", async () => {
    const work = await builtInAnalysis("none")!.setup({ options: {}, sources: [], rank: 1 });
    expect(work.reads).toBe(false);
    expect(schemaOf("none", work)).toEqual({ eventColumns: [], fragmentColumns: [], totals: [] });
  });

  test("wait sleeps as long as it is told, and the slow one longer", async () => {
    const wait = builtInAnalysis("wait")!;
    const options = optionsOf("wait", wait, { ms: "4", slowRank: "2", slowBy: "5" });
    const seconds = async (rank: number): Promise<number> => {
      const work = await wait.setup({ options, sources: [source("i4", 1)], rank });
      const begun = performance.now();
      for (let event = 0; event < 5; event++)
        work.event(
          { id: event, time: 0n, fragments: [] },
          { add: () => undefined, addAll: () => undefined },
        );
      return (performance.now() - begun) / 1000;
    };
    const [usual, slow] = [await seconds(1), await seconds(2)];
    expect(usual).toBeGreaterThanOrEqual(0.019);
    expect(slow).toBeGreaterThanOrEqual(0.099);
  });
});
