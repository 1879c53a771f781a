import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { isEvbError, sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";
import { JournalResults } from "../sink/journal-results.ts";
import { BYTES, extractSchema, OFFSET, SESSION, SID } from "../wire/extract-schema.ts";
import { partFileName, readPartRecordHead, type PartRecordHead } from "../wire/part-record.ts";

/** A record, and where its chunks' bytes begin. */
export interface PartRecord {
  readonly head: PartRecordHead;
  readonly offset: number;
}

/** What clients kept of parts in files of their own, found by part: of two that wrote one the first in the journal. */
export class PartRecords {
  readonly #folder: string;
  readonly #run: string;
  /** Columns, shape (parts). */
  readonly #session: Uint32Array;
  readonly #sid: Uint32Array;
  readonly #offset: Float64Array;
  readonly #bytes: Float64Array;
  readonly #files = new Map<string, number>();

  private constructor(folder: string, run: string, parts: number) {
    this.#folder = folder;
    this.#run = run;
    this.#session = new Uint32Array(parts);
    this.#sid = new Uint32Array(parts);
    this.#offset = new Float64Array(parts);
    this.#bytes = new Float64Array(parts);
  }

  /** @throws EvbError "journal-damaged" */
  static read(
    journalPath: string,
    {
      folder,
      run,
      parts,
    }: { readonly folder: string; readonly run: string; readonly parts: number },
  ): PartRecords {
    const records = new PartRecords(folder, run, parts);
    const journal = new JournalResults(journalPath, extractSchema);
    try {
      records.#take(journal, parts);
    } finally {
      journal.close();
    }
    return records;
  }

  /** Undefined where nothing was kept. @throws EvbError "part-lost" */
  of(part: number): PartRecord | undefined {
    const bytes = this.#bytes[part]!;
    if (bytes === 0) return undefined;
    const begin = this.#offset[part]!;
    try {
      const head = readPartRecordHead(
        (offset, size) => this.bytes(part, begin + offset, new Uint8Array(size)),
        bytes,
      );
      return { head, offset: begin + head.bytes };
    } catch (thrown) {
      if (!isEvbError(thrown, "frame-bad")) throw thrown;
      throw this.#lost(part, thrown);
    }
  }

  /** Fills `target` from a place of the part's file. @throws EvbError "part-lost" */
  bytes(part: number, position: number, target: Uint8Array): Uint8Array {
    const fd = this.#open(part);
    for (let done = 0; done < target.length;) {
      const got = this.#guard(part, () =>
        readSync(fd, target, done, target.length - done, position + done),
      );
      if (got === 0) throw this.#lost(part, new Error("its file is too short"));
      done += got;
    }
    return target;
  }

  close(): void {
    for (const fd of this.#files.values()) closeSync(fd);
  }

  #take(journal: JournalResults, parts: number): void {
    const taken = new Uint8Array(parts);
    for (const { results } of journal.between(0, parts)) {
      const { ranges, eventSlots } = results;
      const events = ranges.reduce((sum, range) => sum + range.events, 0);
      const slot = (column: number, event: number): number =>
        Number(eventSlots[column * events + event]!);
      let event = 0;
      for (const { first, events: count } of ranges)
        for (let part = first; part < first + count; part++, event++) {
          if (taken[part] === 1) continue;
          taken[part] = 1;
          this.#session[part] = slot(SESSION, event);
          this.#sid[part] = slot(SID, event);
          this.#offset[part] = slot(OFFSET, event);
          this.#bytes[part] = slot(BYTES, event);
        }
    }
  }

  #pathOf(part: number): string {
    const which = { session: this.#session[part]!, sid: this.#sid[part]!, run: this.#run };
    return join(this.#folder, partFileName(which));
  }

  #open(part: number): number {
    const path = this.#pathOf(part);
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const fd = this.#guard(part, () => openSync(path, "r"));
    this.#files.set(path, fd);
    return fd;
  }

  #guard<Result>(part: number, step: () => Result): Result {
    try {
      return step();
    } catch (thrown) {
      throw this.#lost(part, thrown);
    }
  }

  #lost(part: number, thrown: unknown): Error {
    const at = { path: this.#pathOf(part), part, reason: sentenceOf(thrown) };
    return fault("part-lost", at, { cause: thrown });
  }
}
