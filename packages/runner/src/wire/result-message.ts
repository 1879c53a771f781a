import { fault } from "../faults.ts";
import { ColumnCursor } from "./columns.ts";
import { HEADER_BYTES, newFrame, type Header } from "./header.ts";
import { sumOfColumn } from "./lease-message.ts";

/** Some consecutive events of a lease. */
export interface EventRange {
  readonly lease: number;
  readonly first: number;
  readonly events: number;
  readonly fragments: number;
}

/** What a client's process has done since it began: sums, so that a lost or repeated message changes nothing. */
export interface ClientTimes {
  /** Decoded bytes given to the analysis. */
  readonly bytes: number;
  /** Bytes taken from files. */
  readonly bytesRead: number;
  /** Since its first lease. */
  readonly seconds: number;
  readonly waitSeconds: number;
  readonly openSeconds: number;
  readonly readSeconds: number;
  readonly decodeSeconds: number;
  readonly analysisSeconds: number;
  /** Making messages of results and totals, and holding back while too much is unacknowledged. */
  readonly publishSeconds: number;
}

export const NO_TIMES: ClientTimes = {
  bytes: 0,
  bytesRead: 0,
  seconds: 0,
  waitSeconds: 0,
  openSeconds: 0,
  readSeconds: 0,
  decodeSeconds: 0,
  analysisSeconds: 0,
  publishSeconds: 0,
};

const TIME_FIELDS = [
  "bytes",
  "bytesRead",
  "seconds",
  "waitSeconds",
  "openSeconds",
  "readSeconds",
  "decodeSeconds",
  "analysisSeconds",
  "publishSeconds",
] as const satisfies readonly (keyof ClientTimes)[];

/** Results of some events. Values are 8-byte slots: i64, u64 or f64 as the column's type says. */
export interface Results {
  readonly ranges: readonly EventRange[];
  readonly times: ClientTimes;
  /** For each event column shape (events), one behind the other in the order of the ranges. */
  readonly eventSlots: BigUint64Array;
  /** For each fragment column shape (fragments). */
  readonly fragmentSlots: BigUint64Array;
}

/** Ranges of one frame. */
export const RANGES_PER_FRAME_MAX = 65_536;

/**
 * (lease, first, events, fragments) u32 (ranges, 4) | times f64 (9) |
 * event slots u64 (event columns, events) | fragment slots u64 (fragment columns, fragments)
 */
export function encodeResults(
  header: Omit<Header, "kind" | "n">,
  results: Results,
): Uint8Array<ArrayBuffer> {
  const { ranges, times, eventSlots, fragmentSlots } = results;
  const n = ranges.length;
  const slots = eventSlots.length + fragmentSlots.length;
  const bytes = 16 * n + 8 * TIME_FIELDS.length + 8 * slots;
  const { frame } = newFrame({ ...header, kind: "result", n }, bytes);
  const cursor = new ColumnCursor(frame, HEADER_BYTES, "result");
  const heads = cursor.take("u32", 4 * n);
  ranges.forEach((range, i) => {
    heads.set([range.lease, range.first, range.events, range.fragments], 4 * i);
  });
  cursor.take("f64", TIME_FIELDS.length).set(TIME_FIELDS.map((field) => times[field]));
  cursor.take("u64", eventSlots.length).set(eventSlots);
  cursor.take("u64", fragmentSlots.length).set(fragmentSlots);
  return frame;
}

/** @throws EvbError "frame-bad" */
export function decodeResults(
  header: Header,
  frame: Uint8Array,
  columns: { event: number; fragment: number },
): Results {
  if (header.n > RANGES_PER_FRAME_MAX) throw bad(`it holds ${String(header.n)} ranges`);
  const cursor = new ColumnCursor(frame, HEADER_BYTES, "result");
  const heads = cursor.take("u32", 4 * header.n);
  const timeValues = cursor.take("f64", TIME_FIELDS.length);
  if (timeValues.some((value) => !(value >= 0 && Number.isFinite(value))))
    throw bad("its times are none");
  const eventSlots = cursor.take("u64", columns.event * sumOfColumn(heads, 2));
  const fragmentSlots = cursor.take("u64", columns.fragment * sumOfColumn(heads, 3));
  cursor.end();
  const ranges: EventRange[] = [];
  for (let i = 0; i < heads.length; i += 4) {
    const [lease, first, events, fragments] = heads.subarray(i, i + 4);
    ranges.push({ lease: lease!, first: first!, events: events!, fragments: fragments! });
  }
  const times = Object.fromEntries(TIME_FIELDS.map((field, i) => [field, timeValues[i]!]));
  return {
    ranges,
    times: times as Record<(typeof TIME_FIELDS)[number], number>,
    eventSlots,
    fragmentSlots,
  };
}

function bad(reason: string): Error {
  return fault("frame-bad", { what: "result", reason });
}
