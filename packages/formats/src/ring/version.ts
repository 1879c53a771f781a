import { FileBytes, type ByteSource } from "./file-bytes.ts";
import {
  BODY_HEADER_BYTES,
  HEAD_BYTES,
  HEADERLESS_BODY_OFFSET,
  ITEM_HEADER_BYTES,
  isGlomsUnknownPayload,
  isLittleEndian,
  looksLikeV10,
  type ItemHead,
} from "./head.ts";
import { ITEM_TYPE, isStateChange, itemTypeName } from "./item-type.ts";

/** A file that hasn't told its version in so many items is taken for what its first scalers or events look like. */
const DECIDING_ITEMS_MAX = 1000;

/** Types whose sizes alone tell 10 from later versions, whatever else is in the file. */
const tellsForItself = (type: number): boolean =>
  isStateChange(type) ||
  type === ITEM_TYPE.RING_FORMAT ||
  type === ITEM_TYPE.EVB_GLOM_INFO ||
  type === ITEM_TYPE.TIMESTAMPED_NONINCR_SCALERS ||
  type === ITEM_TYPE.PHYSICS_EVENT_COUNT;

/**
 * Whether a file was written by NSCLDAQ 10. The first item that can't be mistaken decides; scalers and
 * events count only where there is none such, for a source id or a word of data can make them look older.
 */
export function isV10File(file: ByteSource): boolean {
  let guess: boolean | undefined;
  for (let n = 0, at = 0; n < DECIDING_ITEMS_MAX && at + ITEM_HEADER_BYTES <= file.sizeBytes; n++) {
    const start = file.view(at, HEAD_BYTES);
    const little = isLittleEndian(start, 0);
    const size = start.getUint32(0, little);
    if (size < ITEM_HEADER_BYTES || at + size > file.sizeBytes) break;
    const verdict = verdictOf(file.view(at, size));
    if (verdict !== undefined && tellsForItself(start.getUint32(4, little))) return verdict;
    guess ??= verdict;
    at += size;
  }
  return guess ?? false;
}

/** The same of a file by its path. @throws EvbError "ring-unreadable" */
export function isV10(path: string): boolean {
  const file = new FileBytes(path);
  try {
    return isV10File(file);
  } finally {
    file.close();
  }
}

/** Items too short for the word that would tell don't. */
const verdictOf = (item: DataView): boolean | undefined =>
  item.byteLength < HEADERLESS_BODY_OFFSET ? undefined : looksLikeV10(item);

/** Whether an item is of NSCLDAQ 10: as it says itself, else as its file. */
function isV10Item(item: { size: number; type: number }, v10File: boolean): boolean {
  const { size, type } = item;
  if (!tellsForItself(type) || size < HEADERLESS_BODY_OFFSET) return v10File;
  // Of these types only type and size are looked at.
  const sized = new DataView(new ArrayBuffer(Math.min(size, SIZED_BYTES_MAX)));
  sized.setUint32(4, type, true);
  return looksLikeV10(sized) ?? v10File;
}

/** Larger than every size that makes a difference. */
const SIZED_BYTES_MAX = 128;

/** What an item is and where its body begins; of its body header nothing. */
export interface ItemOutline {
  readonly size: number;
  readonly type: number;
  readonly littleEndian: boolean;
  readonly bodyOffset: number;
  readonly v10: boolean;
}

/**
 * The outline of the item at `at`, read as the version that the item itself shows. A body header that
 * would not fit into its item counts as none.
 *
 * @param v10File see {@link isV10File}
 */
export function outlineOf(view: DataView, at: number, v10File: boolean): ItemOutline {
  const littleEndian = isLittleEndian(view, at);
  const size = view.getUint32(at, littleEndian);
  const type = view.getUint32(at + 4, littleEndian);
  const v10 = isV10Item({ size, type }, v10File);
  let bodyOffset = v10 ? ITEM_HEADER_BYTES : Math.min(size, HEADERLESS_BODY_OFFSET);
  if (!v10 && size >= HEAD_BYTES) {
    const bytes = view.getUint32(at + 8, littleEndian);
    const glom =
      type === ITEM_TYPE.EVB_UNKNOWN_PAYLOAD && isGlomsUnknownPayload(view, at, size, littleEndian);
    if (bytes >= BODY_HEADER_BYTES && bytes <= size - ITEM_HEADER_BYTES && !glom)
      bodyOffset = ITEM_HEADER_BYTES + bytes;
  }
  return { size, type, littleEndian, bodyOffset, v10 };
}

/** The same with the body header, if there is one. */
export function headOf(view: DataView, at: number, v10File: boolean): ItemHead & ItemOutline {
  const { size, type, littleEndian, bodyOffset, v10 } = outlineOf(view, at, v10File);
  const bytes = bodyOffset - ITEM_HEADER_BYTES;
  const header =
    bytes < BODY_HEADER_BYTES
      ? undefined
      : {
          bytes,
          stamp: view.getBigUint64(at + 12, littleEndian),
          source: view.getUint32(at + 20, littleEndian),
          barrier: view.getUint32(at + 24, littleEndian),
        };
  return { size, type, littleEndian, header, bodyOffset, v10 };
}

/** Whether what stands for the body header of a known type is neither "none" nor one that fits into the item. */
export function hasBadHeader(view: DataView, at: number, outline: ItemOutline): boolean {
  const { size, type, littleEndian: little, bodyOffset, v10 } = outline;
  if (v10 || itemTypeName(type) === undefined) return false;
  if (size < HEADERLESS_BODY_OFFSET) return true;
  if (view.getUint32(at + 8, little) <= HEADERLESS_WORD_MAX) return false;
  if (bodyOffset > HEADERLESS_BODY_OFFSET) return false;
  return !(type === ITEM_TYPE.EVB_UNKNOWN_PAYLOAD && isGlomsUnknownPayload(view, at, size, little));
}

/** 0 until 11, 4 since 12. */
const HEADERLESS_WORD_MAX = 4;
