import { existsSync } from "node:fs";
import { isEvbError } from "@evb/event";
import { parseDataPlace, RunIndex } from "@evb/index";
import type { JobRun } from "./job-file.ts";
import { valuesOf } from "./rank-order.ts";

/**
 * Whether the run's index is to be made: there is none, or it is of other files. What else is wrong with it the
 * coordinator says.
 *
 * @param before the words of the index that is there, if that is known
 */
export async function needsIndex(
  { index, words }: JobRun,
  before: readonly string[],
): Promise<boolean> {
  if (index === undefined) return false;
  if (!existsSync(index.path)) return true;
  const isOther = before.length > 0 && before.join("\0") !== index.words.join("\0");
  return isOther || isStale(index.path, valuesOf(words, "data"));
}

async function isStale(path: string, data: readonly string[]): Promise<boolean> {
  const places = data.map(parseDataPlace);
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
