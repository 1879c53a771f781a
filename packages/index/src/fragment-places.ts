import {
  chunksPerRow,
  NOWHERE,
  rowsPerChunk,
  type ChunkPlaces,
  type Hdf5File,
  type RowLayout,
} from "@evb/formats";
import { PagedColumn } from "./paged-column.ts";

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
  readonly #address: PagedColumn;
  readonly #stored: PagedColumn;
  readonly #mask: PagedColumn;
  readonly #filtered: boolean;
  readonly #masked: boolean;

  private constructor(file: Hdf5File, sources: readonly SourceChunks[]) {
    this.#sources = sources;
    const column = (name: string): PagedColumn => new PagedColumn(file.dataSet(`/chunks/${name}`));
    [this.#address, this.#stored, this.#mask] = ["address", "stored", "mask"].map(column) as [
      PagedColumn,
      PagedColumn,
      PagedColumn,
    ];
    this.#filtered = sources.some(({ stored }) => stored >= 0);
    this.#masked = sources.some(({ mask }) => mask >= 0);
  }

  /** Undefined where no source has chunks. */
  static of(
    file: Hdf5File,
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
      ? new FragmentPlaces(file, chunks)
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
