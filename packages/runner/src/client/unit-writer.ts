import { hostname } from "node:os";
import { fault } from "../faults.ts";
import type { Part } from "../wire/part-message.ts";
import type { InputPages } from "./input-pages.ts";

const PHYSICS_EVENT = 30;
const BODY_HEADER_BYTES = 20;
const FRAGMENT_HEADER_BYTES = 20;
const ITEM_HEADER_BYTES = 8;
/** item header | body header | byte count */
const HEAD_BYTES = 8 + BODY_HEADER_BYTES + 4;
const V10_HEAD_BYTES = 8 + 4;

/** What the bytes of a part say that were written. */
export interface WrittenPart {
  fragments: number;
  events: number;
  backwardSteps: number;
}

/** Puts units together in memory, and hands them on when it is full. */
export class UnitWriter {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  /** Bytes for units; behind them lie the inputs' pages. */
  readonly #size: number;
  readonly #pages: InputPages;
  #held = 0;
  #position = 0;
  #write: (bytes: Uint8Array, size: number, position: number) => void = () => undefined;
  /** High and low word of the stamp of the fragment before. */
  #beforeHigh = 0;
  #beforeLow = 0;

  constructor(memory: Uint8Array, size: number, pages: InputPages) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#size = size;
    this.#pages = pages;
  }

  /**
   * Writes a part. Built events are walked through as they lie in memory before they are written: their
   * fragments must close them to the byte.
   *
   * @throws EvbError "data-changed" where they don't
   */
  write(
    part: Part,
    write: (bytes: Uint8Array, size: number, position: number) => void,
  ): WrittenPart {
    this.#write = write;
    this.#held = 0;
    this.#position = part.offset;
    this.#beforeLow = Number(part.before[0]! & 0xffff_ffffn);
    this.#beforeHigh = Number(part.before[0]! >> 32n);
    const written = { fragments: 0, events: 0, backwardSteps: 0 };
    const stampWords = new Uint32Array(
      part.stamp.buffer,
      part.stamp.byteOffset,
      2 * part.stamp.length,
    );
    let piece = 0;
    for (let unit = 0; unit < part.stamp.length; unit++) {
      const end = piece + part.pieceCount[unit]!;
      const bytes = sizeOf(part, piece, end) + this.#headBytes(part, unit);
      if (bytes > this.#size - this.#held) this.#flush();
      const whole = bytes <= this.#size;
      const begin = this.#held;
      const isBuilt = part.fragmentCount[unit]! > 0 && part.unbuilt !== true;
      if (isBuilt) this.#head(part, bytes, stampWords, unit);
      for (; piece < end; piece++) this.#piece(part, piece);
      if (part.fragmentCount[unit]! === 0) continue;
      written.events++;
      if (!isBuilt) this.#plain(part, { begin, bytes, unit, written });
      else if (whole) this.#walk(part, begin, { unit, written });
      else written.fragments += part.fragmentCount[unit]!;
    }
    this.#flush();
    if (this.#position !== part.offset + part.bytes)
      throw fault("frame-bad", { what: "part", reason: "its units don't have its size" });
    return written;
  }

  #headBytes({ v10, fragmentCount, unbuilt }: Part, unit: number): number {
    if (fragmentCount[unit] === 0 || unbuilt === true) return 0;
    return v10 ? V10_HEAD_BYTES : HEAD_BYTES;
  }

  #head(part: Part, bytes: number, stampWords: Uint32Array, unit: number): void {
    const { littleEndian: little, v10, sourceId } = part;
    const view = this.#view;
    const at = this.#held;
    view.setUint32(at, bytes, little);
    view.setUint32(at + 4, PHYSICS_EVENT, little);
    if (v10) {
      view.setUint32(at + 8, bytes - 8, little);
      this.#held = at + V10_HEAD_BYTES;
      return;
    }
    view.setUint32(at + 8, BODY_HEADER_BYTES, little);
    view.setUint32(little ? at + 12 : at + 16, stampWords[2 * unit]!, little);
    view.setUint32(little ? at + 16 : at + 12, stampWords[2 * unit + 1]!, little);
    view.setUint32(at + 20, sourceId, little);
    view.setUint32(at + 24, 0, little);
    view.setUint32(at + 28, bytes - 28, little);
    this.#held = at + HEAD_BYTES;
  }

  #piece({ pieceOffset, pieceSize, literals }: Part, piece: number): void {
    let [offset, size] = [pieceOffset[piece]!, pieceSize[piece]!];
    if (offset < 0) {
      if (size > this.#size - this.#held) this.#flush();
      if (size > this.#size)
        throw fault("frame-bad", { what: "part", reason: "a literal is too long" });
      this.#memory.set(literals.subarray(-1 - offset, -1 - offset + size), this.#held);
      this.#held += size;
      return;
    }
    // A piece that is larger than the memory goes through it in several.
    while (size > this.#size - this.#held) {
      const some = this.#size - this.#held;
      this.#pages.copy(offset, some, this.#held);
      this.#held += some;
      offset += some;
      size -= some;
      this.#flush();
    }
    this.#pages.copy(offset, size, this.#held);
    this.#held += size;
  }

  #walk(
    part: Part,
    begin: number,
    { unit, written }: { unit: number; written: WrittenPart },
  ): void {
    const view = this.#view;
    const little = part.littleEndian;
    const end = this.#held;
    let at = begin + this.#headBytes(part, unit);
    let fragments = 0;
    while (end - at >= FRAGMENT_HEADER_BYTES) {
      const low = view.getUint32(little ? at : at + 4, little);
      const high = view.getUint32(little ? at + 4 : at, little);
      if (high < this.#beforeHigh || (high === this.#beforeHigh && low < this.#beforeLow))
        written.backwardSteps++;
      this.#beforeHigh = high;
      this.#beforeLow = low;
      at += FRAGMENT_HEADER_BYTES + view.getUint32(at + 12, little);
      fragments++;
    }
    if (at !== end || fragments !== part.fragmentCount[unit])
      throw fault("data-changed", { host: hostname(), path: "an input file" });
    written.fragments += fragments;
  }

  /** A fragment's payload on its own: it must be a ring item as long as it is, or nobody could read on behind it. */
  #plain(
    { stamp, sourceId }: Part,
    item: { begin: number; bytes: number; unit: number; written: WrittenPart },
  ): void {
    const { begin, bytes, unit, written } = item;
    const view = this.#view;
    const isHere = bytes <= this.#size;
    const isItem =
      bytes >= ITEM_HEADER_BYTES &&
      (!isHere || view.getUint32(begin, true) === bytes || view.getUint32(begin, false) === bytes);
    if (!isItem) throw fault("fragment-no-item", { source: sourceId, stamp: stamp[unit]! });
    const low = Number(stamp[unit]! & 0xffff_ffffn);
    const high = Number(stamp[unit]! >> 32n);
    if (high < this.#beforeHigh || (high === this.#beforeHigh && low < this.#beforeLow))
      written.backwardSteps++;
    this.#beforeHigh = high;
    this.#beforeLow = low;
    written.fragments++;
  }

  #flush(): void {
    if (this.#held === 0) return;
    this.#write(this.#memory, this.#held, this.#position);
    this.#position += this.#held;
    this.#held = 0;
  }
}

function sizeOf({ pieceSize }: Part, from: number, end: number): number {
  let bytes = 0;
  for (let piece = from; piece < end; piece++) bytes += pieceSize[piece]!;
  return bytes;
}
