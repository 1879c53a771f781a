import { chunkBytesOf, chunksPerRow, rowsPerChunk } from "@evb/formats";
import type { EventSlab, RunSource } from "@evb/index";

/** Where a border between two leases costs little: chunks with events on both sides are decoded by two clients. */
export interface LeaseCuts {
  /** Decoded bytes of the chunks that a border in front of an event would share out. */
  readonly cost: (event: number) => number;
  /** Events in which another place as cheap is found, if there is one. */
  readonly reach: number;
}

/** Farther nobody looks: that many events are half a second's work and more. */
const REACH_MAX = 10_000;

/** The cheapest border in (`first`, `end`], the last one of several; no more than `reach` before `end`. */
export function cutBefore(
  { cost, reach }: LeaseCuts,
  { first, end }: { first: number; end: number },
): number {
  let best = end;
  let least = cost(end);
  for (let at = end - 1; at > Math.max(first, end - reach) && least > 0; at--)
    if (cost(at) < least) {
      best = at;
      least = cost(at);
    }
  return best;
}

/** The cheapest border in [`first`, `end`], the first one of several; no more than `reach` behind `first`. */
export function cutBehind(
  { cost, reach }: LeaseCuts,
  { first, end }: { first: number; end: number },
): number {
  let best = first;
  let least = cost(first);
  for (let at = first + 1; at <= Math.min(end, first + reach) && least > 0; at++)
    if (cost(at) < least) {
      best = at;
      least = cost(at);
    }
  return best;
}

/** Sources whose chunks hold several rows each and are decoded whole; what each costs. */
export class SharedChunks {
  /** By row of the sources; 0: its rows share nothing. */
  readonly #bytes: Float64Array;
  readonly #rowsPerChunk: Uint32Array;
  readonly reach: number;

  private constructor(bytes: Float64Array, rows: Uint32Array) {
    this.#bytes = bytes;
    this.#rowsPerChunk = rows;
    const shared = rows.filter((_, source) => bytes[source]! > 0);
    this.reach = shared.reduce((most, each) => Math.min(REACH_MAX, Math.max(most, each)), 0);
  }

  /** Undefined where no source has any: then it is all the same where leases end. */
  static of(sources: readonly Pick<RunSource, "storage">[]): SharedChunks | undefined {
    const bytes = Float64Array.from(sources, ({ storage }) =>
      storage === undefined || storage.filters.length === 0 || rowsPerChunk(storage) === 1
        ? 0
        : chunkBytesOf(storage) * chunksPerRow(storage),
    );
    const rows = Uint32Array.from(sources, ({ storage }) => (storage ? rowsPerChunk(storage) : 1));
    return bytes.some((each) => each > 0) ? new SharedChunks(bytes, rows) : undefined;
  }

  /**
   * What a border in front of each event of a slab costs, (events); in front of the first one nothing: what lies
   * before isn't looked at.
   */
  costs({
    start,
    source,
    row,
  }: Pick<EventSlab, "start" | "source" | "row">): Float64Array<ArrayBuffer> {
    const events = start.length - 1;
    const costs = new Float64Array(events);
    // By source: its last fragment's chunks, and their event.
    const group = new Float64Array(this.#bytes.length).fill(-1);
    const seen = new Uint32Array(this.#bytes.length);
    for (let event = 0; event < events; event++)
      for (let f = start[event]!; f < start[event + 1]!; f++) {
        const each = source[f]!;
        const bytes = this.#bytes[each]!;
        if (bytes === 0) continue;
        const at = Math.floor(row[f]! / this.#rowsPerChunk[each]!);
        if (at === group[each]) for (let k = seen[each]! + 1; k <= event; k++) costs[k]! += bytes;
        group[each] = at;
        seen[each] = event;
      }
    return costs;
  }
}
