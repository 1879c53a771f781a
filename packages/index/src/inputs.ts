import { readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { sentenceOf } from "@evb/event";
import { fault } from "./faults.ts";

/** Of run files in folders and behind globs. */
const HDF5_EXTENSIONS = ["h5", "hdf5"];
/** The same, of whatever `evb index` takes. */
export const INPUT_EXTENSIONS = [...HDF5_EXTENSIONS, "evt"];
/** evb's own: an index, and results of a run. */
const OWN_NAMES = /(^results\.h5$)|(\.index\.h5$)/;

/** A file to be scanned. */
export interface Input {
  /** Absolute. */
  readonly path: string;
  /** Whether the user named it, and not only a folder or a glob. */
  readonly named: boolean;
}

/**
 * The run files that the arguments name, each once: files as they are, folders (every run file
 * directly in them, temporary files left out), globs. In natural order: file2 before file10.
 *
 * @param extensions of run files
 * @throws EvbError "input-not-found", "input-none"
 */
export async function findInputs(
  inputs: readonly string[],
  extensions: readonly string[] = HDF5_EXTENSIONS,
): Promise<Input[]> {
  const found = await Promise.all(inputs.map((input) => filesOf(input, extensions)));
  const named = new Map<string, boolean>();
  for (const input of found.flat())
    named.set(input.path, input.named || named.get(input.path) === true);
  if (named.size === 0) throw fault("input-none", { inputs, extensions });
  return [...named.keys()].sort(inNaturalOrder).map((path) => ({ path, named: named.get(path)! }));
}

async function filesOf(input: string, extensions: readonly string[]): Promise<Input[]> {
  const stats = statSync(input, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isDirectory()) return [{ path: resolve(input), named: true }];
  const found = stats === undefined ? await matchesOf(input) : entriesOf(input);
  return found
    .filter((path) => isRunFile(basename(path), extensions))
    .map((path) => ({ path, named: false }));
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => resolve(folder, name));
  } catch (thrown) {
    throw fault(
      "input-unreadable",
      { path: folder, reason: sentenceOf(thrown) },
      { cause: thrown },
    );
  }
}

async function matchesOf(input: string): Promise<string[]> {
  const matches = /[*?[{]/.test(input) ? await globbed(input) : [];
  if (matches.length === 0) throw fault("input-not-found", { input });
  return matches;
}

/** Loaded when there is a pattern. */
async function globbed(pattern: string): Promise<string[]> {
  const { glob } = await import("tinyglobby");
  return glob(pattern, { absolute: true, expandDirectories: false });
}

function isRunFile(name: string, extensions: readonly string[]): boolean {
  return (
    extensions.includes(extname(name).slice(1)) && !name.startsWith(".") && !OWN_NAMES.test(name)
  );
}

/** Made when there is something to compare: it takes 5 ms. */
let collator: Intl.Collator | undefined;

/** Numbers in names count as numbers; names that differ in nothing else are ordered by their bytes. */
export function inNaturalOrder(a: string, b: string): number {
  collator ??= new Intl.Collator("en", { numeric: true });
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** The deepest folder that holds all of the files, which are absolute paths. */
export function rootOf(files: readonly string[]): string {
  let root = dirname(files[0]!);
  while (!files.every((file) => file.startsWith(root === sep ? sep : root + sep)))
    root = dirname(root);
  return root;
}

/** What each file's source is called: its name without extension, and its path below the root where two are equal. */
export function sourceNames(files: readonly string[], root: string): string[] {
  const stems = files.map((file) => basename(file, extname(file)));
  const times = new Map<string, number>();
  for (const stem of stems) times.set(stem, (times.get(stem) ?? 0) + 1);
  return stems.map((stem, i) => (times.get(stem) === 1 ? stem : belowRoot(files[i]!, root)));
}

/** The path as the index keeps it: below the root, with `/` on every system. */
export function belowRoot(file: string, root: string): string {
  return relative(root, file).split(sep).join("/");
}

/** Where the user says that input files lie on this host. */
export type DataPlace =
  | { readonly kind: "root"; readonly folder: string }
  | { readonly kind: "moved"; readonly from: string; readonly to: string };

/** @throws EvbError "bad-data-mapping" */
export function parseDataPlace(text: string): DataPlace {
  const [from, to, ...more] = text.split("=");
  if (from === undefined || from === "" || to === "" || more.length > 0)
    throw fault("bad-data-mapping", { text });
  if (to !== undefined) return { kind: "moved", from: resolve(from), to: resolve(to) };
  return { kind: "root", folder: resolve(from) };
}

/** The path on this host of a file that the index knows as `path` below `root`. */
export function placeOf(path: string, root: string, places: readonly DataPlace[]): string {
  const original = join(root, path);
  for (const place of places) {
    if (place.kind === "root") return join(place.folder, path);
    const below = relative(place.from, original);
    if (below !== ".." && !below.startsWith(`..${sep}`)) return join(place.to, below);
  }
  return original;
}
