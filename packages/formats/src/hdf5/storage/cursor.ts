import type { EvbError } from "@evb/event";
import { lookup3 } from "./checksum.ts";
import type { PositionedFile } from "./positioned-file.ts";

/** "Undefined address" of the specification, all bits set: there is no such thing in the file. */
export const NOWHERE = -1;

/** How wide this file's addresses and lengths are; its superblock says so. */
export interface Widths {
  readonly addressBytes: number;
  readonly lengthBytes: number;
}

/** Reads little-endian numbers from a block of metadata, one behind the other. None is read from behind the block. */
export class Cursor {
  readonly bytes: Uint8Array;
  /** Where the next number begins, in bytes from the block's beginning. */
  at = 0;
  readonly #file: PositionedFile;
  readonly #widths: Widths;
  readonly #view: DataView;
  /** Where the block begins in the file. */
  readonly #offset: number;

  constructor(file: PositionedFile, widths: Widths, offset: number, bytes: Uint8Array) {
    this.bytes = bytes;
    this.#file = file;
    this.#widths = widths;
    this.#offset = offset;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#pass(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#pass(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#pass(4), true);
  }

  /** A number of 1 to 8 bytes. */
  uint(width: number): number {
    if (width === 8) return this.u64();
    const at = this.#pass(width);
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#view.getUint8(at + i);
    return value;
  }

  /** @throws EvbError "hdf5-storage-damaged" beyond 2^53: no file has so many bytes, or chunks */
  u64(): number {
    const at = this.#pass(8);
    const high = this.#view.getUint32(at + 4, true);
    if (high >= 2 ** 21) throw this.damaged("a number is larger than a file can be");
    return high * 2 ** 32 + this.#view.getUint32(at, true);
  }

  length(): number {
    return this.uint(this.#widths.lengthBytes);
  }

  /** From the file's base address on, or {@link NOWHERE}. */
  address(): number {
    const { addressBytes } = this.#widths;
    if (this.#isAllOnes(addressBytes)) {
      this.at += addressBytes;
      return NOWHERE;
    }
    return this.uint(addressBytes);
  }

  skip(bytes: number): void {
    this.#pass(bytes);
  }

  /** A cursor of its own over the next bytes, which are passed. */
  part(bytes: number): Cursor {
    const at = this.#pass(bytes);
    const part = this.bytes.subarray(at, at + bytes);
    return new Cursor(this.#file, this.#widths, this.#offset + at, part);
  }

  /** The four letters with which every newer block begins. */
  signature(letters: string): void {
    const at = this.#pass(4);
    for (let i = 0; i < 4; i++)
      if (this.bytes[at + i] !== letters.charCodeAt(i))
        throw this.#damagedAt(at, `${letters} should stand there`);
  }

  /** Compares the last four bytes with the checksum of all before them. */
  verify(): void {
    const end = this.bytes.length - 4;
    if (lookup3(this.#view, end) !== this.#view.getUint32(end, true))
      throw this.#damagedAt(0, "its checksum is wrong");
  }

  /** What to throw where what was just read can't be right. */
  damaged(reason: string): EvbError {
    return this.#damagedAt(this.at, reason);
  }

  #damagedAt(at: number, reason: string): EvbError {
    return this.#file.damaged(this.#offset + at, reason);
  }

  /** The block's byte at which `bytes` more begin. */
  #pass(bytes: number): number {
    const at = this.at;
    if (at + bytes > this.bytes.length) throw this.damaged("it ends too early");
    this.at = at + bytes;
    return at;
  }

  #isAllOnes(bytes: number): boolean {
    for (let i = 0; i < bytes; i++) if (this.bytes[this.at + i] !== 0xff) return false;
    return true;
  }
}
