import type { FileBytes } from "./file-bytes.ts";

/** A megabyte reads as fast as the page cache gives it (docs/decisions/0021-ring-kernels.md). */
export const BLOCK_BYTES = 2 ** 20;
/** What was not used of a block goes before the next one, up to so much: the beginning of an item. */
const REST_BYTES_MAX = 2 ** 18;

/**
 * A file from its beginning to its end, of which the next block is read while this one is worked on:
 * copying out of the page cache takes as long as the scan, and another core can do it.
 */
export class ReadAhead {
  readonly #file: FileBytes;
  /** Room for a rest, and a block: what came last, and what comes. */
  #current: Uint8Array = new Uint8Array(REST_BYTES_MAX + BLOCK_BYTES);
  #next: Uint8Array = new Uint8Array(REST_BYTES_MAX + BLOCK_BYTES);
  /** Bytes of the block that is on its way into {@link #next}. */
  #coming: Promise<number> | undefined;
  /** Of the file: where it begins, which is where {@link #current} ends. */
  #end = 0;
  /** Of the file: where what {@link #current} holds begins, and its block. */
  #begin = 0;
  #blockBegin = 0;

  constructor(file: FileBytes) {
    this.#file = file;
  }

  /**
   * The bytes from `at` on, some of them; good until the next call. Undefined where that is no place near
   * the end of what came last, or nothing comes: then the caller reads for itself.
   *
   * @throws EvbError "ring-unreadable"
   */
  async view(at: number): Promise<DataView | undefined> {
    if (this.#coming === undefined) {
      this.#begin = this.#blockBegin = at;
      this.#read(at);
    }
    const rest = this.#end - at;
    const isNear = rest >= 0 && rest <= Math.min(REST_BYTES_MAX, this.#end - this.#begin);
    const bytes = isNear ? await this.#coming! : 0;
    if (bytes === 0) {
      await this.close();
      return undefined;
    }
    const from = REST_BYTES_MAX + this.#end - this.#blockBegin - rest;
    this.#next.set(this.#current.subarray(from, from + rest), REST_BYTES_MAX - rest);
    [this.#current, this.#next] = [this.#next, this.#current];
    this.#begin = at;
    this.#blockBegin = this.#end;
    this.#read(this.#end + bytes);
    return new DataView(this.#current.buffer, REST_BYTES_MAX - rest, rest + bytes);
  }

  /** Afterwards nothing is on its way any more: the file may be closed. */
  async close(): Promise<void> {
    await this.#coming?.catch(() => undefined);
    this.#coming = undefined;
  }

  #read(end: number): void {
    this.#end = end;
    // What is written to it meanwhile isn't of the run that was asked for.
    const length = Math.max(0, Math.min(BLOCK_BYTES, this.#file.sizeBytes - end));
    const place = { offset: end, length };
    this.#coming = this.#file.readInto(this.#next, REST_BYTES_MAX, place);
    // Whoever asks next hears of it.
    this.#coming.catch(() => undefined);
  }
}
