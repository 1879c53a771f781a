import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { evb } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";

export type Files = Readonly<Record<string, readonly Buffer[]>>;

/** Orders the files and hands the output folder's run to the test, as items. */
export function orderFiles(files: Files, options: string, run = "run-0001"): Promise<Buffer[]> {
  return inFolder((folder) => {
    const names = writeFiles(folder, files);
    const { code, stderr } = evb(["order", ...names, "-o", "out", ...wordsOf(options)], folder);
    if (code !== 0) throw new Error(`evb order ended with ${String(code)}: ${stderr}`);
    return cutItems(writtenRun(join(folder, "out"), run));
  });
}

/** The same with one file, run-0001-00.evt. */
export const order = (items: readonly Buffer[], options = ""): Promise<Buffer[]> =>
  orderFiles({ "run-0001-00.evt": items }, options);

export const wordsOf = (options: string): string[] => options.split(" ").filter(Boolean);

export function writeFiles(folder: string, files: Files): string[] {
  for (const [name, items] of Object.entries(files))
    writeFileSync(join(folder, name), Buffer.concat(items));
  return Object.keys(files);
}

export const segmentsOf = (folder: string, run = "run-0001"): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.startsWith(`${run}-`) && name.endsWith(".evt"))
        .sort()
    : [];

/** All segments of a run, one after another. */
export const writtenRun = (folder: string, run = "run-0001"): Buffer =>
  Buffer.concat(segmentsOf(folder, run).map((name) => readFileSync(join(folder, name))));

/** Cuts a file of items, of either byte order: the low half of a type is never 0. */
export function cutItems(bytes: Buffer): Buffer[] {
  const items: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const little = bytes.readUInt16LE(at + 4) !== 0;
    const size = little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    if (size < 8 || at + size > bytes.length)
      throw new Error(`the item at ${String(at)} says it has ${String(size)} bytes`);
    items.push(bytes.subarray(at, at + size));
    at += size;
  }
  return items;
}
