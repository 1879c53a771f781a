import type { Elements } from "@evb/event";
import { fault } from "../faults.ts";
import { cellBytes, stringType, type CellType } from "./data-set.ts";
import type { Hdf5 } from "./library.ts";

/** Rows of a column's chunk: 8 MiB of u64, so that 10^8 rows are 96 chunks and a slab is one write. */
export const COLUMN_CHUNK_ROWS = 2 ** 20;
/** Of several chunks each has a multiple of it: who reads a column by pages of so many entries finds each in one chunk. */
export const COLUMN_CHUNK_STEP = 4096;

/** Bytes that go through the library's heap at a time. */
const SLAB_BYTES = 8 * 2 ** 20;

/** One column that is written slab by slab. */
export interface Hdf5Column {
  /** Puts `cells` (little-endian, whole rows) at row `row`. */
  write(row: number, cells: Elements | Uint8Array): void;
}

interface Table {
  readonly path: string;
  readonly type: CellType;
  /** Rows first. */
  readonly shape: readonly number[];
  readonly chunkRows: number;
  /** 1 … 9, or undefined for no compression. */
  readonly gzip?: number | undefined;
}

/** Writes one new HDF5 file, readable by HDF5 1.8 and later. */
export class Hdf5Writer {
  readonly path: string;
  readonly #hdf5: Hdf5;
  readonly #file: InstanceType<Hdf5["h5"]["File"]>;
  readonly #groups = new Set<string>([""]);

  /** @throws EvbError "hdf5-write-failed" */
  constructor(hdf5: Hdf5, path: string) {
    this.path = path;
    this.#hdf5 = hdf5;
    // Later bounds give files that HDF5 1.10 can't read ("bad version number for layout message").
    const { result, reason } = hdf5.quietly(
      () => new hdf5.h5.File(path, "w", { libver: ["earliest", "v110"] }),
    );
    this.#file = result;
    if (result.file_id < 0n) throw this.#failed("the file", reason);
  }

  attribute(name: string, value: string | number): void {
    // Numbers are stored as f8 by the library's guess; ours are small counts, so say i4.
    if (typeof value === "number") this.#file.create_attribute(name, value, [], "<i");
    else this.#file.create_attribute(name, value);
  }

  group(path: string): void {
    const parts = path.split("/").filter((part) => part !== "");
    for (let depth = 1; depth <= parts.length; depth++) {
      const here = parts.slice(0, depth).join("/");
      if (this.#groups.has(here)) continue;
      this.#call(`group /${here}`, (module, id) => module.create_group(id, `/${here}`, false));
      this.#groups.add(here);
    }
  }

  /** A column of so many numbers or strings in unfiltered chunks: see {@link columnChunkRows}. */
  column(path: string, type: CellType, rows: number): Hdf5Column {
    return this.table({
      path,
      type,
      shape: [rows],
      chunkRows: columnChunkRows(rows),
    });
  }

  /** A column that is there already. */
  writeColumn(path: string, type: CellType, cells: Elements | Uint8Array): void {
    this.column(path, type, cells.byteLength / cellBytes(type)).write(0, cells);
  }

  /** Fixed-length strings, as long as the longest of them in UTF-8. */
  writeStrings(path: string, strings: readonly string[]): void {
    const size = strings.reduce((most, text) => Math.max(most, Buffer.byteLength(text)), 1);
    const cells = Buffer.alloc(size * strings.length);
    strings.forEach((text, row) => cells.write(text, row * size, "utf8"));
    this.writeColumn(path, stringType(size), cells);
  }

  /** A data set of any shape whose first dimension is chunked; it is written by whole rows. */
  table(table: Table): Hdf5Column {
    const { path, type, shape } = table;
    this.group(path.split("/").slice(0, -1).join("/"));
    this.#call(`data set ${path}`, (module, id) => {
      const metadata = this.#metadata(table);
      return module.create_dataset(id, path, 0n, metadata as never);
    });
    const rows = shape[0] ?? 0;
    if (rows > 0)
      this.#call(`data set ${path}`, (module, id) =>
        module.resize_dataset(id, path, shape.map(BigInt)),
      );
    const rowBytes = shape.slice(1).reduce((product, n) => product * n, cellBytes(type));
    return {
      write: (row, cells) => {
        this.#writeRows(table, rowBytes, row, cells);
      },
    };
  }

  /** Attributes of a data set or group that is there already. */
  attributeOf(path: string, name: string, value: string): void {
    const at = this.#file.get(path);
    if (at !== null && "create_attribute" in at) at.create_attribute(name, value);
  }

  close(): void {
    const { result, reason } = this.#hdf5.quietly(() => this.#file.close());
    if (result < 0 || reason !== "") throw this.#failed("the end of the file", reason);
  }

  #metadata({ type, shape, chunkRows, gzip }: Table): object {
    const text = type.startsWith("S");
    const format = text ? type : `<${LETTERS[type]!}`;
    const rest = shape.slice(1);
    return {
      ...this.#hdf5.h5.dtype_to_metadata(format),
      ...(text && { cset: 0 }),
      vlen: false,
      shape: [0n, ...rest.map(BigInt)],
      maxshape: [BigInt(Math.max(shape[0] ?? 0, chunkRows)), ...rest.map(BigInt)],
      chunks: [chunkRows, ...rest].map((n) => BigInt(Math.max(1, n))),
      track_order: false,
      compression: gzip === undefined ? 0 : this.#hdf5.module.H5Z_FILTER_DEFLATE,
      compression_opts: gzip === undefined ? [] : [gzip],
    };
  }

  #writeRows(table: Table, rowBytes: number, row: number, cells: Elements | Uint8Array): void {
    const bytes = new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength);
    const rowsAtOnce = rowsOfSlab(table, rowBytes);
    const rest = table.shape.slice(1);
    const rows = bytes.byteLength / rowBytes;
    for (let at = 0; at < rows; at += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rows - at);
      const pointer = this.#hdf5.heap(count * rowBytes);
      if (pointer === 0)
        throw fault("hdf5-no-memory", { path: this.path, bytes: count * rowBytes });
      const slab = bytes.subarray(at * rowBytes, (at + count) * rowBytes);
      this.#hdf5.module.HEAPU8.set(slab, pointer);
      this.#call(`rows of ${table.path}`, (module, id) =>
        module.set_dataset_data(
          id,
          table.path,
          [count, ...rest].map(BigInt),
          [row + at, ...rest.map(() => 0)].map(BigInt),
          table.shape.map(() => 1n),
          BigInt(pointer),
        ),
      );
    }
  }

  /**
   * A write may fail when the library empties its cache as it closes the data set. h5wasm doesn't look at that status
   * (a 100 MB file was "written" to a 40 MB disk); the library's own words are the only sign.
   */
  #call(what: string, call: (module: Hdf5["module"], id: bigint) => number): void {
    const { result, reason } = this.#hdf5.quietly(() =>
      call(this.#hdf5.module, this.#file.file_id),
    );
    if (result < 0 || reason !== "") throw this.#failed(what, reason);
  }

  #failed(what: string, reason: string): Error {
    const given = reason || "the HDF5 library gave no reason";
    return fault("hdf5-write-failed", { path: this.path, what, reason: given });
  }
}

/** As few chunks as may be, alike in size: the last one takes its whole length in the file, too. */
export function columnChunkRows(rows: number): number {
  if (rows <= COLUMN_CHUNK_ROWS) return Math.max(1, rows);
  const chunks = Math.ceil(rows / COLUMN_CHUNK_ROWS);
  return Math.ceil(rows / chunks / COLUMN_CHUNK_STEP) * COLUMN_CHUNK_STEP;
}

/** Of compressed rows whole chunks, as each part of a chunk would have the chunk read, decompressed and compressed again. */
function rowsOfSlab({ chunkRows, gzip }: Table, rowBytes: number): number {
  const rows = Math.max(1, Math.floor(SLAB_BYTES / rowBytes));
  return gzip === undefined ? rows : Math.max(chunkRows, rows - (rows % chunkRows));
}

/** h5wasm's letters for our types (its table follows Python's struct module). */
const LETTERS: Readonly<Record<string, string>> = {
  i1: "b",
  u1: "B",
  i2: "h",
  u2: "H",
  i4: "i",
  u4: "I",
  i8: "q",
  u8: "Q",
  f4: "f",
  f8: "d",
};
