import type { ByteSource } from "./file-bytes.ts";
import {
  BODY_HEADER_BYTES,
  FRAGMENT_HEADER_BYTES,
  HEAD_BYTES,
  HEADERLESS_BODY_OFFSET,
  ITEM_HEADER_BYTES,
  isLittleEndian,
} from "./head.ts";
import { ITEM_TYPE, USER_TYPE_MIN, isStateChange, itemTypeName } from "./item-type.ts";

/**
 * So many plausible items behind each other aren't chance. Inside a built event two are never: behind
 * a fragment's item comes the next fragment's header, or the event's end.
 */
const CHAIN_ITEMS = 4;
/** Bytes that are searched at a time. */
const BLOCK_BYTES = 2 ** 16;
/** A state change of any version with a body header and room for an extension. */
const STATE_BYTES_MAX = 512;
/** No extension is as long. */
const HEADER_BYTES_MAX = 2 ** 16;

/**
 * Where ring items go on behind a damaged one: where its own size leads, if items follow there, else
 * at the next plausible place; the file's size where there is none.
 *
 * @param v10 the file is of NSCLDAQ 10
 */
export function behindDamage(file: ByteSource, damagedAt: number, v10: boolean): number {
  const start = file.view(damagedAt, ITEM_HEADER_BYTES);
  if (start.byteLength === ITEM_HEADER_BYTES) {
    const end = damagedAt + start.getUint32(0, isLittleEndian(start, 0));
    const leads = end >= damagedAt + ITEM_HEADER_BYTES && end <= file.sizeBytes;
    if (leads && isChain(file, end, writerOf(file, v10))) return end;
  }
  return resynchronise(file, damagedAt + 1, v10);
}

/**
 * The first place at or behind `from` at which several plausible items follow each other, or one or
 * more up to the end of the file; the file's size where there is none. Within a built event that can
 * be its last fragment, which then is kept as an item of its own.
 */
const resynchronise = (file: ByteSource, from: number, v10: boolean): number =>
  resynchroniseBefore(file, { from, until: file.sizeBytes }, v10);

/** The same for places before `until`, which it is where there is none. */
export function resynchroniseBefore(
  file: ByteSource,
  { from, until }: { readonly from: number; readonly until: number },
  v10: boolean,
): number {
  const writer = writerOf(file, v10);
  let at = from;
  while (at < until) {
    const candidate = nextCandidate(file, { from: at, until });
    if (candidate === undefined) break;
    if (isChain(file, candidate, writer)) return candidate;
    at = candidate + 1;
  }
  return until;
}

/**
 * The next place whose bytes could be a size and a type, in either byte order. User types don't begin a
 * chain: a built event's byte count and its first stamp would look like one of those too often.
 */
function nextCandidate(
  file: ByteSource,
  { from, until }: { readonly from: number; readonly until: number },
): number | undefined {
  for (let block = from; block < until && block + ITEM_HEADER_BYTES <= file.sizeBytes;) {
    const view = file.view(block, BLOCK_BYTES);
    const places = Math.min(view.byteLength - ITEM_HEADER_BYTES + 1, until - block);
    for (let at = 0; at < places; at++) {
      // One half of a type is 0: the second of a little-endian one, the first of the others.
      const first = view.getUint16(at + 4, true);
      const second = view.getUint16(at + 6, false);
      if ((first === 0) !== (second === 0) && itemTypeName(first || second) !== undefined)
        return block + at;
    }
    block += places;
  }
  return undefined;
}

const isType = (type: number): boolean => type >= USER_TYPE_MIN || itemTypeName(type) !== undefined;

/** Who wrote the file, as far as it tells what its items look like. */
interface Writer {
  readonly v10: boolean;
  /** As the file's first item says; undefined where that is damaged, too. */
  readonly littleEndian: boolean | undefined;
}

/**
 * The byte order matters: small numbers between zeros, as headers have them, are the same numbers in the
 * other order when they are read three bytes earlier.
 */
function writerOf(file: ByteSource, v10: boolean): Writer {
  const start = file.view(0, HEAD_BYTES);
  const sound =
    start.byteLength === HEAD_BYTES && plausibleSize(start, file.sizeBytes, v10) !== undefined;
  return { v10, littleEndian: sound ? isLittleEndian(start, 0) : undefined };
}

function isChain(file: ByteSource, from: number, { v10, littleEndian }: Writer): boolean {
  let at = from;
  for (let items = 0; items < CHAIN_ITEMS && at < file.sizeBytes; items++) {
    if (at + ITEM_HEADER_BYTES > file.sizeBytes) return false;
    const start = file.view(at, HEAD_BYTES);
    if (littleEndian !== undefined && isLittleEndian(start, 0) !== littleEndian) return false;
    const size = plausibleSize(start, file.sizeBytes - at, v10);
    if (size === undefined) return false;
    at += size;
  }
  return true;
}

/** The size of an item that begins like this, or undefined where it can't be one. */
function plausibleSize(start: DataView, left: number, v10: boolean): number | undefined {
  const little = isLittleEndian(start, 0);
  const size = start.getUint32(0, little);
  const type = start.getUint32(4, little);
  const smallest = v10 ? ITEM_HEADER_BYTES : HEADERLESS_BODY_OFFSET;
  if (size < smallest || size > left || !isType(type)) return undefined;
  const word = size < HEADERLESS_BODY_OFFSET ? 0 : start.getUint32(8, little);
  if (!v10 && type < USER_TYPE_MIN && !isHeaderWord(start, { size, type, word, little }))
    return undefined;
  return isSizeOf(type, { size, headerBytes: v10 ? 0 : word }) ? size : undefined;
}

/** Whether the word behind the type says "no body header", or is the size of one that fits. */
function isHeaderWord(
  start: DataView,
  item: { size: number; type: number; word: number; little: boolean },
): boolean {
  const { size, type, word, little } = item;
  if (word === 0 || word === 4) return true;
  if (word >= BODY_HEADER_BYTES && word <= Math.min(size - ITEM_HEADER_BYTES, HEADER_BYTES_MAX))
    return true;
  // As glom writes it: a fragment header with the payload's size.
  const payloadAt = ITEM_HEADER_BYTES + FRAGMENT_HEADER_BYTES;
  return (
    type === ITEM_TYPE.EVB_UNKNOWN_PAYLOAD &&
    size >= payloadAt &&
    start.getUint32(20, little) === size - payloadAt
  );
}

/** What a type's items can measure (the bodies of NSCLDAQ 10 to 12): whole, or without body header where the body varies. */
function isSizeOf(type: number, item: { size: number; headerBytes: number }): boolean {
  const { size, headerBytes } = item;
  const body = size - ITEM_HEADER_BYTES - headerBytes;
  if (isStateChange(type)) return size >= 101 && size <= STATE_BYTES_MAX;
  if (type === ITEM_TYPE.ABNORMAL_ENDRUN) return size <= HEAD_BYTES;
  if (type === ITEM_TYPE.RING_FORMAT) return size >= 16 && size <= 32;
  if (type === ITEM_TYPE.EVB_GLOM_INFO) return size >= 24 && size <= 40;
  if (type === ITEM_TYPE.PHYSICS_EVENT_COUNT) return size >= 24 && size <= STATE_BYTES_MAX;
  if (type === ITEM_TYPE.PERIODIC_SCALERS || type === ITEM_TYPE.TIMESTAMPED_NONINCR_SCALERS)
    return body >= 16;
  if (type === ITEM_TYPE.PACKET_TYPES || type === ITEM_TYPE.MONITORED_VARIABLES) return body >= 12;
  return true;
}
