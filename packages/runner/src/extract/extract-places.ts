import { existsSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isEvbError } from "@evb/event";
import { Hdf5File, loadHdf5, type AttributeValue, type NewAttributes } from "@evb/formats";
import { EXTRACT_FORMAT, type RunIndex } from "@evb/index";
import { fault } from "../faults.ts";
import type { RunOrder } from "../run-order.ts";

/** Where what is needed until the end lies: beside the output, so that giving it its name is a rename. */
export const extractFolder = (out: string): string =>
  join(dirname(resolve(out)), `.${basename(out)}.extract`);

/**
 * Makes sure that the output may be written: only an extract is replaced, and nothing that is read.
 *
 * @param attributes what the output will say of itself
 * @returns whether it is there already, as `resume` finds it that comes after the end
 * @throws EvbError "extract-exists", "extract-foreign", "extract-is-input", "out-unwritable"
 */
export async function checkOut(
  { out, force, resume, places }: Pick<RunOrder, "out" | "force" | "resume" | "places">,
  index: RunIndex,
  attributes: NewAttributes,
): Promise<{ readonly isWhole: boolean }> {
  const folder = dirname(resolve(out));
  if (!existsSync(folder))
    throw fault("out-unwritable", { out, reason: `there is no folder ${folder}` });
  if (!existsSync(out)) return { isWhole: false };
  const real = realpathSync(out);
  const inputs = [index.path, ...index.files.map((file) => index.placeOf(file, places))];
  const input = inputs.find((path) => existsSync(path) && realpathSync(path) === real);
  if (input !== undefined) throw fault("extract-is-input", { out, input });
  if (!force && !resume) throw fault("extract-exists", { out });
  const found = await extractAttributes(out, Object.keys(attributes));
  if (found === undefined) throw fault("extract-foreign", { out });
  // Something is left to go on with, which will take its place.
  if (force || existsSync(extractFolder(out))) return { isWhole: false };
  if (Object.entries(attributes).some(([name, value]) => found.get(name) !== value))
    throw fault("extract-exists", { out });
  return { isWhole: true };
}

/** Undefined where it is no extract. */
async function extractAttributes(
  path: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, AttributeValue | undefined> | undefined> {
  const hdf5 = await loadHdf5();
  try {
    const file = new Hdf5File(hdf5, path);
    try {
      if (file.attribute("format") !== EXTRACT_FORMAT) return undefined;
      return new Map(names.map((name) => [name, file.attribute(name)]));
    } finally {
      file.close();
    }
  } catch (thrown) {
    if (isEvbError(thrown)) return undefined;
    throw thrown;
  }
}

/** Everything that was needed until the end. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
