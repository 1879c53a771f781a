import { NOWHERE, type RowLayout } from "../hdf5/rows/row-layout.ts";
import {
  BODY_HEADER_BYTES,
  HEADERLESS_BODY_OFFSET,
  ITEM_HEADER_BYTES,
  isLittleEndian,
} from "./head.ts";
import { ITEM_TYPE } from "./item-type.ts";
import { outlineOf } from "./version.ts";

/** How the index says that a source's rows are ring items: each a chunk of bytes, which only its place gives a size. */
export const RING_ROWS: Omit<RowLayout, "ring" | "bigEndian"> = {
  itemShape: [],
  elementBytes: 1,
  chunk: [1],
  address: NOWHERE,
  filters: [],
  fill: undefined,
};

/** Whether a payload is a ring item as long as the payload itself. */
export const isItem = (view: DataView, at: number, size: number): boolean =>
  size >= ITEM_HEADER_BYTES && view.getUint32(at, isLittleEndian(view, at)) === size;

/**
 * Where an analysis' data begin in a fragment's payload: behind the ring item's header and its body header. 0
 * where the payload is no ring item of this size: some builders collected other things, too.
 *
 * @param at where the payload begins in `view`
 * @param v10 see {@link isV10}
 */
export function dataOffset(view: DataView, at: number, size: number, v10: boolean): number {
  if (!isItem(view, at, size)) return 0;
  const little = isLittleEndian(view, at);
  // Written out for what nearly all are: an outline is an object, and there are millions.
  if (view.getUint32(at + 4, little) !== ITEM_TYPE.PHYSICS_EVENT)
    return outlineOf(view, at, v10).bodyOffset;
  if (v10) return ITEM_HEADER_BYTES;
  if (size < HEADERLESS_BODY_OFFSET) return size;
  const word = view.getUint32(at + 8, little);
  const hasHeader = word >= BODY_HEADER_BYTES && word <= size - ITEM_HEADER_BYTES;
  return hasHeader ? ITEM_HEADER_BYTES + word : HEADERLESS_BODY_OFFSET;
}
