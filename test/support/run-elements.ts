import { elementBytes, viewElements, type Elements, type ElementType } from "@evb/event";

/** A typed array with these values. */
export function newElementsOf(type: ElementType, values: readonly number[]): Elements {
  const elements = viewElements(type, new Uint8Array(values.length * elementBytes(type)));
  values.forEach((value, i) => {
    if (elements instanceof BigInt64Array || elements instanceof BigUint64Array)
      elements[i] = BigInt(value);
    else elements[i] = value;
  });
  return elements;
}
