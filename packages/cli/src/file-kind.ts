import { statSync } from "node:fs";
import { isRingFile } from "@evb/formats";

/** Whether it may lead to ring-item files: a file of that kind, a folder, or a glob. */
export const isRingInput = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() !== true || isRingFile(path);
