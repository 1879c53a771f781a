import assert from "node:assert/strict";

/** Blocks begin at multiples of this: no element straddles a cache line. */
const ALIGNMENT = 64;

interface Block {
  readonly offset: number;
  readonly end: number;
}

/** Blocks of a stretch of memory: the lowest place that is large enough is taken, so that few pages are touched. */
export class HeapBlocks {
  readonly #bytes: number;
  /** In order. */
  readonly #blocks: Block[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Where it begins; undefined: nowhere is so much room. */
  take(bytes: number): number | undefined {
    const room = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    let offset = 0;
    let k = 0;
    for (; k < this.#blocks.length; k++) {
      const block = this.#blocks[k]!;
      if (block.offset - offset >= room) break;
      offset = block.end;
    }
    if (offset + room > this.#bytes) return undefined;
    this.#blocks.splice(k, 0, { offset, end: offset + room });
    return offset;
  }

  /** @param offset as it was taken */
  give(offset: number): void {
    const at = this.#blocks.findIndex((block) => block.offset === offset);
    assert(at >= 0);
    this.#blocks.splice(at, 1);
  }
}
