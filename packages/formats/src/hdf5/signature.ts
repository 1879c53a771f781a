import { closeSync, openSync, readSync } from "node:fs";

/** The first eight bytes of an HDF5 superblock (HDF5 File Format Specification 3.0, II.A). */
export const HDF5_SIGNATURE = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");

/** Where a superblock may be: 0, 512, 1024, 2048 … up to 2^30 (the specification's rule for user blocks). */
export const SUPERBLOCK_OFFSETS: readonly number[] = [
  0,
  ...Array.from({ length: 22 }, (_, doubled) => 512 * 2 ** doubled),
];

/** Whether the file has an HDF5 superblock, at its start or behind a user block. */
export function isHdf5(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(HDF5_SIGNATURE.length);
    for (const offset of SUPERBLOCK_OFFSETS) {
      if (readSync(fd, bytes, 0, bytes.length, offset) < bytes.length) return false;
      if (bytes.equals(HDF5_SIGNATURE)) return true;
    }
    return false;
  } finally {
    closeSync(fd);
  }
}
