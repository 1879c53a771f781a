import { describe, expect, test } from "@jest/globals";
import type { EventResult, ResultSchema } from "@evb/analysis";
import { ELEMENT_TYPES, isFloat, type ElementType } from "@evb/event";
import { ResultBuilder } from "@evb/runner";
import { faultOf } from "../support/faults.ts";

const SCHEMA: ResultSchema = {
  eventColumns: [{ name: "peaks", type: "i4" }],
  fragmentColumns: [{ name: "first", type: "data" }],
  totals: [],
};
/** Two sources, of i4 and of f8. */
const TYPES: readonly ElementType[] = ["i4", "f8"];
const TWO = Uint16Array.of(0, 1);

const builder = (schema = SCHEMA): ResultBuilder => new ResultBuilder(schema, TYPES);
const float = (slot: bigint): number => new Float64Array(BigUint64Array.of(slot).buffer)[0]!;
const signed = (slot: bigint): bigint => BigInt.asIntN(64, slot);

describe("the results of some events", () => {
  test("are ranges of leases, and 8 bytes a value", () => {
    const results = builder();
    results.add({ lease: 3, event: 10 }, TWO, {
      columns: { peaks: -1 },
      fragments: { first: [5, 0.5] },
    });
    results.add({ lease: 3, event: 11 }, TWO.subarray(0, 1), {
      columns: { peaks: 2 },
      fragments: { first: [6] },
    });
    results.add({ lease: 4, event: 12 }, TWO.subarray(0, 0), {
      columns: { peaks: 3 },
      fragments: { first: [] },
    });
    const { ranges, eventSlots, fragmentSlots, failures } = results.take();
    expect(ranges).toEqual([
      { lease: 3, first: 10, events: 2, fragments: 3 },
      { lease: 4, first: 12, events: 1, fragments: 0 },
    ]);
    expect([...eventSlots].map(signed)).toEqual([-1n, 2n, 3n]);
    expect([
      signed(fragmentSlots[0]!),
      float(fragmentSlots[1]!),
      signed(fragmentSlots[2]!),
    ]).toEqual([5n, 0.5, 6n]);
    expect(failures).toEqual([]);
    expect(results.isEmpty).toBe(true);
    expect(results.take().ranges).toEqual([]);
  });

  test("of a failed event are zeros, or not a number, and a reason of at most 1000 characters", () => {
    const results = builder();
    results.fail({ lease: 1, event: 0 }, TWO, "x".repeat(5000));
    const { eventSlots, fragmentSlots, failures, ranges } = results.take();
    expect([eventSlots[0], fragmentSlots[0], float(fragmentSlots[1]!)]).toEqual([0n, 0n, NaN]);
    expect(failures[0]!.reason).toHaveLength(1000);
    expect(ranges).toEqual([{ lease: 1, first: 0, events: 1, fragments: 2 }]);
  });

  test("count the bytes of their reasons: too many for one message are sent in two", () => {
    const results = builder({ eventColumns: [], fragmentColumns: [], totals: [] });
    for (let event = 0; event < 2000; event++)
      results.fail({ lease: 1, event }, TWO, "ü".repeat(1000));
    expect(results.bytes).toBeGreaterThan(4e6);
  });

  test("hold more values than they had room for at first", () => {
    const results = builder({
      eventColumns: [{ name: "n", type: "u8" }],
      fragmentColumns: [],
      totals: [],
    });
    for (let event = 0; event < 1000; event++)
      results.add({ lease: 1, event }, TWO, { columns: { n: BigInt(event) << 50n } });
    expect([...results.take().eventSlots]).toEqual(
      Array.from({ length: 1000 }, (_, n) => BigInt.asUintN(64, BigInt(n) << 50n)),
    );
  });
});

const LIMITS: Readonly<Record<string, [low: bigint, high: bigint]>> = Object.fromEntries(
  ELEMENT_TYPES.filter((type) => !isFloat(type)).map((type) => {
    const bits = BigInt(8 * Number(type[1]));
    return [
      type,
      type.startsWith("u") ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n],
    ];
  }),
);

describe("a value", () => {
  const add = (type: ElementType, value: unknown): bigint => {
    const results = builder({
      eventColumns: [{ name: "v", type }],
      fragmentColumns: [],
      totals: [],
    });
    results.add({ lease: 1, event: 0 }, TWO, { columns: { v: value as number } });
    return results.take().eventSlots[0]!;
  };

  test.each(Object.entries(LIMITS))(
    "of %s is taken at its limits, and refused beyond",
    async (type, [low, high]) => {
      for (const value of [low, high]) {
        expect(BigInt.asIntN(64, add(type as ElementType, value))).toBe(BigInt.asIntN(64, value));
        if (BigInt(Number.MIN_SAFE_INTEGER) <= value && value <= BigInt(Number.MAX_SAFE_INTEGER))
          expect(BigInt.asIntN(64, add(type as ElementType, Number(value)))).toBe(value);
      }
      for (const value of [
        low - 1n,
        high + 1n,
        Number(low) - 1,
        Number(high) + 1,
        0.5,
        NaN,
        Infinity,
        "1",
        null,
        undefined,
        true,
      ])
        if (
          typeof value !== "number" ||
          !Number.isSafeInteger(value) ||
          BigInt(value) < low ||
          BigInt(value) > high
        ) {
          const fault = await faultOf(() => add(type as ElementType, value));
          expect(fault.message).toBe(
            `the analysis returned ${String(value)} for the column v, but that column is ${type}`,
          );
        }
    },
  );

  test("of a float column is any number", async () => {
    for (const value of [0, -0, 0.1, NaN, Infinity, -Infinity, 1e308])
      expect(float(add("f8", value))).toBe(value);
    expect(float(add("f4", 5n))).toBe(5);
    expect((await faultOf(() => add("f8", "1"))).tag).toBe("analysis-result");
  });

  test.each<[string, EventResult | undefined, string]>([
    [
      "10^12 for i4",
      { columns: { peaks: 1e12 }, fragments: { first: [1, 1] } },
      "1000000000000 for the column peaks, but that column is i4",
    ],
    [
      "half for a fragment of integers",
      { columns: { peaks: 1 }, fragments: { first: [0.5, 1] } },
      "0.5 for the column first, but that column is i4",
    ],
    [
      "one value for two fragments",
      { columns: { peaks: 1 }, fragments: { first: [1] } },
      "1 values for the fragment column first, but the event has 2 fragments",
    ],
    ["none for the fragments", { columns: { peaks: 1 } }, "nothing for the fragment column first"],
    ["no event column", { fragments: { first: [1, 1] } }, "undefined for the column peaks"],
    ["nothing at all", undefined, "undefined for the column peaks"],
    [
      "a column that isn't declared",
      { columns: { peaks: 1, peeks: 1 }, fragments: { first: [1, 1] } },
      "the column peeks, but it declares none of this name",
    ],
    [
      "a fragment column that isn't declared",
      { columns: { peaks: 1 }, fragments: { first: [1, 1], last: [1, 1] } },
      "the column last, but it declares none of this name",
    ],
    [
      "a promise",
      Promise.reject(new Error("late")) as never,
      "a promise, but the next event is read at once: event() must not be async",
    ],
  ])("is refused, and nothing of its event is kept: %s", async (_, result, words) => {
    const results = builder();
    const fault = await faultOf(() => {
      results.add({ lease: 1, event: 0 }, TWO, result);
    });
    expect(fault).toMatchObject({ tag: "analysis-result", exitCode: 1 });
    expect(fault.message).toContain(words);
    expect(results.isEmpty).toBe(true);
    expect(results.take().eventSlots).toHaveLength(0);
  });
});
