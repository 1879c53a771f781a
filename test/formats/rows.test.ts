import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { inFolder } from "../support/folder.ts";

const hdf5 = await loadHdf5();
/** A row of 10 kB: six of them are read together where they are not compressed. */
const CELLS = 2500;
const ROWS = 40;

describe("rows that are read one by one", () => {
  test.each([
    [1, undefined],
    [7, undefined],
    [1, 1],
    [7, 1],
    [40, 1],
  ])("are each their own: %i a chunk, gzip %p", (chunkRows, gzip) =>
    inFolder((folder) => {
      const path = join(folder, "x.h5");
      const writer = new Hdf5Writer(hdf5, path);
      const cells = Int32Array.from({ length: ROWS * CELLS }, (_, i) => i);
      writer
        .table({ path: "/x", type: "i4", shape: [ROWS, CELLS], chunkRows, gzip })
        .write(0, cells);
      writer.close();
      const file = new Hdf5File(hdf5, path);
      const rows = file.dataSet("x");
      const target = new Int32Array(CELLS);
      const wrong: number[] = [];
      const ascending = Array.from({ length: ROWS }, (_, row) => row);
      for (const row of [...ascending, ...ascending.toReversed(), 5, 6, 7, 5, 39, 0]) {
        rows.readRows(row, 1, new Uint8Array(target.buffer));
        if (!target.every((cell, i) => cell === row * CELLS + i)) wrong.push(row);
      }
      file.close();
      expect(wrong).toEqual([]);
    }),
  );
});
