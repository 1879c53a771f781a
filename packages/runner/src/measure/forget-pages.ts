import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { sentenceOf } from "@evb/event";

/**
 * Asks the system to forget what it holds of a file in memory, so that the next read is from the disk. Node has no
 * posix_fadvise; dd of GNU has, takes no rights but reading, and leaves all other files alone, as drop_caches wouldn't.
 *
 * @returns why it can't be done; undefined where it was asked
 */
export function forgetPages(path: string): string | undefined {
  try {
    // What isn't written yet can't be forgotten.
    const fd = openSync(path, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    return sentenceOf(thrown);
  }
  const words = [`if=${path}`, "iflag=nocache", "count=0", "status=none"];
  const { status, error, stderr } = spawnSync("dd", words, { encoding: "utf8" });
  if (error !== undefined) return `dd, which would do it, can't be run: ${sentenceOf(error)}`;
  if (status !== 0) return `dd can't do it here: ${stderr.trim().split("\n")[0] ?? ""}`;
  return undefined;
}
