import { asElementType, type ElementType } from "@evb/event";

/** What rows are stored as: element types, and 16-bit floats, which are given as f4. */
export type StoredType = ElementType | "f2";

/** What an index's word for a type means; undefined: no type. */
export function givenType(
  stored: string,
): { readonly type: ElementType; readonly halves?: true } | undefined {
  if (stored === "f2") return { type: "f4", halves: true };
  const type = asElementType(stored);
  return type && { type };
}
