import { Hdf5File, isRingFile, loadHdf5 } from "@evb/formats";
import { fault } from "./faults.ts";
import type { Input } from "./inputs.ts";
import type { IndexOrder } from "./order.ts";
import { isOwnFormat } from "./scan.ts";

/**
 * The ring-item files among inputs, where they are all there is; undefined where all are HDF5. What evb itself
 * wrote may lie in the same folder.
 *
 * @throws EvbError "inputs-mixed", "ring-option", "no-labels"
 */
export async function ringInputs(
  inputs: readonly Input[],
  order: IndexOrder,
): Promise<readonly string[] | undefined> {
  const ring = inputs.filter(({ path }) => isRingFile(path));
  const [first] = ring;
  if (first === undefined) {
    const [option] = order.ring.typed;
    if (option !== undefined) throw fault("ring-option", { option, path: inputs[0]!.path });
    return undefined;
  }
  for (const input of inputs)
    if (!ring.includes(input) && (input.named || !(await isOwn(input.path))))
      throw fault("inputs-mixed", { ring: first.path, hdf5: input.path });
  const { layout, select } = order;
  if (layout !== undefined) throw fault("ring-layout", { path: first.path, layout });
  if (select.kind === "expression") throw fault("ring-no-labels", { path: first.path });
  return ring.map(({ path }) => path);
}

async function isOwn(path: string): Promise<boolean> {
  const file = new Hdf5File(await loadHdf5(), path);
  try {
    return isOwnFormat(file);
  } finally {
    file.close();
  }
}
