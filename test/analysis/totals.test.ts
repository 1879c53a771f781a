import { describe, expect, test } from "@jest/globals";
import { StagedTotals, Totals, type TotalSchema } from "@evb/analysis";
import { faultOf } from "../support/faults.ts";
import { SeededRandom } from "../support/random.ts";

const COUNT: TotalSchema = { name: "count", type: "i8", length: 1 };
const ALL: TotalSchema = { name: "all", type: "u8", length: 1 };
const BINS: TotalSchema = { name: "bins", type: "f8", length: 3 };

describe("totals of integers", () => {
  test("are exact at any size, whatever is added in which order", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new SeededRandom(seed);
      const values = Array.from({ length: 200 }, () => {
        const sign = random.below(2) === 0 ? 1 : -1;
        // Some at the edges of what a double holds: 2^52, and 2^53 − 1.
        const edges = [2 ** 52, 2 ** 53 - 1, 2 ** 52 + 1, random.u32(), random.below(3)];
        return sign * edges[random.below(edges.length)]!;
      });
      const truth = values.reduce((sum, value) => sum + BigInt(value), 0n);
      const totals = new Totals([COUNT]);
      for (const value of values) totals.add(0, random.below(4) === 0 ? BigInt(value) : value, 0);
      expect({ seed, sum: totals.integer(0) }).toEqual({ seed, sum: truth });
      const parts = [new Totals([COUNT]), new Totals([COUNT]), new Totals([COUNT])];
      for (const value of values) parts[random.below(3)]!.add(0, value, 0);
      const merged = new Totals([COUNT]);
      for (const part of parts) merged.merge(part);
      expect({ seed, sum: merged.integer(0) }).toEqual({ seed, sum: truth });
    }
  });

  test("two numbers just below 2^53 lose nothing", () => {
    const totals = new Totals([COUNT]);
    totals.add(0, 2 ** 52, 0);
    totals.add(0, 2 ** 53 - 1, 0);
    // 4503599627370496 + 9007199254740991, which no double is.
    expect(totals.integer(0)).toBe(13_510_798_882_111_487n);
  });

  test("may leave 64 bit on the way, and are asked at the end", () => {
    const totals = new Totals([COUNT]);
    totals.add(0, 2n ** 63n - 1n, 0);
    totals.add(0, 5, 0);
    totals.add(0, -5, 0);
    totals.checkRange();
    expect(totals.integer(0)).toBe(2n ** 63n - 1n);
  });

  test.each([
    [COUNT, 2n ** 63n - 1n, 1, "9223372036854775808"],
    [COUNT, -(2n ** 63n), -1, "-9223372036854775809"],
    [ALL, 2n ** 64n - 1n, 1, "18446744073709551616"],
    [ALL, 0n, -1, "-1"],
  ])("that don't fit into $name are refused: %#", async (schema, first, second, text) => {
    const totals = new Totals([schema]);
    totals.add(0, first, 0);
    totals.add(0, second, 0);
    const fault = await faultOf(() => {
      totals.checkRange();
    });
    expect(fault).toMatchObject({ tag: "total-overflow", exitCode: 1 });
    expect(fault.message).toContain(`the total ${schema.name} is ${text}, which doesn't fit`);
  });
});

describe("totals of floats", () => {
  test("have bins, one by one or all at once", () => {
    const totals = new Totals([BINS]);
    totals.add(0, 1.5, 2);
    totals.addAll(0, [1, 2, 3]);
    totals.add(0, 2n ** 60n, 0);
    expect([...totals.floats(0)]).toEqual([1 + 2 ** 60, 2, 4.5]);
  });
});

describe("what an event adds", () => {
  const staged = (): { totals: Totals; event: StagedTotals } => ({
    totals: new Totals([COUNT, BINS]),
    event: new StagedTotals([COUNT, BINS]),
  });

  test("counts when the event is committed", () => {
    const { totals, event } = staged();
    event.add("count", 1);
    event.add("bins", 0.5, 1);
    expect(totals.integer(0)).toBe(0n);
    event.commit(totals);
    event.commit(totals);
    expect([totals.integer(0), ...totals.floats(1)]).toEqual([1n, 0, 0.5, 0]);
  });

  test("never was if the event failed", () => {
    const { totals, event } = staged();
    event.add("count", 1);
    event.addAll("bins", [1, 1, 1]);
    event.forget();
    event.add("count", 2);
    event.commit(totals);
    expect([totals.integer(0), ...totals.floats(1)]).toEqual([2n, 0, 0, 0]);
  });

  test("is as it was when it was added, though the array is used again", () => {
    const { totals, event } = staged();
    const mine = Float64Array.of(1, 2, 3);
    event.addAll("bins", mine);
    mine.fill(100);
    event.commit(totals);
    expect([...totals.floats(1)]).toEqual([1, 2, 3]);
  });

  test.each([
    [
      "a name that isn't declared",
      (event: StagedTotals) => {
        event.add("peaks", 1);
      },
    ],
    [
      "a bin beyond the last",
      (event: StagedTotals) => {
        event.add("bins", 1, 3);
      },
    ],
    [
      "a bin that is no whole number",
      (event: StagedTotals) => {
        event.add("bins", 1, 0.5);
      },
    ],
    [
      "half of a count",
      (event: StagedTotals) => {
        event.add("count", 0.5);
      },
    ],
    [
      "a number beyond 2^53 for integers",
      (event: StagedTotals) => {
        event.add("count", 2 ** 53);
      },
    ],
    [
      "not a number for integers",
      (event: StagedTotals) => {
        event.add("count", NaN);
      },
    ],
    [
      "a text",
      (event: StagedTotals) => {
        event.add("count", "1" as never);
      },
    ],
    [
      "a text for floats",
      (event: StagedTotals) => {
        event.add("bins", "1" as never, 0);
      },
    ],
    [
      "nothing",
      (event: StagedTotals) => {
        event.add("count", undefined as never);
      },
    ],
    [
      "a BigInt beyond 64 bit",
      (event: StagedTotals) => {
        event.add("count", 2n ** 64n);
      },
    ],
    [
      "too few bins",
      (event: StagedTotals) => {
        event.addAll("bins", [1, 2]);
      },
    ],
    [
      "bins of an integer",
      (event: StagedTotals) => {
        event.addAll("count", [1]);
      },
    ],
  ])("is refused: %s", async (_, add) => {
    const { totals, event } = staged();
    const fault = await faultOf(() => {
      add(event);
    });
    expect(fault).toMatchObject({ tag: "analysis-bad-result", exitCode: 1 });
    event.commit(totals);
    expect([totals.integer(0), ...totals.floats(1)]).toEqual([0n, 0, 0, 0]);
  });
});
