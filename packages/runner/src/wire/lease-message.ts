import { asLeaseId, type LeaseId } from "@evb/event";
import type { ChunkPlaces } from "@evb/formats";
import { fault } from "../faults.ts";
import { ColumnCursor } from "./columns.ts";
import { HEADER_BYTES, newFrame, type Header } from "./header.ts";

/** Events in one client's hands, with all that it takes to read them. */
export interface Lease {
  readonly id: LeaseId;
  /** Number of the first event. */
  readonly first: number;
  /** Shape (events), u64 ticks. */
  readonly time: BigUint64Array;
  /** Shape (events): fragments of each event. */
  readonly fragmentCount: Uint16Array;
  /** Shape (fragments): rows of the welcome's sources. */
  readonly source: Uint16Array;
  /** Shape (fragments): rows of the source's payload. */
  readonly row: Uint32Array;
  /** Where the chunks of the fragments lie, those of each one behind the other; undefined where none has any. */
  readonly places?: ChunkPlaces | undefined;
  /** Of a run that is rebuilt: what is to be written for each event, encoded; see part-message.ts. */
  readonly parts?: readonly Uint8Array[] | undefined;
}

/** Leases of one frame; more are sent in a second one. */
export const LEASES_PER_FRAME_MAX = 4096;

/**
 * Many leases in one frame:
 * (id, first, events, fragments) u32 (leases, 4) | time u64 (events) | row u32 (fragments) |
 * fragmentCount u16 (events) | source u16 (fragments)
 * and, each from a multiple of 8, where leases have parts: part bytes u32 (events) | parts
 * or where their sources have chunks: flags, 0 u32 | address f64 (chunks) | stored u32 (chunks) | mask u32 (chunks),
 * the last two as the flags say
 */
export function encodeLeases(
  header: Omit<Header, "n"> & { readonly kind: "lease" | "double" },
  leases: readonly Lease[],
): Uint8Array<ArrayBuffer> {
  const n = leases.length;
  const events = sum(leases, (lease) => lease.time.length);
  const fragments = sum(leases, (lease) => lease.row.length);
  const columnBytes = 8 * events + 16 * n + 4 * fragments + 2 * events + 2 * fragments;
  // Of all leases, or of none: asked once, as most frames have none and there are many.
  const parts = leases[0]?.parts === undefined ? [] : leases.flatMap((lease) => lease.parts ?? []);
  const places = leases[0]?.places === undefined ? [] : leases.map((lease) => lease.places!);
  const bytes =
    parts.length > 0
      ? aligned(columnBytes) + aligned(4 * events) + sum(parts, (part) => aligned(part.length))
      : places.length > 0
        ? aligned(columnBytes) + placesBytes(places)
        : columnBytes;
  const { frame } = newFrame({ ...header, n }, bytes);
  const cursor = new ColumnCursor(frame, HEADER_BYTES, "lease");
  const heads = cursor.take("u32", 4 * n);
  const time = cursor.take("u64", events);
  const row = cursor.take("u32", fragments);
  const counts = cursor.take("u16", events);
  const source = cursor.take("u16", fragments);
  let event = 0;
  let fragment = 0;
  leases.forEach((lease, i) => {
    heads.set([lease.id, lease.first, lease.time.length, lease.row.length], 4 * i);
    time.set(lease.time, event);
    counts.set(lease.fragmentCount, event);
    row.set(lease.row, fragment);
    source.set(lease.source, fragment);
    event += lease.time.length;
    fragment += lease.row.length;
  });
  if (parts.length > 0) putParts(cursor, parts);
  if (places.length > 0) putPlaces(cursor, places);
  return frame;
}

function putParts(cursor: ColumnCursor, parts: readonly Uint8Array[]): void {
  cursor.align();
  cursor.take("u32", parts.length).set(parts.map((part) => part.length));
  for (const part of parts) {
    cursor.align();
    cursor.take("u8", part.length).set(part);
  }
}

function takeParts(cursor: ColumnCursor, events: number): Uint8Array[] {
  cursor.align();
  const lengths = cursor.take("u32", events);
  const parts: Uint8Array[] = [];
  for (const length of lengths) {
    cursor.align();
    parts.push(cursor.take("u8", length));
  }
  cursor.align();
  return parts;
}

const STORED = 1;
const MASK = 2;

function placesBytes(places: readonly ChunkPlaces[]): number {
  const chunks = sum(places, ({ address }) => address.length);
  const [{ stored, mask }] = places as [ChunkPlaces];
  return 8 + 8 * chunks + (stored ? aligned(4 * chunks) : 0) + (mask ? aligned(4 * chunks) : 0);
}

function putPlaces(cursor: ColumnCursor, places: readonly ChunkPlaces[]): void {
  const chunks = sum(places, ({ address }) => address.length);
  const [{ stored, mask }] = places as [ChunkPlaces];
  cursor.align();
  cursor.take("u32", 2).set([(stored ? STORED : 0) | (mask ? MASK : 0), 0]);
  const put = (
    column: Float64Array | Uint32Array,
    of: (each: ChunkPlaces) => ArrayLike<number>,
  ) => {
    let at = 0;
    for (const each of places) {
      column.set(of(each), at);
      at += each.address.length;
    }
    cursor.align();
  };
  put(cursor.take("f64", chunks), ({ address }) => address);
  if (stored) put(cursor.take("u32", chunks), (each) => each.stored!);
  if (mask) put(cursor.take("u32", chunks), (each) => each.mask!);
}

function takePlaces(
  cursor: ColumnCursor,
  source: Uint16Array,
  chunksPerRow: Uint32Array,
): ChunkPlaces {
  const chunks = sum(source, (each) => chunksPerRow[each]!);
  cursor.align();
  const [flags] = cursor.take("u32", 2);
  const address = cursor.take("f64", chunks);
  const stored = (flags! & STORED) === 0 ? undefined : cursor.take("u32", chunks);
  cursor.align();
  const mask = (flags! & MASK) === 0 ? undefined : cursor.take("u32", chunks);
  cursor.align();
  return { address, stored, mask };
}

const placesIn = (
  { address, stored, mask }: ChunkPlaces,
  from: number,
  to: number,
): ChunkPlaces => ({
  address: address.subarray(from, to),
  stored: stored?.subarray(from, to),
  mask: mask?.subarray(from, to),
});

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** What a client was told of its sources. */
export interface LeaseSources {
  readonly count: number;
  /** By source: chunks of each row; undefined where no source has chunks. */
  readonly chunksPerRow: Uint32Array | undefined;
}

/** @throws EvbError "frame-bad" */
export function decodeLeases(
  header: Header,
  frame: Uint8Array,
  { count: sourceCount, chunksPerRow }: LeaseSources,
): Lease[] {
  const n = header.n;
  if (n > LEASES_PER_FRAME_MAX) throw bad(`it holds ${String(n)} leases`);
  const cursor = new ColumnCursor(frame, HEADER_BYTES, "lease");
  const heads = cursor.take("u32", 4 * n);
  const events = sumOfColumn(heads, 2);
  const fragments = sumOfColumn(heads, 3);
  const time = cursor.take("u64", events);
  const row = cursor.take("u32", fragments);
  const counts = cursor.take("u16", events);
  const source = cursor.take("u16", fragments);
  if (source.some((each) => each >= sourceCount)) throw bad("it names a source that isn't there");
  const hasMore = !cursor.isAtEnd;
  const places = hasMore && chunksPerRow ? takePlaces(cursor, source, chunksPerRow) : undefined;
  const parts = hasMore && !chunksPerRow ? takeParts(cursor, events) : undefined;
  cursor.end();
  let chunk = 0;
  const leases: Lease[] = [];
  let event = 0;
  let fragment = 0;
  for (let i = 0; i < n; i++) {
    const [id, first, eventCount, fragmentCount] = heads.subarray(4 * i, 4 * i + 4);
    const fragmentCounts = counts.subarray(event, event + eventCount!);
    if (sum(fragmentCounts, (count) => count) !== fragmentCount)
      throw bad("its fragments don't add up");
    const sources = source.subarray(fragment, fragment + fragmentCount);
    const chunks = places === undefined ? 0 : sum(sources, (each) => chunksPerRow![each]!);
    leases.push({
      id: asLeaseId(id!),
      first: first!,
      time: time.subarray(event, event + eventCount!),
      fragmentCount: fragmentCounts,
      source: sources,
      row: row.subarray(fragment, fragment + fragmentCount),
      ...(places && { places: placesIn(places, chunk, chunk + chunks) }),
      ...(parts && { parts: parts.slice(event, event + eventCount!) }),
    });
    event += eventCount!;
    fragment += fragmentCount;
    chunk += chunks;
  }
  return leases;
}

/** Of a table of four columns, as heads of leases and ranges are. */
export function sumOfColumn(heads: Uint32Array, column: number): number {
  let total = 0;
  for (let i = column; i < heads.length; i += 4) total += heads[i]!;
  return total;
}

function sum<Item>(items: ArrayLike<Item>, of: (item: Item) => number): number {
  let total = 0;
  for (let i = 0; i < items.length; i++) total += of(items[i]!);
  return total;
}

function bad(reason: string): Error {
  return fault("frame-bad", { what: "lease", reason });
}
