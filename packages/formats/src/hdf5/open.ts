import { readlinkSync, realpathSync, statSync } from "node:fs";
import { fault } from "../faults.ts";
import type { Hdf5 } from "./library.ts";
import { hasLiveWriter, isHdf5 } from "./signature.ts";

/** A file as the library has it. */
export type LibraryFile = InstanceType<Hdf5["h5"]["File"]>;

/**
 * Opens a file for reading. Whoever opens it closes it.
 *
 * @throws EvbError "hdf5-cannot-open"
 */
export function openForReading(hdf5: Hdf5, path: string): LibraryFile {
  checkReadable(path);
  return openChecked(hdf5, path);
}

/** The library says little about files that it can't reach, so we ask the system first. */
function checkReadable(path: string): void {
  try {
    const size = statSync(path).size;
    if (size === 0) throw fault("hdf5-cannot-open", { path, reason: "it is empty" });
    if (!isHdf5(path))
      throw fault("hdf5-cannot-open", { path, reason: "it has no HDF5 signature" });
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === undefined) throw thrown;
    throw fault("hdf5-cannot-open", { path, reason: systemReason(code, path) }, { cause: thrown });
  }
}

function systemReason(code: string, path: string): string {
  if (code === "ENOENT") return brokenLink(path) ?? "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "EISDIR") return "it is a folder";
  if (code === "ENOTDIR") return "a part of its path is no folder";
  if (code === "ELOOP") return "it is a link that leads back to itself";
  return code;
}

function brokenLink(path: string): string | undefined {
  try {
    return `it is a link to ${readlinkSync(path)}, which isn't there`;
  } catch {
    return undefined;
  }
}

/** A bad file doesn't throw: its id is negative, and the first use of it would be a TypeError. */
function openChecked(hdf5: Hdf5, path: string): LibraryFile {
  const real = realpathSync(path);
  const { result: file, reason } = hdf5.quietly(() => new hdf5.h5.File(real, "r"));
  if (file.file_id >= 0n) return file;
  // A writer that still has the file open in single-writer-multiple-reader mode: opened anew each time, never refreshed.
  // Of a file that is damaged the library would try this a hundred times, with ever longer breaks.
  const live = hasLiveWriter(real) ? hdf5.quietly(() => new hdf5.h5.File(real, "Sr")) : undefined;
  if (live !== undefined && live.result.file_id >= 0n) return live.result;
  throw fault("hdf5-cannot-open", { path, reason: reason || "the HDF5 library gave no reason" });
}
