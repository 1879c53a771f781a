import type { ChunkTable } from "./chunk-table.ts";
import type { Metadata } from "./metadata.ts";
import { checkedNodes } from "./tree-nodes.ts";

/** "Node Type" of a tree whose leaves are chunks. */
const CHUNK_NODE = 1;

/**
 * Puts the chunks of a version 1 B-tree into the table: level by level, each in the order of the file.
 *
 *     TREE | type 1 | level 1 | entries 2 | left, right: addresses || entries × (key | child's address) | key
 *     key:  stored bytes 4 | filter mask 4 | first element along each dimension, 8 bytes each | 0 8
 *
 * Source: HDF5 File Format Specification 3.0, III.A.1 ("Disk Format: Level 1A1 - Version 1 B-trees").
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function readBtree1(metadata: Metadata, root: number, table: ChunkTable): void {
  const top = headOf(metadata, root).level;
  let nodes = [root];
  // Levels descend, so there is an end, whatever the file says.
  for (let level = top; level >= 0; level--) {
    const children: number[] = [];
    for (const node of nodes) readNode(metadata, { node, level }, table, children);
    nodes = checkedNodes(metadata, children);
  }
}

function headOf(metadata: Metadata, node: number): { level: number; entries: number } {
  const cursor = metadata.block(node, 8);
  cursor.signature("TREE");
  if (cursor.u8() !== CHUNK_NODE) throw cursor.damaged("this B-tree holds no chunks");
  return { level: cursor.u8(), entries: cursor.u16() };
}

function readNode(
  metadata: Metadata,
  { node, level }: { node: number; level: number },
  table: ChunkTable,
  children: number[],
): void {
  const head = headOf(metadata, node);
  if (head.level !== level) throw metadata.damaged(node, "this B-tree node is of a wrong level");
  const { chunk } = table;
  const prefix = 8 + 2 * metadata.addressBytes;
  const keyBytes = 8 + 8 * (chunk.length + 1);
  const bytes = prefix + head.entries * (keyBytes + metadata.addressBytes);
  const cursor = metadata.block(node, bytes);
  const place = chunk.map(() => 0);
  cursor.skip(prefix);
  for (let entry = 0; entry < head.entries; entry++) {
    if (level > 0) {
      cursor.skip(keyBytes);
      children.push(cursor.address());
      continue;
    }
    const stored = cursor.u32();
    const mask = cursor.u32();
    for (let d = 0; d < chunk.length; d++) {
      place[d] = cursor.u64() / chunk[d]!;
      if (!Number.isInteger(place[d])) throw cursor.damaged("no chunk begins at this element");
    }
    cursor.skip(8);
    const address = cursor.address();
    const row = table.rowOf(place);
    if (row >= 0) table.put(cursor, row, address, stored, mask);
  }
}
