import { closeSync, openSync, read, readSync } from "node:fs";
import { sharedNowMs, type ReadTask, type Stretch } from "./read-task.ts";
import type { Progress } from "./sample-reads.ts";

type RandomTask = Extract<ReadTask, { kind: "random" }>;

/** Small reads lie a page apart: no two in the same one, which the second would find in memory. */
const PAGE_BYTES = 4096;
/** So many reads are made between two looks at the clock: a look costs as much as copying a kilobyte. */
const LOOK_BYTES = 2 ** 15;
/** What is read in order is read so much at a time. */
const BLOCK_BYTES = 2 ** 20;

/** Places of reads, in an order without order. */
interface Places {
  readonly fd: Int32Array;
  readonly position: Float64Array;
}

/** Positioned reads of the beginnings of some files. */
export class RandomReads {
  readonly #stretches: readonly (Stretch & { readonly fd: number })[];

  constructor(stretches: readonly Stretch[]) {
    this.#stretches = stretches.map((each) => ({ ...each, fd: openSync(each.path, "r") }));
  }

  /** Each from its beginning until the time is over, block by block side by side. */
  readAll(endMs: number): Progress {
    const block = new Uint8Array(BLOCK_BYTES);
    const longest = Math.max(...this.#stretches.map(({ bytes }) => bytes));
    let [bytes, count] = [0, 0];
    for (let at = 0; at < longest; at += BLOCK_BYTES) {
      // All of them come as far, or the last doesn't count.
      for (const stretch of this.#stretches) {
        const wanted = Math.min(BLOCK_BYTES, stretch.bytes - at);
        if (wanted > 0) readSync(stretch.fd, block, 0, wanted, at);
      }
      bytes = Math.min(longest, at + BLOCK_BYTES);
      count++;
      if (sharedNowMs() >= endMs) break;
    }
    return { bytes, count, decodeSeconds: 0 };
  }

  /** What is to be done when the time has come. */
  prepare(task: RandomTask): (endMs: number) => Progress | Promise<Progress> {
    const places = shuffled(this.#stretches, task);
    const buffers = Array.from({ length: Math.max(1, task.inFlight) }, () =>
      // Touched: the system gives memory when it is first written to.
      new Uint8Array(task.bytes).fill(1),
    );
    return task.inFlight === 0
      ? (endMs) => readOneByOne(places, buffers[0]!, task, endMs)
      : (endMs) => readInFlight(places, buffers, task, endMs);
  }

  close(): void {
    for (const { fd } of this.#stretches) closeSync(fd);
  }
}

function readOneByOne(
  places: Places,
  buffer: Uint8Array,
  { bytes, again }: RandomTask,
  endMs: number,
): Progress {
  const many = places.fd.length;
  const look = Math.max(1, Math.floor(LOOK_BYTES / bytes));
  let count = 0;
  for (let k = 0; ; k++) {
    if (k === many) {
      if (!again) break;
      k = 0;
    }
    check(readSync(places.fd[k]!, buffer, 0, bytes, places.position[k]!), bytes);
    if (++count % look === 0 && sharedNowMs() >= endMs) break;
  }
  return { bytes: count * bytes, count, decodeSeconds: 0 };
}

async function readInFlight(
  places: Places,
  buffers: readonly Uint8Array[],
  { bytes, again }: RandomTask,
  endMs: number,
): Promise<Progress> {
  const many = places.fd.length;
  let [next, count] = [0, 0];
  const lane = (buffer: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const step = (): void => {
        if (sharedNowMs() >= endMs || (!again && next >= many)) {
          resolve();
          return;
        }
        const k = next++ % many;
        read(places.fd[k]!, buffer, 0, bytes, places.position[k]!, (error, got) => {
          if (error !== null || got !== bytes) {
            reject(error ?? new Error(ENDS));
            return;
          }
          count++;
          step();
        });
      };
      step();
    });
  await Promise.all(buffers.map(lane));
  return { bytes: count * bytes, count, decodeSeconds: 0 };
}

const ENDS = "a file ended before what was in it a moment ago";

function check(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(ENDS);
}

function shuffled(
  stretches: readonly (Stretch & { readonly fd: number })[],
  { bytes, seed }: RandomTask,
): Places {
  const step = Math.max(bytes, PAGE_BYTES);
  const counts = stretches.map((each) => Math.floor((each.bytes - bytes) / step) + 1);
  const total = counts.reduce((sum, each) => sum + Math.max(0, each), 0);
  const [fd, position] = [new Int32Array(total), new Float64Array(total)];
  const next = random(seed);
  let placed = 0;
  for (const [s, stretch] of stretches.entries())
    for (let k = 0; k < counts[s]!; k++) {
      // Inside out: each arrangement is as likely as any other.
      const at = next(placed + 1);
      fd[placed] = fd[at]!;
      position[placed] = position[at]!;
      fd[at] = stretch.fd;
      position[at] = k * step;
      placed++;
    }
  return { fd, position };
}

/** Whole numbers below a bound: xorshift32 (Marsaglia 2003). */
function random(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_769) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
