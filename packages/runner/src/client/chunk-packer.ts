import { ChunkEncoder, type ChunkCompression } from "@evb/formats";
import type { ExtractPart } from "../wire/extract-message.ts";
import type { PartChunk } from "../wire/part-record.ts";
import { isThere, type ExtractRows } from "./extract-rows.ts";
import { fillWith } from "./row-placer.ts";

/** Puts the rows of a part together as chunks, and compresses these. */
export class ChunkPacker {
  readonly #compression: ChunkCompression;
  readonly #encoders = new Map<number, ChunkEncoder>();
  #memory = new Uint8Array(0);

  constructor(compression: ChunkCompression) {
    this.#compression = compression;
  }

  /**
   * Chunks of which no event has the source aren't kept: they read as the fill value. Rows that can't be read hold it,
   * and so does what the last chunk has behind the last event.
   *
   * @param fill one element; undefined: zeros
   */
  pack(
    part: ExtractPart,
    rows: ExtractRows,
    source: {
      readonly rowBytes: number;
      readonly elementBytes: number;
      readonly fill: Uint8Array | undefined;
    },
  ): PartChunk[] {
    const { rowBytes, elementBytes, fill } = source;
    const { chunkEvents, first, row } = part;
    const chunks: PartChunk[] = [];
    const encoder = this.#encoderOf(elementBytes);
    for (let begin = 0; begin < row.length; begin += chunkEvents) {
      const end = Math.min(begin + chunkEvents, row.length);
      if (!isAnyThere(part, begin, end)) continue;
      const chunk = this.#room(chunkEvents * rowBytes);
      for (let event = begin; event < begin + chunkEvents; event++) {
        const at = (event - begin) * rowBytes;
        const target = chunk.subarray(at, at + rowBytes);
        const isRead = event < end && isThere(part, event) && rows.read(event, target);
        if (!isRead) fillWith(target, fill);
      }
      chunks.push({ chunk: (first + begin) / chunkEvents, bytes: encoder.encode(chunk) });
    }
    return chunks;
  }

  #encoderOf(elementBytes: number): ChunkEncoder {
    const known = this.#encoders.get(elementBytes);
    if (known !== undefined) return known;
    const encoder = new ChunkEncoder(this.#compression, elementBytes);
    this.#encoders.set(elementBytes, encoder);
    return encoder;
  }

  #room(bytes: number): Uint8Array {
    if (this.#memory.length < bytes) this.#memory = new Uint8Array(bytes);
    return this.#memory.subarray(0, bytes);
  }
}

function isAnyThere(part: ExtractPart, begin: number, end: number): boolean {
  for (let event = begin; event < end; event++) if (isThere(part, event)) return true;
  return false;
}
