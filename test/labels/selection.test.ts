import { describe, expect, test } from "@jest/globals";
import { Selection, type LabelColumn } from "@evb/labels";
import { faultOf } from "../support/faults.ts";

/** Five rows; `pulse` holds 2^53, 2^53 + 1 and 2^64 - 1, which doubles can't hold apart. */
const COLUMNS = new Map<string, LabelColumn>([
  ["smalldata", ["red", "green", "red", "blue", "Red"]],
  ["charge", Float64Array.of(-2, -0.5, 0, 3, NaN)],
  ["shot", Int32Array.of(0, 1, 2, 3, 4)],
  ["pulse", BigUint64Array.of(0n, 5n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n)],
]);

const rowsOf = (text: string): number[] => Array.from(new Selection(text).rows(COLUMNS, 5));

describe("a selection", () => {
  test.each([
    ['smalldata == "red"', [0, 2]],
    ["smalldata == 'red'", [0, 2]],
    ['"red" == smalldata', [0, 2]],
    ['smalldata != "red"', [1, 3, 4]],
    ['smalldata < "green"', [3, 4]], // by code points: "Red" and "blue" stand before "green"
    ["charge > 0", [3]],
    ["charge >= 0", [2, 3]],
    ["charge < 0", [0, 1]],
    ["charge <= -0.5", [0, 1]],
    ["charge == -2", [0]],
    ["charge > -1 && charge < 1", [1, 2]],
    ["charge != charge", [4]], // only NaN differs from itself
    ["shot == 3", [3]],
    ["3 == shot", [3]],
    ["shot >= 1.5", [2, 3, 4]],
    ["pulse == 5", [1]],
    ["pulse == 5.5", []],
    ["pulse > -1", [0, 1, 2, 3, 4]],
    ["pulse == shot", [0]],
    ["pulse == 9007199254740992", [2]],
    ["pulse == 9007199254740993", [3]],
    ["pulse < 9007199254740993", [0, 1, 2]],
    ["pulse == 18446744073709551615", [4]],
    ["pulse > -18446744073709551615", [0, 1, 2, 3, 4]],
    ['smalldata == "red" && charge >= 0', [2]],
    ['smalldata == "red" and charge >= 0', [2]],
    ['smalldata == "blue" || charge == 0', [2, 3]],
    ['smalldata == "blue" or charge == 0', [2, 3]],
    ['!(smalldata == "red")', [1, 3, 4]],
    ['not (smalldata == "red")', [1, 3, 4]],
    ['not(smalldata == "red" or shot > 3)', [1, 3]],
    // "and" binds closer than "or", as everywhere.
    ['smalldata == "red" or smalldata == "blue" and shot > 3', [0, 2]],
    ['(smalldata == "red" or smalldata == "blue") and shot > 2', [3]],
    ['smalldata == "red" || smalldata == "blue" && shot > 3', [0, 2]],
    ["shot < 1 or shot > 3 && shot != 4", [0]],
    ['smalldata == "grün"', []],
    ["smalldata == 3", []],
  ] as const)("%s selects the rows %j", (text, rows) => {
    expect(rowsOf(text)).toEqual(rows);
  });

  test("names each of its labels once", () => {
    expect(new Selection("a == 1 && b < 2 || not (a > b)").labels).toEqual(["a", "b"]);
  });

  test("of no rows is empty", () => {
    expect(new Selection("x == 1").rows(new Map([["x", []]]), 0)).toHaveLength(0);
  });
});

describe("a selection that is not understood", () => {
  test.each([
    ["", "it compares nothing"],
    ["smalldata", "it compares nothing"],
    ['"red"', "it compares nothing"],
    ["not smalldata", "it compares nothing"],
    ["charge > 1 && smalldata", "it compares nothing"],
    ['smalldata == "red" green', "it compares nothing"],
    ['smalldata = "red"', 'Unexpected "="'],
    ['smalldata == "red', "Unclosed quote"],
    ["(charge > 1", "Unclosed ("],
    ["charge + 1", "+ is no comparison"],
    ["charge + 1 > 2", "+ is no comparison"],
    ["charge === 1", "=== is no comparison"],
    ["1 < charge < 3", "it compares a comparison; join two of them by &&"],
    ["(shot == 1) == (charge == 1)", "it compares a comparison"],
    ['not smalldata == "red"', "it may hold label names"],
    ["f(charge) > 1", "it may hold label names"],
    ["charge[0] > 1", "it may hold label names"],
    ["this == 1", "it may hold label names"],
    ["constructor.name == 1", "it may hold label names"],
    ["-charge > 1", "it may hold label names"],
    [`charge > ${"1".repeat(2000)}`, "it is too long"],
    [`${"(".repeat(900)}charge > 1${")".repeat(899)}`, "Unclosed ("],
  ])("%s: %s", async (text, reason) => {
    const fault = await faultOf(() => new Selection(text));
    expect(fault).toMatchObject({ tag: "selection-not-understood", exitCode: 2 });
    expect(fault.message).toContain(`is not understood: ${reason}`);
    expect(fault.message).toContain('write for example smalldata == "red" && charge > 3');
    expect(fault.message).not.toContain("\n");
  });

  test("because the run lacks the label says which labels it has", async () => {
    const fault = await faultOf(() => rowsOf('color == "red"'));
    expect(fault).toMatchObject({ tag: "selection-unknown-label", exitCode: 2 });
    expect(fault.message).toBe(
      'the selection color == "red" asks for the label color, but the run has smalldata, charge, shot, pulse; use one of these, or --all',
    );
  });

  test.each(["toString", "__proto__", "constructor"])(
    "has no label %s by accident",
    async (label) => {
      const fault = await faultOf(() => rowsOf(`${label} == 1`));
      expect(fault.tag).toBe("selection-unknown-label");
    },
  );
});
