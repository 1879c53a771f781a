import { closeSync, fsyncSync, openSync, readSync, writevSync, fstatSync } from "node:fs";
import { crc32 } from "node:zlib";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";

/** What a record of the journal holds. */
const RECORD = { start: 1, schema: 2, results: 3, epoch: 4, end: 5 } as const;
export type RecordKind = keyof typeof RECORD;

/**
 * A record: kind u32 | payload bytes u32 | rank u32 | crc-32 of the payload u32 | payload, padded
 * with zeros to 8 bytes, so that columns in it can be read in place.
 */
const HEAD_BYTES = 16;
const KINDS = new Map<number, RecordKind>(
  (Object.keys(RECORD) as RecordKind[]).map((kind) => [RECORD[kind], kind]),
);

/** The truth about a run, in the order in which it became true. Append-only. */
export class JournalWriter {
  readonly path: string;
  readonly #fd: number;
  #waiting: Uint8Array[] = [];
  #failure: Error | undefined;

  /** Creates it; it must not be there. @throws EvbError "journal-failed" */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, "wx");
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** Is written with the next flush. */
  append(kind: RecordKind, rank: number, ...parts: readonly Uint8Array[]): void {
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const head = new Uint32Array(4);
    head.set([RECORD[kind], bytes, rank, parts.reduce((crc, part) => crc32(part, crc), 0)]);
    this.#waiting.push(new Uint8Array(head.buffer), ...parts);
    const padding = (8 - (bytes % 8)) % 8;
    if (padding > 0) this.#waiting.push(new Uint8Array(padding));
  }

  /**
   * After it, what was appended has left this process: its loss takes the loss of the host.
   *
   * @throws EvbError "journal-failed"; from then on always: behind half a record nothing can be found
   */
  flush(): void {
    if (this.#failure !== undefined) throw this.#failure;
    const parts = this.#waiting;
    this.#waiting = [];
    try {
      for (let at = 0; at < parts.length; at += PARTS_AT_ONCE)
        writeAll(this.#fd, parts.slice(at, at + PARTS_AT_ONCE));
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** Flushes, and waits until the disk has it; is closed in any case. @throws EvbError "journal-failed" */
  close(): void {
    try {
      this.flush();
      fsyncSync(this.#fd);
    } catch (thrown) {
      throw this.#failed(thrown);
    } finally {
      closeSync(this.#fd);
    }
  }

  #failed(thrown: unknown): Error {
    this.#failure ??= fault(
      "journal-failed",
      { path: this.path, reason: sentenceOf(thrown) },
      { cause: thrown },
    );
    return this.#failure;
  }
}

/** Linux takes 1024 parts in one writev. */
const PARTS_AT_ONCE = 1024;

function writeAll(fd: number, parts: readonly Uint8Array[]): void {
  let rest = parts;
  while (rest.length > 0) {
    let written = writevSync(fd, rest);
    let whole = 0;
    while (whole < rest.length && written >= rest[whole]!.byteLength)
      written -= rest[whole++]!.byteLength;
    rest = rest.slice(whole);
    if (written > 0) rest = [rest[0]!.subarray(written), ...rest.slice(1)];
  }
}

/** Where one record lies. */
export interface JournalRecord {
  readonly kind: RecordKind;
  readonly rank: number;
  /** Of the payload. */
  readonly offset: number;
  readonly bytes: number;
}

/** Reads a journal record by record. Whoever opens it closes it. */
export class JournalReader {
  readonly path: string;
  readonly #fd: number;
  readonly #size: number;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, "r");
    this.#size = fstatSync(this.#fd).size;
  }

  /** Every record, in order; a torn last one ends the journal. @throws EvbError "journal-damaged" */
  *records(): Generator<JournalRecord> {
    let offset = 0;
    while (offset + HEAD_BYTES <= this.#size) {
      const head = new Uint32Array(this.#read(offset, HEAD_BYTES).buffer, 0, 4);
      const [code, bytes, rank] = head;
      const kind = KINDS.get(code!);
      if (kind === undefined)
        throw fault("journal-damaged", {
          path: this.path,
          offset,
          reason: `there is no record of kind ${String(code)}`,
        });
      if (offset + HEAD_BYTES + bytes! > this.#size) return;
      yield { kind, rank: rank!, offset: offset + HEAD_BYTES, bytes: bytes! };
      offset += HEAD_BYTES + Math.ceil(bytes! / 8) * 8;
    }
  }

  /** A record's payload, checked. @throws EvbError "journal-damaged" */
  payload(record: JournalRecord): Uint8Array<ArrayBuffer> {
    const bytes = this.#read(record.offset, record.bytes);
    const head = new Uint32Array(this.#read(record.offset - HEAD_BYTES, HEAD_BYTES).buffer, 0, 4);
    if (crc32(bytes) !== head[3])
      throw fault("journal-damaged", {
        path: this.path,
        offset: record.offset,
        reason: "its checksum is wrong",
      });
    return bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    let have = 0;
    while (have < length) {
      const got = readSync(this.#fd, bytes, have, length - have, offset + have);
      if (got === 0)
        throw fault("journal-damaged", { path: this.path, offset, reason: "it ends early" });
      have += got;
    }
    return bytes;
  }
}
