import { describe, expect, test } from "@jest/globals";
import { widenHalves } from "@evb/formats";

/** IEEE 754 binary16: sign 1 | exponent 5 | fraction 10. */
function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >>> 15, (bits >>> 10) & 31, bits & 1023];
  const size =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return sign === 1 ? -size : size;
}

describe("16-bit floats", () => {
  const halves = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
  const wide = new Float32Array(2 ** 16);
  widenHalves(new Uint8Array(halves.buffer), new Uint8Array(wide.buffer));

  test("are the same numbers as f4, all of them", () => {
    const wrong = Array.from(halves).filter((bits) => !Object.is(wide[bits], halfOf(bits)));
    expect(wrong).toEqual([]);
  });

  test("keep the bits of what is no number", () => {
    const bits = new Uint32Array(wide.buffer);
    // Sign, exponent of ones, fraction: 0xfe01 is 1 11111 1000000001.
    expect(bits[0xfe01]!.toString(16)).toBe("ffc02000");
    expect(bits[0x7c01]!.toString(16)).toBe("7f802000");
  });
});
