import { NOWHERE } from "@evb/formats";
import type { ExtractPart } from "../wire/extract-message.ts";
import { isThere, type ExtractRows } from "./extract-rows.ts";

/** Writes bytes to a place of the output. */
export type WriteRows = (bytes: Uint8Array, position: number) => void;

/** Reads the rows of a part and writes them as they are, where they belong: as many at a time as lie side by side. */
export class RowPlacer {
  readonly #memoryBytes: number;
  #memory = new Uint8Array(0);
  /** Of the memory: rows that aren't written yet, and where the first of them belongs. */
  #used = 0;
  #position = 0;

  /** @param memoryBytes so much is put together, and never less than a row */
  constructor(memoryBytes: number) {
    this.#memoryBytes = memoryBytes;
  }

  /**
   * The output has zeros where nothing is written. A row that can't be read isn't written either: a copy of the part
   * that could read it may be the one that counts.
   *
   * @param fill of events that lack the source; undefined: zeros
   */
  write(
    part: ExtractPart,
    rows: ExtractRows,
    { rowBytes, fill }: { readonly rowBytes: number; readonly fill: Uint8Array | undefined },
    write: WriteRows,
  ): void {
    const size = this.#room(rowBytes);
    const flush = (): void => {
      if (this.#used > 0) write(this.#memory.subarray(0, this.#used), this.#position);
      this.#used = 0;
    };
    for (let event = 0; event < part.row.length; event++) {
      const position = placeOf(part, event, rowBytes);
      const there = isThere(part, event);
      if (position === NOWHERE || (!there && fill === undefined)) continue;
      if (position !== this.#position + this.#used || this.#used + rowBytes > size) flush();
      if (this.#used === 0) this.#position = position;
      const target = this.#memory.subarray(this.#used, this.#used + rowBytes);
      if (!there) fillWith(target, fill);
      else if (!rows.read(event, target)) continue;
      this.#used += rowBytes;
    }
    flush();
  }

  #room(rowBytes: number): number {
    const size = Math.max(1, Math.floor(this.#memoryBytes / rowBytes)) * rowBytes;
    if (this.#memory.length < size) this.#memory = new Uint8Array(size);
    return size;
  }
}

/** Bytes from the output's beginning; NOWHERE where its chunk isn't kept. */
function placeOf({ chunkEvents, address }: ExtractPart, event: number, rowBytes: number): number {
  if (chunkEvents === 0) return address[0]! + event * rowBytes;
  const chunk = address[Math.floor(event / chunkEvents)]!;
  return chunk === NOWHERE ? NOWHERE : chunk + (event % chunkEvents) * rowBytes;
}

/** @param fill one element; undefined: zeros */
export function fillWith(target: Uint8Array, fill: Uint8Array | undefined): void {
  if (fill === undefined) target.fill(0);
  else for (let at = 0; at < target.length; at += fill.length) target.set(fill, at);
}
