import { disorderOf } from "./disorder.ts";
import { FRAGMENT, gap, glom, type OrderedRows, type Units } from "./glom.ts";
import {
  sortedStamps,
  sourcesNeeded,
  type Match,
  type Require,
  type SourceTimes,
} from "./match.ts";
import { Multiplicity } from "./multiplicity.ts";
import { orderSources } from "./order-sources.ts";

/** Rows of all sources in time order, and which fragment each is. */
export interface MatchRows extends OrderedRows {
  /** By row: the place of its source among the sources. */
  readonly source: Uint16Array;
  /** By row: its number among the fragments of all sources; undefined: rows are fragments, numbered so. */
  readonly fragment: Uint32Array | undefined;
}

/** How far fragments of an event lie apart. */
export interface MatchWindow {
  /** `window`: from an event's first fragment; `gap`: from the fragment before. */
  readonly match: "window" | "gap";
  /** u64; inclusive. */
  readonly windowTicks: bigint;
}

/** The fragments of sources by (stamp, source, row): what {@link matchWindow} takes where there are no run items. */
export function rowsInOrder(sources: readonly SourceTimes[]): MatchRows {
  const n = sources.reduce((sum, { times }) => sum + times.length, 0);
  const stamp = new BigUint64Array(n);
  const source = new Uint16Array(n);
  for (const [k, { times, fragmentFirst }] of sources.entries()) {
    stamp.set(times, fragmentFirst);
    source.fill(k, fragmentFirst, fragmentFirst + times.length);
  }
  const order = orderSources({ stamp, source });
  return { order, stamp, source, kind: new Uint8Array(n), fragment: undefined };
}

/**
 * Finds the events of fragments that lie near each other in time, as `glom` and `gap` do. An event may have
 * several fragments of a source; none is a duplicate. In an event, fragments are by (time, source, row).
 *
 * @param sources what `rows` are of, numbered one behind the other
 * @param wanted shape (n), the selected stamps in any order, or undefined for every event there is. An event is
 *   selected where one of them lies between its first fragment and its last, these included
 * @param require events with fragments of fewer sources are left out, and their fragments count as unmatched
 */
export function matchWindow(
  { rows, sources }: { readonly rows: MatchRows; readonly sources: readonly SourceTimes[] },
  { match, windowTicks }: MatchWindow,
  wanted: BigUint64Array | undefined,
  require: Require,
): Match {
  const find = match === "window" ? glom : gap;
  const units = find(rows, { windowTicks, fragmentsMax: Infinity });
  const events = new EventList(rows, units, sources.length);
  events.gather(sourcesNeeded(require, sources.length), wanted && sortedStamps(wanted));
  return {
    ...events.columns,
    sources: sources.map(({ times, disorder }, s) => {
      const matched = events.matched[s]!;
      const unmatched = times.length - matched;
      const outOfOrder = (disorder ?? disorderOf(times)).descents;
      return { rows: times.length, matched, unmatched, duplicates: 0, outOfOrder };
    }),
    multiplicity: events.multiplicity.counts,
  };
}

/** The events that are kept, as columns that grow. */
class EventList {
  readonly multiplicity = new Multiplicity();
  /** Shape (sources). */
  readonly matched: Uint32Array;
  readonly #rows: MatchRows;
  readonly #begins: Uint8Array;
  readonly #time: BigUint64Array;
  readonly #start: Uint32Array;
  readonly #fragment: Uint32Array;
  /** By source: the last event that it was seen in, from 1. */
  readonly #seen: Float64Array;
  #events = 0;

  constructor(rows: MatchRows, { begins, events }: Units, sources: number) {
    this.#rows = rows;
    this.#begins = begins;
    this.matched = new Uint32Array(sources);
    this.#time = new BigUint64Array(events);
    this.#start = new Uint32Array(events + 1);
    this.#fragment = new Uint32Array(rows.order.length);
    this.#seen = new Float64Array(sources);
  }

  get columns(): Pick<Match, "time" | "start" | "fragment"> {
    const events = this.#events;
    return {
      time: this.#time.subarray(0, events),
      start: this.#start.subarray(0, events + 1),
      fragment: this.#fragment.subarray(0, this.#start[events]),
    };
  }

  /** @param wanted shape (n), ascending */
  gather(needed: number, wanted: BigUint64Array | undefined): void {
    const { order, stamp, source, kind, fragment } = this.#rows;
    const [begins, seen, gathered] = [this.#begins, this.#seen, this.#fragment];
    // Of the event that is open: its places in the order, and how many sources it has.
    let [first, last, distinct, end, event, next] = [0, 0, 0, 0, 0, 0];
    const close = (): void => {
      if (event === 0) return;
      if (wanted !== undefined)
        while (next < wanted.length && wanted[next]! < stamp[order[first]!]!) next++;
      const isWanted =
        wanted === undefined || (next < wanted.length && wanted[next]! <= stamp[order[last]!]!);
      if (isWanted && distinct >= needed) this.#keep(first, last, end);
    };
    for (let place = 0; place < order.length; place++) {
      const row = order[place]!;
      if ((kind[row]! & 3) !== FRAGMENT) continue;
      if (begins[place] === 1) {
        close();
        event++;
        first = place;
        distinct = 0;
        end = this.#start[this.#events]!;
      }
      last = place;
      gathered[end++] = fragment === undefined ? row : fragment[row]!;
      if (seen[source[row]!] === event) continue;
      seen[source[row]!] = event;
      distinct++;
    }
    close();
  }

  #keep(first: number, last: number, end: number): void {
    const { order, stamp, source, kind } = this.#rows;
    this.multiplicity.add(end - this.#start[this.#events]!);
    this.#time[this.#events] = stamp[order[first]!]!;
    this.#start[++this.#events] = end;
    for (let place = first; place <= last; place++) {
      const row = order[place]!;
      if ((kind[row]! & 3) === FRAGMENT) this.matched[source[row]!]!++;
    }
  }
}
