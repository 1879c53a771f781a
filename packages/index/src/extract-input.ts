import { Hdf5File, loadHdf5 } from "@evb/formats";
import { EXTRACT_FORMAT } from "./extract/extract-format.ts";
import { fault } from "./faults.ts";
import type { Input } from "./inputs.ts";
import type { IndexOrder } from "./order.ts";

/**
 * The extract that is to be indexed, where it is named and all there is; undefined where the inputs are files of a run,
 * among which one may lie.
 *
 * @throws EvbError "extract-layout", "extract-matched", "hdf5-cannot-open"
 */
export async function extractInput(
  inputs: readonly Input[],
  { layout, match }: Pick<IndexOrder, "layout" | "match">,
): Promise<string | undefined> {
  const [{ path, named }, ...others] = inputs as [Input, ...Input[]];
  if (others.length > 0 || !named || !(await isExtract(path))) return undefined;
  if (layout !== undefined) throw fault("extract-layout", { path, layout });
  if (match !== undefined) throw fault("extract-matched", { path });
  return path;
}

/** Whether `evb extract` wrote it. @throws EvbError "hdf5-cannot-open" */
export async function isExtract(path: string): Promise<boolean> {
  const file = new Hdf5File(await loadHdf5(), path);
  try {
    return file.attribute("format") === EXTRACT_FORMAT;
  } finally {
    file.close();
  }
}
