import { ITEM_TYPE, isStateChange } from "./item-type.ts";

/**
 * The first bytes of a ring item (NSCLDAQ 11 and later; 10 has no body header and no word in its place):
 *
 *     size u32 | type u32 | header bytes u32 | time stamp u64 | source u32 | barrier u32 | extension | body
 *     size u32 | type u32 | 0 or 4       u32 | body
 */
export const ITEM_HEADER_BYTES = 8;
/** Of a body header without extension, its own size word included. */
export const BODY_HEADER_BYTES = 20;
/** Where the body begins that has no body header, from NSCLDAQ 11 on. */
export const HEADERLESS_BODY_OFFSET = 12;
/** As many bytes as an item's head takes without extension. */
export const HEAD_BYTES = ITEM_HEADER_BYTES + BODY_HEADER_BYTES;
/** time stamp u64 | source u32 | payload bytes u32 | barrier u32 */
export const FRAGMENT_HEADER_BYTES = 20;
/** "No time stamp" in body and fragment headers. */
export const NULL_STAMP = 2n ** 64n - 1n;

/** What a ring item's first bytes say. Offsets are in bytes from the beginning of the item. */
export interface ItemHead {
  /** Bytes of the whole item. */
  readonly size: number;
  /** The low 16 bits alone are used. */
  readonly type: number;
  readonly littleEndian: boolean;
  /** Undefined where there is no body header. */
  readonly header: BodyHeader | undefined;
  /** May lie behind the item's end where the header's size is damaged. */
  readonly bodyOffset: number;
}

export interface BodyHeader {
  /** Its own size; more than 20 where an application extended it. */
  readonly bytes: number;
  /** u64 ticks; {@link NULL_STAMP}: none. */
  readonly stamp: bigint;
  readonly source: number;
  /** 0: no barrier. */
  readonly barrier: number;
}

/** Whether the item at `at` was written on a little-endian host: its type's low half is never 0. */
export const isLittleEndian = (view: DataView, at: number): boolean =>
  view.getUint16(at + 4, true) !== 0;

/**
 * Whether an EVB_UNKNOWN_PAYLOAD is as glom writes it: a fragment header at 8 without body header. The
 * payload's size stands where the other form has its source, so only the item's own size tells.
 */
export function isGlomsUnknownPayload(
  view: DataView,
  at: number,
  size: number,
  little: boolean,
): boolean {
  const payloadAt = ITEM_HEADER_BYTES + FRAGMENT_HEADER_BYTES;
  if (size < payloadAt) return false;
  if (view.getUint32(at + 20, little) !== size - payloadAt) return false;
  // Both at once: then a body header's size is the better sign, unless the stamp happens to be 20.
  return (
    view.getUint32(at + 8, little) !== BODY_HEADER_BYTES || view.getUint32(at + 12, little) === 0
  );
}

/** Bodies of NSCLDAQ 10: run, offset, time u32 and 81 (with padding 84) characters. */
const V10_STATE_BYTES_MAX = ITEM_HEADER_BYTES + 96;
const V10_COUNT_BYTES = ITEM_HEADER_BYTES + 16;

/**
 * Whether an item is of NSCLDAQ 10, as far as it alone can tell: undefined where it can't.
 *
 * @param item the whole item
 */
export function looksLikeV10(item: DataView): boolean | undefined {
  const little = isLittleEndian(item, 0);
  const size = item.byteLength;
  const type = item.getUint32(4, little);
  if (isStateChange(type)) return size <= V10_STATE_BYTES_MAX;
  if (type === ITEM_TYPE.RING_FORMAT || type === ITEM_TYPE.EVB_GLOM_INFO) return false;
  if (type === ITEM_TYPE.TIMESTAMPED_NONINCR_SCALERS) return true;
  if (type === ITEM_TYPE.PHYSICS_EVENT_COUNT) return size === V10_COUNT_BYTES;
  if (type === ITEM_TYPE.PERIODIC_SCALERS && size >= 24)
    return size === 24 + 4 * item.getUint32(20, little);
  if (type === ITEM_TYPE.PHYSICS_EVENT && size >= HEAD_BYTES) {
    const word = item.getUint32(8, little);
    // A built event of NSCLDAQ 10 begins with its byte count.
    if (word === size - ITEM_HEADER_BYTES) return true;
    if (word === 0 || word === 4 || word === BODY_HEADER_BYTES) return false;
  }
  return undefined;
}
