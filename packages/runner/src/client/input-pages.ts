import { closeSync, openSync, readSync } from "node:fs";
import { hostname } from "node:os";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";

/** A file that pieces are copied from. */
export interface InputFile {
  readonly path: string;
  /** Where it begins, in the bytes of all inputs. */
  readonly base: number;
  readonly sizeBytes: number;
}

/** Larger ones are read past the pages. */
const PIECE_BYTES_MAX = 2 ** 15;
const PAGES = 8;
const PAGE_BYTES_MIN = 2 ** 16;
/** Files that are open at a time, of runs with very many. */
const FILES_OPEN_MAX = 64;

/**
 * The inputs as pages, a few in memory at a time, first in, first out: pieces come nearly in the order
 * of the input, so that each page is read once. Pages lie in the same memory as what is put together,
 * behind it: `copyWithin` in one array is faster than `set` from another (docs/decisions/0021-ring-kernels.md).
 */
export class InputPages {
  readonly #memory: Uint8Array;
  readonly #files: readonly InputFile[];
  readonly #fds = new Map<number, number>();
  readonly #pageBytes: number;
  readonly #begin: number;
  /** By slot: which page it holds, and how many bytes of it. */
  readonly #pages = new Float64Array(PAGES).fill(-1);
  readonly #held = new Float64Array(PAGES);
  #next = 0;
  #lastSlot = 0;
  /** Of the file of the last piece. */
  #file = 0;
  bytesRead = 0;

  /**
   * @param memory of which the bytes from `begin` on are for pages: see {@link pageMemory}
   */
  constructor(files: readonly InputFile[], memory: Uint8Array, begin: number) {
    this.#files = files;
    this.#memory = memory;
    this.#begin = begin;
    this.#pageBytes = (memory.length - begin) / PAGES;
  }

  /** Copies bytes of the inputs to `target` in the memory. */
  copy(offset: number, size: number, target: number): void {
    if (size > PIECE_BYTES_MAX) {
      this.#read(offset, size, target);
      return;
    }
    const page = Math.floor(offset / this.#pageBytes);
    let slot = this.#lastSlot;
    if (this.#pages[slot] !== page) {
      slot = this.#pages.indexOf(page);
      if (slot < 0) slot = this.#load(page);
      this.#lastSlot = slot;
    }
    const within = offset - page * this.#pageBytes;
    const here = Math.min(size, this.#pageBytes - within);
    if (within + here > this.#held[slot]!) throw this.#shorter(offset);
    const at = this.#begin + slot * this.#pageBytes + within;
    this.#memory.copyWithin(target, at, at + here);
    if (here < size) this.copy(offset + here, size - here, target + here);
  }

  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd);
    this.#fds.clear();
  }

  /** A page may hold the end of one file and the beginning of the next. */
  #load(page: number): number {
    const slot = this.#next;
    this.#next = (slot + 1) % PAGES;
    this.#pages[slot] = -1;
    const target = this.#begin + slot * this.#pageBytes;
    const offset = page * this.#pageBytes;
    const { base, sizeBytes } = this.#files.at(-1)!;
    const size = Math.min(this.#pageBytes, base + sizeBytes - offset);
    this.#read(offset, size, target);
    this.#pages[slot] = page;
    this.#held[slot] = size;
    return slot;
  }

  #read(offset: number, size: number, target: number): void {
    for (let done = 0; done < size;) {
      const file = this.#fileAt(offset + done);
      const { base, sizeBytes, path } = this.#files[file]!;
      const within = offset + done - base;
      const wanted = Math.min(size - done, sizeBytes - within);
      const bytes = wanted <= 0 ? 0 : this.#readSome(file, within, wanted, target + done);
      if (bytes === 0) throw fault("data-changed", { host: hostname(), path });
      this.bytesRead += bytes;
      done += bytes;
    }
  }

  #readSome(file: number, position: number, size: number, target: number): number {
    const { path } = this.#files[file]!;
    try {
      return readSync(this.#fd(file), this.#memory, target, size, position);
    } catch (thrown) {
      throw fault("input-lost", { path, reason: sentenceOf(thrown) }, { cause: thrown });
    }
  }

  #fileAt(offset: number): number {
    const files = this.#files;
    const holds = (file: number): boolean => {
      const { base, sizeBytes } = files[file]!;
      return offset >= base && offset < base + sizeBytes;
    };
    if (!holds(this.#file))
      this.#file = Math.max(
        0,
        files.findIndex((_, file) => holds(file)),
      );
    return this.#file;
  }

  #fd(file: number): number {
    const known = this.#fds.get(file);
    if (known !== undefined) return known;
    if (this.#fds.size === FILES_OPEN_MAX) {
      const [oldest, fd] = this.#fds.entries().next().value!;
      closeSync(fd);
      this.#fds.delete(oldest);
    }
    const fd = openSync(this.#files[file]!.path, "r");
    this.#fds.set(file, fd);
    return fd;
  }

  #shorter(offset: number): Error {
    const { path } = this.#files[this.#fileAt(offset)]!;
    return fault("data-changed", { host: hostname(), path });
  }
}

/** Bytes for the pages, of so much memory at most. */
export const pageMemory = (bytesMax: number): number =>
  PAGES * Math.max(PAGE_BYTES_MIN, Math.floor(bytesMax / PAGES));
