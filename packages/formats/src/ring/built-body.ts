import { FRAGMENT_HEADER_BYTES, ITEM_HEADER_BYTES } from "./head.ts";
import { itemTypeName } from "./item-type.ts";

// Whether bytes look like the body of a built event: byte count u32 | fragments. Bodies go from a place to an end.

/** The byte count, which counts itself. */
export const COUNT_BYTES = 4;

/** A built body begins with its own byte count; of a raw one a count of 16-bit words does. */
export const countsItself = (view: DataView, body: number, end: number, little: boolean): boolean =>
  end - body >= COUNT_BYTES && view.getUint32(body, little) === end - body;

/** How many fragments follow each other up to `end`; 0 where they don't end there. */
export function fragmentsUpTo(view: DataView, first: number, end: number, little: boolean): number {
  let fragments = 0;
  let at = first;
  while (at < end) {
    if (end - at < FRAGMENT_HEADER_BYTES) return 0;
    const payloadBytes = view.getUint32(at + 12, little);
    const item = at + FRAGMENT_HEADER_BYTES;
    if (payloadBytes > end - item) return 0;
    at = item + payloadBytes;
    fragments++;
  }
  return at === end ? fragments : 0;
}

/** Whether what would be the first fragment holds an item of a known type, though its size may not fit. */
export function beginsWithItem(
  view: DataView,
  first: number,
  end: number,
  little: boolean,
): boolean {
  const item = first + FRAGMENT_HEADER_BYTES;
  if (item + ITEM_HEADER_BYTES > end) return false;
  return itemTypeName(view.getUint32(item + 4, little)) !== undefined;
}

/** Whether what would be the first fragment holds a ring item beyond doubt. */
export function holdsItem(view: DataView, first: number, end: number, little: boolean): boolean {
  const item = first + FRAGMENT_HEADER_BYTES;
  if (!beginsWithItem(view, first, end, little)) return false;
  const bytes = view.getUint32(first + 12, little);
  if (bytes < ITEM_HEADER_BYTES || bytes > end - item) return false;
  return view.getUint32(item, little) === bytes;
}
