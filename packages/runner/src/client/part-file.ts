import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";
import { partFileName, partRecordHead, type PartChunk } from "../wire/part-record.ts";
import type { RowFailure } from "./extract-rows.ts";
import { syncFile, writeAll } from "../output-file.ts";

/** Where a record lies. */
export interface RecordPlace {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * A client's own file in the run's folder: what of its parts has no place in the output yet, or none at all. Records are
 * appended; one that is cut, as its writer died, was told to nobody.
 */
export class PartFile {
  readonly #path: string;
  #fd: number | undefined;
  #end = 0;
  #isSynced = true;

  /** @param which connection: no other one ever writes to the same file */
  constructor(
    folder: string,
    which: { readonly session: number; readonly sid: number; readonly run: string },
  ) {
    this.#path = join(folder, partFileName(which));
  }

  /** @throws EvbError "output-failed" */
  append(chunks: readonly PartChunk[], failures: readonly RowFailure[]): RecordPlace {
    const fd = (this.#fd ??= this.#open());
    const head = partRecordHead(chunks, failures);
    const offset = this.#end;
    let at = offset;
    for (const bytes of [head, ...chunks.map((chunk) => chunk.bytes)]) {
      writeAll(fd, bytes, at, this.#path);
      at += bytes.length;
    }
    this.#end = at;
    this.#isSynced = false;
    return { offset, bytes: at - offset };
  }

  /** @throws EvbError "output-failed" */
  sync(): void {
    if (!this.#isSynced) syncFile(this.#path);
    this.#isSynced = true;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  #open(): number {
    try {
      return openSync(this.#path, "wx");
    } catch (thrown) {
      const at = { path: this.#path, reason: sentenceOf(thrown) };
      throw fault("output-failed", at, { cause: thrown });
    }
  }
}
