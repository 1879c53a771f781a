import type { ResultSchema } from "@evb/analysis";
import { isEvbError } from "@evb/event";
import { fault } from "../faults.ts";
import { readHeader } from "../wire/header.ts";
import { decodeFailures, type Failure } from "../wire/join.ts";
import { decodeResults, type Results } from "../wire/result-message.ts";
import { JournalReader, type JournalRecord } from "./journal.ts";

type Place = Pick<JournalRecord, "offset" | "bytes">;

/** Columns of a message of results. */
export function columnsOf(schema: ResultSchema | undefined): { event: number; fragment: number } {
  return {
    event: schema?.eventColumns.length ?? 0,
    fragment: schema?.fragmentColumns.length ?? 0,
  };
}

/** Payload: bytes of the frame u32 | 0 u32 | the frame | the failures, if any. @throws EvbError "frame-bad" */
export function decodeResultsRecord(
  payload: Uint8Array,
  columns: { event: number; fragment: number },
): { results: Results; failures: Failure[] } {
  if (payload.byteLength < 8) throw fault("frame-bad", { what: "result", reason: "it is cut" });
  const frameBytes = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  const frame = payload.subarray(8, 8 + frameBytes);
  const failures = payload.subarray(8 + frameBytes);
  return {
    results: decodeResults(readHeader(frame), frame, columns),
    failures: failures.byteLength === 0 ? [] : decodeFailures(failures),
  };
}

/** Where a record is whole and can't be understood, another evb wrote it. @throws EvbError "journal-damaged" */
export function decodedRecord<Value>(path: string, offset: number, decode: () => Value): Value {
  try {
    return decode();
  } catch (thrown) {
    if (!isEvbError(thrown, "frame-bad")) throw thrown;
    throw fault("journal-damaged", { path, offset, reason: thrown.message }, { cause: thrown });
  }
}

/** The results in a journal, found by event. */
export class JournalResults {
  readonly #journal: JournalReader;
  readonly #columns: { event: number; fragment: number };
  /** Columns, one row a record: where it lies, and between which events all of its are. */
  readonly #offsets: number[] = [];
  readonly #bytes: number[] = [];
  readonly #lows: number[] = [];
  readonly #highs: number[] = [];
  /** Rows of the coordinator's own words: what it set aside failed, whoever did it once. */
  readonly #own: number[] = [];

  /** Reads the journal once. @throws EvbError "journal-damaged" */
  constructor(path: string, schema: ResultSchema | undefined) {
    this.#journal = new JournalReader(path);
    this.#columns = columnsOf(schema);
    try {
      for (const record of this.#journal.records())
        if (record.kind === "results") this.#add(record);
    } catch (thrown) {
      this.#journal.close();
      throw thrown;
    }
  }

  /**
   * Results with events of `low` up to, not including, `high`, the coordinator's own first, then in the
   * order of the journal: of two of one event the first counts. Each holds until the next is asked for.
   *
   * @throws EvbError "journal-damaged"
   */
  *between(low: number, high: number): Generator<{ results: Results; failures: Failure[] }> {
    for (const row of this.#own) if (this.#touches(row, low, high)) yield this.#at(row);
    for (let row = 0; row < this.#offsets.length; row++)
      if (this.#touches(row, low, high)) yield this.#at(row);
  }

  #touches(row: number, low: number, high: number): boolean {
    return this.#lows[row]! < high && this.#highs[row]! > low;
  }

  #at(row: number): { results: Results; failures: Failure[] } {
    return this.#decode({ offset: this.#offsets[row]!, bytes: this.#bytes[row]! });
  }

  close(): void {
    this.#journal.close();
  }

  #add(record: JournalRecord): void {
    let low = Infinity;
    let high = 0;
    for (const { first, events } of this.#decode(record).results.ranges) {
      low = Math.min(low, first);
      high = Math.max(high, first + events);
    }
    if (record.rank === 0) this.#own.push(this.#offsets.length);
    this.#offsets.push(record.offset);
    this.#bytes.push(record.bytes);
    this.#lows.push(low);
    this.#highs.push(high);
  }

  #decode(place: Place): { results: Results; failures: Failure[] } {
    const payload = this.#journal.payload(place);
    return decodedRecord(this.#journal.path, place.offset, () =>
      decodeResultsRecord(payload, this.#columns),
    );
  }
}
