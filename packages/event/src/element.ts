/** Element types of a data set that evb works on, as numpy's dtype.str without the byte order. */
export const ELEMENT_TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"] as const;
export type ElementType = (typeof ELEMENT_TYPES)[number];

/** A typed array over elements of one of the {@link ELEMENT_TYPES}. */
export type Elements =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

const VIEWS = {
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
  f4: Float32Array,
  f8: Float64Array,
} as const;

export const elementBytes = (type: ElementType): number => Number(type[1]);
export const isFloat = (type: ElementType): boolean => type.startsWith("f");
export const isUnsigned = (type: ElementType): boolean => type.startsWith("u");

export function asElementType(text: string): ElementType | undefined {
  return ELEMENT_TYPES.find((type) => type === text);
}

/**
 * A typed view, without copying.
 *
 * @param bytes its `byteOffset` must be a multiple of the element's size
 * @param count elements, not bytes
 */
export function viewElements(
  type: ElementType,
  bytes: Uint8Array,
  count = bytes.byteLength / elementBytes(type),
): Elements {
  return new VIEWS[type](bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
}

/** The type that holds the values of both, by numpy's promotion (`numpy.result_type`). */
export function promote(a: ElementType, b: ElementType): ElementType {
  if (a === b) return a;
  const [sizeA, sizeB] = [elementBytes(a), elementBytes(b)];
  if (isFloat(a) || isFloat(b)) return promoteFloat(a, b);
  if (isUnsigned(a) === isUnsigned(b)) return sizeA > sizeB ? a : b;
  const [signed, unsigned] = isUnsigned(a) ? [b, a] : [a, b];
  if (elementBytes(signed) > elementBytes(unsigned)) return signed;
  const wider = 2 * elementBytes(unsigned);
  return wider > 8 ? "f8" : (`i${String(wider)}` as ElementType);
}

function promoteFloat(a: ElementType, b: ElementType): ElementType {
  const needs = (type: ElementType): number =>
    isFloat(type) ? elementBytes(type) : elementBytes(type) <= 2 ? 4 : 8;
  return Math.max(needs(a), needs(b)) > 4 ? "f8" : "f4";
}
