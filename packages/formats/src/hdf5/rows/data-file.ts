import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";
import { sentenceOf } from "@evb/event";
import { fault } from "../../faults.ts";

/** One call of read(2) gives at most 2^31 − 4096 bytes. */
const READ_BYTES_MAX = 2 ** 30;

interface AheadRead {
  readonly buffer: Uint8Array;
  isHere: boolean;
}

/** A file that is read at known places. Whoever opens it closes it. */
export class DataFile {
  readonly path: string;
  /** For those that read at places of their own, in whatever thread. */
  readonly fd: number;
  /** When it was opened. */
  readonly sizeBytes: number;
  bytesRead = 0;
  /** Reads that are on their way. */
  #holds = 0;
  /** By position: what was asked for ahead. */
  readonly #ahead = new Map<number, AheadRead>();

  /** @throws EvbError "hdf5-cannot-open" */
  constructor(path: string) {
    this.path = path;
    try {
      this.fd = openSync(path, "r");
      this.sizeBytes = fstatSync(this.fd).size;
    } catch (thrown) {
      throw fault("hdf5-cannot-open", { path, reason: sentenceOf(thrown) }, { cause: thrown });
    }
  }

  /**
   * Fills `target` with the bytes from `position` on.
   *
   * @throws EvbError "bytes-missing" where the file ends before, "bytes-unreadable"
   */
  read(target: Uint8Array, position: number): void {
    const { byteLength } = target;
    if (this.#ahead.size > 0 && this.#takeAhead(target, position)) return;
    for (let done = 0; done < byteLength;) {
      const wanted = Math.min(byteLength - done, READ_BYTES_MAX);
      const bytes = this.#readSome(target, done, wanted, position + done);
      if (bytes === 0)
        throw fault("bytes-missing", { path: this.path, offset: position, bytes: byteLength });
      done += bytes;
      this.bytesRead += bytes;
    }
  }

  /**
   * Reads beside this thread what {@link read} will be asked for: the same bytes at the same place. The
   * buffer is used until that has been, or until {@link forget}.
   */
  readAhead(buffer: Uint8Array, position: number): Promise<void> {
    const ahead: AheadRead = { buffer, isHere: false };
    this.#ahead.set(position, ahead);
    this.hold();
    return new Promise((resolve) => {
      read(this.fd, buffer, 0, buffer.length, position, (error, bytes) => {
        this.bytesRead += bytes;
        // Whatever went wrong: the read itself will say it.
        if (error !== null || bytes < buffer.length) this.forget(position);
        ahead.isHere = true;
        this.release();
        resolve();
      });
    });
  }

  /** What was read ahead from there won't be asked for. */
  forget(position: number): void {
    this.#ahead.delete(position);
  }

  /** Somebody reads, beside this thread. */
  hold(): void {
    this.#holds++;
  }

  /** …and does no more. */
  release(): void {
    this.#holds--;
  }

  /** Somebody reads: were it closed now, its descriptor might soon be another file's. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Nothing may be on its way. */
  close(): void {
    closeSync(this.fd);
  }

  #takeAhead(target: Uint8Array, position: number): boolean {
    const ahead = this.#ahead.get(position);
    if (ahead?.isHere !== true || ahead.buffer.length !== target.length) return false;
    target.set(ahead.buffer);
    this.#ahead.delete(position);
    return true;
  }

  #readSome(target: Uint8Array, done: number, wanted: number, position: number): number {
    try {
      return readSync(this.fd, target, done, wanted, position);
    } catch (thrown) {
      const at = { path: this.path, offset: position, reason: sentenceOf(thrown) };
      throw fault("bytes-unreadable", at, { cause: thrown });
    }
  }
}
