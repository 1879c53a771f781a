import { gridOf, productOf, type DataSpace } from "./chunk-grid.ts";
import type { Cursor } from "./cursor.ts";
import type { ChunkedLayout } from "./layout.ts";
import type { Metadata } from "./metadata.ts";

/** In the columns: a chunk that was never written. */
const NOT_ALLOCATED = -1;
/** Said of a chunk that no filter was applied to. */
const ALL_FILTERS = 0xffffffff;
const STORED_BYTES_MAX = 0xffffffff;

/** Where each chunk is; the readers of all indexes put what they find here. A row is a chunk, in C order of the grid. */
export class ChunkTable {
  readonly chunk: readonly number[];
  readonly grid: readonly number[];
  /** Of a whole chunk, decoded. */
  readonly chunkBytes: number;
  readonly filtered: boolean;
  /** (chunks) bytes from the beginning of the file, or {@link NOT_ALLOCATED}. */
  readonly address: Float64Array;
  /** (chunks); undefined where nothing is filtered. */
  readonly storedBytes: Uint32Array | undefined;
  /** (chunks); undefined where all chunks went through all filters. */
  filterMask: Uint32Array | undefined;
  readonly #metadata: Metadata;

  constructor(
    metadata: Metadata,
    { dimensions }: ChunkedLayout,
    { shape, filtered }: { shape: DataSpace["shape"]; filtered: boolean },
  ) {
    this.chunk = dimensions.slice(0, -1);
    this.grid = gridOf(shape, this.chunk);
    this.chunkBytes = productOf(dimensions);
    this.filtered = filtered;
    const count = productOf(this.grid);
    this.address = new Float64Array(count).fill(NOT_ALLOCATED);
    this.storedBytes = filtered ? new Uint32Array(count) : undefined;
    this.#metadata = metadata;
  }

  get count(): number {
    return this.address.length;
  }

  /** The chunk at so many chunks along each dimension, or −1 where the data set doesn't reach so far. */
  rowOf(place: readonly number[]): number {
    let row = 0;
    for (let d = 0; d < this.grid.length; d++) {
      if (place[d]! >= this.grid[d]!) return -1;
      row = row * this.grid[d]! + place[d]!;
    }
    return row;
  }

  /**
   * Enters one chunk.
   *
   * @param cursor stands behind the chunk's entry; only messages need it
   * @throws EvbError "hdf5-storage-damaged" where the file has no such bytes, or the chunk is there already
   */
  put(cursor: Cursor, row: number, address: number, stored: number, mask: number): void {
    if (address < 0) return;
    if (!this.#metadata.holds(address, stored) || stored === 0 || stored > STORED_BYTES_MAX)
      throw cursor.damaged(`chunk ${String(row)} would be outside of the file`);
    if (!this.filtered && stored !== this.chunkBytes)
      throw cursor.damaged(`chunk ${String(row)} can't be ${String(stored)} bytes long`);
    if (this.address[row] !== NOT_ALLOCATED)
      throw cursor.damaged(`chunk ${String(row)} is there twice`);
    this.address[row] = address + this.#metadata.baseOffset;
    if (this.storedBytes !== undefined) this.storedBytes[row] = stored;
    if (mask !== 0) this.#mask()[row] = mask;
  }

  /** Notes of all chunks that stick out of the data set that they are stored without filters. */
  unfilterPartial(shape: readonly number[]): void {
    if (!this.filtered) return;
    const cut = shape.map((elements, d) => elements % this.chunk[d]! !== 0);
    if (!cut.includes(true)) return;
    const mask = this.#mask();
    for (let row = 0; row < this.count; row++) {
      let rest = row;
      for (let d = this.grid.length - 1; d >= 0; d--) {
        const chunks = this.grid[d]!;
        if (cut[d] === true && rest % chunks === chunks - 1) mask[row] = ALL_FILTERS;
        rest = Math.floor(rest / chunks);
      }
    }
  }

  #mask(): Uint32Array {
    this.filterMask ??= new Uint32Array(this.count);
    return this.filterMask;
  }
}
