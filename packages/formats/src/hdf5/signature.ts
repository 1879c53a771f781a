import { closeSync, openSync, readSync } from "node:fs";

/** The first eight bytes of an HDF5 superblock (HDF5 File Format Specification 3.0, II.A). */
export const HDF5_SIGNATURE = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");

/** Where a superblock may be: 0, 512, 1024, 2048 … up to 2^30 (the specification's rule for user blocks). */
export const SUPERBLOCK_OFFSETS: readonly number[] = [
  0,
  ...Array.from({ length: 22 }, (_, doubled) => 512 * 2 ** doubled),
];

/** Superblocks of this version and later say who has the file open. */
const MARKED_VERSION = 3;
/** Bytes of a superblock's beginning: signature, version, two sizes, consistency flags. */
const VERSION_AT = 8;
const FLAGS_AT = 11;
/** Bit 0: open for writing; bit 2: by a single writer with multiple readers. */
const LIVE_FLAGS = 0b101;

/** Whether the file has an HDF5 superblock, at its start or behind a user block. */
export const isHdf5 = (path: string): boolean => superblockHead(path) !== undefined;

/** Whether a writer has the file open in single-writer-multiple-reader mode, or had it when it died. */
export function hasLiveWriter(path: string): boolean {
  const head = superblockHead(path);
  if (head === undefined || head[VERSION_AT]! < MARKED_VERSION) return false;
  return (head[FLAGS_AT]! & LIVE_FLAGS) !== 0;
}

/** Undefined where there is none. */
function superblockHead(path: string): Buffer | undefined {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(FLAGS_AT + 1);
    for (const offset of SUPERBLOCK_OFFSETS) {
      if (readSync(fd, head, 0, head.length, offset) < HDF5_SIGNATURE.length) return undefined;
      if (head.subarray(0, HDF5_SIGNATURE.length).equals(HDF5_SIGNATURE)) return head;
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}
