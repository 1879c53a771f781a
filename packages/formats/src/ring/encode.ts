import assert from "node:assert/strict";
import {
  BODY_HEADER_BYTES,
  FRAGMENT_HEADER_BYTES,
  HEADERLESS_BODY_OFFSET,
  ITEM_HEADER_BYTES,
  type BodyHeader,
} from "./head.ts";
import { ITEM_TYPE } from "./item-type.ts";

/** How a run's items are laid out: the release of NSCLDAQ whose bodies they have, and the writing host. */
export interface RingLayout {
  /** 12 stands for every layout with original source ids, 11.4 of 2022 included. */
  readonly version: 10 | 11 | 12;
  readonly littleEndian: boolean;
  /** What stands in place of a body header, from 11 on: 0, or 4 since the first 12.0-pre. */
  readonly headerlessWord: 0 | 4;
}

/** The layout that a release writes. */
export const ringLayout = (version: RingLayout["version"], littleEndian: boolean): RingLayout => ({
  version,
  littleEndian,
  headerlessWord: version === 12 ? 4 : 0,
});

/** A body header to be written: its size follows from what an application put behind it. */
export interface HeaderToWrite extends Omit<BodyHeader, "bytes"> {
  readonly extension?: Uint8Array | undefined;
}

/** What a fragment header says; the payload's size is the payload's. */
export interface FragmentToWrite {
  /** u64 ticks. */
  readonly stamp: bigint;
  readonly source: number;
  readonly barrier: number;
  readonly payload: Uint8Array;
}

/** Where the body of an item begins; no item of version 10 has a body header. */
export function bodyOffsetOf(layout: RingLayout, header: HeaderToWrite | undefined): number {
  if (layout.version === 10) return ITEM_HEADER_BYTES;
  if (header === undefined) return HEADERLESS_BODY_OFFSET;
  return ITEM_HEADER_BYTES + BODY_HEADER_BYTES + (header.extension?.byteLength ?? 0);
}

/**
 * Writes everything of an item but its body at `at`.
 *
 * @param size bytes of the whole item
 * @returns where the body goes
 */
export function writeItemHead(
  view: DataView,
  at: number,
  layout: RingLayout,
  { type, size, header }: { type: number; size: number; header: HeaderToWrite | undefined },
): number {
  const little = layout.littleEndian;
  const bodyAt = at + bodyOffsetOf(layout, header);
  view.setUint32(at, size, little);
  view.setUint32(at + 4, type, little);
  if (layout.version === 10) return bodyAt;
  if (header === undefined) {
    view.setUint32(at + 8, layout.headerlessWord, little);
    return bodyAt;
  }
  view.setUint32(at + 8, bodyAt - at - ITEM_HEADER_BYTES, little);
  view.setBigUint64(at + 12, header.stamp, little);
  view.setUint32(at + 20, header.source, little);
  view.setUint32(at + 24, header.barrier, little);
  if (header.extension !== undefined)
    bytesOf(view).set(header.extension, at + ITEM_HEADER_BYTES + BODY_HEADER_BYTES);
  return bodyAt;
}

/** Writes a fragment header at `at`. @returns where the payload goes */
export function writeFragmentHeader(
  view: DataView,
  at: number,
  layout: RingLayout,
  fragment: Omit<FragmentToWrite, "payload"> & { readonly payloadBytes: number },
): number {
  const little = layout.littleEndian;
  view.setBigUint64(at, fragment.stamp, little);
  view.setUint32(at + 8, fragment.source, little);
  view.setUint32(at + 12, fragment.payloadBytes, little);
  view.setUint32(at + 16, fragment.barrier, little);
  return at + FRAGMENT_HEADER_BYTES;
}

/** An item of any type around a body that is there already: PHYSICS_EVENTs, and what users defined. */
export function encodeItem(
  layout: RingLayout,
  type: number,
  body: Uint8Array,
  header: HeaderToWrite | undefined,
): Uint8Array {
  const { bytes, bodyAt } = emptyItem(layout, type, body.byteLength, header);
  bytes.set(body, bodyAt);
  return bytes;
}

/** An item whose body is to be written yet, all zeros. */
export function emptyItem(
  layout: RingLayout,
  type: number,
  bodyBytes: number,
  header: HeaderToWrite | undefined,
): { bytes: Uint8Array; view: DataView; bodyAt: number } {
  const size = bodyOffsetOf(layout, header) + bodyBytes;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  return { bytes, view, bodyAt: writeItemHead(view, 0, layout, { type, size, header }) };
}

/** A flat fragment: header and payload. */
export function encodeFragment(layout: RingLayout, fragment: FragmentToWrite): Uint8Array {
  const { payload } = fragment;
  const bytes = new Uint8Array(FRAGMENT_HEADER_BYTES + payload.byteLength);
  const header = { ...fragment, payloadBytes: payload.byteLength };
  bytes.set(payload, writeFragmentHeader(new DataView(bytes.buffer), 0, layout, header));
  return bytes;
}

/**
 * A built PHYSICS_EVENT:
 *
 *     head | byte count u32, its own 4 included | fragment header, payload | fragment header, payload …
 *
 * A payload that is a built event itself makes a nested one.
 */
export function encodeBuiltEvent(
  layout: RingLayout,
  fragments: readonly FragmentToWrite[],
  header: HeaderToWrite | undefined,
): Uint8Array {
  const bodyBytes = builtBodyBytes(fragments.map(({ payload }) => payload.byteLength));
  const { bytes, view, bodyAt } = emptyItem(layout, ITEM_TYPE.PHYSICS_EVENT, bodyBytes, header);
  let at = bodyAt;
  view.setUint32(at, bodyBytes, layout.littleEndian);
  at += COUNT_BYTES;
  for (const fragment of fragments) {
    const payloadBytes = fragment.payload.byteLength;
    at = writeFragmentHeader(view, at, layout, { ...fragment, payloadBytes });
    bytes.set(fragment.payload, at);
    at += payloadBytes;
  }
  return bytes;
}

const COUNT_BYTES = 4;

/** What a built event's byte count says, from its payloads' sizes. */
const builtBodyBytes = (payloadBytes: readonly number[]): number =>
  payloadBytes.reduce((sum, bytes) => sum + FRAGMENT_HEADER_BYTES + bytes, COUNT_BYTES);

/**
 * A fragment as an item of its own: EVB_FRAGMENT, or EVB_UNKNOWN_PAYLOAD as the format library writes it. From 11 on the
 * fragment's header is the body header; in 10 the fragment stands behind the item header as it is.
 */
export function encodeFragmentItem(
  layout: RingLayout,
  type: typeof ITEM_TYPE.EVB_FRAGMENT | typeof ITEM_TYPE.EVB_UNKNOWN_PAYLOAD,
  fragment: FragmentToWrite,
): Uint8Array {
  if (layout.version === 10)
    return encodeItem(layout, type, encodeFragment(layout, fragment), undefined);
  const { stamp, source, barrier, payload } = fragment;
  return encodeItem(layout, type, payload, { stamp, source, barrier });
}

/** EVB_UNKNOWN_PAYLOAD as glom writes it in every version: the fragment stands behind the item header as it is. */
export function encodeGlomsUnknownPayload(
  layout: RingLayout,
  fragment: FragmentToWrite,
): Uint8Array {
  const bare = { ...layout, version: 10 } as const;
  return encodeFragmentItem(bare, ITEM_TYPE.EVB_UNKNOWN_PAYLOAD, fragment);
}

/** Types that came with version 11 have no layout in version 10. */
export function assertNotV10(layout: RingLayout, type: string): void {
  assert.notEqual(layout.version, 10, `NSCLDAQ 10 has no ${type}`);
}

const bytesOf = (view: DataView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
