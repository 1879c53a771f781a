import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and those above it. Node's own `recursive` never returns where a file system takes
 * no folders at all (/proc).
 *
 * @throws the system's error
 */
export function makeFolder(path: string): void {
  // A file of that name is in the way: the system has the words for it.
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false) mkdirSync(path);
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder))
    missing.push(folder);
  for (const folder of missing.reverse()) mkdirSync(folder);
}
