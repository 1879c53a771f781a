import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { sentenceOf } from "@evb/event";
import { fault } from "./faults.ts";

/** Opens a file that is there. Whoever opens it closes it. @throws EvbError "output-failed" */
export function openToWrite(path: string): number {
  try {
    return openSync(path, "r+");
  } catch (thrown) {
    throw fault("output-failed", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

/** @throws EvbError "output-failed" */
export function writeAll(fd: number, bytes: Uint8Array, position: number, path: string): void {
  try {
    for (let done = 0; done < bytes.length;)
      done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  } catch (thrown) {
    throw fault("output-failed", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

/** Waits until the disk has all that was written. @throws EvbError "output-failed" */
export function syncFile(path: string): void {
  const fd = openToWrite(path);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
