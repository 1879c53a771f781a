import { givenBytesOf, RowRanges, type ChunkPlaces, type RowLayout } from "@evb/formats";

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
export interface SampleRanges {
  /** Shape (rows + 1): the ranges of row k are `start[k]` up to, not including, `start[k + 1]`. */
  readonly start: Uint32Array;
  /** Shape (ranges): rows of the sample's sources. */
  readonly source: Uint16Array;
  /** Shape (ranges). */
  readonly position: Float64Array;
  readonly bytes: Float64Array;
  readonly bytesMax: number;
}

/** Bytes of one row as it is handed over. */
export const sampleRowBytes = ({ sources, source }: RowSample, k: number): number =>
  givenBytesOf(sources[source[k]!]!.layout);

/** The same rows as somebody would read them who knows where they lie, and nothing of HDF5. */
export function rangesOf(sample: RowSample): SampleRanges {
  const walks = sample.sources.map(({ layout }) => new RowRanges(layout));
  const start = new Uint32Array(sample.row.length + 1);
  const [source, position, bytes]: [number[], number[], number[]] = [[], [], []];
  for (let k = 0; k < sample.row.length; k++) {
    const s = sample.source[k]!;
    walks[s]!.of(sample.row[k]!, sample.places, sample.placesFirst[k]!, (at, length) => {
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
