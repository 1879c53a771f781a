import type { DataFile } from "./data-file.ts";

/** Larger rows are read one by one: a call costs less than copying them once more. */
export const SMALL_BYTES_MAX = 2 ** 13;
/** A read that begins so little behind the last one goes on with it: a call costs as much as copying so many bytes. */
export const JOINED_GAP_BYTES_MAX = 2 ** 13;
/** More isn't read at a time. */
export const JOINED_BYTES_MAX = 2 ** 16;

/**
 * Bytes around small rows: where these follow each other nearly, as those of a run's events do, more and
 * more is read at a time; where they lie scattered, nothing but what is wanted.
 */
export class ReadWindow {
  #file: DataFile | undefined;
  #begin = 0;
  #end = 0;
  #bytes = new Uint8Array(0);

  /** @throws EvbError "bytes-missing", "bytes-unreadable" */
  read(file: DataFile, target: Uint8Array, position: number): void {
    const size = target.length;
    if (file !== this.#file || position < this.#begin || position + size > this.#end)
      this.#fill(file, position, size);
    const at = position - this.#begin;
    target.set(this.#bytes.subarray(at, at + size));
  }

  #fill(file: DataFile, position: number, size: number): void {
    const goesOn =
      file === this.#file &&
      position >= this.#begin &&
      position <= this.#end + JOINED_GAP_BYTES_MAX;
    const held = this.#end - this.#begin;
    const wanted = goesOn ? Math.min(JOINED_BYTES_MAX, 2 * held) : size;
    // What the file doesn't have isn't asked for, but for the row's own bytes: the caller must hear of those.
    const bytes = Math.max(size, Math.min(wanted, file.sizeBytes - position));
    if (this.#bytes.length < bytes) this.#bytes = new Uint8Array(bytes);
    // Nothing is kept of a read that fails.
    this.#file = undefined;
    file.read(this.#bytes.subarray(0, bytes), position);
    this.#file = file;
    this.#begin = position;
    this.#end = position + bytes;
  }
}
