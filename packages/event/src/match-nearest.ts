import { disorderOf } from "./disorder.ts";
import { FRAGMENT } from "./glom.ts";
import type { MatchRows } from "./match-window.ts";
import {
  sortedStamps,
  sourcesNeeded,
  type Match,
  type Require,
  type SourceTimes,
} from "./match.ts";
import { Multiplicity } from "./multiplicity.ts";

/** Every fragment of one source is an event, which others join. */
export interface MatchNearest {
  /** The place of that source among the sources. */
  readonly reference: number;
  /** u64, inclusive: no event takes what is farther from its fragment of the reference; undefined: however far. */
  readonly windowTicks: bigint | undefined;
}

/**
 * Finds the events around the fragments of one source, the reference. Of each other source the fragment that is nearest
 * joins; of two that are equally near, the earlier. No fragment is in two events: it may join the nearest one only,
 * the earlier where two are. Of fragments of a source with equal stamps the first in file order counts, the rest are
 * duplicates. What joins no event is unmatched. In an event, fragments are by (time, source, row).
 *
 * @param sources what `rows` are of, numbered one behind the other
 * @param wanted shape (n), the selected stamps in any order, or undefined for every event there is. An event is
 *   selected where one of them lies between its first fragment and its last, these included
 * @param require events with fragments of fewer sources are left out, and their fragments count as unmatched
 */
export function matchNearest(
  { rows, sources }: { readonly rows: MatchRows; readonly sources: readonly SourceTimes[] },
  how: MatchNearest,
  wanted: BigUint64Array | undefined,
  require: Require,
): Match {
  const firsts = firstsOfStamps(rows, sources.length);
  const events = new NearestEvents(rows, firsts.places, {
    ...how,
    sources: sources.length,
    needed: sourcesNeeded(require, sources.length),
    wanted: wanted && sortedStamps(wanted),
  });
  events.gather();
  return {
    ...events.columns,
    sources: sources.map(({ times, disorder }, s) => {
      const matched = events.matched[s]!;
      const duplicates = firsts.repeats[s]!;
      const unmatched = times.length - matched - duplicates;
      const outOfOrder = (disorder ?? disorderOf(times)).descents;
      return { rows: times.length, matched, unmatched, duplicates, outOfOrder };
    }),
    multiplicity: events.multiplicity.counts,
  };
}

/** Places in the order of the fragments that are no duplicates, and how many of each source are. */
function firstsOfStamps(
  { order, stamp, source, kind }: MatchRows,
  sources: number,
): { places: Uint32Array; repeats: Uint32Array } {
  const places = new Uint32Array(order.length);
  const repeats = new Uint32Array(sources);
  const last = new BigUint64Array(sources);
  const seen = new Uint8Array(sources);
  let count = 0;
  for (let place = 0; place < order.length; place++) {
    const row = order[place]!;
    if ((kind[row]! & 3) !== FRAGMENT) continue;
    const s = source[row]!;
    if (seen[s] === 1 && last[s] === stamp[row]) {
      repeats[s]!++;
      continue;
    }
    seen[s] = 1;
    last[s] = stamp[row]!;
    places[count++] = place;
  }
  return { places: places.subarray(0, count), repeats };
}

interface Wish extends MatchNearest {
  readonly sources: number;
  readonly needed: number;
  /** Ascending. */
  readonly wanted: BigUint64Array | undefined;
}

/** The events that are kept, as columns that grow. */
class NearestEvents {
  readonly multiplicity = new Multiplicity();
  /** Shape (sources). */
  readonly matched: Uint32Array;
  readonly #rows: MatchRows;
  readonly #places: Uint32Array;
  readonly #wish: Wish;
  readonly #time: BigUint64Array;
  readonly #start: Uint32Array;
  readonly #fragment: Uint32Array;
  /** By source: the place of the nearest so far, and the event (from 1) that it is the nearest of. */
  readonly #nearest: Uint32Array;
  readonly #nearestOf: Float64Array;
  #events = 0;
  #found = 0;
  #wantedNext = 0;

  constructor(rows: MatchRows, places: Uint32Array, wish: Wish) {
    const references = places.reduce(
      (sum, place) => sum + +(rows.source[rows.order[place]!] === wish.reference),
      0,
    );
    this.#rows = rows;
    this.#places = places;
    this.#wish = wish;
    this.matched = new Uint32Array(wish.sources);
    this.#time = new BigUint64Array(references);
    this.#start = new Uint32Array(references + 1);
    this.#fragment = new Uint32Array(places.length);
    this.#nearest = new Uint32Array(wish.sources);
    this.#nearestOf = new Float64Array(wish.sources);
  }

  get columns(): Pick<Match, "time" | "start" | "fragment"> {
    const events = this.#events;
    return {
      time: this.#time.subarray(0, events),
      start: this.#start.subarray(0, events + 1),
      fragment: this.#fragment.subarray(0, this.#start[events]),
    };
  }

  gather(): void {
    const { order, source } = this.#rows;
    const places = this.#places;
    const isReference = (at: number): boolean =>
      source[order[places[at]!]!] === this.#wish.reference;
    // What lies between two fragments of the reference is cut where the later one is nearer.
    let from = 0;
    let centre = nextWhere(isReference, 0, places.length);
    while (centre < places.length) {
      const following = nextWhere(isReference, centre + 1, places.length);
      const to = following === places.length ? following : this.#cut(centre, following);
      this.#event(from, centre, to);
      from = to;
      centre = following;
    }
  }

  /** The first between two fragments of the reference that is nearer to the later one. */
  #cut(earlier: number, later: number): number {
    const middle = this.#stampAt(earlier) + (this.#stampAt(later) - this.#stampAt(earlier)) / 2n;
    let at = earlier + 1;
    while (at < later && this.#stampAt(at) <= middle) at++;
    return at;
  }

  /** The event around `centre`, of what is from `from` up to, not including, `to`. */
  #event(from: number, centre: number, to: number): void {
    const { order, source } = this.#rows;
    const [nearest, nearestOf] = [this.#nearest, this.#nearestOf];
    const event = ++this.#found;
    const middle = this.#stampAt(centre);
    const limit = this.#wish.windowTicks;
    const distance = (at: number): bigint => {
      const stamp = this.#stampAt(at);
      return stamp < middle ? middle - stamp : stamp - middle;
    };
    for (let at = from; at < to; at++) {
      if (limit !== undefined && distance(at) > limit) continue;
      const s = source[order[this.#places[at]!]!]!;
      if (nearestOf[s] === event && distance(nearest[s]!) <= distance(at)) continue;
      nearestOf[s] = event;
      nearest[s] = at;
    }
    this.#keep(event, from, to);
  }

  #keep(event: number, from: number, to: number): void {
    const { order, source, fragment } = this.#rows;
    const [begin, { needed, wanted }] = [this.#start[this.#events]!, this.#wish];
    let [end, first, last] = [begin, to, from];
    const isIn = (at: number, s: number): boolean =>
      this.#nearestOf[s] === event && this.#nearest[s] === at;
    for (let at = from; at < to; at++) {
      const row = order[this.#places[at]!]!;
      if (!isIn(at, source[row]!)) continue;
      if (end === begin) first = at;
      last = at;
      this.#fragment[end++] = fragment === undefined ? row : fragment[row]!;
    }
    if (end - begin < needed || !this.#isWanted(wanted, this.#stampAt(first), this.#stampAt(last)))
      return;
    for (let at = first; at <= last; at++) {
      const s = source[order[this.#places[at]!]!]!;
      if (isIn(at, s)) this.matched[s]!++;
    }
    this.multiplicity.add(end - begin);
    this.#time[this.#events] = this.#stampAt(first);
    this.#start[++this.#events] = end;
  }

  /** Events are asked for in time order. */
  #isWanted(wanted: BigUint64Array | undefined, first: bigint, last: bigint): boolean {
    if (wanted === undefined) return true;
    while (this.#wantedNext < wanted.length && wanted[this.#wantedNext]! < first)
      this.#wantedNext++;
    return this.#wantedNext < wanted.length && wanted[this.#wantedNext]! <= last;
  }

  #stampAt(at: number): bigint {
    return this.#rows.stamp[this.#rows.order[this.#places[at]!]!]!;
  }
}

function nextWhere(is: (at: number) => boolean, from: number, end: number): number {
  let at = from;
  while (at < end && !is(at)) at++;
  return at;
}
