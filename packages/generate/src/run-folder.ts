import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "@evb/formats";
import { fault } from "./faults.ts";

export const TRUTH_FILE = "truth.json";

/** A run is made in a folder without one, as files of an older, longer run would be taken for its own. */
export async function openDirectory(directory: string): Promise<void> {
  makeFolder(directory);
  const old = (await readdir(directory)).find(
    (name) => name === TRUTH_FILE || /^(file\d+\.h5|run-\d+-\d+\.evt)$/.test(name),
  );
  if (old !== undefined) throw fault("mock-run-exists", { directory, file: old });
}

/** Writes under a temporary name, and renames. Both names are noted before they can exist. */
export async function writeWhole(
  directory: string,
  name: string,
  written: string[],
  write: (path: string) => Promise<void>,
): Promise<void> {
  const partial = join(directory, `.${name}.partial`);
  const whole = join(directory, name);
  written.push(partial, whole);
  await write(partial);
  await rename(partial, whole);
}

/** Only the system's errors want a sentence of ours. */
export function notWritten(directory: string, thrown: unknown): unknown {
  if (typeof thrown !== "object" || thrown === null || !("syscall" in thrown)) return thrown;
  const reason = (thrown as NodeJS.ErrnoException).message;
  return fault("mock-run-not-written", { directory, reason }, { cause: thrown });
}
