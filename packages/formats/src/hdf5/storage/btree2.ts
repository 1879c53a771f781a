import type { ChunkTable } from "./chunk-table.ts";
import type { Cursor } from "./cursor.ts";
import type { Metadata } from "./metadata.ts";
import { checkedNodes } from "./tree-nodes.ts";

/** Record types 10 and 11: chunks without and with filters. */
const UNFILTERED = 10;
const FILTERED = 11;
/** Signature, version, type and checksum of each node. */
const NODE_PREFIX_BYTES = 10;

interface Header {
  readonly nodeBytes: number;
  readonly depth: number;
  readonly root: number;
  readonly rootRecords: number;
  /** Of a chunk's stored size; 0 where it is always that of a whole chunk. */
  readonly sizeBytes: number;
  readonly recordBytes: number;
}

interface Node {
  readonly address: number;
  readonly records: number;
}

/**
 * Puts the chunks of a version 2 B-tree into the table: level by level, each in the order of the file.
 *
 *     BTHD | 0 | type 1 | node bytes 4 | record bytes 2 | depth 2 | split 1 | merge 1 | root: address |
 *          root's records 2 | all records: length | checksum 4
 *     BTLF | 0 | type 1 | records | checksum 4
 *     BTIN | 0 | type 1 | records | (records + 1) × (child: address | its records | those below it) | checksum 4
 *     record:  address | stored bytes, filter mask 4 (type 11) | chunks along each dimension, 8 bytes each
 *
 * Source: HDF5 File Format Specification 3.0, III.A.2 ("Disk Format: Level 1A2 - Version 2 B-trees"), types 10 and 11.
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function readBtree2(metadata: Metadata, address: number, table: ChunkTable): void {
  const header = readHeader(metadata, address, table);
  if (header.root < 0 || header.rootRecords === 0) return;
  const widths = childWidths(metadata, address, header);
  const place = table.chunk.map(() => 0);
  let nodes: Node[] = [{ address: header.root, records: header.rootRecords }];
  for (let depth = header.depth; depth >= 0; depth--) {
    const children: Node[] = [];
    for (const node of nodes) {
      const cursor = readNode(metadata, { ...node, depth, header, widths });
      for (let record = 0; record < node.records; record++) putRecord(cursor, header, table, place);
      if (depth > 0) readChildren(cursor, node.records + 1, widths[depth]!, children);
    }
    nodes = inFileOrder(metadata, children);
  }
}

function readHeader(metadata: Metadata, address: number, table: ChunkTable): Header {
  const { addressBytes, lengthBytes } = metadata;
  const cursor = metadata.checkedBlock(address, 22 + addressBytes + lengthBytes, "BTHD");
  cursor.skip(1);
  const type = cursor.u8();
  if (type !== (table.filtered ? FILTERED : UNFILTERED))
    throw cursor.damaged(`a B-tree of type ${String(type)} is no index of these chunks`);
  const nodeBytes = cursor.u32();
  const recordBytes = cursor.u16();
  const depth = cursor.u16();
  cursor.skip(2);
  const root = cursor.address();
  const rootRecords = cursor.u16();
  const rest = recordBytes - addressBytes - 8 * table.chunk.length;
  const sizeBytes = table.filtered ? rest - 4 : rest;
  if (table.filtered ? sizeBytes < 1 || sizeBytes > 8 : sizeBytes !== 0)
    throw cursor.damaged(`records of ${String(recordBytes)} bytes don't fit the data set`);
  return { nodeBytes, depth, root, rootRecords, sizeBytes, recordBytes };
}

/** How wide a child's numbers are, at each depth: as wide as the largest that could stand there ("Size of Number…"). */
interface ChildWidth {
  readonly records: number;
  readonly recordsBelow: number;
}

function childWidths(metadata: Metadata, address: number, header: Header): ChildWidth[] {
  const { nodeBytes, recordBytes, depth } = header;
  const inLeaf = Math.floor((nodeBytes - NODE_PREFIX_BYTES) / recordBytes);
  const records = bytesFor(inLeaf);
  // At depth 0 there are no children, and what is below a leaf isn't written.
  const widths: ChildWidth[] = [{ records, recordsBelow: 0 }];
  let below = inLeaf;
  let belowBytes = 0;
  for (let d = 1; d <= depth; d++) {
    widths.push({ records, recordsBelow: belowBytes });
    const pointerBytes = metadata.addressBytes + records + belowBytes;
    const inNode = Math.floor(
      (nodeBytes - NODE_PREFIX_BYTES - pointerBytes) / (recordBytes + pointerBytes),
    );
    below = (inNode + 1) * below + inNode;
    belowBytes = bytesFor(below);
    if (inNode < 1 || below > Number.MAX_SAFE_INTEGER)
      throw metadata.damaged(address, "this B-tree is deeper than one can be");
  }
  return widths;
}

function bytesFor(limit: number): number {
  let bytes = 1;
  for (let rest = limit; rest >= 256; rest = Math.floor(rest / 256)) bytes++;
  return bytes;
}

/** A node's cursor at its first record. */
function readNode(
  metadata: Metadata,
  at: Node & { depth: number; header: Header; widths: readonly ChildWidth[] },
): Cursor {
  const { addressBytes } = metadata;
  const { records, recordsBelow } = at.widths[at.depth]!;
  const children = at.depth === 0 ? 0 : at.records + 1;
  const childBytes = children * (addressBytes + records + recordsBelow);
  const bytes = NODE_PREFIX_BYTES + at.records * at.header.recordBytes + childBytes;
  if (bytes > at.header.nodeBytes)
    throw metadata.damaged(at.address, "this B-tree node has more records than it has room for");
  // The checksum stands right behind what is used of the node.
  const cursor = metadata.checkedBlock(at.address, bytes, at.depth === 0 ? "BTLF" : "BTIN");
  cursor.skip(2);
  return cursor;
}

/** @param place is only there to be used again */
function putRecord(
  cursor: Cursor,
  { sizeBytes }: Header,
  table: ChunkTable,
  place: number[],
): void {
  const address = cursor.address();
  const stored = sizeBytes === 0 ? table.chunkBytes : cursor.uint(sizeBytes);
  const mask = sizeBytes === 0 ? 0 : cursor.u32();
  for (let d = 0; d < place.length; d++) place[d] = cursor.u64();
  const row = table.rowOf(place);
  if (row >= 0) table.put(cursor, row, address, stored, mask);
}

function readChildren(cursor: Cursor, count: number, width: ChildWidth, children: Node[]): void {
  for (let child = 0; child < count; child++) {
    children.push({ address: cursor.address(), records: cursor.uint(width.records) });
    cursor.skip(width.recordsBelow);
  }
}

function inFileOrder(metadata: Metadata, nodes: Node[]): Node[] {
  checkedNodes(
    metadata,
    nodes.map(({ address }) => address),
  );
  return nodes.sort((a, b) => a.address - b.address);
}
