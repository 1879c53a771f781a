import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { sentenceOf } from "@evb/event";
import { fault } from "../../faults.ts";

/** One call of read(2) gives at most 2^31 − 4096 bytes. */
const READ_BYTES_MAX = 2 ** 30;

/** A file that is read at known places. Whoever opens it closes it. */
export class DataFile {
  readonly path: string;
  readonly #fd: number;
  /** When it was opened. */
  readonly sizeBytes: number;
  bytesRead = 0;

  /** @throws EvbError "hdf5-cannot-open" */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, "r");
      this.sizeBytes = fstatSync(this.#fd).size;
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
    for (let done = 0; done < byteLength;) {
      const wanted = Math.min(byteLength - done, READ_BYTES_MAX);
      const bytes = this.#readSome(target, done, wanted, position + done);
      if (bytes === 0)
        throw fault("bytes-missing", { path: this.path, offset: position, bytes: byteLength });
      done += bytes;
      this.bytesRead += bytes;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readSome(target: Uint8Array, done: number, wanted: number, position: number): number {
    try {
      return readSync(this.#fd, target, done, wanted, position);
    } catch (thrown) {
      const at = { path: this.path, offset: position, reason: sentenceOf(thrown) };
      throw fault("bytes-unreadable", at, { cause: thrown });
    }
  }
}
