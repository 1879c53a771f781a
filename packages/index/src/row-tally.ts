import {
  chunkBytesOf,
  chunksPerRow,
  filterNameOf,
  JOINED_BYTES_MAX,
  JOINED_GAP_BYTES_MAX,
  piecesOf,
  rowBytesOf,
  rowsPerChunk,
  SMALL_BYTES_MAX,
  type ChunkPlaces,
  type RowLayout,
} from "@evb/formats";

/** How much of a source is read, and how often, where its rows are read where they lie. */
export interface PlannedReading {
  /** Bytes taken from files: of the rows, or of filtered chunks as they are stored, each once. */
  readonly bytesRead: number;
  /** What comes out of filters, whole chunks; where there are none, what is read. */
  readonly bytesUnpacked: number;
  /** Ranges of bytes; small rows that lie side by side are one. */
  readonly reads: number;
  /** As the filters were applied; none: nothing is filtered. */
  readonly filters: readonly string[];
  /** Undefined: rows lie one behind the other, without chunks. */
  readonly chunks: PlannedChunks | undefined;
}

export interface PlannedChunks {
  readonly eventsPerChunk: number;
  /** Of filtered chunks: different ones. Of others: one for each row and chunk that it lies in. */
  readonly count: number;
  /** Filtered chunks that one client decodes which has the last one only: more than `count` where rows jump. */
  readonly decodes: number;
  /** Where fewer rows in a chunk would save decoding. */
  readonly better: BetterChunks | undefined;
}

/** Smaller chunks, and what the same rows would come to. */
export interface BetterChunks {
  readonly eventsPerChunk: number;
  readonly bytesUnpacked: number;
}

/** Counts what the rows of one source take, row by row. */
export interface RowTally {
  /** @param at the row's first entry in `places` */
  add(row: number, places: ChunkPlaces, at: number): void;
  readonly reading: PlannedReading;
}

/** @param rows of the data set, wanted or not; @param shared reads of all sources of ring items together */
export function tallyOf(layout: RowLayout, rows: number, shared: Reads): RowTally {
  if (layout.ring !== undefined) return new ItemsTally(shared);
  if (layout.chunk === undefined) return new ContiguousTally(layout);
  return layout.filters.length === 0 ? new PiecesTally(layout) : new FilteredTally(layout, rows);
}

/** A shorter chunk than this isn't proposed: each of them takes a read and an entry of the chunks' index. */
const BETTER_BYTES_MIN = 2 ** 16;

/** Ranges that evb's reader asks for, about: it tries how far rows lie side by side. */
export class Reads {
  count = 0;
  #begin = 0;
  #end = -Infinity;

  /** Whether it takes a read of its own. */
  add(position: number, bytes: number): boolean {
    if (bytes > SMALL_BYTES_MAX) {
      this.count++;
      return true;
    }
    const end = position + bytes;
    const goesOn =
      position >= this.#begin &&
      position <= this.#end + JOINED_GAP_BYTES_MAX &&
      end - this.#begin <= JOINED_BYTES_MAX;
    if (!goesOn) {
      this.count++;
      this.#begin = position;
    }
    this.#end = goesOn ? Math.max(this.#end, end) : end;
    return !goesOn;
  }
}

/** Ring items: of their size, and read together with those of other sources beside them. */
class ItemsTally implements RowTally {
  readonly #shared: Reads;
  #bytes = 0;
  #reads = 0;

  constructor(shared: Reads) {
    this.#shared = shared;
  }

  add(_: number, { address, stored }: ChunkPlaces, at: number): void {
    const bytes = stored![at]!;
    this.#bytes += bytes;
    // A read counts for the source whose item begins it.
    this.#reads += +this.#shared.add(address[at]!, bytes);
  }

  get reading(): PlannedReading {
    const bytes = this.#bytes;
    return {
      bytesRead: bytes,
      bytesUnpacked: bytes,
      reads: this.#reads,
      filters: [],
      chunks: undefined,
    };
  }
}

class ContiguousTally implements RowTally {
  readonly #address: number;
  readonly #rowBytes: number;
  readonly #reads = new Reads();
  #bytes = 0;

  constructor(layout: RowLayout) {
    this.#address = layout.address;
    this.#rowBytes = rowBytesOf(layout);
  }

  add(row: number): void {
    if (this.#address < 0) return;
    this.#bytes += this.#rowBytes;
    this.#reads.add(this.#address + row * this.#rowBytes, this.#rowBytes);
  }

  get reading(): PlannedReading {
    const bytes = this.#bytes;
    const reads = this.#reads.count;
    return { bytesRead: bytes, bytesUnpacked: bytes, reads, filters: [], chunks: undefined };
  }
}

/** Chunks without filters: nothing is read of them but the row's own bytes. */
class PiecesTally implements RowTally {
  readonly #rowsPerChunk: number;
  readonly #partBytes: number;
  readonly #pieces: readonly { readonly from: number; readonly bytes: number }[];
  readonly #reads = new Reads();
  #bytes = 0;
  #count = 0;

  constructor(layout: RowLayout) {
    this.#rowsPerChunk = rowsPerChunk(layout);
    this.#partBytes = chunkBytesOf(layout) / this.#rowsPerChunk;
    this.#pieces = piecesOf(layout);
  }

  add(row: number, places: ChunkPlaces, at: number): void {
    const part = (row % this.#rowsPerChunk) * this.#partBytes;
    for (let k = 0; k < this.#pieces.length; k++) {
      const address = places.address[at + k]!;
      if (address < 0) continue;
      const { from, bytes } = this.#pieces[k]!;
      this.#count++;
      this.#bytes += bytes;
      this.#reads.add(address + part + from, bytes);
    }
  }

  get reading(): PlannedReading {
    const bytes = this.#bytes;
    return {
      bytesRead: bytes,
      bytesUnpacked: bytes,
      reads: this.#reads.count,
      filters: [],
      chunks: {
        eventsPerChunk: this.#rowsPerChunk,
        count: this.#count,
        decodes: 0,
        better: undefined,
      },
    };
  }
}

/** Filtered chunks: each is read and decoded whole. */
class FilteredTally implements RowTally {
  readonly #filters: readonly string[];
  readonly #rowsPerChunk: number;
  readonly #chunksPerRow: number;
  readonly #chunkBytes: number;
  /** Chunks that lie above each other are read together. */
  readonly #seen: RowGroups;
  readonly #betterRows: number;
  readonly #betterSeen: RowGroups;
  /** The chunks that were decoded last, and how many of them were ever written. */
  #last = -1;
  #lastWritten = 0;
  #bytes = 0;
  #count = 0;
  #decodes = 0;

  constructor(layout: RowLayout, rows: number) {
    this.#filters = layout.filters.map(({ id }) => filterNameOf(id));
    this.#rowsPerChunk = rowsPerChunk(layout);
    this.#chunksPerRow = chunksPerRow(layout);
    this.#chunkBytes = chunkBytesOf(layout);
    this.#seen = new RowGroups(rows, this.#rowsPerChunk);
    const rowBytes = Math.max(1, rowBytesOf(layout));
    this.#betterRows = Math.min(this.#rowsPerChunk, Math.ceil(BETTER_BYTES_MIN / rowBytes));
    this.#betterSeen = new RowGroups(rows, this.#betterRows);
  }

  add(row: number, places: ChunkPlaces, at: number): void {
    const group = Math.floor(row / this.#rowsPerChunk);
    if (group !== this.#last) this.#open(group, { isNew: this.#seen.add(row) }, places, at);
    if (this.#lastWritten > 0) this.#betterSeen.add(row);
  }

  #open(group: number, { isNew }: { isNew: boolean }, places: ChunkPlaces, at: number): void {
    let written = 0;
    let stored = 0;
    for (let k = at; k < at + this.#chunksPerRow; k++) {
      if (places.address[k]! < 0) continue;
      written++;
      stored += places.stored?.[k] ?? this.#chunkBytes;
    }
    this.#last = group;
    this.#lastWritten = written;
    this.#decodes += written;
    if (!isNew) return;
    this.#bytes += stored;
    this.#count += written;
  }

  get reading(): PlannedReading {
    const bytesUnpacked = this.#count * this.#chunkBytes;
    const partBytes = (this.#chunksPerRow * this.#chunkBytes) / this.#rowsPerChunk;
    const better = {
      eventsPerChunk: this.#betterRows,
      bytesUnpacked: this.#betterSeen.count * this.#betterRows * partBytes,
    };
    return {
      bytesRead: this.#bytes,
      bytesUnpacked,
      reads: this.#count,
      filters: this.#filters,
      chunks: {
        eventsPerChunk: this.#rowsPerChunk,
        count: this.#count,
        decodes: this.#decodes,
        better: better.bytesUnpacked < bytesUnpacked ? better : undefined,
      },
    };
  }
}

/** Which groups of so many rows were met; a row is met once. */
class RowGroups {
  count = 0;
  readonly #rows: number;
  /** Of groups of several rows a bit each. */
  readonly #bits: Uint32Array | undefined;

  constructor(rows: number, rowsPerGroup: number) {
    this.#rows = rowsPerGroup;
    const groups = Math.ceil(rows / rowsPerGroup);
    this.#bits = rowsPerGroup === 1 ? undefined : new Uint32Array(Math.ceil(groups / 32));
  }

  /** Whether the row's group is a new one. */
  add(row: number): boolean {
    if (this.#bits !== undefined) {
      const group = Math.floor(row / this.#rows);
      const bit = 1 << (group & 31);
      if ((this.#bits[group >>> 5]! & bit) !== 0) return false;
      this.#bits[group >>> 5]! |= bit;
    }
    this.count++;
    return true;
  }
}
