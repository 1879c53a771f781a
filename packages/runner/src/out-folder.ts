import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sentenceOf } from "@evb/event";
import { fault } from "./faults.ts";

/** A run's OUT folder and what lies in it. */
export interface OutFolder {
  readonly path: string;
  readonly journal: string;
  readonly results: string;
  readonly report: string;
  readonly connection: string;
}

const OWN = /^(journal|results\.h5|report\.json|connection\.json)(\..*partial)?$/;

function outFolder(path: string): OutFolder {
  return {
    path,
    journal: join(path, "journal"),
    results: join(path, "results.h5"),
    report: join(path, "report.json"),
    connection: join(path, "connection.json"),
  };
}

/**
 * Makes an empty OUT. One that is there is refused; with `force` it is emptied, if evb wrote all
 * that is in it.
 *
 * @throws EvbError "out-exists", "out-foreign", "out-unwritable"
 */
export function makeOutFolder(path: string, options: { force: boolean }): OutFolder {
  if (existsSync(path)) {
    if (!options.force) throw fault("out-exists", { out: path });
    removeOwn(path);
  }
  try {
    mkdirSync(path, { recursive: true });
  } catch (thrown) {
    throw fault("out-unwritable", { out: path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  return outFolder(path);
}

function removeOwn(path: string): void {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (thrown) {
    throw fault("out-unwritable", { out: path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  const foreign = names.find((name) => !OWN.test(name));
  if (foreign !== undefined) throw fault("out-foreign", { out: path, found: foreign });
  for (const name of names) rmSync(join(path, name));
}
