import { describe, expect, test } from "@jest/globals";
import { defineAnalysis, optionsOf, schemaOf, type Work } from "@evb/analysis";
import { faultOf } from "../support/faults.ts";

describe("options of an analysis", () => {
  const analysis = defineAnalysis({
    options: {
      threshold: { default: 40 },
      mode: { default: "sum" },
      deep: { default: false },
    },
    setup: ({ options }) => {
      // The types are those of the defaults.
      const text: string = options.mode;
      const number: number = options.threshold;
      return { event: () => ({ columns: { a: number + text.length } }) };
    },
  });
  const plain = analysis as Parameters<typeof optionsOf>[1];

  test("are what it declares, but for what the user sets", () => {
    expect(optionsOf("mine", plain, {})).toEqual({ threshold: 40, mode: "sum", deep: false });
    expect(optionsOf("mine", plain, { threshold: "-1.5e3", mode: "", deep: "true" })).toEqual({
      threshold: -1500,
      mode: "",
      deep: true,
    });
  });

  test.each([
    [
      { treshold: "4" },
      "analysis-option-unknown",
      "has no option treshold; it has threshold, mode, deep",
    ],
    [{ toString: "4" }, "analysis-option-unknown", "has no option toString"],
    [{ threshold: "high" }, "analysis-option-value", "threshold of the analysis mine is a number"],
    [{ threshold: "" }, "analysis-option-value", "is a number"],
    [{ threshold: "Infinity" }, "analysis-option-value", "is a number"],
    [{ deep: "yes" }, "analysis-option-value", "is true or false"],
  ])("%j is refused", async (settings, tag, words) => {
    const fault = await faultOf(() => optionsOf("mine", plain, settings));
    expect(fault).toMatchObject({ tag, exitCode: 2 });
    expect(fault.message).toContain(words);
  });
});

describe("what an analysis declares", () => {
  const event = (): undefined => undefined;

  test("is its schema, in the order in which it was written", () => {
    const work: Work = {
      eventColumns: { peaks: "i4", energy: "f8" },
      fragmentColumns: { first: "data" },
      totals: { count: { type: "i8" }, spectrum: { type: "f8", length: 1024 } },
      event,
    };
    expect(schemaOf("mine", work)).toEqual({
      eventColumns: [
        { name: "peaks", type: "i4" },
        { name: "energy", type: "f8" },
      ],
      fragmentColumns: [{ name: "first", type: "data" }],
      totals: [
        { name: "count", type: "i8", length: 1 },
        { name: "spectrum", type: "f8", length: 1024 },
      ],
    });
  });

  const many = (count: number, value: unknown): Record<string, never> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${String(i)}`, value as never]));

  test.each<[string, unknown, string]>([
    ["no work at all", undefined, "setup() returned no object with an event()"],
    ["work without event()", {}, "setup() returned no object with an event()"],
    ["an event that is no function", { event: 5 }, "its event is no function"],
    ["an unknown type", { eventColumns: { a: "i3" }, event }, "column a has the unknown type i3"],
    ["data per event", { eventColumns: { a: "data" }, event }, "unknown type data"],
    ["a name with a slash", { eventColumns: { "a/b": "i4" }, event }, "a/b is no name"],
    ["an empty name", { fragmentColumns: { "": "i4" }, event }, "is no name"],
    [
      "a taken name",
      { fragmentColumns: { row: "i4" }, event },
      "row is a name that results.h5 uses itself",
    ],
    [
      "a total of an unknown type",
      { totals: { a: { type: "i4" } }, event },
      "total a has the unknown type i4",
    ],
    [
      "a total of half a bin",
      { totals: { a: { type: "f8", length: 0.5 } }, event },
      "total a has 0.5 bins",
    ],
    [
      "a total of no bins",
      { totals: { a: { type: "f8", length: 0 } }, event },
      "total a has 0 bins",
    ],
    [
      "bins of integers",
      { totals: { a: { type: "i8", length: 2 } }, event },
      "has bins and must be f8",
    ],
    [
      "too many bins together",
      { totals: many(3, { type: "f8", length: 2 ** 23 }), event },
      "bins, and 16777216 are the most",
    ],
    [
      "too many columns",
      { eventColumns: many(1001, "i4"), event },
      "1001 eventColumns, and 1000 are the most",
    ],
    [
      "too many totals",
      { totals: many(1001, { type: "i8" }), event },
      "1001 totals, and 1000 are the most",
    ],
  ])("is refused: %s", async (_, work, words) => {
    const fault = await faultOf(() => schemaOf("mine.ts", work as Work));
    expect(fault).toMatchObject({ tag: "analysis-bad-shape", exitCode: 2 });
    expect(fault.message).toMatch(/^the analysis mine.ts can't be used: /);
    expect(fault.message).toContain(words);
  });
});
