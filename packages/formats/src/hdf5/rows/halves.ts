/** Bytes of a 16-bit float (IEEE 754 binary16), which are handed over as f4. */
export const HALF_BYTES = 2;
/** So many bytes become of each. */
const WIDE_BYTES = 4;

const FRACTION_BITS = 10;
const FRACTION = 2 ** FRACTION_BITS - 1;
const SIGN = 0x8000;
const EXPONENT_MAX = 31;

/** By the bits of a half: those of the same number as f4. Made when it is first needed, in a millisecond. */
let table: Uint32Array | undefined;

/**
 * Turns shape (n) 16-bit floats into f4, which holds each of them exactly, and what is no number bit by bit.
 *
 * @param halves little-endian, beginning at a multiple of 2 in its memory
 * @param target of twice as many bytes, beginning at a multiple of 4
 */
export function widenHalves(halves: Uint8Array, target: Uint8Array): void {
  table ??= Uint32Array.from({ length: 2 ** 16 }, (_, bits) => wideBits(bits));
  const from = new Uint16Array(halves.buffer, halves.byteOffset, halves.length / HALF_BYTES);
  const to = new Uint32Array(target.buffer, target.byteOffset, target.length / WIDE_BYTES);
  for (let i = 0; i < to.length; i++) to[i] = table[from[i]!]!;
}

/** @param bits sign 1 | exponent 5 | fraction 10 */
function wideBits(bits: number): number {
  const exponent = (bits >>> FRACTION_BITS) & EXPONENT_MAX;
  const fraction = bits & FRACTION;
  const sign = (bits & SIGN) * 2 ** 16;
  // Of f4: sign 1 | exponent 8, 127 for 1 | fraction 23. 13 bits more, and an exponent that counts from 112 lower.
  if (exponent === EXPONENT_MAX) return sign + 0x7f80_0000 + fraction * 2 ** 13;
  if (exponent > 0) return sign + ((exponent + 112) * 2 ** FRACTION_BITS + fraction) * 2 ** 13;
  return sign + new Uint32Array(Float32Array.of(fraction * 2 ** -24).buffer)[0]!;
}
