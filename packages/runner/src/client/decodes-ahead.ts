import { Worker } from "node:worker_threads";
import type { DataFile, DecodedChunk } from "@evb/formats";
import { builtUrl } from "@evb/formats";
import type { Lease } from "../wire/lease-message.ts";
import { ChunkDesk, type AheadLayouts } from "./chunk-desk.ts";
import { DecodeTasks } from "./decode-tasks.ts";
import type { DecodeStart } from "./decode-worker.ts";
import { HeapBlocks } from "./heap-blocks.ts";

/** Decoded chunks that wait for their events, or that an event's neighbours need, too. */
export const DECODED_BYTES_MAX = 64 * 2 ** 20;
/** So many chunks for each thread are on their way or wait: none idles, and they stay in the caches. */
const CHUNKS_PER_THREAD = 4;
/** …or so many bytes, where chunks are large. */
const AHEAD_BYTES = 24 * 2 ** 20;
/** A chunk takes no longer, or its thread is taken for dead: 256 MiB of gzip take half a second. */
const PATIENCE_MS = 10_000;

/** A chunk that an event will need. */
export interface WantedChunk {
  /** Row of the sources. */
  readonly source: number;
  readonly file: DataFile;
  readonly address: number;
  readonly stored: number;
  readonly mask: number;
  readonly chunkBytes: number;
}

/** A chunk that was begun. */
interface Chunk {
  readonly wanted: WantedChunk;
  readonly task: number;
  /** In the heap. */
  readonly offset: number;
  /** Pending: its task is posted, and whose turn that is stands there. */
  state: "pending" | "decoded" | "failed";
  isTaken: boolean;
  isKept: boolean;
}

/** What was begun for an event. */
interface EventChunks {
  readonly lease: Lease;
  readonly fragment: number;
  readonly chunks: readonly Chunk[];
}

/**
 * Decodes chunks of events that come, in threads of its own. Where the thread that analyses would have to wait it
 * decodes as well, so as many threads are enough as there are cores without other work.
 */
export class DecodesAhead {
  readonly #tasks: DecodeTasks;
  readonly #heap: SharedArrayBuffer;
  readonly #blocks = new HeapBlocks(DECODED_BYTES_MAX);
  readonly #desk: ChunkDesk;
  readonly #threads: readonly Worker[];
  readonly #chunksMax: number;
  /** In the order in which they will be worked on; only those with chunks. */
  readonly #events: EventChunks[] = [];
  /** Nobody needs them, and a thread is still at work on them. */
  readonly #unwanted = new Set<Chunk>();
  /** Of the event in work. */
  #current: readonly Chunk[] = NONE;
  /** Of those events. */
  #chunks = 0;
  #bytes = 0;
  /** A thread did not come back, and may still write where its chunk was to lie. */
  #isBroken = false;
  #bytesRead = 0;
  #seconds = 0;
  #readExcessSeconds = 0;

  private constructor(
    parts: { tasks: DecodeTasks; heap: SharedArrayBuffer; desk: ChunkDesk },
    threads: readonly Worker[],
  ) {
    this.#tasks = parts.tasks;
    this.#heap = parts.heap;
    this.#desk = parts.desk;
    this.#threads = threads;
    this.#chunksMax = CHUNKS_PER_THREAD * (threads.length + 1);
  }

  /** Threads come up while the first events are worked on. Whoever opens it closes it. */
  static async open(layouts: AheadLayouts, threadCount: number): Promise<DecodesAhead> {
    const tasks = new DecodeTasks();
    const heap = new SharedArrayBuffer(DECODED_BYTES_MAX);
    const start: DecodeStart = { tasks: tasks.memory, heap, layouts };
    const threads = Array.from({ length: threadCount }, () => startThread(start));
    const desk = await ChunkDesk.open(layouts, tasks, heap);
    return new DecodesAhead({ tasks, heap, desk }, threads);
  }

  /** Bytes that were taken from files. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Of the thread that asks, by the clock: waiting for chunks, and reading and decoding some itself. */
  get seconds(): number {
    return this.#seconds;
  }

  /**
   * So much longer reading took than decoding since this was asked last, in all threads. Where it takes longer, reads
   * should be begun ahead, as threads do nothing but wait; a busy machine makes both longer.
   */
  takeReadExcess(): number {
    const seconds = this.#readExcessSeconds;
    this.#readExcessSeconds = 0;
    return Math.max(0, seconds);
  }

  get hasRoom(): boolean {
    if (this.#unwanted.size > 0) this.#sweep();
    const isFull = this.#chunks >= this.#chunksMax || this.#bytes >= AHEAD_BYTES;
    return !isFull && !this.#isBroken && this.#tasks.hasRoom;
  }

  /**
   * Begins what an event needs that comes behind those before: all of it; where others wait and there is no room
   * for all, nothing, and it is false.
   */
  begin(lease: Lease, fragment: number, wanted: readonly WantedChunk[]): boolean {
    const offsets: number[] = [];
    for (const { chunkBytes } of wanted) {
      const offset = this.#blocks.take(chunkBytes);
      if (offset === undefined) break;
      offsets.push(offset);
    }
    if (offsets.length < wanted.length && (this.#events.length > 0 || offsets.length === 0)) {
      for (const offset of offsets) this.#blocks.give(offset);
      return false;
    }
    const chunks: Chunk[] = [];
    for (const [k, offset] of offsets.entries())
      if (this.#tasks.hasRoom) chunks.push(this.#post(wanted[k]!, offset));
      else this.#blocks.give(offset);
    this.#events.push({ lease, fragment, chunks });
    this.#chunks += chunks.length;
    this.#bytes += bytesOf(chunks);
    return true;
  }

  /** Of this event chunks are taken from now on. */
  enter(lease: Lease, fragment: number): void {
    const [first] = this.#events;
    const isBegun = first?.lease === lease && first.fragment === fragment;
    this.#current = isBegun ? first.chunks : NONE;
  }

  /** A chunk of the event in work, decoded; undefined: it wasn't begun, or something is wrong with it. */
  take(file: DataFile, address: number): DecodedChunk | undefined {
    // Two sources may lie in one data set: each has its own copy.
    const chunk = this.#current.find(
      ({ wanted, isTaken }) => !isTaken && wanted.address === address && wanted.file === file,
    );
    if (chunk === undefined) return undefined;
    chunk.isTaken = true;
    if (chunk.state === "pending") this.#await(chunk);
    if (chunk.state !== "decoded") return undefined;
    return {
      bytes: new Uint8Array(this.#heap, chunk.offset, chunk.wanted.chunkBytes),
      keep: () => {
        chunk.isKept = true;
        return () => {
          this.#blocks.give(chunk.offset);
        };
      },
    };
  }

  /** The event is over: its chunks are, too, but for those that are kept. */
  done(lease: Lease, fragment: number): void {
    const [first] = this.#events;
    this.#current = NONE;
    if (first?.lease !== lease || first.fragment !== fragment) return;
    this.#events.shift();
    this.#drop(first.chunks);
  }

  /** Events that were begun are somebody else's. */
  forget(): void {
    this.#current = NONE;
    for (const { chunks } of this.#events.splice(0)) this.#drop(chunks);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #post(wanted: WantedChunk, offset: number): Chunk {
    const { file, ...task } = wanted;
    file.hold();
    const number = this.#tasks.post({ ...task, fd: file.fd, offset });
    return { wanted, task: number, offset, state: "pending", isTaken: false, isKept: false };
  }

  /** Until the chunk is there; meanwhile others that nobody has begun are decoded here. */
  #await(chunk: Chunk): void {
    const begun = performance.now();
    if (this.#tasks.claim(chunk.task)) this.#perform(chunk.task);
    while (this.#tasks.state(chunk.task) === "claimed" && !this.#isBroken) {
      const other = this.#tasks.claimNext();
      if (other !== undefined) this.#perform(other);
      else if (!this.#tasks.waitFor(chunk.task, PATIENCE_MS)) this.#isBroken = true;
    }
    this.#settle(chunk);
    this.#seconds += (performance.now() - begun) / 1000;
  }

  #perform(task: number): void {
    this.#tasks.finish(task, this.#desk.perform(task));
  }

  /** Takes note of a task that is over, and frees it; one that isn't stays as it is. */
  #settle(chunk: Chunk): void {
    const { task, wanted } = chunk;
    const state = this.#tasks.state(task);
    if (chunk.state !== "pending" || state === "queued" || state === "claimed") return;
    chunk.state = state === "done" ? "decoded" : "failed";
    this.#readExcessSeconds += this.#tasks.readExcessSeconds(task);
    this.#bytesRead += wanted.stored;
    this.#tasks.free(task);
    wanted.file.release();
  }

  #drop(chunks: readonly Chunk[]): void {
    this.#chunks -= chunks.length;
    this.#bytes -= bytesOf(chunks);
    for (const chunk of chunks) {
      if (chunk.isKept) continue;
      // What nobody has begun is no thread's any more.
      if (chunk.state === "pending" && this.#tasks.claim(chunk.task)) {
        this.#tasks.free(chunk.task);
        chunk.wanted.file.release();
        chunk.state = "failed";
      }
      this.#settle(chunk);
      if (chunk.state === "pending") this.#unwanted.add(chunk);
      else this.#blocks.give(chunk.offset);
    }
  }

  #sweep(): void {
    for (const chunk of this.#unwanted) {
      this.#settle(chunk);
      if (chunk.state === "pending") continue;
      this.#unwanted.delete(chunk);
      this.#blocks.give(chunk.offset);
    }
  }
}

const NONE: readonly Chunk[] = [];

const bytesOf = (chunks: readonly Chunk[]): number =>
  chunks.reduce((sum, { wanted }) => sum + wanted.chunkBytes, 0);

function startThread(start: DecodeStart): Worker {
  const file = builtUrl({ name: "./decode-worker.js", from: import.meta.url });
  const thread = new Worker(file, { workerData: start });
  // One that can't start or go on does no harm: its work is done here.
  thread.once("error", () => undefined);
  thread.unref();
  return thread;
}
