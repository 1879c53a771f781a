import type { EvbError } from "@evb/event";
import { Cursor } from "./cursor.ts";
import type { PositionedFile } from "./positioned-file.ts";
import type { Span } from "./overlaps.ts";
import { readSuperblock, type Superblock } from "./superblock.ts";

/** Of the versions with the fewest, and narrow addresses. */
const SUPERBLOCK_BYTES_MIN = 12 + 4 * 2 + 4;

/** A file's metadata, by address: blocks as cursors, and what addresses mean. */
export class Metadata implements Superblock {
  readonly baseOffset: number;
  readonly addressBytes: number;
  readonly lengthBytes: number;
  readonly #file: PositionedFile;
  /** What was read so far; its beginning is the superblock. */
  readonly #spans: Span[];

  /** @throws EvbError "hdf5-storage-damaged" where there is no sound superblock */
  constructor(file: PositionedFile) {
    this.#file = file;
    const { baseOffset, addressBytes, lengthBytes } = readSuperblock(file);
    this.baseOffset = baseOffset;
    this.addressBytes = addressBytes;
    this.lengthBytes = lengthBytes;
    this.#spans = [{ begin: baseOffset, end: baseOffset + SUPERBLOCK_BYTES_MIN }];
  }

  get path(): string {
    return this.#file.path;
  }

  /** The block of so many bytes at an address. */
  block(address: number, bytes: number): Cursor {
    const offset = this.baseOffset + address;
    this.#spans.push({ begin: offset, end: offset + bytes });
    return new Cursor(this.#file, this, offset, this.#file.bytes(offset, bytes));
  }

  /** The same, of a block that begins with four letters and ends with its checksum; the cursor is behind the letters. */
  checkedBlock(address: number, bytes: number, letters: string): Cursor {
    const cursor = this.block(address, bytes);
    cursor.signature(letters);
    cursor.verify();
    return cursor;
  }

  /** Bytes of the file that no data can lie in. */
  get spans(): readonly Span[] {
    return this.#spans;
  }

  /** Whether the file has so many bytes at an address. */
  holds(address: number, bytes: number): boolean {
    return this.baseOffset + address + bytes <= this.#file.sizeBytes;
  }

  damaged(address: number, reason: string): EvbError {
    return this.#file.damaged(this.baseOffset + address, reason);
  }
}
