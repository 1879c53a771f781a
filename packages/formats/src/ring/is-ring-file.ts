import { statSync } from "node:fs";
import { extname } from "node:path";
import { isHdf5 } from "../hdf5/signature.ts";

const HDF5_EXTENSIONS = [".h5", ".hdf5"];

/**
 * Whether a file is to be read as ring items, by its content: those have no signature, so it is whatever
 * isn't HDF5 and isn't called so. Of a file that isn't there its name decides.
 */
export function isRingFile(path: string): boolean {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  if (!isFile) return extname(path) === ".evt";
  return !HDF5_EXTENSIONS.includes(extname(path)) && !isHdf5(path);
}
