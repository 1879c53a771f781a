import { asLeaseId, type LeaseId } from "@evb/event";
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
  /** Of a run that is rebuilt: what is to be written for each event, encoded; see part-message.ts. */
  readonly parts?: readonly Uint8Array[] | undefined;
}

/** Leases of one frame; more are sent in a second one. */
export const LEASES_PER_FRAME_MAX = 4096;

/**
 * Many leases in one frame:
 * (id, first, events, fragments) u32 (leases, 4) | time u64 (events) | row u32 (fragments) |
 * fragmentCount u16 (events) | source u16 (fragments)
 * and where leases have parts, each column and part from a multiple of 8: part bytes u32 (events) | parts
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
  const bytes =
    parts.length === 0
      ? columnBytes
      : aligned(columnBytes) + aligned(4 * events) + sum(parts, (part) => aligned(part.length));
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

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** @throws EvbError "frame-bad" */
export function decodeLeases(header: Header, frame: Uint8Array, sourceCount: number): Lease[] {
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
  const parts = cursor.isAtEnd ? undefined : takeParts(cursor, events);
  cursor.end();
  if (source.some((each) => each >= sourceCount)) throw bad("it names a source that isn't there");
  const leases: Lease[] = [];
  let event = 0;
  let fragment = 0;
  for (let i = 0; i < n; i++) {
    const [id, first, eventCount, fragmentCount] = heads.subarray(4 * i, 4 * i + 4);
    const fragmentCounts = counts.subarray(event, event + eventCount!);
    if (sum(fragmentCounts, (count) => count) !== fragmentCount)
      throw bad("its fragments don't add up");
    leases.push({
      id: asLeaseId(id!),
      first: first!,
      time: time.subarray(event, event + eventCount!),
      fragmentCount: fragmentCounts,
      source: source.subarray(fragment, fragment + fragmentCount),
      row: row.subarray(fragment, fragment + fragmentCount),
      ...(parts && { parts: parts.slice(event, event + eventCount!) }),
    });
    event += eventCount!;
    fragment += fragmentCount;
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
