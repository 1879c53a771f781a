import { appendFileSync } from "node:fs";
import { sentenceOf } from "@evb/event";
import type { TraceEntry } from "../coordinator/trace.ts";
import { fault } from "../faults.ts";

/** JSON lines, appended: a run that goes on goes on here, too. */
export class TraceFile {
  readonly #path: string;
  #lines: string[] = [];

  /** @throws EvbError "out-unwritable" */
  constructor(path: string) {
    this.#path = path;
    this.#append("");
  }

  write(entry: TraceEntry): void {
    // One write for all that a turn of the event loop decides.
    if (this.#lines.length === 0)
      setImmediate(() => {
        this.#flush();
      });
    const at = performance.timeOrigin + performance.now();
    this.#lines.push(`${JSON.stringify({ at, ...entry })}\n`);
  }

  close(): void {
    this.#flush();
  }

  #flush(): void {
    const text = this.#lines.join("");
    this.#lines = [];
    // A disk that is full is said to be by the journal.
    if (text !== "")
      try {
        this.#append(text);
      } catch {
        return;
      }
  }

  #append(text: string): void {
    try {
      appendFileSync(this.#path, text);
    } catch (thrown) {
      throw fault("out-unwritable", { out: this.#path, reason: sentenceOf(thrown) });
    }
  }
}
