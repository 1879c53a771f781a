import { elementBytes } from "@evb/event";
import { chunksPerRow, NO_PLACES, rowBytesOf } from "@evb/formats";
import { Reads, tallyOf, type PlannedReading, type RowTally } from "./row-tally.ts";
import type { RunEvents, RunSource } from "./run-index.ts";

/** What it takes to read the events of an index, found without a look at the data. */
export interface RunPlan {
  readonly events: number;
  readonly fragments: number;
  /** Decoded bytes of all fragments; undefined where those of a source aren't known. */
  readonly bytesNeeded: number | undefined;
  /** As the events have them. */
  readonly sources: readonly SourcePlan[];
}

export interface SourcePlan {
  readonly source: string;
  readonly fragments: number;
  /** Undefined: only reading says how long its rows are. */
  readonly bytesNeeded: number | undefined;
  /** Undefined: the HDF5 library reads it, and the index doesn't say how its bytes lie. */
  readonly reading: PlannedReading | undefined;
}

/** Of all sources whose bytes are known. */
export interface PlanTotals {
  /** Decoded bytes of their fragments. */
  readonly bytesNeeded: number;
  readonly bytesRead: number;
  readonly bytesUnpacked: number;
  readonly reads: number;
  /** Sources whose bytes aren't known, though some of their fragments are wanted. */
  readonly unknownSources: number;
}

/** Chunks whose places are looked up at a time: 16 MB of columns. */
const PLACES_MAX = 2 ** 20;
/** Fragments whose rows are looked up at a time, if all events have as many. */
const SLAB_FRAGMENTS = 2 ** 20;

/**
 * Plans events `first` to `end − 1`, slab by slab: of a run of any length only bits for the chunks of several
 * events that are filtered are kept.
 *
 * @param fragmentCount of all events of the index; how large slabs are follows from it
 */
export function planEvents(
  events: RunEvents,
  { first, end }: { readonly first: number; readonly end: number },
  fragmentCount: number,
): RunPlan {
  const shared = new Reads();
  const tallies = events.sources.map(
    ({ storage, rows }) => storage && tallyOf(storage, rows, shared),
  );
  const fragments = new Float64Array(events.sources.length);
  const slabEvents = slabOf(events.eventCount, fragmentCount);
  for (let at = first; at < end; at += slabEvents) {
    const { source, row } = events.slab(at, Math.min(slabEvents, end - at));
    for (const each of source) fragments[each]!++;
    addRows(events, tallies, { source, row });
  }
  const sources = events.sources.map((source, k) => planOf(source, fragments[k]!, tallies[k]));
  return {
    events: end - first,
    fragments: sources.reduce((sum, each) => sum + each.fragments, 0),
    bytesNeeded: sources.some(({ bytesNeeded }) => bytesNeeded === undefined)
      ? undefined
      : neededOf(sources),
    sources,
  };
}

export function planTotals({ sources }: Pick<RunPlan, "sources">): PlanTotals {
  const known = sources.filter(({ reading }) => reading !== undefined);
  const sumOf = (field: "bytesRead" | "bytesUnpacked" | "reads"): number =>
    known.reduce((sum, { reading }) => sum + reading![field], 0);
  return {
    bytesNeeded: neededOf(known),
    bytesRead: sumOf("bytesRead"),
    bytesUnpacked: sumOf("bytesUnpacked"),
    reads: sumOf("reads"),
    unknownSources: sources.filter((each) => each.reading === undefined && each.fragments > 0)
      .length,
  };
}

const neededOf = (sources: readonly SourcePlan[]): number =>
  sources.reduce((sum, { bytesNeeded }) => sum + (bytesNeeded ?? 0), 0);

const slabOf = (events: number, fragments: number): number =>
  Math.max(1, Math.min(SLAB_FRAGMENTS, Math.floor((SLAB_FRAGMENTS * events) / (fragments + 1))));

/** Fragments in pieces: one of very many chunks isn't to make a slab's places larger than memory. */
function addRows(
  events: RunEvents,
  tallies: readonly (RowTally | undefined)[],
  slab: { readonly source: Uint16Array; readonly row: Uint32Array },
): void {
  const chunks = events.sources.map(({ storage }) => storage && chunksPerRow(storage));
  const chunksMax = chunks.reduce<number>((most, each) => Math.max(most, each ?? 0), 1);
  const piece = Math.max(1, Math.floor(PLACES_MAX / chunksMax));
  for (let from = 0; from < slab.source.length; from += piece) {
    const source = slab.source.subarray(from, from + piece);
    const row = slab.row.subarray(from, from + piece);
    const places = events.places(source, row) ?? NO_PLACES;
    let at = 0;
    for (let f = 0; f < source.length; f++) {
      tallies[source[f]!]?.add(row[f]!, places, at);
      at += chunks[source[f]!] ?? 0;
    }
  }
}

function planOf(source: RunSource, fragments: number, tally: RowTally | undefined): SourcePlan {
  const { itemShape, varies, type, storage } = source;
  const rowBytes = rowBytesOf({ itemShape, elementBytes: elementBytes(type) });
  const reading = tally?.reading;
  // What of an item is its headers only reading it says.
  const needed = storage?.ring === undefined ? fragments * rowBytes : reading!.bytesRead;
  const bytesNeeded = varies && fragments > 0 ? undefined : needed;
  return { source: source.name, fragments, bytesNeeded, reading };
}
