import type { Part } from "../wire/part-message.ts";
import type { PieceSink } from "./row-pieces.ts";

const UNITS_FIRST = 4096;
const LITERAL_BYTES_FIRST = 4096;

/** A part's units and pieces as columns that grow. Pieces that follow each other in the input are one. */
export class PieceList implements PieceSink {
  #stamp = new BigUint64Array(UNITS_FIRST);
  #stampWords = new Uint32Array(this.#stamp.buffer);
  #pieceCount = new Uint32Array(UNITS_FIRST);
  #fragmentCount = new Uint32Array(UNITS_FIRST);
  #pieceOffset = new Float64Array(UNITS_FIRST);
  #pieceSize = new Uint32Array(UNITS_FIRST);
  #literals = new Uint8Array(LITERAL_BYTES_FIRST);
  #units = 0;
  #pieces = 0;
  #literalBytes = 0;
  /** Of the unit that is begun. */
  #firstPiece = 0;

  clear(): void {
    this.#units = this.#pieces = this.#literalBytes = this.#firstPiece = 0;
  }

  copy(offset: number, size: number): void {
    const last = this.#pieces - 1;
    if (last >= this.#firstPiece && this.#pieceOffset[last]! >= 0) {
      const joined = this.#pieceSize[last]! + size;
      if (this.#pieceOffset[last]! + this.#pieceSize[last]! === offset && joined < 2 ** 32) {
        this.#pieceSize[last] = joined;
        return;
      }
    }
    this.#add(offset, size);
  }

  literal(bytes: Uint8Array): void {
    const end = this.#literalBytes + bytes.length;
    if (end > this.#literals.length) {
      const literals = new Uint8Array(2 * end);
      literals.set(this.#literals.subarray(0, this.#literalBytes));
      this.#literals = literals;
    }
    this.#literals.set(bytes, this.#literalBytes);
    this.#add(-1 - this.#literalBytes, bytes.length);
    this.#literalBytes = end;
  }

  /** The pieces since the last end are a run item. */
  endItem(): void {
    this.endEvent(0, 0n);
  }

  /** They are a built event. */
  endEvent(fragments: number, stamp: bigint): void {
    // Asked for first: it may put larger arrays in place.
    const unit = this.#endUnit(fragments);
    this.#stamp[unit] = stamp;
  }

  /** The same, with the stamp of a row: no BigInt is made of it. */
  endEventAt(fragments: number, stampWords: Uint32Array, row: number): void {
    const unit = this.#endUnit(fragments);
    this.#stampWords[2 * unit] = stampWords[2 * row]!;
    this.#stampWords[2 * unit + 1] = stampWords[2 * row + 1]!;
  }

  columns(): Pick<
    Part,
    "stamp" | "pieceCount" | "fragmentCount" | "pieceOffset" | "pieceSize" | "literals"
  > {
    return {
      stamp: this.#stamp.subarray(0, this.#units),
      pieceCount: this.#pieceCount.subarray(0, this.#units),
      fragmentCount: this.#fragmentCount.subarray(0, this.#units),
      pieceOffset: this.#pieceOffset.subarray(0, this.#pieces),
      pieceSize: this.#pieceSize.subarray(0, this.#pieces),
      literals: this.#literals.subarray(0, this.#literalBytes),
    };
  }

  #add(offset: number, size: number): void {
    if (this.#pieces === this.#pieceSize.length) {
      this.#pieceOffset = longer(this.#pieceOffset);
      this.#pieceSize = longer(this.#pieceSize);
    }
    this.#pieceOffset[this.#pieces] = offset;
    this.#pieceSize[this.#pieces] = size;
    this.#pieces++;
  }

  #endUnit(fragments: number): number {
    if (this.#units === this.#pieceCount.length) {
      this.#stamp = longer(this.#stamp);
      this.#stampWords = new Uint32Array(this.#stamp.buffer);
      this.#pieceCount = longer(this.#pieceCount);
      this.#fragmentCount = longer(this.#fragmentCount);
    }
    this.#pieceCount[this.#units] = this.#pieces - this.#firstPiece;
    this.#fragmentCount[this.#units] = fragments;
    this.#firstPiece = this.#pieces;
    return this.#units++;
  }
}

function longer<Column extends BigUint64Array | Float64Array | Uint32Array>(
  column: Column,
): Column {
  const twice = new (column.constructor as new (length: number) => Column)(2 * column.length);
  twice.set(column as never);
  return twice;
}
