import { describe, expect, test } from "@jest/globals";
import {
  asElementType,
  asTicks,
  ELEMENT_TYPES,
  elementBytes,
  promote,
  viewElements,
} from "@evb/event";

/**
 * numpy.result_type of every pair; rows and columns in the order of ELEMENT_TYPES. Written by numpy's rules (the
 * smallest type to which both can be cast safely; i8 with u8: f8) and compared with numpy 1.24.2 on 2026-11-20.
 */
const PROMOTED = `
      i1 u1 i2 u2 i4 u4 i8 u8 f4 f8
  i1  i1 i2 i2 i4 i4 i8 i8 f8 f4 f8
  u1  i2 u1 i2 u2 i4 u4 i8 u8 f4 f8
  i2  i2 i2 i2 i4 i4 i8 i8 f8 f4 f8
  u2  i4 u2 i4 u2 i4 u4 i8 u8 f4 f8
  i4  i4 i4 i4 i4 i4 i8 i8 f8 f8 f8
  u4  i8 u4 i8 u4 i8 u4 i8 u8 f8 f8
  i8  i8 i8 i8 i8 i8 i8 i8 f8 f8 f8
  u8  f8 u8 f8 u8 f8 u8 f8 u8 f8 f8
  f4  f4 f4 f4 f4 f8 f8 f8 f8 f4 f8
  f8  f8 f8 f8 f8 f8 f8 f8 f8 f8 f8`;

describe("the type of two sources together", () => {
  const [columns, ...rows] = PROMOTED.trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));

  test.each(rows.map(([row, ...types]) => [row!, types] as const))(
    "is numpy's, %s",
    (row, types) => {
      const a = asElementType(row)!;
      expect(columns!.map((column) => promote(a, asElementType(column)!))).toEqual(types);
    },
  );

  test("is asked for all types", () => {
    expect(columns).toEqual([...ELEMENT_TYPES]);
    expect(rows.map(([row]) => row)).toEqual([...ELEMENT_TYPES]);
  });
});

describe("an element type", () => {
  test.each([
    ["i1", 1, "ff", [-1]],
    ["u1", 1, "ff", [255]],
    ["i2", 2, "0080", [-32768]],
    ["u2", 2, "0080", [32768]],
    ["i4", 4, "00000080", [-2147483648]],
    ["u4", 4, "00000080", [2147483648]],
    ["i8", 8, "feffffffffffffff", [-2n]],
    ["u8", 8, "ffffffffffffffff", [2n ** 64n - 1n]],
    // IEEE 754: 1.5 is 0x3fc00000 and 0x3ff8000000000000.
    ["f4", 4, "0000c03f", [1.5]],
    ["f8", 8, "000000000000f83f", [1.5]],
  ] as const)("%s has %i bytes, and little-endian %s is %p", (type, bytes, hex, values) => {
    expect(elementBytes(type)).toBe(bytes);
    expect(
      Array.from<number | bigint>(viewElements(type, Uint8Array.from(Buffer.from(hex, "hex")))),
    ).toEqual(values);
  });

  test.each(["f2", "b1", "<i4", "S5", "", "toString"])("isn't %p", (text) => {
    expect(asElementType(text)).toBeUndefined();
  });

  test("is viewed without a copy", () => {
    const bytes = new Uint8Array(16);
    const view = viewElements("u4", bytes.subarray(8), 1);
    view[0] = 1;
    expect(Array.from(bytes.subarray(8))).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(view).toHaveLength(1);
  });
});

test.each([-1n, 2n ** 64n])("%p is no time stamp", (value) => {
  expect(() => asTicks(value)).toThrow(RangeError);
});
