import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statfsSync,
} from "node:fs";
import { dirname } from "node:path";
import { sentenceOf } from "@evb/event";
import {
  alignedTo,
  encodeChunkTree,
  missingElement,
  NOWHERE,
  type NewChunks,
  type NewStorage,
} from "@evb/formats";
import { ROW_STATUS, type RunEvents } from "@evb/index";
import { fault } from "../faults.ts";
import { writeAll } from "../output-file.ts";
import { ABSENT, encodeExtractPart } from "../wire/extract-message.ts";
import { rowsOf, slabsOf, type ExtractInput } from "./extract-columns.ts";
import type { ExtractLayout } from "./extract-layout.ts";
import type { ExtractShape } from "./extract-shape.ts";

/** A file system's block, as far as it matters to where data sets begin. */
const DATA_ALIGNMENT = 4096;
const TREE_ALIGNMENT = 8;
/** What stat(2) counts a file's room in. */
const BLOCK_BYTES = 512;

interface OutputParts {
  readonly shape: ExtractShape;
  readonly layout: ExtractLayout;
  readonly input: ExtractInput;
  readonly isCompressed: boolean;
  /** Whether it must be there already. */
  readonly mustBeThere: boolean;
}

/** The chunks of one source. */
interface Chunks {
  /** Shape (chunks): 1 where an event has the source. */
  readonly kept: Uint8Array;
  /** Shape (chunks): NOWHERE where it isn't kept, or its place isn't known yet. */
  readonly address: Float64Array;
  /** Shape (chunks). */
  readonly storedBytes: Uint32Array;
}

/** The new file, as the coordinator writes it: everything but rows. Whoever opens it closes it. */
export class ExtractOutput {
  readonly path: string;
  readonly #fd: number;
  readonly #shape: ExtractShape;
  readonly #layout: ExtractLayout;
  readonly #input: ExtractInput;
  readonly #isCompressed: boolean;
  /** By source. */
  readonly #chunks: readonly Chunks[];
  readonly #dataAddress: number[] = [];
  /** Shape (sources): rows that events have. */
  readonly rows: Float64Array;
  /** Fragments that have no place: within a window an event can have several of a source, and the first one is taken. */
  leftOut = 0;
  /** Behind all that has a place. */
  #end: number;

  private constructor(path: string, fd: number, parts: OutputParts) {
    this.path = path;
    this.#fd = fd;
    this.#shape = parts.shape;
    this.#layout = parts.layout;
    this.#input = parts.input;
    this.#isCompressed = parts.isCompressed;
    this.#end = parts.layout.dataBegin;
    this.rows = new Float64Array(parts.shape.sources.length);
    this.#chunks = parts.shape.sources.map(({ chunks }) => ({
      kept: new Uint8Array(chunks),
      address: new Float64Array(chunks).fill(NOWHERE),
      storedBytes: new Uint32Array(chunks),
    }));
  }

  /**
   * Makes the file, with everything that the index says; what it has already of an earlier life is kept. What isn't
   * compressed gets its place.
   *
   * @throws EvbError "output-no-space", "output-failed", "output-lost"
   */
  static make(path: string, parts: OutputParts): ExtractOutput {
    if (parts.mustBeThere && !existsSync(path)) throw fault("output-lost", { path });
    let fd: number;
    try {
      fd = openSync(path, existsSync(path) ? "r+" : "wx+");
    } catch (thrown) {
      throw fault("output-failed", { path, reason: sentenceOf(thrown) }, { cause: thrown });
    }
    const output = new ExtractOutput(path, fd, parts);
    try {
      output.#writeColumns();
      output.#placeData();
    } catch (thrown) {
      output.close();
      throw thrown;
    }
    return output;
  }

  /** Rows of all sources. */
  get rowCount(): number {
    return this.rows.reduce((sum, count) => sum + count, 0);
  }

  /** Chunks that are kept, and their bytes as stored. */
  chunksOf(source: number): { readonly chunks: number; readonly storedBytes: number } {
    const { kept, storedBytes } = this.#chunks[source]!;
    const chunks = kept.reduce((sum, each) => sum + each, 0);
    const { rowBytes, chunkEvents } = this.#shape.sources[source]!;
    if (this.#isCompressed)
      return { chunks, storedBytes: storedBytes.reduce((sum, each) => sum + each, 0) };
    const bytes =
      chunkEvents === 0 ? this.#shape.events * rowBytes : chunks * chunkEvents * rowBytes;
    return { chunks, storedBytes: bytes };
  }

  /** All that it takes to write a part: see wire/extract-message.ts. */
  part(number: number): Uint8Array {
    const { source, first, events } = this.#shape.part(number);
    const { chunkEvents } = this.#shape.sources[source]!;
    const row = rowsOf(
      this.#read(
        this.#layout.addressOf(this.#layout.pathOf(source, "row")) + 8 * first,
        8 * events,
      ),
    );
    const places = this.#placesOf(source, row);
    const address = this.#addressOf(source, first, events);
    return encodeExtractPart({ source, first, chunkEvents, row, places, address });
  }

  /** A row couldn't be read: it holds nothing, and its status says so. */
  fail(source: number, event: number): void {
    const status = this.#layout.addressOf(this.#layout.pathOf(source, "status"));
    this.write(Uint8Array.of(ROW_STATUS.failed), status + event);
    if (this.#isCompressed) return;
    // Another copy of the part may have written it meanwhile, which then isn't the one that counts.
    const {
      rowBytes,
      source: { type },
    } = this.#shape.sources[source]!;
    const row = new Uint8Array(rowBytes);
    const fill = missingElement(type);
    if (fill !== undefined) for (let at = 0; at < rowBytes; at += fill.length) row.set(fill, at);
    this.write(row, this.#rowAddress(source, event));
  }

  /** Puts a compressed chunk behind those before it. Returns where. */
  placeChunk(source: number, chunk: number, storedBytes: number): number {
    const address = this.#end;
    this.#chunks[source]!.address[chunk] = address;
    this.#chunks[source]!.storedBytes[chunk] = storedBytes;
    this.#end += storedBytes;
    return address;
  }

  write(bytes: Uint8Array, position: number): void {
    writeAll(this.#fd, bytes, position, this.path);
  }

  /**
   * Writes what makes it a file of HDF5.
   *
   * @param failed rows that couldn't be read
   * @returns its bytes
   */
  finish(failed: number): number {
    const data = this.#shape.sources.map((_, source) => this.#finishSource(source));
    this.write(this.#layout.structure(data, this.#end, failed), 0);
    this.#truncate(this.#end);
    return this.#end;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #writeColumns(): void {
    const { shape, layout } = { shape: this.#shape, layout: this.#layout };
    this.#checkSpace(layout.dataBegin);
    this.#writeFiles();
    for (const slab of slabsOf(this.#input, shape)) {
      const { at, count } = slab;
      this.leftOut += slab.leftOut;
      const put = (path: string, cells: Uint8Array): void => {
        this.write(cells, layout.addressOf(path) + (at * cells.length) / count);
      };
      put("/events/event", slab.event);
      put("/events/time", slab.time);
      for (const [path, cells] of slab.labels) put(path, cells);
      shape.sources.forEach((_, source) => {
        const { row, status, time } = slab.columnsOf(source);
        put(layout.pathOf(source, "row"), row);
        put(layout.pathOf(source, "status"), status);
        if (time !== undefined) put(layout.pathOf(source, "time"), time);
        this.#count(source, at, status);
      });
    }
  }

  #writeFiles(): void {
    const { files } = this.#input.events;
    const text = (path: string, texts: readonly string[]): void => {
      const size = texts.reduce((most, each) => Math.max(most, Buffer.byteLength(each)), 1);
      const cells = Buffer.alloc(size * texts.length);
      texts.forEach((each, row) => cells.write(each, row * size, "utf8"));
      this.write(cells, this.#layout.addressOf(path));
    };
    text(
      "/files/path",
      files.map(({ path }) => path),
    );
    text(
      "/files/fingerprint",
      files.map(({ ends }) => ends),
    );
    const sizes = BigUint64Array.from(files, ({ sizeBytes }) => BigInt(sizeBytes));
    this.write(new Uint8Array(sizes.buffer), this.#layout.addressOf("/files/size"));
  }

  #count(source: number, at: number, status: Uint8Array): void {
    const { chunkEvents } = this.#shape.sources[source]!;
    const { kept } = this.#chunks[source]!;
    let rows = 0;
    for (let k = 0; k < status.length; k++) {
      if (status[k] !== ROW_STATUS.there) continue;
      rows++;
      if (chunkEvents > 0) kept[Math.floor((at + k) / chunkEvents)] = 1;
    }
    this.rows[source]! += rows;
  }

  /** Where rows go that aren't compressed: chunks that nobody has aren't kept. */
  #placeData(): void {
    let holes = 0;
    this.#shape.sources.forEach(({ chunkEvents, rowBytes, source: { type } }, source) => {
      this.#dataAddress.push(NOWHERE);
      if (this.#isCompressed && chunkEvents > 0) return;
      this.#end = alignedTo(this.#end, DATA_ALIGNMENT);
      this.#dataAddress[source] = this.#end;
      if (chunkEvents === 0) {
        this.#end += this.#shape.events * rowBytes;
        const absent = this.#shape.events - this.rows[source]!;
        if (missingElement(type) === undefined) holes += absent * rowBytes;
        return;
      }
      const { kept, address } = this.#chunks[source]!;
      kept.forEach((isKept, chunk) => {
        if (isKept === 0) return;
        address[chunk] = this.#end;
        this.#end += chunkEvents * rowBytes;
      });
    });
    this.#checkSpace(this.#end - holes);
    this.#truncate(this.#end);
  }

  #finishSource(source: number): NewStorage {
    const extracted = this.#shape.sources[source]!;
    const { chunkEvents, rowBytes } = extracted;
    if (chunkEvents === 0) return this.#layout.storage(extracted, this.#dataAddress[source]);
    const { address, storedBytes } = this.#chunks[source]!;
    const number = Uint32Array.from(address.keys()).filter((chunk) => address[chunk] !== NOWHERE);
    const chunks: NewChunks = {
      number,
      address: Float64Array.from(number, (chunk) => address[chunk]!),
      storedBytes: Uint32Array.from(number, (chunk) =>
        this.#isCompressed ? storedBytes[chunk]! : chunkEvents * rowBytes,
      ),
    };
    const at = alignedTo(this.#end, TREE_ALIGNMENT);
    const tree = encodeChunkTree(chunks, [chunkEvents, ...extracted.source.itemShape], at);
    if (tree.root !== undefined) this.#end = at + tree.bytes.length;
    this.write(tree.bytes, at);
    return this.#layout.storage(extracted, tree.root);
  }

  /** Where the chunks lie that rows are read from; of rows that share theirs, once. */
  #placesOf(source: number, row: Uint32Array): ReturnType<RunEvents["places"]> {
    const { storage } = this.#shape.sources[source]!.source;
    if (storage?.chunk === undefined) return undefined;
    const rowsPerChunk = storage.chunk[0]!;
    let last = -1;
    const firsts = row.filter((each) => {
      if (each === ABSENT) return false;
      const chunk = Math.floor(each / rowsPerChunk);
      const isNew = chunk !== last;
      last = chunk;
      return isNew;
    });
    return this.#input.events.places(new Uint16Array(firsts.length).fill(source), firsts);
  }

  #addressOf(source: number, first: number, events: number): Float64Array {
    const { chunkEvents } = this.#shape.sources[source]!;
    if (chunkEvents === 0) return Float64Array.of(this.#rowAddress(source, first));
    if (this.#isCompressed) return new Float64Array(0);
    const begin = first / chunkEvents;
    return this.#chunks[source]!.address.slice(begin, begin + Math.ceil(events / chunkEvents));
  }

  #rowAddress(source: number, event: number): number {
    const { chunkEvents, rowBytes } = this.#shape.sources[source]!;
    if (chunkEvents === 0) return this.#dataAddress[source]! + event * rowBytes;
    const chunk = this.#chunks[source]!.address[Math.floor(event / chunkEvents)]!;
    return chunk + (event % chunkEvents) * rowBytes;
  }

  #read(position: number, bytes: number): Uint8Array {
    const read = new Uint8Array(bytes);
    if (readSync(this.#fd, read, 0, bytes, position) !== bytes)
      throw fault("output-failed", { path: this.path, reason: "it was cut by somebody else" });
    return read;
  }

  /** A disk that fills up half-way has cost the user the time. */
  #checkSpace(bytes: number): void {
    const folder = dirname(this.path);
    const { bavail, bsize } = statfsSync(folder);
    // Of a run that goes on much is there already.
    const needed = bytes - BLOCK_BYTES * fstatSync(this.#fd).blocks;
    const free = bavail * bsize;
    if (needed > free) throw fault("output-no-space", { folder, needed, free });
  }

  #truncate(bytes: number): void {
    try {
      ftruncateSync(this.#fd, bytes);
    } catch (thrown) {
      const at = { path: this.path, reason: sentenceOf(thrown) };
      throw fault("output-failed", at, { cause: thrown });
    }
  }
}
