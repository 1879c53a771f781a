import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";

/** By output: its files, in order. */
export interface ChecksumOrder {
  readonly outputs: readonly (readonly { readonly path: string; readonly bytes: number }[])[];
}

export type ChecksumWord =
  | { readonly kind: "begin"; readonly order: ChecksumOrder }
  | { readonly kind: "written"; readonly output: number; readonly bytes: number };

/** Read at a time: what was written last is then still in the cache of the processor. */
const BLOCK_BYTES = 2 ** 19;

/** One output's hash, and how far it is. */
class Hashing {
  readonly #files: ChecksumOrder["outputs"][number];
  readonly #hash: Hash = createHash("sha512");
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #file = 0;
  #within = 0;
  #done = 0;

  constructor(files: ChecksumOrder["outputs"][number]) {
    this.#files = files;
  }

  /** Hashes up to so many bytes of the output. */
  upTo(bytes: number): void {
    while (this.#done < bytes) {
      const file = this.#files[this.#file]!;
      const end = Math.min(file.bytes, this.#within + bytes - this.#done);
      this.#read(file.path, end);
      if (this.#within === file.bytes) {
        this.#file++;
        this.#within = 0;
      }
    }
  }

  get isWhole(): boolean {
    return this.#done === this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  digest(): string {
    return this.#hash.digest("hex");
  }

  #read(path: string, end: number): void {
    const fd = openSync(path, "r");
    try {
      while (this.#within < end) {
        const wanted = Math.min(BLOCK_BYTES, end - this.#within);
        const bytes = readSync(fd, this.#block, 0, wanted, this.#within);
        if (bytes === 0) throw new Error(`${path} ends before what was written to it`);
        this.#hash.update(this.#block.subarray(0, bytes));
        this.#within += bytes;
        this.#done += bytes;
      }
    } finally {
      closeSync(fd);
    }
  }
}

const port = parentPort!;
let hashings: Hashing[] = [];

port.on("message", (word: ChecksumWord) => {
  try {
    if (word.kind === "begin") hashings = word.order.outputs.map((files) => new Hashing(files));
    else hashings[word.output]!.upTo(word.bytes);
    if (!hashings.every(({ isWhole }) => isWhole)) return;
    port.postMessage({ digests: hashings.map((hashing) => hashing.digest()) });
    port.close();
  } catch (thrown) {
    port.postMessage({ reason: thrown instanceof Error ? thrown.message : String(thrown) });
    port.close();
  }
});
