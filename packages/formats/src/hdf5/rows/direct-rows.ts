import { isEvbError, sentenceOf } from "@evb/event";
import { fault } from "../../faults.ts";
import type { ChunkDecoder } from "../filters/chunk-decoder.ts";
import type { DataFile } from "./data-file.ts";
import { widenHalves } from "./halves.ts";
import {
  chunkBytesOf,
  chunksPerRow,
  givenBytesOf,
  isMisplaced,
  misplaced,
  NOWHERE,
  rowBytesOf,
  rowsPerChunk,
  type ChunkPlaces,
  type RowLayout,
} from "./row-layout.ts";
import { ReadWindow, SMALL_BYTES_MAX } from "./read-window.ts";
import { RowRanges } from "./row-ranges.ts";
import { stretchesOf, type Stretch } from "./row-stretches.ts";
import { swapBytes } from "./swap-bytes.ts";

/** A chunk that was decoded elsewhere. */
export interface DecodedChunk {
  /** Until the event is over, unless it is kept. */
  readonly bytes: Uint8Array;
  /** The bytes stay until what is returned is called. */
  keep(): () => void;
}

/** Chunks that are decoded beside this thread; undefined: this one isn't. */
export type TakeDecoded = (file: DataFile, address: number) => DecodedChunk | undefined;

/** Where a chunk lies, how long it is there, and which filters were left out. */
interface StoredChunk {
  readonly address: number;
  readonly stored: number;
  readonly mask: number;
}

/** One that was decoded last. */
interface KnownChunk {
  file: DataFile | undefined;
  address: number;
  bytes: Uint8Array;
  /** Where it was decoded elsewhere: gives the bytes back. */
  giveBack: (() => void) | undefined;
  /** Where chunks are decoded here. */
  own: Uint8Array;
}

/** Reads rows of one data set by positioned reads: the HDF5 library has no part in it. */
export class DirectRows {
  /** As it is handed over. */
  readonly rowBytes: number;
  /** Chunks that each row lies in. */
  readonly chunks: number;
  /** Of the clock. */
  decodeSeconds = 0;
  readonly #layout: RowLayout;
  readonly #decoder: ChunkDecoder | undefined;
  readonly #storedBytes: number;
  /** A row of 16-bit floats as stored. */
  readonly #halves: Uint8Array | undefined;
  readonly #rowsPerChunk: number;
  /** By chunk of a row. */
  readonly #stretches: readonly (readonly Stretch[])[];
  /** Of a chunk's part of a row, and of a chunk. */
  readonly #partBytes: number;
  readonly #chunkBytes: number;
  /** A chunk is one row, and nothing else. */
  readonly #isRow: boolean;
  readonly #ranges: RowRanges;
  /** A chunk's part of a row that isn't one stretch, or a chunk as stored. */
  #scratch = new Uint8Array(0);
  /** For small rows. */
  readonly #window = new ReadWindow();
  /** The chunks that were decoded last: several rows may lie in them. */
  readonly #decoded: readonly KnownChunk[];
  readonly #takeDecoded: TakeDecoded | undefined;

  /** @param takeDecoded asked for each chunk before it is read here */
  constructor(layout: RowLayout, decoder: ChunkDecoder | "none", takeDecoded?: TakeDecoded) {
    this.#layout = layout;
    this.#takeDecoded = takeDecoded;
    this.#decoder = decoder === "none" ? undefined : decoder;
    this.rowBytes = givenBytesOf(layout);
    this.#storedBytes = rowBytesOf(layout);
    this.#halves = layout.halves === true ? new Uint8Array(this.#storedBytes) : undefined;
    this.chunks = chunksPerRow(layout);
    this.#rowsPerChunk = rowsPerChunk(layout);
    this.#stretches = stretchesOf(layout);
    this.#chunkBytes = chunkBytesOf(layout);
    this.#partBytes = this.#chunkBytes / this.#rowsPerChunk;
    this.#isRow = this.#chunkBytes === this.#storedBytes && this.chunks === 1;
    this.#ranges = new RowRanges(layout);
    this.#decoded = this.#stretches.map(() => ({
      file: undefined,
      address: NOWHERE,
      bytes: NOTHING,
      giveBack: undefined,
      own: NOTHING,
    }));
  }

  get decodes(): boolean {
    return this.#decoder !== undefined;
  }

  /** Whether {@link ranges} gives any, where rows were written. */
  get hasLargeReads(): boolean {
    const parts = this.#stretches.flat().map(({ from, bytes }) => from + bytes);
    const bytes = this.chunks === 0 ? this.#storedBytes : Math.max(...parts);
    return this.decodes ? this.#chunkBytes > SMALL_BYTES_MAX : bytes > SMALL_BYTES_MAX;
  }

  /** Where rows can be read without their chunks' places: bytes from the file's beginning. */
  addressOf(row: number): number {
    const { address } = this.#layout;
    return address === NOWHERE ? NOWHERE : address + row * this.#storedBytes;
  }

  /**
   * Puts one row into `target`, little-endian and in C order; or says where it lies if that is elsewhere, until
   * the event is over.
   *
   * @param places of the row's chunks: entries `first` to `first + chunks − 1`
   * @throws EvbError "bytes-missing", "bytes-unreadable", "chunk-unreadable", "chunk-misplaced": `target` then holds nothing of use
   */
  read(
    file: DataFile,
    row: number,
    places: ChunkPlaces | undefined,
    first: number,
    target: Uint8Array,
  ): Uint8Array {
    if (isMisplaced(this.#layout.address)) throw misplacedFault(file, this.#layout.address);
    const own = this.#halves ?? target;
    let bytes = own;
    if (this.chunks === 0) this.#readStretch(file, this.addressOf(row), own);
    else
      for (let k = 0; k < this.chunks; k++)
        bytes = this.#readChunk(file, { row, chunk: k, places: places!, at: first + k }, own);
    if (this.#layout.bigEndian) swapBytes(bytes, this.#layout.elementBytes);
    if (own === target) return bytes;
    widenHalves(bytes, target);
    return target;
  }

  /** Rows of one group lie in the same chunks. */
  groupOf(row: number): number {
    return Math.floor(row / this.#rowsPerChunk);
  }

  /** Whether a chunk of a row is decoded already. */
  hasDecoded(file: DataFile, chunk: number, address: number): boolean {
    const known = this.#decoded[chunk]!;
    return known.address === address && known.file === file;
  }

  /**
   * The reads that {@link read} will do for a row, but for small ones: see {@link RowRanges}. Rows are asked
   * for in order.
   */
  ranges(
    row: number,
    places: ChunkPlaces | undefined,
    first: number,
    add: (position: number, bytes: number) => void,
  ): void {
    // What is decoded already isn't read.
    if (this.#decoder !== undefined && this.#decoded[0]?.address === places!.address[first]) return;
    this.#ranges.of(row, places, first, (position, bytes) => {
      if (bytes > SMALL_BYTES_MAX) add(position, bytes);
    });
  }

  #readStretch(file: DataFile, address: number, target: Uint8Array): void {
    if (address === NOWHERE) this.#fill(target);
    else this.#take(file, target, address);
  }

  #readChunk(
    file: DataFile,
    wanted: {
      readonly row: number;
      readonly chunk: number;
      readonly places: ChunkPlaces;
      readonly at: number;
    },
    target: Uint8Array,
  ): Uint8Array {
    const { row, chunk, places, at } = wanted;
    const address = places.address[at]!;
    const stretches = this.#stretches[chunk]!;
    if (isMisplaced(address)) throw misplacedFault(file, address);
    if (address === NOWHERE) {
      for (const { to, bytes } of stretches) this.#fill(target.subarray(to, to + bytes));
      return target;
    }
    const part = (row % this.#rowsPerChunk) * this.#partBytes;
    if (this.#decoder === undefined) {
      this.#readPart(file, address + part, stretches, target);
      return target;
    }
    const stored = places.stored?.[at] ?? this.#chunkBytes;
    const mask = places.mask?.[at] ?? 0;
    if (this.#isRow) return this.#rowOf(file, { address, stored, mask }, target);
    const whole = this.#chunkOf(file, this.#decoded[chunk]!, { address, stored, mask });
    for (const { from, to, bytes } of stretches)
      target.set(whole.subarray(part + from, part + from + bytes), to);
    return target;
  }

  /** What isn't filtered is read where it belongs, if it is one stretch. */
  #readPart(
    file: DataFile,
    address: number,
    stretches: readonly Stretch[],
    target: Uint8Array,
  ): void {
    const [first] = stretches;
    if (stretches.length === 1) {
      const { from, to, bytes } = first!;
      const own = bytes === target.length ? target : target.subarray(to, to + bytes);
      this.#take(file, own, address + from);
      return;
    }
    const last = stretches.at(-1)!;
    const part = this.#room(last.from + last.bytes);
    file.read(part, address);
    for (const { from, to, bytes } of stretches) target.set(part.subarray(from, from + bytes), to);
  }

  #take(file: DataFile, target: Uint8Array, position: number): void {
    if (target.length > SMALL_BYTES_MAX) file.read(target, position);
    else this.#window.read(file, target, position);
  }

  /** A chunk that is one row and nothing else. */
  #rowOf(file: DataFile, chunk: StoredChunk, target: Uint8Array): Uint8Array {
    const elsewhere = this.#takeDecoded?.(file, chunk.address);
    if (elsewhere !== undefined) return elsewhere.bytes;
    this.#decode(file, chunk, target);
    return target;
  }

  /** A chunk that other rows may lie in, too. */
  #chunkOf(file: DataFile, known: KnownChunk, chunk: StoredChunk): Uint8Array {
    const { address } = chunk;
    if (known.address === address && known.file === file) return known.bytes;
    // Nothing is kept of one that fails.
    known.address = NOWHERE;
    known.giveBack?.();
    const elsewhere = this.#takeDecoded?.(file, address);
    known.giveBack = elsewhere?.keep();
    if (elsewhere === undefined) {
      if (known.own.length === 0) known.own = new Uint8Array(this.#chunkBytes);
      this.#decode(file, chunk, known.own);
    }
    known.bytes = elsewhere?.bytes ?? known.own;
    known.file = file;
    known.address = address;
    return known.bytes;
  }

  #decode(file: DataFile, { address, stored, mask }: StoredChunk, target: Uint8Array): void {
    const bytes = this.#room(stored);
    file.read(bytes, address);
    const begun = performance.now();
    try {
      this.#decoder!.decode(bytes, mask, target);
    } catch (thrown) {
      if (!isEvbError(thrown, "chunk-damaged")) throw thrown;
      const at = { path: file.path, offset: address, bytes: stored, reason: sentenceOf(thrown) };
      throw fault("chunk-unreadable", at, { cause: thrown });
    } finally {
      this.decodeSeconds += (performance.now() - begun) / 1000;
    }
  }

  #room(bytes: number): Uint8Array {
    if (this.#scratch.length < bytes) this.#scratch = new Uint8Array(bytes);
    return this.#scratch.subarray(0, bytes);
  }

  #fill(target: Uint8Array): void {
    const { fill } = this.#layout;
    if (fill === undefined) target.fill(0);
    else for (let at = 0; at < target.length; at += fill.length) target.set(fill, at);
  }
}

const misplacedFault = ({ path }: DataFile, address: number): Error =>
  fault("chunk-misplaced", { path, offset: misplaced(address) });

const NOTHING = new Uint8Array(0);
