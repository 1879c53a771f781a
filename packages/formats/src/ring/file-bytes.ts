import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";

/** What is read at a time: some thousand items of usual size; more made no difference to a reader that isn't hot. */
const WINDOW_BYTES = 2 ** 20;

/** Bytes at places: what a search through a file needs. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** The bytes from `offset` on, as many as there are up to `length`; good until the next call. */
  view(offset: number, length: number): DataView;
}

/** A file that is read by positioned reads through one buffer. Whoever opens it closes it. */
export class FileBytes implements ByteSource {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #fd: number;
  #window: Uint8Array = new Uint8Array(WINDOW_BYTES);
  #begin = 0;
  #held = 0;

  /** @throws EvbError "ring-unreadable" */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, "r");
    } catch (thrown) {
      throw this.#unreadable(thrown);
    }
    const stats = fstatSync(this.#fd);
    this.sizeBytes = stats.size;
    if (stats.isFile()) return;
    this.close();
    const reason = stats.isDirectory() ? "it is a folder" : "it is no regular file";
    throw fault("ring-unreadable", { path, reason });
  }

  /** @throws EvbError "ring-unreadable", also when the file has become shorter */
  view(offset: number, length: number): DataView {
    const wanted = Math.max(0, Math.min(length, this.sizeBytes - offset));
    if (offset < this.#begin || offset + wanted > this.#begin + this.#held)
      this.#fill(offset, wanted);
    return new DataView(this.#window.buffer, offset - this.#begin, wanted);
  }

  /**
   * Reads bytes into somebody else's memory, beside this thread; fewer where the file ends.
   *
   * @throws EvbError "ring-unreadable"
   */
  readInto(
    target: Uint8Array,
    at: number,
    place: { readonly offset: number; readonly length: number },
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, target, at, place.length, place.offset, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(this.#unreadable(error));
      });
    });
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** An item larger than the window makes a larger one, which goes again with the next small one. */
  #fill(offset: number, wanted: number): void {
    const bytes = Math.max(WINDOW_BYTES, wanted);
    if (this.#window.length !== bytes) this.#window = new Uint8Array(bytes);
    this.#begin = offset;
    this.#held = 0;
    const end = Math.min(bytes, this.sizeBytes - offset);
    while (this.#held < end) {
      const got = this.#read(end - this.#held);
      if (got === 0) throw this.#unreadable("it became shorter while it was read");
      this.#held += got;
    }
  }

  #read(bytes: number): number {
    try {
      // One call of read(2) gives at most 2^31 - 4096 bytes.
      const most = Math.min(bytes, 2 ** 30);
      return readSync(this.#fd, this.#window, this.#held, most, this.#begin + this.#held);
    } catch (thrown) {
      throw this.#unreadable(thrown);
    }
  }

  #unreadable(thrown: unknown): Error {
    const { code } = thrown as { code?: unknown };
    const reason = code === "ENOENT" ? "there is no such file" : sentenceOf(thrown);
    return fault("ring-unreadable", { path: this.path, reason }, { cause: thrown });
  }
}
