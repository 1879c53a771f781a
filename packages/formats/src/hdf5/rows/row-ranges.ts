import {
  chunkBytesOf,
  chunksPerRow,
  rowBytesOf,
  rowsPerChunk,
  type ChunkPlaces,
  type RowLayout,
} from "./row-layout.ts";
import { piecesOf } from "./row-stretches.ts";

/** Which ranges of a file rows take, one after another: what anybody reads who knows where they lie. */
export class RowRanges {
  readonly #layout: RowLayout;
  readonly #rowBytes: number;
  readonly #rowsPerChunk: number;
  readonly #chunks: number;
  readonly #chunkBytes: number;
  readonly #pieces: ReturnType<typeof piecesOf>;
  /** The row of chunks that was walked through last. */
  #last = -1;

  constructor(layout: RowLayout) {
    this.#layout = layout;
    this.#rowBytes = rowBytesOf(layout);
    this.#rowsPerChunk = rowsPerChunk(layout);
    this.#chunks = chunksPerRow(layout);
    this.#chunkBytes = chunkBytesOf(layout);
    this.#pieces = piecesOf(layout);
  }

  /**
   * The ranges of one row; those of filtered chunks only for the first of rows that follow each other in them.
   *
   * @param places of the row's chunks: entries `first` to `first + chunks − 1`
   */
  of(
    row: number,
    places: ChunkPlaces | undefined,
    first: number,
    take: (position: number, bytes: number) => void,
  ): void {
    const { address, filters } = this.#layout;
    if (this.#chunks === 0) {
      if (address >= 0) take(address + row * this.#rowBytes, this.#rowBytes);
      return;
    }
    const filtered = filters.length > 0;
    const group = Math.floor(row / this.#rowsPerChunk);
    if (filtered && group === this.#last) return;
    this.#last = group;
    const part = ((row % this.#rowsPerChunk) * this.#chunkBytes) / this.#rowsPerChunk;
    for (let k = 0; k < this.#chunks; k++) {
      const at = places!.address[first + k]!;
      if (at < 0) continue;
      const { from, bytes } = this.#pieces[k]!;
      if (filtered) take(at, places!.stored?.[first + k] ?? this.#chunkBytes);
      else take(at + part + from, bytes);
    }
  }
}
