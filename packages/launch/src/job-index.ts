import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isEvbError } from "@evb/event";
import { findInputs, parseDataPlace, RunIndex } from "@evb/index";
import type { JobIndex, JobRun } from "./job-file.ts";

/** Of what evb takes for run files in folders. */
const EXTENSIONS = ["h5", "hdf5", "evt"];

/** What an index that a job made was made of; beside it, as INDEX.json. */
interface IndexNote {
  readonly words: readonly string[];
  /** Absolute paths of the files that were found. */
  readonly files: readonly string[];
}

const notePath = ({ path }: JobIndex): string => `${path}.json`;

/**
 * Whether a run's index is to be made: there is none; or it was made with other options, of other files,
 * or before these had changed. What else is wrong with it, whoever opens it says.
 */
export async function needsIndex({ index, words }: JobRun): Promise<boolean> {
  if (index === undefined) return false;
  if (!existsSync(index.path)) return true;
  const note = readNote(index);
  if (note?.words.join("\0") !== index.words.join("\0")) return true;
  const files = await filesOf(index);
  // Where the inputs are not on this host, whoever reads them says what is wrong.
  if (files !== undefined && files.join("\0") !== note.files.join("\0")) return true;
  return isStale(index.path, words);
}

/** `evb index` makes no folders; a job's index may be the first thing that it writes. */
export function makeIndexFolder({ path }: JobIndex): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch {
    // `evb index` says what is wrong with it.
  }
}

/** Says beside an index what it was made of. It is no loss where that can't be written. */
export async function noteIndex(index: JobIndex): Promise<void> {
  const note: IndexNote = { words: index.words, files: (await filesOf(index)) ?? [] };
  try {
    writeFileSync(notePath(index), `${JSON.stringify(note, null, 1)}\n`);
  } catch {
    // The index is made anew next time.
  }
}

function readNote(index: JobIndex): IndexNote | undefined {
  try {
    return JSON.parse(readFileSync(notePath(index), "utf8")) as IndexNote;
  } catch {
    return undefined;
  }
}

async function filesOf({ inputs }: JobIndex): Promise<string[] | undefined> {
  try {
    return (await findInputs(inputs, EXTENSIONS)).map(({ path }) => path);
  } catch (thrown) {
    if (isEvbError(thrown)) return undefined;
    throw thrown;
  }
}

async function isStale(path: string, words: readonly string[]): Promise<boolean> {
  const places = words.flatMap((word) =>
    word.startsWith("--data=") ? parseDataPlace(word.slice("--data=".length)) : [],
  );
  try {
    const index = await RunIndex.open(path);
    try {
      index.checkFresh(places);
      return false;
    } finally {
      index.close();
    }
  } catch (thrown) {
    return isEvbError(thrown, "index-stale");
  }
}
