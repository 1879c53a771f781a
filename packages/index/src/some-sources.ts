import type { ChunkPlaces } from "@evb/formats";
import { fault } from "./faults.ts";
import { namePattern } from "./name-pattern.ts";
import type { EventSlab, RunEvents } from "./run-index.ts";

/**
 * The same events with the fragments of some sources only; an event may then have none.
 *
 * @param pattern a glob over source names
 * @throws EvbError "no-such-source"
 */
export function withSources(events: RunEvents, pattern: string): RunEvents {
  const matches = namePattern(pattern);
  const newRow = new Int32Array(events.sources.length).fill(-1);
  const sources = events.sources.filter(({ name }, row) => {
    if (!matches(name)) return false;
    newRow[row] = newRow.reduce((count, each) => count + (each >= 0 ? 1 : 0), 0);
    return true;
  });
  if (sources.length === 0)
    throw fault("no-such-source", { pattern, known: events.sources.map(({ name }) => name) });
  const { path, root, files, eventCount } = events;
  const slab = (first: number, count: number): EventSlab =>
    picked(events.slab(first, count), newRow);
  const oldRow = Uint16Array.from(sources, (source) => events.sources.indexOf(source));
  const places = (source: Uint16Array, row: Uint32Array): ChunkPlaces | undefined =>
    events.places(
      source.map((each) => oldRow[each]!),
      row,
    );
  return { path, root, files, sources, eventCount, slab, places };
}

function picked(slab: EventSlab, newRow: Int32Array): EventSlab {
  const start = new Uint32Array(slab.start.length);
  const source = new Uint16Array(slab.source.length);
  const row = new Uint32Array(slab.row.length);
  let kept = 0;
  for (let event = 0; event < slab.time.length; event++) {
    for (let f = slab.start[event]!; f < slab.start[event + 1]!; f++) {
      const s = newRow[slab.source[f]!]!;
      if (s < 0) continue;
      source[kept] = s;
      row[kept++] = slab.row[f]!;
    }
    start[event + 1] = kept;
  }
  const { first, time } = slab;
  return { first, time, start, source: source.slice(0, kept), row: row.slice(0, kept) };
}
