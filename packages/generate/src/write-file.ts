import { isEvbError } from "@evb/event";
import { Hdf5Writer, type Hdf5 } from "@evb/formats";
import { cellsOf, type MockFile } from "./cells.ts";
import { atFixedTime } from "./fixed-clock.ts";
import type { MockRun } from "./mock-run.ts";
import type { MockTable } from "./tables.ts";

/** Bytes that are made ready at a time: a few ms of writing, after which signals and timers have their turn. */
const SLAB_BYTES = 8 * 2 ** 20;

/**
 * The library keeps about 6 kB for each chunk that a write touches: 10^5 chunks of one i4 in one write took 729 MB and 2.0 s,
 * in writes of 1024 chunks 116 MB and 0.5 s (2026-11-20).
 */
const SLAB_CHUNKS_MAX = 1024;

/**
 * Writes one file, slab by slab, and closes it, also if it fails.
 *
 * @param onSlab is waited for after each slab of so many bytes; what it throws ends the file
 * @throws EvbError "hdf5-write-failed", "hdf5-no-memory"
 */
export async function writeMockFile(
  hdf5: Hdf5,
  path: string,
  run: MockRun,
  content: MockFile,
  onSlab: (bytes: number) => Promise<void>,
): Promise<void> {
  const writer = atFixedTime(() => new Hdf5Writer(hdf5, path));
  try {
    for (const table of content.tables) await writeTable(writer, table, run, content, onSlab);
  } catch (thrown) {
    closeFailed(writer);
    throw thrown;
  }
  atFixedTime(() => {
    writer.close();
  });
}

async function writeTable(
  writer: Hdf5Writer,
  table: MockTable,
  run: MockRun,
  content: MockFile,
  onSlab: (bytes: number) => Promise<void>,
): Promise<void> {
  const column = atFixedTime(() => writer.table(table));
  const rows = table.shape[0]!;
  const slabRows = Math.min(rows, rowsOfSlab(table));
  const cells = cellsOf(table, run, content, slabRows);
  for (let row = 0; row < rows; row += slabRows) {
    const slab = cells(row, Math.min(slabRows, rows - row));
    atFixedTime(() => {
      column.write(row, slab);
    });
    await onSlab(slab.byteLength);
  }
}

/** Whole chunks, so that none is written twice; a part of a large chunk, unless it must be compressed as a whole. */
function rowsOfSlab({ chunkRows, rowBytes, gzip }: MockTable): number {
  const chunks = Math.min(SLAB_CHUNKS_MAX, Math.floor(SLAB_BYTES / (chunkRows * rowBytes)));
  if (chunks > 0) return chunks * chunkRows;
  return gzip === undefined ? Math.max(1, Math.floor(SLAB_BYTES / rowBytes)) : chunkRows;
}

/** Frees what the library holds for a file that has failed. On a full disk this fails too, and says nothing new. */
function closeFailed(writer: Hdf5Writer): void {
  try {
    writer.close();
  } catch (thrown) {
    if (!isEvbError(thrown, "hdf5-write-failed")) throw thrown;
  }
}
