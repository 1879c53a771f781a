import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";

describe("a column of strings", () => {
  const folder = mkdtempSync(join(tmpdir(), "evb-strings-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test("holds a million labels, and those that are not ASCII", async () => {
    const hdf5 = await loadHdf5();
    const path = join(folder, "labels.h5");
    const labels = Array.from({ length: 1_000_000 }, (_, row) =>
      row % 3 === 0 ? "rouge é" : "red",
    );
    const writer = new Hdf5Writer(hdf5, path);
    writer.writeStrings("/labels/colour", labels);
    writer.close();
    const file = new Hdf5File(hdf5, path);
    const column = file.dataSet("/labels/colour");
    // "rouge é" is 7 characters and 8 bytes of UTF-8.
    expect(column.shape.typeName).toBe("|S8");
    expect(column.readStrings()).toEqual(labels);
    file.close();
  });
});
