import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  rmdirSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { sentenceOf } from "@evb/event";
import { makeFolder } from "@evb/formats";
import { fault } from "../faults.ts";

/** Where a run's files go. */
export interface OrderPlaces {
  /** The folder that paths in the report are below. */
  readonly root: string;
  /** Of what is needed until the run is whole; on the same file system. */
  work(run: number): string;
  /** Where files of a run lie. @param window a name where there are several, else "" */
  folder(run: number, window: string): string;
  report(run: number): string;
}

const pad = (number: number, digits: number): string => String(number).padStart(digits, "0");

/**
 * What the names of an output's files begin with. One source's files are segments of a stream of their
 * own, so that all of them together are the run again, also where a file doesn't say which.
 */
export const outputName = (run: number, source: number | undefined): string =>
  `${source === undefined ? "" : `source-${String(source)}-`}run-${pad(run, 4)}`;

export const segmentName = (output: string, segment: number): string =>
  `${output}-${pad(segment, 2)}.evt`;

export const checksumName = (output: string): string => `${output}.sha512`;

const workName = (run: number): string => `.run-${pad(run, 4)}`;

/** OUT/run-RRRR-SS.evt, or OUT/window-W/run-RRRR-SS.evt. */
export const outPlaces = (out: string): OrderPlaces => ({
  root: out,
  work: (run) => join(out, workName(run)),
  folder: (_, window) => join(out, window),
  report: () => join(out, "report.json"),
});

/** As the old system's: experiment/runN with the files, complete with links to them. */
export const stagePlaces = (area: string): OrderPlaces => ({
  root: area,
  work: (run) => join(area, "experiment", workName(run)),
  folder: (run, window) => join(area, "experiment", `run${String(run)}`, window),
  report: (run) => join(area, "experiment", `run${String(run)}`, "report.json"),
});

/** Links in the stage area's folder `complete`, relative, one for each segment. */
export function linkComplete(area: string, window: string, files: readonly string[]): void {
  const folder = join(area, "complete");
  makeFolder(folder);
  for (const file of files) {
    const name = file.slice(file.lastIndexOf(sep) + 1);
    const link = join(folder, window === "" ? name : name.replace(/\.evt$/, `-${window}.evt`));
    rmSync(link, { force: true });
    symlinkSync(relative(folder, file), link);
  }
}

/** What a report says of the files that it tells of; empty where there is none. */
function reportedFiles(path: string): string[] {
  try {
    const { runs } = JSON.parse(readFileSync(path, "utf8")) as {
      runs: { files: string[]; checksum: string | null }[];
    };
    return runs.flatMap(({ files, checksum }) =>
      checksum === null ? files : [...files, checksum],
    );
  } catch {
    return [];
  }
}

/**
 * Makes OUT. With force it may hold what an earlier `evb order` wrote, which stays until
 * {@link emptyOrderOut}; an input may never lie in it.
 *
 * @throws EvbError "out-exists", "out-foreign", "out-unwritable", "output-is-input"
 */
export function makeOrderOut(
  out: string,
  { force, resume, inputs }: { force: boolean; resume: boolean; inputs: readonly string[] },
): void {
  if (existsSync(out)) {
    if (!force && !resume) throw fault("out-exists", { out });
    // By whatever names: links may lead there.
    const real = realpathSync(out);
    const inside = inputs.find(
      (input) => existsSync(input) && realpathSync(input).startsWith(`${real}${sep}`),
    );
    if (inside !== undefined) throw fault("output-is-input", { out, input: inside });
    if (force) ownEntries(out);
  }
  try {
    makeFolder(out);
  } catch (thrown) {
    throw fault("out-unwritable", { out, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

/**
 * Empties OUT of what an earlier `evb order` wrote: of .evt files only those that its report names. Nothing
 * is removed before all is known to be ours.
 *
 * @throws EvbError "out-foreign", "out-unwritable"
 */
export function emptyOrderOut(out: string): void {
  const found = ownEntries(out);
  for (const path of found) rmSync(path);
  const folders = new Set(found.map((path) => dirname(path)).filter((folder) => folder !== out));
  for (const folder of folders) rmdirSync(folder);
}

/** @throws EvbError "out-foreign", "out-unwritable" */
function ownEntries(out: string): string[] {
  const own = new Set(reportedFiles(join(out, "report.json")).map((file) => join(out, file)));
  own.add(join(out, "report.json"));
  const found = entriesBelow(out);
  const foreign = found.find((path) => !own.has(path) && !isOfWork(relative(out, path)));
  if (foreign !== undefined) throw fault("out-foreign", { out, found: relative(out, foreign) });
  return found;
}

const isOfWork = (path: string): boolean =>
  /^\.run-\d{4,}\/(journal|boot|(connection|coordinator|report)\.json|\d+-\d+\.[-\da-f]+\.partial)$/.test(
    path.split(sep).join("/"),
  );

/** Files in a folder and in the folders in it. */
function entriesBelow(out: string): string[] {
  try {
    return readdirSync(out, { withFileTypes: true }).flatMap((entry) => {
      const path = join(out, entry.name);
      if (!entry.isDirectory()) return [path];
      return readdirSync(path).map((name) => join(path, name));
    });
  } catch (thrown) {
    throw fault("out-unwritable", { out, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}
