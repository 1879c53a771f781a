// Words of shared memory, (HEAD + TASKS_MAX × TASK_WORDS) of 32 bits:
//
//     posted 1 | − 1 | each task: state 1 | source 1 | file descriptor 1 | stored bytes 1 | filter mask 1 | chunk bytes 1
//              | offset in the heap 1 | microseconds that reading took more than decoding 1 | address in the file 2 (f64)
//
// A task is written while it is free, and belongs to whoever claimed it until it is done or failed.

/** Chunks that are wanted, being decoded, or decoded and not used yet; a power of two, as their numbers wrap round. */
const TASKS_MAX = 64;

const HEAD = 2;
const TASK_WORDS = 10;
const BYTES = (HEAD + TASKS_MAX * TASK_WORDS) * Int32Array.BYTES_PER_ELEMENT;

const POSTED = 0;

const [STATE, SOURCE, FD, STORED, MASK, CHUNK_BYTES, OFFSET, EXCESS_US, ADDRESS] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
];

const FREE = 0;
const QUEUED = 1;
const CLAIMED = 2;
const DONE = 3;
const FAILED = 4;

/** A chunk that is to be read and decoded. */
export interface ChunkTask {
  /** Row of the sources: which decoder. */
  readonly source: number;
  /** Descriptors belong to the process, so every thread may read by them. */
  readonly fd: number;
  /** Bytes from the file's beginning. */
  readonly address: number;
  /** Bytes as stored. */
  readonly stored: number;
  /** Bit k: filter k was left out. */
  readonly mask: number;
  /** Decoded. */
  readonly chunkBytes: number;
  /** Where the decoded bytes go: from the heap's beginning. */
  readonly offset: number;
}

export type TaskState = "queued" | "claimed" | "done" | "failed";

/** The tasks of a client's decode threads, in memory that they share with the thread that posts them. */
export class DecodeTasks {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #addresses: Float64Array;

  constructor(memory = new SharedArrayBuffer(BYTES)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.#addresses = new Float64Array(memory);
  }

  /** Whether {@link post} will take one more. */
  get hasRoom(): boolean {
    return Atomics.load(this.#words, at(this.#words[POSTED]!) + STATE) === FREE;
  }

  /** Only one thread posts. Its number, for as long as it isn't freed. */
  post(task: ChunkTask): number {
    const number = this.#words[POSTED]! & (TASKS_MAX - 1);
    const place = at(number);
    this.#words[place + SOURCE] = task.source;
    this.#words[place + FD] = task.fd;
    this.#words[place + STORED] = task.stored;
    this.#words[place + MASK] = task.mask;
    this.#words[place + CHUNK_BYTES] = task.chunkBytes;
    this.#words[place + OFFSET] = task.offset;
    this.#words[place + EXCESS_US] = 0;
    this.#addresses[(place + ADDRESS) / 2] = task.address;
    Atomics.store(this.#words, place + STATE, QUEUED);
    Atomics.add(this.#words, POSTED, 1);
    Atomics.notify(this.#words, POSTED, 1);
    return number;
  }

  /** What was posted; only who claimed it, or posted it, may ask. */
  task(number: number): ChunkTask {
    const place = at(number);
    return {
      source: this.#words[place + SOURCE]!,
      fd: this.#words[place + FD]!,
      stored: this.#words[place + STORED]! >>> 0,
      mask: this.#words[place + MASK]! >>> 0,
      chunkBytes: this.#words[place + CHUNK_BYTES]!,
      offset: this.#words[place + OFFSET]!,
      address: this.#addresses[(place + ADDRESS) / 2]!,
    };
  }

  /** How often anything was posted: see {@link waitForPost}. */
  get posted(): number {
    return Atomics.load(this.#words, POSTED);
  }

  /** Makes a task one's own, unless somebody has it. */
  claim(number: number): boolean {
    return Atomics.compareExchange(this.#words, at(number) + STATE, QUEUED, CLAIMED) === QUEUED;
  }

  /** The task that was posted first of those that nobody has. */
  claimNext(): number | undefined {
    const oldest = this.posted;
    for (let k = 0; k < TASKS_MAX; k++) {
      const number = (oldest + k) & (TASKS_MAX - 1);
      if (Atomics.load(this.#words, at(number) + STATE) === QUEUED && this.claim(number))
        return number;
    }
    return undefined;
  }

  /** A claimed task is over, and whoever waits for it is woken. */
  finish(number: number, { isDecoded, readSeconds, decodeSeconds }: TaskEnd): void {
    const place = at(number);
    this.#words[place + EXCESS_US] = Math.round((readSeconds - decodeSeconds) * 1e6);
    Atomics.store(this.#words, place + STATE, isDecoded ? DONE : FAILED);
    Atomics.notify(this.#words, place + STATE);
  }

  state(number: number): TaskState {
    const state = Atomics.load(this.#words, at(number) + STATE);
    return state === QUEUED
      ? "queued"
      : state === CLAIMED
        ? "claimed"
        : state === DONE
          ? "done"
          : "failed";
  }

  /** Of a task that is over: so much longer reading took than decoding; negative where it was shorter. */
  readExcessSeconds(number: number): number {
    return this.#words[at(number) + EXCESS_US]! / 1e6;
  }

  /** A task that is over, or that its poster has claimed, may be posted anew. */
  free(number: number): void {
    Atomics.store(this.#words, at(number) + STATE, FREE);
  }

  /** Blocks until a claimed task is over; false where that takes longer. */
  waitFor(number: number, ms: number): boolean {
    return Atomics.wait(this.#words, at(number) + STATE, CLAIMED, ms) !== "timed-out";
  }

  /** Blocks while nothing was posted since {@link posted} was looked at. */
  waitForPost(posted: number): void {
    Atomics.wait(this.#words, POSTED, posted);
  }
}

export interface TaskEnd {
  readonly isDecoded: boolean;
  readonly readSeconds: number;
  readonly decodeSeconds: number;
}

const at = (number: number): number => HEAD + (number & (TASKS_MAX - 1)) * TASK_WORDS;
