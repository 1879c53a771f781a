import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";

/**
 * Writes a file of keys under another name with mode 0600 and renames it, so that nobody else reads
 * it and nobody reads half of it.
 *
 * @throws EvbError "out-unwritable"
 */
export function writeOwn(path: string, value: unknown): void {
  const partial = `${path}.${String(process.pid)}.partial`;
  try {
    rmSync(partial, { force: true });
    const fd = openSync(partial, "wx", 0o600);
    try {
      writeFileSync(fd, `${JSON.stringify(value, null, 2)}\n`);
      // Else a loss of power may leave the name without its content.
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(partial, path);
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw fault("out-unwritable", { out: path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

/**
 * Keys that others could have read or written are no keys. Undefined where there is no such file.
 *
 * @throws EvbError "connection-unsafe", "connection-bad"; and what the system says
 */
export function readOwn(
  path: string,
  { what, bytesMax }: { what: string; bytesMax: number },
): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw fault("connection-bad", { what, path, reason: "it is no file" });
    if (process.getuid !== undefined && stats.uid !== process.getuid())
      throw fault("connection-unsafe", {
        what,
        path,
        reason: `it belongs to user ${String(stats.uid)}`,
      });
    if ((stats.mode & 0o077) !== 0)
      throw fault("connection-unsafe", {
        what,
        path,
        reason: `its mode is 0${(stats.mode & 0o777).toString(8)}`,
      });
    if (stats.size > bytesMax)
      throw fault("connection-bad", { what, path, reason: "it is too long" });
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}
