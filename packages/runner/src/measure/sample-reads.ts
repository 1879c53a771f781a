import { readSync, closeSync, openSync } from "node:fs";
import { decoderOf, DataFile, DirectRows, givenBytesOf, type ChunkDecoder } from "@evb/formats";
import { rangesOf, type RowSample, type SampleRanges } from "./row-sample.ts";
import { sharedNowMs } from "./read-task.ts";

/** How far a task came. */
export interface Progress {
  readonly bytes: number;
  readonly count: number;
  readonly decodeSeconds: number;
}

/** Until when, and whether rows come again once all were read. */
interface Until {
  readonly endMs: number;
  readonly again: boolean;
}

/** Rows between two looks at the clock have so many bytes. */
const LOOK_BYTES = 2 ** 15;

/** The same rows, by plain positioned reads and by evb's reader. */
export class SampleReads {
  readonly #sample: RowSample;
  readonly #ranges: SampleRanges;
  readonly #decoders: readonly (ChunkDecoder | "none")[];
  readonly #files = new Map<string, { readonly fd: number; readonly data: DataFile }>();
  readonly #buffer: Uint8Array;
  readonly #look: number;

  private constructor(sample: RowSample, decoders: readonly (ChunkDecoder | "none")[]) {
    this.#sample = sample;
    this.#ranges = rangesOf(sample);
    this.#decoders = decoders;
    this.#buffer = new Uint8Array(this.#ranges.bytesMax).fill(1);
    const meanBytes = this.#ranges.bytes.reduce((sum, each) => sum + each, 0) / sample.row.length;
    this.#look = Math.max(1, Math.floor(LOOK_BYTES / (meanBytes + 1)));
    for (const { path } of sample.sources)
      if (!this.#files.has(path))
        this.#files.set(path, { fd: openSync(path, "r"), data: new DataFile(path) });
  }

  static async open(sample: RowSample): Promise<SampleReads> {
    const decoders = sample.sources.map(({ layout }) => decoderOf(layout));
    const found = await Promise.all(decoders);
    return new SampleReads(
      sample,
      found.map((decoder) => decoder ?? noDecoder()),
    );
  }

  readRanges(until: Until): Progress {
    const { start, source, position, bytes } = this.#ranges;
    const fds = this.#sample.sources.map(({ path }) => this.#files.get(path)!.fd);
    let done = 0;
    const count = this.#pass(until, () => (k) => {
      for (let r = start[k]!; r < start[k + 1]!; r++) {
        const got = readSync(fds[source[r]!]!, this.#buffer, 0, bytes[r]!, position[r]!);
        if (got !== bytes[r]) throw new Error("a file ended before what was in it a moment ago");
        done += got;
      }
    });
    return { bytes: done, count, decodeSeconds: 0 };
  }

  readRows(until: Until): Progress {
    const { sources, source, row, places, placesFirst } = this.#sample;
    const files = sources.map(({ path }) => this.#files.get(path)!.data);
    let readers: DirectRows[] = [];
    let [done, decodeSeconds] = [0, 0];
    const settle = (): void => {
      for (const reader of readers) decodeSeconds += reader.decodeSeconds;
    };
    const rowBytes = sources.map(({ layout }) => givenBytesOf(layout));
    // One place for all rows, as plain reads have it: what differs is to be the reader, not the memory.
    const room = new Uint8Array(Math.max(...rowBytes)).fill(1);
    const targets = rowBytes.map((bytes) => room.subarray(0, bytes));
    const count = this.#pass(until, () => {
      settle();
      // What a reader keeps of the last rows isn't there when a run comes to the first ones.
      readers = sources.map(({ layout }, s) => new DirectRows(layout, this.#decoders[s]!));
      return (k) => {
        const s = source[k]!;
        readers[s]!.read(files[s]!, row[k]!, places, placesFirst[k]!, targets[s]!);
        done += targets[s]!.length;
      };
    });
    settle();
    return { bytes: done, count, decodeSeconds };
  }

  close(): void {
    for (const { fd, data } of this.#files.values()) {
      closeSync(fd);
      data.close();
    }
  }

  /** Row after row, as often as there is time. */
  #pass({ endMs, again }: Until, begin: () => (k: number) => void): number {
    const many = this.#sample.row.length;
    let read = begin();
    let count = 0;
    for (let k = 0; ; k++) {
      if (k === many) {
        if (!again) return count;
        k = 0;
        read = begin();
      }
      read(k);
      if (++count % this.#look === 0 && sharedNowMs() >= endMs) return count;
    }
  }
}

/** The same evb looked for the decoder when it looked for the rows. */
function noDecoder(): never {
  throw new Error("evb has no decoder for a filter that the index names: use the same evb");
}
