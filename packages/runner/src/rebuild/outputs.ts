import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  renameSync,
  statfsSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { sentenceOf } from "@evb/event";
import { makeFolder } from "@evb/formats";
import { fault } from "../faults.ts";
import { OUTPUTS_MAX } from "../wire/join.ts";

/** A file that a rebuild writes. */
export interface OutputFile {
  /** Absolute, when it is whole. */
  readonly path: string;
  /** Until then, in the run's folder; names the run, so that nobody writes to another one's. */
  readonly partial: string;
  readonly bytes: number;
}

/**
 * Makes all files, as long as they will be. Of a run that goes on, what is there already is kept.
 *
 * @throws EvbError "output-no-space", "output-failed", "output-foreign", "output-lost", "outputs-too-many"
 */
export function makeOutputs(
  folder: string,
  outputs: readonly OutputFile[],
  { goesOn, hasParts }: { readonly goesOn: boolean; readonly hasParts: boolean },
): void {
  if (outputs.length > OUTPUTS_MAX)
    throw fault("outputs-too-many", { files: outputs.length, max: OUTPUTS_MAX });
  for (const { path, partial } of outputs)
    if (existsSync(path) && (!goesOn || existsSync(join(folder, partial))))
      throw fault("output-foreign", { path });
  const missing = outputs.filter(
    (output) => !goesOn || !isMade(join(folder, output.partial), output),
  );
  if (hasParts && missing[0] !== undefined) throw fault("output-lost", { path: missing[0].path });
  checkSpace(folder, missing);
  for (const { partial, bytes } of missing) {
    const path = join(folder, partial);
    try {
      const fd = openSync(path, "w");
      ftruncateSync(fd, bytes);
      closeSync(fd);
    } catch (thrown) {
      throw fault("output-failed", { path, reason: sentenceOf(thrown) }, { cause: thrown });
    }
  }
}

/** It may have its last name already, when what came after was interrupted. */
const isMade = (partial: string, { path }: OutputFile): boolean =>
  existsSync(partial) || existsSync(path);

/** A disk that fills up half-way has cost the user the time. */
function checkSpace(folder: string, outputs: readonly OutputFile[]): void {
  const bytes = outputs.reduce((sum, output) => sum + output.bytes, 0);
  const { bavail, bsize } = statfsSync(folder);
  if (bytes > bavail * bsize)
    throw fault("output-no-space", { folder, needed: bytes, free: bavail * bsize });
}

/**
 * Gives the files their last names, after all is in them.
 *
 * @throws EvbError "output-failed"
 */
export function nameOutputs(folder: string, outputs: readonly OutputFile[]): void {
  for (const { path, partial, bytes } of outputs) {
    const from = join(folder, partial);
    try {
      if (!existsSync(from) && statSync(path).size === bytes) continue;
      makeFolder(join(path, ".."));
      renameSync(from, path);
    } catch (thrown) {
      throw fault("output-failed", { path, reason: sentenceOf(thrown) }, { cause: thrown });
    }
  }
}
