import { eachChunk, gridOf, type DataSpace } from "./chunk-grid.ts";
import type { ChunkTable } from "./chunk-table.ts";
import type { Metadata } from "./metadata.ts";

/**
 * Puts chunks that have no index into the table: all of them, also those that the data set may grow by, follow each other.
 *
 * Source: HDF5 File Format Specification 3.0, VII.B ("The Implicit Index").
 */
export function readImplicit(
  metadata: Metadata,
  address: number,
  table: ChunkTable,
  { shape, maxShape }: DataSpace,
): void {
  const { grid, chunk, chunkBytes } = table;
  const limits = maxShape.map((most, d) => most ?? shape[d]!);
  const cursor = metadata.block(address, 0);
  eachChunk(
    { grid, positionGrid: gridOf(limits, chunk), order: [...grid.keys()] },
    (row, position) => {
      table.put(cursor, row, address + position * chunkBytes, chunkBytes, 0);
    },
  );
}
