import { BODY_HEADER_BYTES, ITEM_HEADER_BYTES, ITEM_TYPE } from "@evb/formats";
import { fault } from "../faults.ts";
import type { Part } from "../wire/part-message.ts";
import { FragmentWalk } from "./fragment-walk.ts";
import type { InputPages } from "./input-pages.ts";

/** item header | body header | byte count */
const HEAD_BYTES = ITEM_HEADER_BYTES + BODY_HEADER_BYTES + 4;
const V10_HEAD_BYTES = ITEM_HEADER_BYTES + 4;

/** What the bytes of a part say that were written. */
export interface WrittenPart {
  readonly fragments: number;
  readonly events: number;
  readonly backwardSteps: number;
}

/** Writes so many bytes from the memory's beginning to a place of the output. */
export type WriteBytes = (size: number, position: number) => void;

/** Puts units together in memory, and hands them on when it is full. */
export class UnitWriter {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  /** Bytes for units; behind them lie the inputs' pages. */
  readonly #size: number;
  readonly #pages: InputPages;
  readonly #walk: FragmentWalk;
  #end = 0;
  /** Of the output: where what it holds belongs. */
  #position = 0;
  #write: WriteBytes = () => undefined;

  /** @param size bytes for units; behind them lie the inputs' pages */
  constructor(memory: Uint8Array, size: number, pages: InputPages) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#size = size;
    this.#pages = pages;
    this.#walk = new FragmentWalk(memory);
  }

  /**
   * Writes a part. Built events are walked through as they lie in memory before they are written: their
   * fragments must close them to the byte.
   *
   * @throws EvbError "data-changed" where they don't
   */
  write(part: Part, write: WriteBytes): WrittenPart {
    this.#write = write;
    this.#end = 0;
    this.#position = part.offset;
    this.#walk.begin(part.before[0]!, part.littleEndian);
    const at = { unit: 0, piece: 0 };
    const units = part.stamp.length;
    while (at.unit < units) {
      this.#fill(part, at);
      this.#flush();
      if (at.unit < units && unitBytes(part, at) > this.#size) this.#long(part, at);
    }
    if (this.#position !== part.offset + part.bytes)
      throw fault("frame-bad", { what: "part", reason: "its units don't have its size" });
    const { fragments, backwardSteps } = this.#walk;
    const events = part.fragmentCount.reduce((sum, n) => sum + Number(n > 0), 0);
    return { fragments, events, backwardSteps };
  }

  /** Whole units, as long as there is room. */
  #fill(part: Part, at: Place): void {
    for (; at.unit < part.stamp.length; at.unit++) {
      const { unit } = at;
      const bytes = unitBytes(part, at);
      if (bytes > this.#room) return;
      const begin = this.#end;
      const fragments = part.fragmentCount[unit]!;
      const isBuilt = fragments > 0 && part.unbuilt !== true;
      if (isBuilt) this.#head(part, unit, bytes);
      const bodyBegin = this.#end;
      const end = at.piece + part.pieceCount[unit]!;
      for (; at.piece < end; at.piece++)
        this.#copy(part, at.piece, { skip: 0, size: part.pieceSize[at.piece]! });
      if (isBuilt) this.#walk.event(bodyBegin, this.#end, fragments);
      else if (fragments > 0) this.#plain(part, unit, { begin, bytes });
    }
  }

  /** A unit that is larger than the memory goes through it in stretches. */
  #long(part: Part, at: Place): void {
    const { unit } = at;
    const bytes = unitBytes(part, at);
    const fragments = part.fragmentCount[unit]!;
    const isBuilt = fragments > 0 && part.unbuilt !== true;
    if (isBuilt) this.#head(part, unit, bytes);
    let bodyBegin = this.#end;
    let found = 0;
    let isFirst = true;
    const pass = (): void => {
      if (isBuilt) found += this.#walk.stretch(bodyBegin, this.#end);
      else if (fragments > 0 && isFirst) this.#plain(part, unit, { begin: bodyBegin, bytes });
      isFirst = false;
      this.#flush();
      bodyBegin = this.#end;
    };
    const end = at.piece + part.pieceCount[unit]!;
    for (; at.piece < end; at.piece++) {
      const pieceBytes = part.pieceSize[at.piece]!;
      for (let skip = 0; skip < pieceBytes;) {
        if (this.#room === 0) pass();
        const size = Math.min(this.#room, pieceBytes - skip);
        this.#copy(part, at.piece, { skip, size });
        skip += size;
      }
    }
    pass();
    if (isBuilt) this.#walk.endStretches(found, fragments);
    at.unit++;
  }

  get #room(): number {
    return this.#size - this.#end;
  }

  #head({ littleEndian: little, v10, sourceId, stamp }: Part, unit: number, bytes: number): void {
    const view = this.#view;
    const at = this.#end;
    view.setUint32(at, bytes, little);
    view.setUint32(at + 4, ITEM_TYPE.PHYSICS_EVENT, little);
    if (v10) {
      view.setUint32(at + 8, bytes - 8, little);
      this.#end = at + V10_HEAD_BYTES;
      return;
    }
    view.setUint32(at + 8, BODY_HEADER_BYTES, little);
    view.setBigUint64(at + 12, stamp[unit]!, little);
    view.setUint32(at + 20, sourceId, little);
    view.setUint32(at + 24, 0, little);
    view.setUint32(at + 28, bytes - 28, little);
    this.#end = at + HEAD_BYTES;
  }

  /** `size` bytes of a piece, behind those that are skipped. */
  #copy(
    { pieceOffset, literals }: Part,
    piece: number,
    { skip, size }: { skip: number; size: number },
  ): void {
    const offset = pieceOffset[piece]!;
    if (offset >= 0) this.#pages.copy(offset + skip, size, this.#end);
    else {
      const from = -1 - offset + skip;
      this.#memory.set(literals.subarray(from, from + size), this.#end);
    }
    this.#end += size;
  }

  /** A fragment's payload on its own: it must be a ring item as long as it is, or nobody could read on behind it. */
  #plain(
    { stamp, sourceId }: Part,
    unit: number,
    { begin, bytes }: { begin: number; bytes: number },
  ): void {
    const view = this.#view;
    const isItem =
      bytes >= ITEM_HEADER_BYTES &&
      (view.getUint32(begin, true) === bytes || view.getUint32(begin, false) === bytes);
    if (!isItem) throw fault("fragment-no-item", { source: sourceId, stamp: stamp[unit]! });
    this.#walk.fragment(stamp[unit]!);
  }

  #flush(): void {
    if (this.#end === 0) return;
    this.#write(this.#end, this.#position);
    this.#position += this.#end;
    this.#end = 0;
  }
}

/** The next unit of a part, and its first piece. */
interface Place {
  unit: number;
  piece: number;
}

/** With its head. */
function unitBytes(
  { pieceSize, pieceCount, fragmentCount, unbuilt, v10 }: Part,
  { unit, piece }: Place,
): number {
  let bytes = 0;
  for (const end = piece + pieceCount[unit]!; piece < end; piece++) bytes += pieceSize[piece]!;
  if (fragmentCount[unit] === 0 || unbuilt === true) return bytes;
  return bytes + (v10 ? V10_HEAD_BYTES : HEAD_BYTES);
}
