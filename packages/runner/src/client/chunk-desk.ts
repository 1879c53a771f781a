import { readSync } from "node:fs";
import { decoderOf, type ChunkDecoder, type RowLayout } from "@evb/formats";
import type { DecodeTasks, TaskEnd } from "./decode-tasks.ts";

/** By row of the sources; undefined: no chunk of it is decoded ahead. */
export type AheadLayouts = readonly (RowLayout | undefined)[];

/** Reads and decodes chunks for others, one after another; each thread that does so has its own. */
export class ChunkDesk {
  readonly #decoders: readonly (ChunkDecoder | undefined)[];
  readonly #tasks: DecodeTasks;
  readonly #heap: Uint8Array;
  /** A chunk as stored. */
  #stored = new Uint8Array(0);

  private constructor(
    decoders: readonly (ChunkDecoder | undefined)[],
    tasks: DecodeTasks,
    heap: SharedArrayBuffer,
  ) {
    this.#decoders = decoders;
    this.#tasks = tasks;
    this.#heap = new Uint8Array(heap);
  }

  /** @param heap where decoded chunks go */
  static async open(
    layouts: AheadLayouts,
    tasks: DecodeTasks,
    heap: SharedArrayBuffer,
  ): Promise<ChunkDesk> {
    const decoders: (ChunkDecoder | undefined)[] = [];
    for (const layout of layouts) {
      const decoder = layout && (await decoderOf(layout));
      decoders.push(decoder === "none" ? undefined : decoder);
    }
    return new ChunkDesk(decoders, tasks, heap);
  }

  /**
   * Does a task that was claimed; who calls says that it is finished. Why it fails isn't said: who needs the chunk
   * reads it again, and finds the sentence with its place.
   */
  perform(number: number): TaskEnd {
    const begun = performance.now();
    let read = begun;
    let isDecoded = false;
    try {
      const { source, fd, address, stored, mask, chunkBytes, offset } = this.#tasks.task(number);
      if (this.#stored.length < stored) this.#stored = new Uint8Array(stored);
      const bytes = this.#stored.subarray(0, stored);
      readWhole(fd, bytes, address);
      read = performance.now();
      this.#decoders[source]!.decode(bytes, mask, this.#heap.subarray(offset, offset + chunkBytes));
      isDecoded = true;
    } catch {
      // Told by the state.
    }
    const readSeconds = (read - begun) / 1000;
    return { isDecoded, readSeconds, decodeSeconds: (performance.now() - read) / 1000 };
  }
}

/** @throws Error where the file ends before, or can't be read */
function readWhole(fd: number, target: Uint8Array, position: number): void {
  for (let done = 0; done < target.length;) {
    const bytes = readSync(fd, target, done, target.length - done, position + done);
    if (bytes === 0) throw new Error("the file ends within the chunk");
    done += bytes;
  }
}
