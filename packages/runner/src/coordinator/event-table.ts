import { elementBytes, type ElementType } from "@evb/event";
import { rowBytesOf, type ChunkPlaces } from "@evb/formats";
import type { EventSlab, RunEvents } from "@evb/index";
import { SharedChunks, type LeaseCuts } from "./lease-cuts.ts";
import type { Range } from "./range-set.ts";

/** Events read from the index at a time: with ten fragments each, 5 MB. */
const SLAB_EVENTS = 65_536;
/** Slabs that are kept: leases go forward through one, results come back to the same or the one before. */
const SLABS_MAX = 4;

/** Of consecutive events. */
interface EventColumns {
  readonly time: BigUint64Array;
  readonly fragmentCount: Uint16Array;
  readonly source: Uint16Array;
  readonly row: Uint32Array;
}

/** The index's events as leases need them, a few slabs in memory at a time. */
export class EventTable {
  readonly #index: RunEvents;
  /** By number; the one used last is at the end. */
  readonly #slabs = new Map<number, EventSlab>();
  /** The one used last: leases of an event each ask for the same some thousand times. */
  #last: { readonly number: number; readonly slab: EventSlab } | undefined;
  readonly #costs = new WeakMap<EventSlab, Float64Array<ArrayBuffer>>();

  constructor(index: RunEvents) {
    this.#index = index;
  }

  /** The columns of some events; they may lie in two slabs. */
  slice(range: Range): EventColumns {
    const { first, end } = range;
    const one = this.#slabWith(range);
    if (one !== undefined) return sliceOf(one, first - one.first, end - one.first);
    const parts = Array.from(this.#parts(range), ({ slab, from, to }) => sliceOf(slab, from, to));
    return {
      time: joined(parts.map(({ time }) => time)),
      fragmentCount: joined(parts.map(({ fragmentCount }) => fragmentCount)),
      source: joined(parts.map(({ source }) => source)),
      row: joined(parts.map(({ row }) => row)),
    };
  }

  /** Where the chunks of fragments lie, as leases need them; undefined where none has any. */
  places({ source, row }: Pick<EventSlab, "source" | "row">): ChunkPlaces | undefined {
    return this.#index.places(source, row);
  }

  /** What an event has that every source is in, decoded; of ring items, whose lengths differ, nothing is known. */
  get eventBytes(): number {
    return this.#index.sources.reduce(
      (sum, { itemShape, type }) =>
        sum + rowBytesOf({ itemShape, elementBytes: elementBytes(type) }),
      0,
    );
  }

  /** Where leases should end; undefined: it is all the same. */
  get cuts(): LeaseCuts | undefined {
    const chunks = SharedChunks.of(this.#index.sources);
    if (chunks === undefined) return undefined;
    let first = 0;
    let costs = new Float64Array(0);
    const cost = (event: number): number => {
      // Borders are looked at one after another.
      const known = costs[event - first];
      if (known !== undefined) return known;
      if (event >= this.#index.eventCount) return 0;
      const slab = this.#slab(Math.floor(event / SLAB_EVENTS));
      first = slab.first;
      costs = this.#costs.get(slab) ?? chunks.costs(slab);
      this.#costs.set(slab, costs);
      return costs[event - first]!;
    };
    return { cost, reach: chunks.reach };
  }

  /** Element types of these sources' fragments. */
  typesOf(sources: Uint16Array): ElementType[] {
    return Array.from(sources, (source) => this.#index.sources[source]!.type);
  }

  /** Fragments of some events. */
  fragmentsOf(range: Range): number {
    const one = this.#slabWith(range);
    if (one !== undefined)
      return one.start[range.end - one.first]! - one.start[range.first - one.first]!;
    let fragments = 0;
    for (const { slab, from, to } of this.#parts(range))
      fragments += slab.start[to]! - slab.start[from]!;
    return fragments;
  }

  /** One after another: a range may be the whole run, of 12 bytes an event and 6 a fragment. */
  *#parts({ first, end }: Range): Generator<{ slab: EventSlab; from: number; to: number }> {
    for (let at = first; at < end;) {
      const slab = this.#slab(Math.floor(at / SLAB_EVENTS));
      const stop = Math.min(end, slab.first + slab.time.length);
      yield { slab, from: at - slab.first, to: stop - slab.first };
      at = stop;
    }
  }

  /** The slab that all of a range lies in, as leases mostly do. */
  #slabWith({ first, end }: Range): EventSlab | undefined {
    const number = Math.floor(first / SLAB_EVENTS);
    return end <= (number + 1) * SLAB_EVENTS ? this.#slab(number) : undefined;
  }

  #slab(number: number): EventSlab {
    if (this.#last?.number === number) return this.#last.slab;
    const first = number * SLAB_EVENTS;
    const count = Math.min(SLAB_EVENTS, this.#index.eventCount - first);
    const slab = this.#slabs.get(number) ?? this.#index.slab(first, count);
    this.#slabs.delete(number);
    this.#slabs.set(number, slab);
    if (this.#slabs.size > SLABS_MAX) this.#slabs.delete(this.#slabs.keys().next().value!);
    this.#last = { number, slab };
    return slab;
  }
}

/** Events `from` up to `to` of a slab. */
function sliceOf({ time, start, source, row }: EventSlab, from: number, to: number): EventColumns {
  const fragmentCount = new Uint16Array(to - from);
  for (let k = from; k < to; k++) fragmentCount[k - from] = start[k + 1]! - start[k]!;
  const first = start[from]!;
  const end = start[to]!;
  return {
    time: time.subarray(from, to),
    fragmentCount,
    source: source.subarray(first, end),
    row: row.subarray(first, end),
  };
}

function joined<Column extends BigUint64Array | Uint32Array | Uint16Array>(
  parts: readonly Column[],
): Column {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new (parts[0]!.constructor as new (length: number) => Column)(length);
  let at = 0;
  for (const part of parts) {
    all.set(part as never, at);
    at += part.length;
  }
  return all;
}
