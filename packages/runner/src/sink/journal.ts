import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writevSync,
} from "node:fs";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { isEvbError, sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";

/** What a record of the journal holds. */
const RECORD = {
  start: 1,
  schema: 2,
  results: 3,
  epoch: 4,
  end: 5,
  resume: 6,
  client: 7,
  progress: 8,
  suspects: 9,
} as const;
export type RecordKind = keyof typeof RECORD;

/** Little-endian. Padding keeps the columns in a payload aligned, so that they are read in place. */
//   0        4                 8        12       16                                 20    24
//   kind u32 payload bytes u32 rank u32 life u32 crc-32 of bytes 0..15, payload u32 0 u32 payload, zeros up to 8
const HEAD_BYTES = 24;
const HEAD_WORDS = HEAD_BYTES / 4;
/** What the checksum covers of the head. */
const HEAD_CHECKED_BYTES = 16;
const KINDS = new Map<number, RecordKind>(
  (Object.keys(RECORD) as RecordKind[]).map((kind) => [RECORD[kind], kind]),
);

/** With its padding. */
const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Linux takes 1024 parts in one writev. */
const PARTS_AT_ONCE = 1024;

/** Nobody takes a run over in less: its coordinator is first given time to answer. */
const OWNER_MS = 500;

/** Where a life of the coordinator goes on in a journal. */
export interface JournalPlace {
  /** What stays of it; the rest is cut off. */
  readonly keepBytes: number;
  /** Counts the run's coordinators from 1; a place is for the second and later ones. */
  readonly life: number;
}

/** The truth about a run, in the order in which it became true. Append-only. */
export class JournalWriter {
  readonly path: string;
  readonly #life: number;
  readonly #fd: number;
  /** Each of whole records, few enough for one write: of another process's records none falls into one of ours. */
  #waiting: Uint8Array[][] = [];
  /** Where this life's first record must come to lie; undefined in the first life, and once it lies there. */
  #firstAt: number | undefined;
  /** Something was written that the disk was not asked for. */
  #unsynced = false;
  #syncing: Promise<void> | undefined;
  #closed = false;
  #failure: Error | undefined;
  #checkOwner = (): void => undefined;
  #ownerAtMs = -Infinity;

  /** Creates it; it must not be there. With a place it is {@link resume}. @throws EvbError "journal-failed" */
  constructor(path: string, place?: JournalPlace) {
    this.path = path;
    this.#life = place?.life ?? 1;
    this.#firstAt = place?.keepBytes;
    try {
      // Appending: a former coordinator that was frozen and wakes up writes behind us, never over us.
      this.#fd = place === undefined ? openSync(path, "ax") : openToResume(path, place.keepBytes);
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** Cuts off what is not kept, and goes on behind it. @throws EvbError "journal-failed" */
  static resume(path: string, place: JournalPlace): JournalWriter {
    return new JournalWriter(path, place);
  }

  /**
   * Asked before what is written, unless it was asked just now: a process that stood still for long
   * may not own its journal any more.
   *
   * @param check throws where another process goes on with it: then nothing is written from now on
   */
  ownedWhile(check: () => void): void {
    this.#checkOwner = check;
  }

  /** Is written with the next flush. */
  append(kind: RecordKind, rank: number, ...parts: readonly Uint8Array[]): void {
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const head = new Uint8Array(HEAD_BYTES);
    const words = new Uint32Array(head.buffer);
    words.set([RECORD[kind], bytes, rank, this.#life]);
    const crc = crc32(head.subarray(0, HEAD_CHECKED_BYTES));
    words[4] = parts.reduce((sum, part) => crc32(part, sum), crc);
    const record = [head, ...parts];
    if (padded(bytes) > bytes) record.push(new Uint8Array(padded(bytes) - bytes));
    const last = this.#waiting.at(-1);
    if (last === undefined || last.length + record.length > PARTS_AT_ONCE)
      this.#waiting.push(record);
    else last.push(...record);
  }

  /**
   * After it, what was appended has left this process: its loss takes the loss of the host.
   *
   * @throws EvbError "journal-failed"; from then on always: behind half a record nothing can be found
   */
  flush(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      if (this.#closed) throw new Error("it is closed");
      this.#checkOwned();
      this.#checkPlace();
      this.#unsynced = true;
      for (const parts of waiting) writeAll(this.#fd, parts);
      this.#checkFirst(waiting[0]![0]!);
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /**
   * After it, the disk has what was flushed before the call: its loss takes the loss of the disk.
   * Takes as long as the disk does, beside this thread; costs nothing where nothing was flushed.
   *
   * @throws EvbError "journal-failed"; from then on always: what a disk once refused is not on it
   */
  async sync(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#unsynced) return;
    this.#unsynced = false;
    this.#syncing = this.#syncOnce();
    await this.#syncing;
    // It may have changed meanwhile, which the compiler can't see.
    const failure = this.#failure as Error | undefined;
    if (failure !== undefined) throw failure;
  }

  /** Flushes, and waits until the disk has it; is closed in any case. @throws EvbError "journal-failed" */
  close(): void {
    if (this.#closed) return;
    try {
      this.flush();
      fsyncSync(this.#fd);
      this.#unsynced = false;
    } catch (thrown) {
      throw this.#failed(thrown);
    } finally {
      this.#closed = true;
      // A sync that is under way needs the descriptor, whose number could be another file's by then.
      if (this.#syncing === undefined) closeSync(this.#fd);
    }
  }

  /** Never fails itself: a failure is the writer's. */
  async #syncOnce(): Promise<void> {
    try {
      await promisify(fdatasync)(this.#fd);
    } catch (thrown) {
      this.#failed(thrown);
    }
    this.#syncing = undefined;
    if (this.#closed) closeSync(this.#fd);
  }

  #checkOwned(): void {
    const now = performance.now();
    if (now - this.#ownerAtMs < OWNER_MS) return;
    this.#checkOwner();
    this.#ownerAtMs = now;
  }

  /** Another process that still writes would bring its records between what was kept and ours. */
  #checkPlace(): void {
    if (this.#firstAt !== undefined && fstatSync(this.#fd).size !== this.#firstAt)
      throw new Error(OTHERS_WRITE);
  }

  #checkFirst(head: Uint8Array): void {
    if (this.#firstAt === undefined) return;
    const found = new Uint8Array(HEAD_BYTES);
    readSync(this.#fd, found, 0, HEAD_BYTES, this.#firstAt);
    if (Buffer.compare(head, found) !== 0) throw new Error(OTHERS_WRITE);
    this.#firstAt = undefined;
  }

  #failed(thrown: unknown): Error {
    if (isEvbError(thrown, "run-taken-over")) this.#failure ??= thrown;
    this.#failure ??= fault(
      "journal-failed",
      { path: this.path, reason: sentenceOf(thrown) },
      { cause: thrown },
    );
    return this.#failure;
  }
}

const OTHERS_WRITE = "another process writes to it, too";

function openToResume(path: string, keepBytes: number): number {
  const fd = openSync(path, constants.O_RDWR | constants.O_APPEND);
  try {
    const { size } = fstatSync(fd);
    // Truncating would make it longer, with zeros.
    if (size < keepBytes)
      throw new Error(`it has ${String(size)} bytes of ${String(keepBytes)} that were to be kept`);
    ftruncateSync(fd, keepBytes);
    fsyncSync(fd);
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

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

/** One record, and where it lies. */
export interface JournalRecord {
  readonly kind: RecordKind;
  readonly rank: number;
  readonly life: number;
  /** Of the payload. */
  readonly offset: number;
  readonly bytes: number;
}

/** Read at a time: thousands of small records. Larger ones are checked in such pieces. */
const BLOCK_BYTES = 2 ** 20;

/** Reads a journal record by record. Whoever opens it closes it. */
export class JournalReader {
  readonly path: string;
  readonly #fd: number;
  readonly #size: number;
  readonly #block = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));
  readonly #words = new Uint32Array(this.#block.buffer);
  /** What of the file the block holds. */
  #held = { first: 0, end: 0 };
  #goodBytes = 0;

  /** @throws EvbError "journal-damaged" where it can't be opened */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, "r");
      this.#size = fstatSync(this.#fd).size;
    } catch (thrown) {
      throw this.#damaged(0, sentenceOf(thrown), thrown);
    }
  }

  /** Where the records that were read end: when all are, where the journal does. */
  get goodBytes(): number {
    return this.#goodBytes;
  }

  /** What follows there is torn or damaged. */
  get restBytes(): number {
    return this.#size - this.#goodBytes;
  }

  /**
   * Every record, in order, up to the first that is not whole or whose checksum is wrong. Where a
   * coordinator took over, what its predecessors wrote behind that is left out: they were taken for
   * dead, and nobody knows of it.
   *
   * @throws EvbError "journal-damaged" where it can't be read
   */
  *records(): Generator<JournalRecord> {
    this.#goodBytes = 0;
    let life = 1;
    for (;;) {
      const record = this.#recordAt(this.#goodBytes);
      if (record === undefined) return;
      const begins = record.kind === "resume" && record.life > life;
      // Nobody began that life.
      if (record.life > life && !begins) return;
      this.#goodBytes = record.offset + padded(record.bytes);
      if (begins) life = record.life;
      if (begins || (record.life === life && record.kind !== "resume")) yield record;
    }
  }

  /**
   * A record's payload, checked; begins at a multiple of 8 in its memory. Holds until the next record is read.
   *
   * @throws EvbError "journal-damaged"
   */
  payload({ offset, bytes }: Pick<JournalRecord, "offset" | "bytes">): Uint8Array<ArrayBuffer> {
    const begin = offset - HEAD_BYTES;
    const inBlock = begin >= this.#held.first && offset + bytes <= this.#held.end;
    const record = inBlock
      ? this.#view(begin, HEAD_BYTES + bytes)
      : new Uint8Array(HEAD_BYTES + bytes);
    if (!inBlock) this.#read(begin, record);
    const payload = record.subarray(HEAD_BYTES);
    const view = new DataView(record.buffer, record.byteOffset, HEAD_BYTES);
    const crc = crc32(payload, crc32(record.subarray(0, HEAD_CHECKED_BYTES)));
    if (view.getUint32(4, true) !== bytes || view.getUint32(16, true) !== crc)
      throw this.#damaged(offset, "its checksum is wrong");
    return payload;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #recordAt(begin: number): JournalRecord | undefined {
    const offset = begin + HEAD_BYTES;
    if (offset > this.#size) return undefined;
    const head = this.#view(begin, HEAD_BYTES);
    let crc = crc32(head.subarray(0, HEAD_CHECKED_BYTES));
    const at = (begin - this.#held.first) / 4;
    const [code, bytes, rank, life, checksum, zero] = this.#words.subarray(at, at + HEAD_WORDS);
    const kind = KINDS.get(code!);
    const end = offset + padded(bytes!);
    if (kind === undefined || zero !== 0 || end > this.#size) return undefined;
    // The head's values are copies: from here on the block may hold another part of the file.
    for (let piece = offset; piece < offset + bytes!; piece += BLOCK_BYTES)
      crc = crc32(this.#view(piece, Math.min(BLOCK_BYTES, offset + bytes! - piece)), crc);
    if (crc !== checksum) return undefined;
    for (let pad = offset + bytes!; pad < end; pad++)
      if (this.#view(pad - (pad % 8), 8)[pad % 8] !== 0) return undefined;
    return { kind, rank: rank!, life: life!, offset, bytes: bytes! };
  }

  /** At most a block of the file. `begin` is a multiple of 8, and so its place in memory. */
  #view(begin: number, length: number): Uint8Array<ArrayBuffer> {
    if (begin < this.#held.first || begin + length > this.#held.end) {
      const end = Math.min(this.#size, begin + BLOCK_BYTES);
      // Unless all is read, nothing is held.
      this.#held = { first: 0, end: 0 };
      this.#read(begin, this.#block.subarray(0, end - begin));
      this.#held = { first: begin, end };
    }
    const at = begin - this.#held.first;
    return this.#block.subarray(at, at + length);
  }

  #read(begin: number, into: Uint8Array): void {
    for (let have = 0; have < into.byteLength;) {
      let got: number;
      try {
        got = readSync(this.#fd, into, have, into.byteLength - have, begin + have);
      } catch (thrown) {
        throw this.#damaged(begin, sentenceOf(thrown), thrown);
      }
      if (got === 0) throw this.#damaged(begin, "it ends early");
      have += got;
    }
  }

  #damaged(offset: number, reason: string, cause?: unknown): Error {
    return fault("journal-damaged", { path: this.path, offset, reason }, { cause });
  }
}
