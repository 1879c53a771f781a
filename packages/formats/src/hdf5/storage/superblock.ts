import { HDF5_SIGNATURE, SUPERBLOCK_OFFSETS } from "../signature.ts";
import { Cursor, type Widths } from "./cursor.ts";
import type { PositionedFile } from "./positioned-file.ts";

/**
 * What every address of a file depends on.
 *
 *     version 0, 1:  signature 8 | version 1 | … 4 | address width 1 | length width 1 | …
 *     version 2, 3:  signature 8 | version 1 | address width 1 | length width 1 | flags 1 | 4 addresses | checksum 4
 */
export interface Superblock extends Widths {
  /** Bytes of the user block before it: what all addresses are counted from. */
  readonly baseOffset: number;
}

const VERSION_MAX = 3;
/** The specification allows 16 and 32 as well; no file system has such offsets. */
const WIDTHS = [2, 4, 8];

/**
 * Finds a file's superblock, and reads it.
 *
 * Source: HDF5 File Format Specification 3.0, II.A ("Format Signature and Superblock"). Its base address is not looked
 * at: where a user block was put before a file that had none, the library goes by the place of the signature.
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function readSuperblock(file: PositionedFile): Superblock {
  const baseOffset = SUPERBLOCK_OFFSETS.find(
    (offset) =>
      offset + HDF5_SIGNATURE.length <= file.sizeBytes &&
      HDF5_SIGNATURE.equals(file.bytes(offset, HDF5_SIGNATURE.length)),
  );
  if (baseOffset === undefined) throw file.damaged(0, "it has no HDF5 signature");
  const bytes = file.bytes(baseOffset, 16);
  const version = bytes[8]!;
  if (version > VERSION_MAX)
    throw file.damaged(baseOffset + 8, `${String(version)} is no version of a superblock`);
  const at = version < 2 ? 13 : 9;
  const superblock = { baseOffset, addressBytes: bytes[at]!, lengthBytes: bytes[at + 1]! };
  const { addressBytes, lengthBytes } = superblock;
  if (!WIDTHS.includes(addressBytes) || !WIDTHS.includes(lengthBytes))
    throw file.damaged(baseOffset + at, "addresses and lengths can't be as wide as it says");
  if (version >= 2) {
    const whole = file.bytes(baseOffset, 12 + 4 * addressBytes + 4);
    new Cursor(file, superblock, baseOffset, whole).verify();
  }
  return superblock;
}
