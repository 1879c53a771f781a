import type { ResultSchema } from "@evb/analysis";
import type { EventSlab, RunEvents } from "@evb/index";
import type { EventTable } from "../coordinator/event-table.ts";
import type { Range } from "../coordinator/range-set.ts";
import type { EventRange, Results } from "../wire/result-message.ts";
import type { JournalResults } from "./journal-results.ts";
import { Slots } from "./slots.ts";

/** Events that are put together in memory at a time. */
const SLAB_EVENTS = 2 ** 17;

/** Some events with everything that is known of them, before it is written. */
export interface Slab {
  /** Row of its first event in results.h5, and of its first fragment. */
  readonly row: number;
  readonly fragmentRow: number;
  readonly parts: readonly { readonly range: Range; readonly index: EventSlab }[];
  /** Shape (events + 1): fragments before each event, in this slab. */
  readonly start: Uint32Array;
  /** Shape (fragments). */
  readonly source: Uint16Array;
  readonly fragmentRows: Uint32Array;
  readonly status: Uint8Array;
  /** One per column. */
  readonly eventSlots: readonly Slots[];
  readonly fragmentSlots: readonly Slots[];
  /** Shape (events): 1 where a result was put already. */
  readonly placed: Uint8Array;
}

/** Cuts the ranges into pieces of at most {@link SLAB_EVENTS} events together. */
export function* slabsOf(ranges: readonly Range[]): Generator<Range[]> {
  let slab: Range[] = [];
  let room = SLAB_EVENTS;
  for (const { first, end } of ranges)
    for (let at = first; at < end;) {
      const stop = Math.min(end, at + room);
      slab.push({ first: at, end: stop });
      room -= stop - at;
      at = stop;
      if (room > 0) continue;
      yield slab;
      slab = [];
      room = SLAB_EVENTS;
    }
  if (slab.length > 0) yield slab;
}

/** What the index says of some events, with room for their results. */
export function newSlab(
  index: RunEvents,
  schema: ResultSchema,
  ranges: readonly Range[],
  at: { row: number; fragmentRow: number },
): Slab {
  const parts = ranges.map((range) => ({
    range,
    index: index.slab(range.first, range.end - range.first),
  }));
  const events = sumOf(parts, ({ index }) => index.time.length);
  const fragments = sumOf(parts, ({ index }) => index.source.length);
  const slab: Slab = {
    ...at,
    parts,
    start: new Uint32Array(events + 1),
    source: new Uint16Array(fragments),
    fragmentRows: new Uint32Array(fragments),
    status: new Uint8Array(events),
    eventSlots: schema.eventColumns.map(() => new Slots(events)),
    fragmentSlots: schema.fragmentColumns.map(() => new Slots(fragments)),
    placed: new Uint8Array(events),
  };
  let event = 0;
  let fragment = 0;
  for (const { index } of parts) {
    slab.source.set(index.source, fragment);
    slab.fragmentRows.set(index.row, fragment);
    for (let k = 1; k < index.start.length; k++) slab.start[++event] = fragment + index.start[k]!;
    fragment += index.source.length;
  }
  return slab;
}

/** Puts the results of the slab's events; of two of one event the first in the journal. */
export function placeResults(slab: Slab, journal: JournalResults, table: EventTable): void {
  const low = slab.parts[0]!.range.first;
  const high = slab.parts.at(-1)!.range.end;
  for (const { results, failures } of journal.between(low, high)) {
    const failed = new Set(failures.map((failure) => failure.event));
    const columns = {
      events: sumOf(results.ranges, (range) => range.events),
      fragments: sumOf(results.ranges, (range) => range.fragments),
    };
    let event = 0;
    let fragment = 0;
    for (const range of results.ranges) {
      if (range.first < high && range.first + range.events > low)
        placeRange(slab, table, results, range, { event, fragment, failed, columns });
      event += range.events;
      fragment += range.fragments;
    }
  }
}

/** Puts the events of a range that fall into the slab and have no result yet. */
function placeRange(
  slab: Slab,
  table: EventTable,
  results: Results,
  range: EventRange,
  from: {
    /** Of the range's first event and fragment in the message's columns. */
    event: number;
    fragment: number;
    failed: ReadonlySet<number>;
    /** Lengths of the message's columns. */
    columns: { events: number; fragments: number };
  },
): void {
  const { columns, failed } = from;
  let fragment = from.fragment;
  for (let k = 0; k < range.events; k++) {
    const event = range.first + k;
    const at = positionIn(slab, event);
    if (at < 0) {
      fragment += table.fragmentsOf({ first: event, end: event + 1 });
      continue;
    }
    const begin = slab.start[at]!;
    const count = slab.start[at + 1]! - begin;
    if (slab.placed[at] === 0) {
      slab.placed[at] = 1;
      slab.status[at] = failed.has(event) ? 1 : 0;
      slab.eventSlots.forEach(({ big }, c) => {
        big[at] = results.eventSlots[c * columns.events + from.event + k]!;
      });
      slab.fragmentSlots.forEach(({ big }, c) => {
        for (let f = 0; f < count; f++)
          big[begin + f] = results.fragmentSlots[c * columns.fragments + fragment + f]!;
      });
    }
    fragment += count;
  }
}

export function eventAt(slab: Slab, row: number): number {
  let before = 0;
  for (const { range } of slab.parts) {
    const events = range.end - range.first;
    if (row < before + events) return range.first + row - before;
    before += events;
  }
  return -1;
}

/** Row of the event in the slab, or −1. Nearly always the slab is one range. */
function positionIn(slab: Slab, event: number): number {
  let before = 0;
  for (const { range } of slab.parts) {
    if (event >= range.first && event < range.end) return before + event - range.first;
    before += range.end - range.first;
  }
  return -1;
}

export function sumOf<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
