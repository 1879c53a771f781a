import { closeSync, openSync, readSync } from "node:fs";

/** The first eight bytes of an HDF5 superblock (HDF5 File Format Specification 3.0, II.A). */
export const HDF5_SIGNATURE = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");

/** So many places are tried: 0, 512, 1024, 2048 … (the specification's rule for user blocks), up to 2^31. */
const PLACES = 23;

/** Whether the file has an HDF5 superblock, at its start or behind a user block. */
export function isHdf5(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(HDF5_SIGNATURE.length);
    for (let place = 0; place < PLACES; place++) {
      const offset = place === 0 ? 0 : 512 * 2 ** (place - 1);
      if (readSync(fd, bytes, 0, bytes.length, offset) < bytes.length) return false;
      if (bytes.equals(HDF5_SIGNATURE)) return true;
    }
    return false;
  } finally {
    closeSync(fd);
  }
}
