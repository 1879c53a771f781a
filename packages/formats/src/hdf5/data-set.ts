import { elementBytes, viewElements, type Elements, type ElementType } from "@evb/event";
import { fault } from "../faults.ts";
import type { RowReader } from "../row-reader.ts";
import { FILTER_MISSING, type Hdf5 } from "./library.ts";
import { HALF_BYTES, widenHalves } from "./rows/halves.ts";
import { swapBytes } from "./rows/swap-bytes.ts";

/** Numbers, or fixed-length strings of so many bytes. */
export type CellType = ElementType | `S${number}`;

/** What the elements of a data set are. */
export interface ElementShape {
  /** Undefined where it is none that evb works on (compound, variable length, …). */
  readonly type: CellType | undefined;
  /** What it is called in messages, also where evb can't work on it; of numbers numpy's dtype.str, as they are stored. */
  readonly typeName: string;
  /** Integers with names, which evb leaves out. */
  readonly isEnumeration: boolean;
}

/** What the elements of a data set are, where each may be a sequence of others. */
export interface RowElements extends ElementShape {
  /** Each is a sequence of such numbers, with a length of its own; `type` is then undefined. */
  readonly sequenceOf?: ElementShape & { readonly type: ElementType };
}

/** What a data set is, without its content. */
export interface DataSetShape extends RowElements {
  /** Rows first. A scalar has no dimension. */
  readonly shape: readonly number[];
  /** Undefined where it isn't chunked. */
  readonly chunk: readonly number[] | undefined;
  readonly filters: readonly string[];
}

/** In the library's memory (hvl_t): number of elements 4 | where they are 4. */
const SEQUENCE_BYTES = 8;
/** A chunk of compressed rows is decoded whole and kept, if it is not larger than this: 64 MiB of HDF5's 2 GiB heap. */
const DECODED_CHUNK_BYTES_MAX = 64 * 2 ** 20;
/**
 * Small rows are read so many bytes at a time: a call of the library takes 35 µs, copying these 10 µs, and the rows
 * of a run's events ascend, so the next one is likely among them (docs/decisions/0015-small-rows.md).
 */
const SMALL_ROWS_BYTES = 64 * 2 ** 10;

/** One open data set. Reads go through the HDF5 library; each checks the library's status. */
export class Hdf5DataSet implements RowReader {
  readonly path: string;
  readonly shape: DataSetShape;
  readonly length: number;
  readonly rowBytes: number;
  /** The same before 16-bit floats become wider. */
  readonly #storedBytes: number;
  readonly #hdf5: Hdf5;
  readonly #fileId: bigint;
  readonly #filePath: string;
  /** Rows that are read and kept together. */
  readonly #rowsTogether: number;
  /** They are a chunk, which begins at a multiple of them. */
  readonly #chunked: boolean;
  #kept: { row: number; rows: number; bytes: Uint8Array } | undefined;
  #bytesRead = 0;

  constructor(hdf5: Hdf5, file: { id: bigint; path: string }, path: string, shape: DataSetShape) {
    this.#hdf5 = hdf5;
    this.#fileId = file.id;
    this.#filePath = file.path;
    this.path = path;
    this.shape = shape;
    this.length = shape.shape[0] ?? 1;
    const cells = shape.shape.slice(1).reduce((product, n) => product * n, 1);
    const cell = shape.type === undefined ? 0 : cellBytes(shape.type);
    this.rowBytes = cells * cell;
    this.#storedBytes = isHalf(shape) ? cells * HALF_BYTES : this.rowBytes;
    const chunkRows = shape.filters.length > 0 ? (shape.chunk?.[0] ?? 1) : 1;
    this.#chunked = chunkRows > 1 && chunkRows * this.rowBytes <= DECODED_CHUNK_BYTES_MAX;
    const smallRows = Math.floor(SMALL_ROWS_BYTES / Math.max(1, this.rowBytes));
    this.#rowsTogether = this.#chunked ? chunkRows : Math.max(1, smallRows);
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  readRows(row: number, rows: number, target: Uint8Array): void {
    if (row < 0 || row + rows > this.length) throw this.#outOfRange(row, rows);
    if (this.rowBytes === 0 || rows === 0) return;
    // Several rows in one call: the library decodes each chunk once.
    if (rows > 1 || this.#rowsTogether === 1) target.set(this.#read(row, rows));
    else target.set(this.#keptRow(row));
  }

  /**
   * A row of a data set of sequences: little-endian numbers, as many as it has, in memory of their own.
   *
   * @throws EvbError "hdf5-read-failed", "hdf5-row-out-of-range", "hdf5-no-such-data-set" where it holds none
   */
  readSequence(row: number): Uint8Array {
    const { sequenceOf } = this.shape;
    if (sequenceOf === undefined || this.shape.shape.length !== 1)
      throw this.#wrongType("a sequence of numbers in each row");
    if (row < 0 || row >= this.length) throw this.#outOfRange(row, 1);
    const { module } = this.#hdf5;
    const pointer = this.#heap(SEQUENCE_BYTES);
    const [offset, one] = [[BigInt(row)], [1n]];
    const { result, reason } = this.#hdf5.quietly(() =>
      module.get_dataset_data(this.#fileId, this.path, one, offset, one, BigInt(pointer)),
    );
    if (result < 0) throw this.#readFailed(row, 1, reason);
    // The heap may have grown: it is another view than before.
    const [elements = 0, at = 0] = new Uint32Array(module.HEAPU8.buffer, pointer, 2);
    const bytes = module.HEAPU8.slice(at, at + elements * storedBytesOf(sequenceOf));
    module.reclaim_vlen_memory_count(this.#fileId, this.path, "", BigInt(pointer), one);
    this.#bytesRead += bytes.length;
    return given(inHostOrder(bytes, sequenceOf), sequenceOf);
  }

  /** Reads a row, of whatever kind, only to see whether that can be done. @throws EvbError as reading it does */
  checkRow(row: number): void {
    if (this.shape.sequenceOf === undefined) this.readRows(row, 1, new Uint8Array(this.rowBytes));
    else this.readSequence(row);
  }

  /** All values in a typed array of their own; for columns, whose rows are single numbers. */
  readColumn(): Elements {
    return this.readSlab(0, this.length);
  }

  /** Values of rows `row` … `row + rows − 1` in a typed array of their own. */
  readSlab(row: number, rows: number): Elements {
    const type = this.shape.type;
    if (type === undefined || type.startsWith("S")) throw this.#wrongType("numbers");
    const bytes = new Uint8Array(rows * this.rowBytes);
    for (let at = 0; at < rows; at += this.#slabRows)
      this.readRows(
        row + at,
        Math.min(this.#slabRows, rows - at),
        bytes.subarray(at * this.rowBytes),
      );
    return viewElements(type as ElementType, bytes);
  }

  /** All values of a column of fixed-length strings. */
  readStrings(): string[] {
    const type = this.shape.type;
    if (type?.startsWith("S") !== true) throw this.#wrongType("fixed-length strings");
    const size = cellBytes(type);
    const strings: string[] = [];
    const slab = new Uint8Array(Math.min(this.#slabRows, this.length) * size);
    for (let at = 0; at < this.length; at += this.#slabRows) {
      const rows = Math.min(this.#slabRows, this.length - at);
      this.readRows(at, rows, slab);
      for (let i = 0; i < rows; i++) strings.push(textOf(slab.subarray(i * size, (i + 1) * size)));
    }
    return strings;
  }

  /** 8 MiB at a time keep the library's heap small. */
  get #slabRows(): number {
    return Math.max(1, Math.floor((8 * 2 ** 20) / Math.max(1, this.rowBytes)));
  }

  #keptRow(row: number): Uint8Array {
    const kept = this.#kept;
    if (kept !== undefined && row >= kept.row && row < kept.row + kept.rows)
      return rowOf(kept.bytes, row - kept.row, this.rowBytes);
    // Nothing is kept of a read that fails.
    this.#kept = undefined;
    const first = this.#chunked ? row - (row % this.#rowsTogether) : row;
    const rows = Math.min(this.#rowsTogether, this.length - first);
    let bytes: Uint8Array;
    try {
      bytes = this.#read(first, rows).slice();
    } catch (thrown) {
      // What is wrong with other rows is none of this one's business; in a chunk they are all the same.
      if (this.#chunked || rows === 1) throw thrown;
      return this.#read(row, 1);
    }
    this.#kept = { row: first, rows, bytes };
    return rowOf(bytes, row - first, this.rowBytes);
  }

  /** May be a view of HDF5's heap: gone with the next call. */
  #read(row: number, rows: number): Uint8Array {
    const bytes = rows * this.#storedBytes;
    const pointer = this.#heap(bytes);
    const rest = this.shape.shape.slice(1);
    const count = [rows, ...rest].map(BigInt);
    const offset = [row, ...rest.map(() => 0)].map(BigInt);
    const strides = count.map(() => 1n);
    const { module } = this.#hdf5;
    // A failed read leaves what the last one put there: the status must be looked at, always.
    const { result, reason } = this.#hdf5.quietly(() =>
      this.shape.shape.length === 0
        ? module.get_dataset_data(
            this.#fileId,
            this.path,
            null,
            null,
            null,
            BigInt(pointer) as never,
          )
        : module.get_dataset_data(this.#fileId, this.path, count, offset, strides, BigInt(pointer)),
    );
    if (result < 0) throw this.#readFailed(row, rows, reason);
    this.#bytesRead += bytes;
    const cells = module.HEAPU8.subarray(pointer, pointer + bytes);
    return given(this.shape.isEnumeration ? inHostOrder(cells, this.shape) : cells, this.shape);
  }

  #heap(bytes: number): number {
    const pointer = this.#hdf5.heap(bytes);
    if (pointer === 0) throw fault("hdf5-no-memory", { path: this.#filePath, bytes });
    return pointer;
  }

  #readFailed(row: number, rows: number, reason: string): Error {
    const at = { path: this.#filePath, dataSet: this.path };
    const missing = FILTER_MISSING.exec(reason);
    if (missing !== null) {
      const filter = missing[1] ?? this.shape.filters.join(", ");
      return fault("hdf5-no-filter", { ...at, filter });
    }
    const given = reason || "the HDF5 library gave no reason";
    return fault("hdf5-read-failed", { ...at, row, rows, reason: given });
  }

  #outOfRange(row: number, rows: number): Error {
    const at = { path: this.#filePath, dataSet: this.path, row, rows, length: this.length };
    return fault("hdf5-row-out-of-range", at);
  }

  #wrongType(wanted: string): Error {
    const reason = `it holds ${this.shape.typeName}, not ${wanted}`;
    return fault("hdf5-no-such-data-set", { path: this.#filePath, dataSet: this.path, reason });
  }
}

/** Strings of so many bytes. */
export const stringType = (bytes: number): CellType => `S${String(bytes)}` as CellType;

export function cellBytes(type: CellType): number {
  return type.startsWith("S") ? Number(type.slice(1)) : elementBytes(type as ElementType);
}

/** What a number takes in the file. */
const storedBytesOf = ({ typeName }: ElementShape): number => Number(typeName.slice(2));

/** 16-bit floats, whose type is then f4. */
const isHalf = ({ typeName }: ElementShape): boolean => typeName.endsWith("f2");

/**
 * Turns big-endian numbers round, in place. The library does so, but not in sequences, nor where values have names: H5Tset_order
 * refuses such types, and h5wasm doesn't look whether it did.
 */
function inHostOrder(bytes: Uint8Array, shape: ElementShape): Uint8Array {
  if (shape.typeName.startsWith(">")) swapBytes(bytes, storedBytesOf(shape));
  return bytes;
}

/** Little-endian numbers as evb hands them over. */
function given(bytes: Uint8Array, shape: ElementShape): Uint8Array {
  if (!isHalf(shape)) return bytes;
  const wide = new Uint8Array(2 * bytes.length);
  widenHalves(bytes, wide);
  return wide;
}

/** Strings are padded with zero bytes or with blanks. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end))
    .toString("utf8")
    .trimEnd();
}

const rowOf = (bytes: Uint8Array, row: number, rowBytes: number): Uint8Array =>
  bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
