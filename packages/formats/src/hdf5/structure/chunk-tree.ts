import { ByteWriter } from "./byte-writer.ts";

/** Chunks of a new data set that covers whole rows with each: columns, by their first rows. */
export interface NewChunks {
  /** Shape (chunks), ascending: number of each along the first dimension. */
  readonly number: ArrayLike<number>;
  /** Shape (chunks): bytes from the file's beginning. */
  readonly address: ArrayLike<number>;
  /** Shape (chunks): as stored. */
  readonly storedBytes: ArrayLike<number>;
}

/** Nodes have room for twice as many children: what a file without other words in its superblock has ("B-tree K"). */
const CHUNK_TREE_K = 32;
const CHILDREN_MAX = 2 * CHUNK_TREE_K;
const HEAD_BYTES = 24;

/** Bytes of a key: stored bytes 4 | filter mask 4 | first element along each dimension, 8 each | 0 8 */
const keyBytes = (dimensions: number): number => 8 + 8 * (dimensions + 1);

const nodeBytes = (dimensions: number): number =>
  HEAD_BYTES + CHILDREN_MAX * 8 + (CHILDREN_MAX + 1) * keyBytes(dimensions);

/** What stands before a child, and the child. */
interface Entry {
  readonly storedBytes: number;
  readonly number: number;
  readonly child: number;
}

/**
 * A version 1 B-tree that finds chunks, which every HDF5 reads: leaves first, the root last.
 *
 *     TREE | type 1: chunks | level 1 | entries 2 | left, right 8 each || entries × (key | child 8) | key || room
 *
 * A key is of the first chunk below the child that follows; the last one is of the first chunk behind all.
 *
 * Source: HDF5 File Format Specification 3.0, III.A.1 ("Disk Format: Level 1A1 - Version 1 B-trees").
 *
 * @param at where its first byte will lie
 * @param chunk elements along each dimension
 * @returns its bytes, and where its root lies; no bytes and no root where there is no chunk
 */
export function encodeChunkTree(
  chunks: NewChunks,
  chunk: readonly number[],
  at: number,
): { readonly bytes: Uint8Array; readonly root: number | undefined } {
  const dimensions = chunk.length;
  const size = nodeBytes(dimensions);
  const nodes = new ByteWriter();
  let entries = Array.from({ length: chunks.number.length }, (_, k) => ({
    storedBytes: chunks.storedBytes[k]!,
    number: chunks.number[k]!,
    child: chunks.address[k]!,
  }));
  if (entries.length === 0) return { bytes: new Uint8Array(0), root: undefined };
  const behind = entries.at(-1)!.number + 1;
  for (let level = 0; level === 0 || entries.length > 1; level++) {
    const begin = at + nodes.length;
    const count = Math.ceil(entries.length / CHILDREN_MAX);
    const parents: Entry[] = [];
    for (let k = 0; k < count; k++) {
      const own = entries.slice(k * CHILDREN_MAX, (k + 1) * CHILDREN_MAX);
      const next = entries[(k + 1) * CHILDREN_MAX];
      const left = k === 0 ? undefined : begin + (k - 1) * size;
      const right = k === count - 1 ? undefined : begin + (k + 1) * size;
      const node = nodes.length;
      nodes.text("TREE").u8(1, level).u16(own.length).address(left).address(right);
      for (const entry of own) {
        writeKey(nodes, entry, chunk);
        nodes.address(entry.child);
      }
      writeKey(nodes, next ?? { storedBytes: 0, number: behind }, chunk);
      nodes.zeros(node + size - nodes.length);
      parents.push({ ...own[0]!, child: begin + k * size });
    }
    entries = parents;
  }
  return { bytes: nodes.written, root: at + nodes.length - size };
}

function writeKey(
  nodes: ByteWriter,
  { storedBytes, number }: Omit<Entry, "child">,
  [rows, ...rest]: readonly number[],
): void {
  nodes
    .u32(storedBytes)
    .u32(0)
    .u64(number * rows!);
  // Chunks cover whole rows, so all of them begin at 0 there; and so does the byte within an element.
  nodes.zeros(8 * rest.length + 8);
}
