import { elementBytes, sourceOfFragment } from "@evb/event";
import { rowBytesOf } from "@evb/formats";
import type { RunSource } from "@evb/index";
import { fault } from "../faults.ts";

/** How large the pieces of an extract are. */
export interface ExtractSizes {
  /** Of a part: what is lost when a client dies. */
  readonly partBytes: number;
  /** Events of a part, at most; but a part has whole chunks. */
  readonly partEvents: number;
  /** Events of a chunk; undefined: chunks of about `chunkBytes` where they are compressed, else none. */
  readonly eventsPerChunk: number | undefined;
  readonly chunkBytes: number;
  readonly isCompressed: boolean;
}

/** A source as it will stand in the output. */
export interface ExtractedSource {
  readonly source: RunSource;
  readonly rowBytes: number;
  /** Events of a chunk; 0: rows lie one behind the other. */
  readonly chunkEvents: number;
  readonly chunks: number;
  readonly partEvents: number;
}

/** Some events of one source that are written together. */
export interface PartPlace {
  /** Row of the sources. */
  readonly source: number;
  /** Of the output's rows. */
  readonly first: number;
  readonly events: number;
}

/**
 * 1 GiB: a chunk is put together and compressed in a client's memory; HDF5 itself takes less than 4 GiB.
 */
const CHUNK_BYTES_MAX = 2 ** 30;
/** A part says 4 bytes and more for each of its events. */
const PART_EVENTS_MAX = 2 ** 16;

/**
 * How an extract is cut: each source into parts of whole chunks, source after source, so that files are read and written
 * from their beginnings on. What the output holds doesn't depend on where parts begin.
 */
export class ExtractShape {
  readonly events: number;
  readonly sources: readonly ExtractedSource[];
  readonly parts: number;
  /** Shape (sources): number of each one's first part. */
  readonly #partFirst: Float64Array;

  /** @throws EvbError "chunk-too-large" */
  constructor(sources: readonly RunSource[], events: number, sizes: ExtractSizes) {
    this.events = events;
    this.sources = sources.map((source) => extracted(source, events, sizes));
    this.#partFirst = new Float64Array(sources.length);
    let parts = 0;
    this.sources.forEach(({ partEvents }, row) => {
      this.#partFirst[row] = parts;
      parts += Math.ceil(events / partEvents);
    });
    this.parts = parts;
  }

  part(number: number): PartPlace {
    const source = sourceOfFragment(this.#partFirst, number);
    const { partEvents } = this.sources[source]!;
    const first = (number - this.#partFirst[source]!) * partEvents;
    return { source, first, events: Math.min(partEvents, this.events - first) };
  }
}

function extracted(source: RunSource, events: number, sizes: ExtractSizes): ExtractedSource {
  const { itemShape, type, name } = source;
  const rowBytes = rowBytesOf({ itemShape, elementBytes: elementBytes(type) });
  const chunkEvents = chunkEventsOf(rowBytes, events, sizes);
  const bytes = chunkEvents * rowBytes;
  if (bytes > CHUNK_BYTES_MAX)
    throw fault("chunk-too-large", { source: name, bytes, rowBytes, max: CHUNK_BYTES_MAX });
  const step = Math.max(1, chunkEvents);
  const wanted = Math.min(sizes.partBytes / Math.max(1, rowBytes), sizes.partEvents);
  return {
    source,
    rowBytes,
    chunkEvents,
    chunks: chunkEvents === 0 ? 0 : Math.ceil(events / chunkEvents),
    partEvents: step * Math.max(1, Math.floor(Math.min(wanted, PART_EVENTS_MAX) / step)),
  };
}

/** HDF5 knows no chunk of no byte, and none that is longer than what can't grow. */
function chunkEventsOf(rowBytes: number, events: number, sizes: ExtractSizes): number {
  const { eventsPerChunk, chunkBytes, isCompressed } = sizes;
  if (rowBytes === 0) return 0;
  if (eventsPerChunk !== undefined) return Math.min(eventsPerChunk, events);
  if (!isCompressed) return 0;
  const whole = Math.max(1, Math.floor(chunkBytes / rowBytes));
  return Math.min(whole, PART_EVENTS_MAX, events);
}
