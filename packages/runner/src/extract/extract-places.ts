import { existsSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isEvbError } from "@evb/event";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import type { DataPlace, RunIndex } from "@evb/index";
import { fault } from "../faults.ts";
import { EXTRACT_FORMAT } from "./extract-layout.ts";

/** Where what is needed until the end lies: beside the output, so that giving it its name is a rename. */
export const extractFolder = (out: string): string =>
  join(dirname(resolve(out)), `.${basename(out)}.extract`);

/**
 * Makes sure that the output may be written: only an extract is replaced, and nothing that is read.
 *
 * @throws EvbError "extract-exists", "extract-foreign", "extract-is-input", "out-unwritable"
 */
export async function checkOut(
  { out, force }: { readonly out: string; readonly force: boolean },
  index: RunIndex,
  places: readonly DataPlace[],
): Promise<void> {
  const folder = dirname(resolve(out));
  if (!existsSync(folder))
    throw fault("out-unwritable", { out, reason: `there is no folder ${folder}` });
  if (!existsSync(out)) return;
  const real = realpathSync(out);
  const inputs = [index.path, ...index.files.map((file) => index.placeOf(file, places))];
  const input = inputs.find((path) => existsSync(path) && realpathSync(path) === real);
  if (input !== undefined) throw fault("extract-is-input", { out, input });
  if (!force) throw fault("extract-exists", { out });
  if (!(await isExtract(out))) throw fault("extract-foreign", { out });
}

async function isExtract(path: string): Promise<boolean> {
  const hdf5 = await loadHdf5();
  try {
    const file = new Hdf5File(hdf5, path);
    try {
      return file.attribute("format") === EXTRACT_FORMAT;
    } finally {
      file.close();
    }
  } catch (thrown) {
    if (isEvbError(thrown)) return false;
    throw thrown;
  }
}

/** Everything that was needed until the end. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
