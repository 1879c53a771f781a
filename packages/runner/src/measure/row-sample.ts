import {
  chunkBytesOf,
  chunksPerRow,
  NOWHERE,
  piecesOf,
  rowBytesOf,
  rowsPerChunk,
  type ChunkPlaces,
  type RowLayout,
} from "@evb/formats";

/** Rows of some sources, in the order in which they are read, and where they lie. */
export interface RowSample {
  readonly sources: readonly SampleSource[];
  /** Shape (rows): rows of `sources`. */
  readonly source: Uint16Array;
  /** Shape (rows): rows of the payload. */
  readonly row: Uint32Array;
  readonly places: ChunkPlaces | undefined;
  /** Shape (rows): first entries of `places`. */
  readonly placesFirst: Uint32Array;
}

export interface SampleSource {
  readonly path: string;
  readonly layout: RowLayout;
}

/** What rows are made of, as ranges of bytes: a filtered chunk stands with the first row that needs it. */
export interface RowRanges {
  /** Shape (rows + 1): the ranges of row k are `start[k]` up to, not including, `start[k + 1]`. */
  readonly start: Uint32Array;
  /** Shape (ranges): rows of the sample's sources. */
  readonly source: Uint16Array;
  /** Shape (ranges). */
  readonly position: Float64Array;
  readonly bytes: Float64Array;
  readonly bytesMax: number;
}

/** Decoded bytes of one row. */
export const sampleRowBytes = ({ sources, source }: RowSample, k: number): number =>
  rowBytesOf(sources[source[k]!]!.layout);

/** The same rows as somebody would read them who knows where they lie, and nothing of HDF5. */
export function rangesOf(sample: RowSample): RowRanges {
  const walks = sample.sources.map(({ layout }) => new RangeWalk(layout));
  const start = new Uint32Array(sample.row.length + 1);
  const [source, position, bytes]: [number[], number[], number[]] = [[], [], []];
  for (let k = 0; k < sample.row.length; k++) {
    const s = sample.source[k]!;
    walks[s]!.walk(sample.row[k]!, sample.places, sample.placesFirst[k]!, (at, length) => {
      source.push(s);
      position.push(at);
      bytes.push(length);
    });
    start[k + 1] = source.length;
  }
  return {
    start,
    source: Uint16Array.from(source),
    position: Float64Array.from(position),
    bytes: Float64Array.from(bytes),
    bytesMax: bytes.reduce((most, each) => Math.max(most, each), 1),
  };
}

class RangeWalk {
  readonly #layout: RowLayout;
  readonly #rowBytes: number;
  readonly #rowsPerChunk: number;
  readonly #chunks: number;
  readonly #chunkBytes: number;
  readonly #pieces: ReturnType<typeof piecesOf>;
  #last = -1;

  constructor(layout: RowLayout) {
    this.#layout = layout;
    this.#rowBytes = rowBytesOf(layout);
    this.#rowsPerChunk = rowsPerChunk(layout);
    this.#chunks = chunksPerRow(layout);
    this.#chunkBytes = chunkBytesOf(layout);
    this.#pieces = piecesOf(layout);
  }

  walk(
    row: number,
    places: ChunkPlaces | undefined,
    first: number,
    take: (position: number, bytes: number) => void,
  ): void {
    const { address, filters } = this.#layout;
    if (this.#chunks === 0) {
      if (address !== NOWHERE) take(address + row * this.#rowBytes, this.#rowBytes);
      return;
    }
    const group = Math.floor(row / this.#rowsPerChunk);
    if (filters.length > 0 && group === this.#last) return;
    this.#last = group;
    const part = ((row % this.#rowsPerChunk) * this.#chunkBytes) / this.#rowsPerChunk;
    for (let k = 0; k < this.#chunks; k++) {
      const at = places!.address[first + k]!;
      if (at === NOWHERE) continue;
      const { from, bytes } = this.#pieces[k]!;
      if (filters.length > 0) take(at, places!.stored?.[first + k] ?? this.#chunkBytes);
      else take(at + part + from, bytes);
    }
  }
}
