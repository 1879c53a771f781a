import {
  chunksPerRow,
  NOWHERE,
  rowsPerChunk,
  type ChunkPlaces,
  type DataFile,
  type Hdf5File,
  type RowLayout,
} from "@evb/formats";
import { columnPlace, PagedColumn } from "./paged-column.ts";

/** A source's chunks in the index's columns. */
interface SourceChunks {
  readonly chunksPerRow: number;
  readonly rowsPerChunk: number;
  /** Its first entries; −1: it has none. */
  readonly address: number;
  readonly stored: number;
  readonly mask: number;
}

/** Where chunks of fragments lie, looked up in the index. */
export class FragmentPlaces {
  readonly #sources: readonly SourceChunks[];
  readonly #address: PagedColumn<Float64Array>;
  readonly #stored: PagedColumn<Uint32Array>;
  readonly #mask: PagedColumn<Uint32Array>;
  readonly #filtered: boolean;
  readonly #masked: boolean;

  private constructor(file: Hdf5File, data: DataFile, sources: readonly SourceChunks[]) {
    this.#sources = sources;
    this.#address = new PagedColumn(columnPlace(file, "/chunks/address", "f8"), data);
    this.#stored = new PagedColumn(columnPlace(file, "/chunks/stored", "u4"), data);
    this.#mask = new PagedColumn(columnPlace(file, "/chunks/mask", "u4"), data);
    this.#filtered = sources.some(({ stored }) => stored >= 0);
    this.#masked = sources.some(({ mask }) => mask >= 0);
  }

  /** Undefined where no source has chunks. @param data the same file, which stays open */
  static of(
    file: Hdf5File,
    data: DataFile,
    sources: readonly { readonly storage: RowLayout | undefined }[],
  ): FragmentPlaces | undefined {
    const firsts = (name: string): number[] =>
      Array.from(file.dataSet(`/sources/${name}_first`).readColumn() as BigInt64Array, Number);
    const [address, stored, mask] = ["address", "stored", "mask"].map(firsts);
    const chunks = sources.map(({ storage }, k) => ({
      chunksPerRow: storage === undefined ? 0 : chunksPerRow(storage),
      rowsPerChunk: storage === undefined ? 1 : rowsPerChunk(storage),
      address: address![k]!,
      stored: stored![k]!,
      mask: mask![k]!,
    }));
    return chunks.some((source) => source.chunksPerRow > 0)
      ? new FragmentPlaces(file, data, chunks)
      : undefined;
  }

  of(source: Uint16Array, row: Uint32Array): ChunkPlaces {
    let entries = 0;
    for (const each of source) entries += this.#sources[each]!.chunksPerRow;
    const address = new Float64Array(entries);
    const stored = this.#filtered ? new Uint32Array(entries) : undefined;
    const mask = this.#masked ? new Uint32Array(entries) : undefined;
    let at = 0;
    for (let i = 0; i < source.length; i++) {
      const chunks = this.#sources[source[i]!]!;
      const first = Math.floor(row[i]! / chunks.rowsPerChunk) * chunks.chunksPerRow;
      for (let k = first; k < first + chunks.chunksPerRow; k++) {
        address[at] = chunks.address < 0 ? NOWHERE : this.#address.at(chunks.address + k);
        if (chunks.stored >= 0) stored![at] = this.#stored.at(chunks.stored + k);
        if (chunks.mask >= 0) mask![at] = this.#mask.at(chunks.mask + k);
        at++;
      }
    }
    return { address, stored, mask };
  }
}
