import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "@evb/formats";
import { fault } from "./faults.ts";

export const TRUTH_FILE = "truth.json";

const OF_A_RUN = /^(truth\.json|file\d+\.h5|run-\d+-\d+\.evt)$/;

/**
 * A run is made in a folder without one, as files of an older, longer run would be taken for its own.
 *
 * @param how.force removes an older run, or what is left of one; other files stay
 * @throws EvbError "mock-run-exists"
 */
export async function openDirectory(
  directory: string,
  { force = false }: { readonly force?: boolean | undefined },
): Promise<void> {
  makeFolder(directory);
  const names = await readdir(directory);
  const old = names.filter((name) => OF_A_RUN.test(name));
  if (old.length > 0 && !force) throw fault("mock-run-exists", { directory, file: old[0]! });
  const partial = names.filter((name) => OF_A_RUN.test(/^\.(.*)\.partial$/.exec(name)?.[1] ?? ""));
  for (const name of force ? [...old, ...partial] : []) await rm(join(directory, name));
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
