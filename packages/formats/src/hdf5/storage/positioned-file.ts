import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { EvbError } from "@evb/event";
import { fault } from "../../faults.ts";

/** Most nodes of an index are smaller, so that one read gets a node whose size stands in itself. */
const WINDOW_BYTES_MIN = 8 * 2 ** 10;
/** What is read at once where blocks follow each other: 10^6 chunks are then some hundred reads. */
const WINDOW_BYTES_MAX = 2 ** 20;
/** Blocks that are further apart have data between them, which we need not read. */
const GAP_BYTES_MAX = WINDOW_BYTES_MIN;
/** No block of an HDF5 index comes near it (nodes of 2 kB, pages of 1024 elements): a larger one is damage. */
const BLOCK_BYTES_MAX = 64 * 2 ** 20;
/** What describes one data set: 2^25 chunks are 2 GB in the widest index of three dimensions. */
const ASKED_BYTES_MAX = 4 * 2 ** 30;

/**
 * The file in which a data set is described, read at byte offsets. Neighbouring blocks come in one read: it grows as
 * long as they follow each other. Whoever opens it closes it.
 */
export class PositionedFile {
  readonly path: string;
  /** The data set that is looked for, as messages call it. */
  readonly dataSet: string;
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #askedBytesMax: number;
  #askedBytes = 0;
  #window = new Uint8Array(0);
  #windowOffset = 0;
  #windowBytes = WINDOW_BYTES_MIN;

  /** @throws EvbError "hdf5-cannot-open" */
  constructor({ path, dataSet }: { path: string; dataSet: string }) {
    this.path = path;
    this.dataSet = dataSet;
    this.#fd = this.#asked(() => openSync(path, "r"));
    this.sizeBytes = this.#asked(() => fstatSync(this.#fd).size);
    // Each block is asked for twice at most: its head, and the whole.
    this.#askedBytesMax = Math.min(ASKED_BYTES_MAX, 2 * this.sizeBytes + WINDOW_BYTES_MAX);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /**
   * So many bytes from byte `offset` of the file on; they stay as they are.
   *
   * @throws EvbError "hdf5-storage-damaged" where the file has no such bytes; "hdf5-cannot-open"
   */
  bytes(offset: number, count: number): Uint8Array {
    if (offset < 0 || offset + count > this.sizeBytes)
      throw this.damaged(offset, `${String(count)} bytes should be there, behind the file's end`);
    if (count > BLOCK_BYTES_MAX)
      throw this.damaged(offset, `a block of ${String(count)} bytes is too large to be one`);
    this.#askedBytes += count;
    // Nodes that overlap could otherwise keep us busy for ever.
    if (this.#askedBytes > this.#askedBytesMax)
      throw this.damaged(offset, "what describes the data set has more bytes than there can be");
    const from = offset - this.#windowOffset;
    if (from >= 0 && from + count <= this.#window.length)
      return this.#window.subarray(from, from + count);
    this.#read(offset, count);
    return this.#window.subarray(0, count);
  }

  /** What to throw where the bytes at `offset` can't be what they should. */
  damaged(offset: number, reason: string): EvbError {
    const { path, dataSet } = this;
    return fault("hdf5-storage-damaged", { path, dataSet, offset, reason });
  }

  #read(offset: number, count: number): void {
    const ahead = offset - (this.#windowOffset + this.#window.length);
    const follows = ahead > -this.#window.length && ahead <= GAP_BYTES_MAX;
    const wanted = follows ? 2 * this.#windowBytes : WINDOW_BYTES_MIN;
    this.#windowBytes = Math.min(wanted, WINDOW_BYTES_MAX);
    const bytes = Math.min(Math.max(count, this.#windowBytes), this.sizeBytes - offset);
    const window = Buffer.allocUnsafeSlow(bytes);
    for (let at = 0; at < bytes;) {
      const got = this.#asked(() => readSync(this.#fd, window, at, bytes - at, offset + at));
      if (got === 0) throw this.damaged(offset + at, "the file became shorter while it was read");
      at += got;
    }
    this.#window = window;
    this.#windowOffset = offset;
  }

  #asked<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (thrown) {
      const reason = (thrown as NodeJS.ErrnoException).code ?? "the system gave no reason";
      throw fault("hdf5-cannot-open", { path: this.path, reason }, { cause: thrown });
    }
  }
}
