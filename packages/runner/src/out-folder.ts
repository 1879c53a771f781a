import { existsSync, readdirSync, rmdirSync, rmSync, type Dirent } from "node:fs";
import { join } from "node:path";
import { sentenceOf } from "@evb/event";
import { makeFolder } from "@evb/formats";
import { fault } from "./faults.ts";

/** A run's OUT folder and what lies in it. */
export interface OutFolder {
  readonly path: string;
  readonly journal: string;
  readonly results: string;
  readonly report: string;
  readonly connection: string;
  /** See coordinator-file.ts. */
  readonly coordinator: string;
}

const OWN =
  /^(journal|results\.h5|report\.json|connection\.json|coordinator\.json|boot|\d+-\d+\.[-\da-f]+\.partial)(\..*partial)?$/;

export function outFolder(path: string): OutFolder {
  return {
    path,
    journal: join(path, "journal"),
    results: join(path, "results.h5"),
    report: join(path, "report.json"),
    connection: connectionIn(path),
    coordinator: join(path, "coordinator.json"),
  };
}

/** Where the connection file of a run lies, if nothing else is said. */
export const connectionIn = (out: string): string => join(out, "connection.json");

/**
 * Makes an empty OUT. One that is there is refused; with `force` it is emptied, if evb wrote all
 * that is in it; with `resume`, if nothing was done in it.
 *
 * @throws EvbError "out-exists", "out-foreign", "out-unwritable", "resume-nothing"
 */
export function makeOutFolder(
  path: string,
  { force, resume }: { force: boolean; resume: boolean },
): OutFolder {
  if (existsSync(path)) {
    if (!force && !resume) throw fault("out-exists", { out: path });
    const { results, report } = outFolder(path);
    if (resume && [results, report].some((each) => existsSync(each)))
      throw fault("resume-nothing", { out: path });
    removeOwn(path);
  }
  try {
    makeFolder(path);
  } catch (thrown) {
    throw fault("out-unwritable", { out: path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  return outFolder(path);
}

function removeOwn(path: string): void {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (thrown) {
    throw fault("out-unwritable", { out: path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  const foreign = entries.find((entry) => !entry.isFile() || !OWN.test(entry.name));
  if (foreign !== undefined) throw fault("out-foreign", { out: path, found: foreign.name });
  for (const { name } of entries) rmSync(join(path, name));
}

/** Takes an OUT away in which nothing was done, so that the same command can be typed again. */
export function removeOutFolder({ path }: OutFolder): void {
  try {
    removeOwn(path);
    rmdirSync(path);
  } catch {
    // Somebody put something into it: then it stays, and so do they.
  }
}
