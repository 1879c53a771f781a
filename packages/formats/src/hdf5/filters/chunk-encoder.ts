import { deflateSync } from "node:zlib";
import type { NewFilter } from "../structure/messages.ts";

/** How chunks of new data sets are compressed. */
export interface ChunkCompression {
  /** Of zlib: 1 … 9. */
  readonly gzip: number;
  /** Bytes of one significance side by side first: numbers then compress better. */
  readonly shuffle: boolean;
}

/** Numbers of the filters at The HDF Group. */
const GZIP = 1;
const SHUFFLE = 2;

/** The filters as the data set's header names them. Of elements of one byte there is nothing to shuffle. */
export const compressionFilters = (
  { gzip, shuffle }: ChunkCompression,
  elementBytes: number,
): NewFilter[] => [
  ...(shuffle && elementBytes > 1 ? [{ id: SHUFFLE, clientData: [elementBytes] }] : []),
  { id: GZIP, clientData: [gzip] },
];

/** Compresses chunks of one element size. The same bytes give the same bytes. */
export class ChunkEncoder {
  readonly #elementBytes: number;
  readonly #level: number;
  readonly #shuffles: boolean;
  #shuffled = new Uint8Array(0);

  constructor({ gzip, shuffle }: ChunkCompression, elementBytes: number) {
    this.#elementBytes = elementBytes;
    this.#level = gzip;
    this.#shuffles = shuffle && elementBytes > 1;
  }

  /** @param chunk whole elements; @returns memory of its own */
  encode(chunk: Uint8Array): Uint8Array {
    return deflateSync(this.#shuffles ? this.#shuffle(chunk) : chunk, { level: this.#level });
  }

  #shuffle(chunk: Uint8Array): Uint8Array {
    if (this.#shuffled.length !== chunk.length) this.#shuffled = new Uint8Array(chunk.length);
    const shuffled = this.#shuffled;
    const step = this.#elementBytes;
    const elements = chunk.length / step;
    for (let byte = 0; byte < step; byte++) {
      const begin = byte * elements;
      for (let i = 0, from = byte; i < elements; i++, from += step)
        shuffled[begin + i] = chunk[from]!;
    }
    return shuffled;
  }
}
