import type { ChunkPlaces } from "@evb/formats";
import { fault } from "../faults.ts";
import { ColumnCursor } from "./columns.ts";

/** Some events of one source of an extract, with all that it takes to write them. */
export interface ExtractPart {
  /** Row of the welcome's sources. */
  readonly source: number;
  /** Of the output's rows: the first. */
  readonly first: number;
  /** Events of a chunk of the output; 0: it has none. Parts begin with one. */
  readonly chunkEvents: number;
  /** Shape (events): rows of the source; {@link ABSENT}: the event lacks it. */
  readonly row: Uint32Array;
  /** Of the rows' chunks: entries for each row that isn't in the same chunks as the one before it. */
  readonly places: ChunkPlaces | undefined;
  /**
   * Bytes from the output's beginning. Without chunks, shape (1): where the first event's row goes. With chunks, shape
   * (chunks): NOWHERE where no event has the source. Empty where chunks are compressed: their places aren't known yet.
   */
  readonly address: Float64Array;
}

/** Fragments of an index are fewer than 2^32 − 1, so no row has this number. */
export const ABSENT = 2 ** 32 - 1;

/** u32: source, chunk events, events, entries, flags, addresses; f64: first */
const HEAD_WORDS = 6;
const STORED = 1;
const MASKED = 2;

/** Columns of f64 come first, so that all are aligned; its length is a multiple of 8. */
export function encodeExtractPart(part: ExtractPart): Uint8Array<ArrayBuffer> {
  const { source, first, chunkEvents, row, places, address } = part;
  const entries = places?.address.length ?? 0;
  const { stored, mask } = places ?? {};
  const words =
    row.length + (stored === undefined ? 0 : entries) + (mask === undefined ? 0 : entries);
  const bytes = 4 * HEAD_WORDS + 8 * (1 + address.length + entries) + 4 * words;
  const frame = new Uint8Array(new ArrayBuffer(Math.ceil(bytes / 8) * 8));
  const cursor = new ColumnCursor(frame, 0, "part");
  const flags = (stored === undefined ? 0 : STORED) | (mask === undefined ? 0 : MASKED);
  cursor
    .take("u32", HEAD_WORDS)
    .set([source, chunkEvents, row.length, entries, flags, address.length]);
  cursor.take("f64", 1).set([first]);
  cursor.take("f64", address.length).set(address);
  if (places !== undefined) cursor.take("f64", entries).set(places.address);
  cursor.take("u32", row.length).set(row);
  if (stored !== undefined) cursor.take("u32", entries).set(stored);
  if (mask !== undefined) cursor.take("u32", entries).set(mask);
  return frame;
}

/** @throws EvbError "frame-bad" */
export function decodeExtractPart(frame: Uint8Array): ExtractPart {
  const cursor = new ColumnCursor(frame, 0, "part");
  const [source, chunkEvents, events, entries, flags, addresses] = cursor.take("u32", HEAD_WORDS);
  const [first] = cursor.take("f64", 1);
  const address = cursor.take("f64", addresses!);
  const placeAddress = cursor.take("f64", entries!);
  const row = cursor.take("u32", events!);
  const stored = (flags! & STORED) === 0 ? undefined : cursor.take("u32", entries!);
  const mask = (flags! & MASKED) === 0 ? undefined : cursor.take("u32", entries!);
  const places = entries === 0 ? undefined : { address: placeAddress, stored, mask };
  const part = { source: source!, first: first!, chunkEvents: chunkEvents!, row, places, address };
  checkPlaces(part);
  return part;
}

/** Nothing is written to a place that isn't one. */
function checkPlaces({ first, chunkEvents, row, address }: ExtractPart): void {
  if (!Number.isSafeInteger(first) || first < 0) throw bad("its first row is none");
  if (address.some((at) => !Number.isSafeInteger(at))) throw bad("an address is none");
  const wanted = chunkEvents === 0 ? 1 : Math.ceil(row.length / chunkEvents);
  if (address.length !== 0 && address.length !== wanted)
    throw bad("it has not as many addresses as chunks");
}

const bad = (reason: string): Error => fault("frame-bad", { what: "part", reason });
