import type { Metadata } from "./metadata.ts";

/** Of one level: with the usual node sizes they hold more chunks than a table does. 128 MB of addresses. */
const NODES_MAX = 2 ** 24;

/**
 * One level's nodes in the order of the file, so that neighbours are read together.
 *
 * @throws EvbError "hdf5-storage-damaged" where there are too many, or one is there twice
 */
export function checkedNodes(metadata: Metadata, nodes: readonly number[]): number[] {
  if (nodes.length > NODES_MAX) throw metadata.damaged(nodes[0]!, "a B-tree has too many nodes");
  const sorted = Float64Array.from(nodes).sort();
  for (let i = 1; i < sorted.length; i++)
    if (sorted[i] === sorted[i - 1])
      throw metadata.damaged(sorted[i]!, "a B-tree has this node twice");
  return Array.from(sorted);
}
