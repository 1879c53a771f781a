import type { ResultSchema } from "@evb/analysis";
import { readHeader } from "../wire/header.ts";
import { decodeFailures, type Failure } from "../wire/join.ts";
import { decodeResults, type Results } from "../wire/result-message.ts";
import { JournalReader, type JournalRecord } from "./journal.ts";

/** The results in a journal, found by event. */
export class JournalResults {
  readonly #journal: JournalReader;
  readonly #columns: { event: number; fragment: number };
  readonly #records: {
    readonly record: JournalRecord;
    readonly low: number;
    readonly high: number;
  }[] = [];

  /** Reads the journal once. @throws EvbError "journal-damaged" */
  constructor(path: string, schema: ResultSchema | undefined) {
    this.#journal = new JournalReader(path);
    this.#columns = {
      event: schema?.eventColumns.length ?? 0,
      fragment: schema?.fragmentColumns.length ?? 0,
    };
    for (const record of this.#journal.records()) {
      if (record.kind !== "results") continue;
      let low = Infinity;
      let high = 0;
      for (const { first, events } of this.#decode(record).results.ranges) {
        low = Math.min(low, first);
        high = Math.max(high, first + events);
      }
      this.#records.push({ record, low, high });
    }
  }

  /** Results with events of `low` up to, not including, `high`, in the order of the journal: of two of one event the first counts. */
  *between(low: number, high: number): Generator<{ results: Results; failures: Failure[] }> {
    for (const entry of this.#records)
      if (entry.low < high && entry.high > low) yield this.#decode(entry.record);
  }

  close(): void {
    this.#journal.close();
  }

  /** Payload: bytes of the frame u32 | 0 u32 | the frame | the failures, if any. */
  #decode(record: JournalRecord): { results: Results; failures: Failure[] } {
    const payload = this.#journal.payload(record);
    const frameBytes = new DataView(payload.buffer).getUint32(0, true);
    const frame = payload.subarray(8, 8 + frameBytes);
    const failures = payload.subarray(8 + frameBytes);
    return {
      results: decodeResults(readHeader(frame), frame, this.#columns),
      failures: failures.byteLength === 0 ? [] : decodeFailures(failures),
    };
  }
}
