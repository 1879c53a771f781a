import { elementBytes, isFloat, viewElements, type ElementType } from "@evb/event";

/** One element of what isn't there: not-a-number for floats; undefined: zeros. */
export function missingElement(type: ElementType): Uint8Array | undefined {
  if (!isFloat(type)) return undefined;
  const bytes = new Uint8Array(elementBytes(type));
  (viewElements(type, bytes) as Float64Array).fill(NaN);
  return bytes;
}
