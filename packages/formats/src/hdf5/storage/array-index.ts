import { eachChunk, gridOf, type DataSpace } from "./chunk-grid.ts";
import type { ChunkTable } from "./chunk-table.ts";
import type { Cursor } from "./cursor.ts";
import type { Metadata } from "./metadata.ts";

/** Consecutive elements of a fixed or extensible array, which stand in one block of the file. */
export interface ElementRun {
  /** Position of the first. */
  readonly first: number;
  /** Position behind the last. */
  readonly end: number;
  /** At the first; undefined where none of them was ever written. */
  readonly cursor: Cursor | undefined;
}

/** An array that has a chunk's place at the chunk's position. */
export interface ArrayIndex {
  readonly elementBytes: number;
  /** Of a chunk's stored size; 0 where it is always that of a whole chunk. */
  readonly sizeBytes: number;
  /** The run that a position is in. Positions are asked for in ascending order. */
  runAt(position: number): ElementRun;
}

/**
 * Puts what an array holds into the table, run by run.
 *
 *     element:  address | stored bytes, filter mask 4 (where the chunks are filtered)
 *
 * @param slowest the dimension that changes slowest in positions: the one without limit, where there is one
 */
export function readArray(
  index: ArrayIndex,
  table: ChunkTable,
  { shape, maxShape, slowest }: Omit<DataSpace, "elementBytes"> & { slowest: number },
): void {
  const { grid, chunk } = table;
  const limits = maxShape.map((most, d) => most ?? shape[d]!);
  const order = [slowest, ...[...grid.keys()].filter((d) => d !== slowest)];
  const { elementBytes, sizeBytes } = index;
  let run: ElementRun = { first: 0, end: 0, cursor: undefined };
  let next = 0;
  eachChunk({ grid, positionGrid: gridOf(limits, chunk), order }, (row, position) => {
    if (position >= run.end) {
      run = index.runAt(position);
      next = run.first;
    }
    const { cursor } = run;
    if (cursor === undefined) return;
    cursor.skip((position - next) * elementBytes);
    next = position + 1;
    const address = cursor.address();
    const stored = sizeBytes === 0 ? table.chunkBytes : cursor.uint(sizeBytes);
    const mask = sizeBytes === 0 ? 0 : cursor.u32();
    table.put(cursor, row, address, stored, mask);
  });
}

/**
 * How wide a chunk's stored size is in an array's elements.
 *
 * @param cursor stands behind the array's client id: 0 for chunks without filters, 1 with
 */
export function sizeBytesOf(
  cursor: Cursor,
  { elementBytes, client }: { elementBytes: number; client: number },
  { metadata, table }: { metadata: Metadata; table: ChunkTable },
): number {
  const rest = elementBytes - metadata.addressBytes;
  const sizeBytes = table.filtered ? rest - 4 : rest;
  if (client !== Number(table.filtered))
    throw cursor.damaged("the array and the data set don't agree whether chunks are filtered");
  if (table.filtered ? sizeBytes < 1 || sizeBytes > 8 : sizeBytes !== 0)
    throw cursor.damaged(`elements of ${String(elementBytes)} bytes don't fit the data set`);
  return sizeBytes;
}
