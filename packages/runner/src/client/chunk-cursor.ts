import type { Lease } from "../wire/lease-message.ts";

/** Where the chunks of fragments begin among those of their lease: fragments are asked for in order, some may be left out. */
export class ChunkCursor {
  readonly #chunksPerRow: Uint32Array | undefined;
  #lease = -1;
  #fragment = 0;
  #chunk = 0;

  constructor(chunksPerRow: Uint32Array | undefined) {
    this.#chunksPerRow = chunksPerRow;
  }

  at(lease: Lease, fragment: number): number {
    if (this.#chunksPerRow === undefined) return 0;
    if (this.#lease !== lease.id || this.#fragment > fragment) {
      this.#lease = lease.id;
      this.#fragment = this.#chunk = 0;
    }
    for (; this.#fragment < fragment; this.#fragment++)
      this.#chunk += this.#chunksPerRow[lease.source[this.#fragment]!]!;
    return this.#chunk;
  }
}
