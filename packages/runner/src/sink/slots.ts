import {
  elementBytes,
  isFloat,
  isUnsigned,
  viewElements,
  type Elements,
  type ElementType,
} from "@evb/event";

/** Result values as they travelled: 8 bytes each, f64, or a whole number extended to 64 bit. */
export class Slots {
  readonly big: BigUint64Array;
  readonly #floats: Float64Array;
  readonly #signed: Int32Array;
  readonly #unsigned: Uint32Array;

  constructor(count: number) {
    const bytes = new ArrayBuffer(8 * count);
    this.big = new BigUint64Array(bytes);
    this.#floats = new Float64Array(bytes);
    this.#signed = new Int32Array(bytes);
    this.#unsigned = new Uint32Array(bytes);
  }

  /** The value as a double; exact but for 64 bit integers above 2^53. */
  number(slot: number, type: ElementType): number {
    if (isFloat(type)) return this.#floats[slot]!;
    if (elementBytes(type) < 8)
      return (isUnsigned(type) ? this.#unsigned : this.#signed)[2 * slot]!;
    return Number(isUnsigned(type) ? this.big[slot]! : BigInt.asIntN(64, this.big[slot]!));
  }
}

/** Whole numbers as u64, without making a BigInt of each: 5 times faster for 10^6 of them. */
export function widened(numbers: Uint32Array): BigUint64Array {
  const wide = new BigUint64Array(numbers.length);
  const words = new Uint32Array(wide.buffer);
  for (let i = 0; i < numbers.length; i++) words[2 * i] = numbers[i]!;
  return wide;
}

/** One column of results.h5, slab by slab. */
export function newElements(type: ElementType, count: number): Elements {
  return viewElements(type, new Uint8Array(count * elementBytes(type)));
}

/** What stands where there is no value: 0 for integers, not-a-number for floats. */
export function fillMissing(type: ElementType, cells: Elements): void {
  if (isFloat(type)) (cells as Float64Array).fill(NaN);
}

/** Puts a slot of type `from` into a cell of type `to`, which holds every value of `from`. */
export function putSlot(
  slots: Slots,
  slot: number,
  from: ElementType,
  place: { cells: Elements; to: ElementType; row: number },
): void {
  const { cells, to, row } = place;
  if (to === "i8") (cells as BigInt64Array)[row] = BigInt.asIntN(64, slots.big[slot]!);
  else if (to === "u8") (cells as BigUint64Array)[row] = slots.big[slot]!;
  else (cells as Float64Array)[row] = slots.number(slot, from);
}
