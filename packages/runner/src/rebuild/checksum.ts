import { Worker } from "node:worker_threads";
import { builtUrl } from "@evb/formats";
import { fault } from "../faults.ts";
import type { ChecksumOrder, ChecksumWord } from "./checksum-worker.ts";

/**
 * Reads back what is written, in order, as it grows, and hashes it: a thread of its own, so that the run
 * hardly takes longer.
 */
export class Checksum {
  readonly #worker: Worker;
  readonly #digests: Promise<string[]>;

  constructor() {
    this.#worker = new Worker(builtUrl({ name: "./checksum-worker.js", from: import.meta.url }));
    this.#digests = new Promise((resolve, reject) => {
      this.#worker.once("message", (answer: { digests?: string[]; reason: string }) => {
        if (answer.digests === undefined)
          reject(fault("checksum-failed", { reason: answer.reason }));
        else resolve(answer.digests);
      });
      this.#worker.once("error", reject);
    });
    // Asked for at the end, if at all.
    this.#digests.catch(() => undefined);
  }

  /** What is to be hashed; first of all. */
  begin(order: ChecksumOrder): void {
    this.#say({ kind: "begin", order });
  }

  /** So many bytes of an output are written, from its beginning, without a gap. */
  written(output: number, bytes: number): void {
    this.#say({ kind: "written", output, bytes });
  }

  /** Hexadecimal sha-512 of each output. @throws EvbError "checksum-failed" */
  digests(): Promise<string[]> {
    return this.#digests;
  }

  close(): void {
    void this.#worker.terminate();
  }

  #say(word: ChecksumWord): void {
    this.#worker.postMessage(word);
  }
}
