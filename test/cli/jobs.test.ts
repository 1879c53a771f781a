import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { RunIndex } from "@evb/index";
import { evb } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { smallRun } from "../support/run-small.ts";
import { ROOT } from "../support/system.ts";

/** Rows of each source's payload that the index's events have, read without the runner. */
async function matchedRows(indexPath: string): Promise<Map<string, Int32Array[]>> {
  const hdf5 = await loadHdf5();
  const index = await RunIndex.open(indexPath);
  const slab = index.slab(0, index.eventCount);
  const rows = new Map<string, Int32Array[]>();
  index.sources.forEach((source, s) => {
    const file = new Hdf5File(hdf5, join(index.root, index.files[source.file]!.path));
    const payload = file.dataSet(source.payload);
    const own = Array.from(slab.row).filter((_, fragment) => slab.source[fragment] === s);
    rows.set(
      source.name,
      own.map((row) => payload.readSlab(row, 1) as Int32Array),
    );
    file.close();
  });
  index.close();
  return rows;
}

async function columnOf(results: string, path: string): Promise<number[]> {
  const file = new Hdf5File(await loadHdf5(), results);
  const column = Array.from(file.dataSet(path).readColumn() as ArrayLike<number | bigint>, Number);
  file.close();
  return column;
}

describe("the worked examples in jobs/", () => {
  test("image-sum.ts adds up the images of one source", () =>
    inFolder(async (folder) => {
      const { indexPath } = await smallRun(folder);
      const out = join(folder, "out");
      const job = join(ROOT, "jobs/image-sum.ts");
      const words = ["run", indexPath, "-o", out, "--analysis", job, "--set", "source=file2"];
      expect(evb([...words, "--clients", "2"]).code).toBe(0);
      const images = (await matchedRows(indexPath)).get("file2")!;
      const sum = Array.from(images[0]!, (_, pixel) =>
        images.reduce((total, image) => total + image[pixel]!, 0),
      );
      const results = join(out, "results.h5");
      expect(await columnOf(results, "/totals/image")).toEqual(sum);
      expect(await columnOf(results, "/totals/images")).toEqual([images.length]);
    }));

  test("peak-finder.ts counts what is above its threshold", () =>
    inFolder(async (folder) => {
      const { indexPath } = await smallRun(folder);
      const out = join(folder, "out");
      const job = join(ROOT, "jobs/peak-finder.ts");
      const words = ["run", indexPath, "-o", out, "--analysis", job, "--set", "threshold=30000"];
      expect(evb([...words, "--clients", "2"]).code).toBe(0);
      const rows = [...(await matchedRows(indexPath)).values()].flat();
      // The first two elements of a mock row name its event and file, and are no data.
      const above = rows.map((row) => row.slice(2).filter((value) => value > 30_000).length);
      const total = (counts: readonly number[]): number => counts.reduce((sum, n) => sum + n, 0);
      const results = join(out, "results.h5");
      expect(total(above)).toBeGreaterThan(0);
      expect(total(await columnOf(results, "/events/columns/hits"))).toBe(total(above));
      expect(total(await columnOf(results, "/fragments/peaks"))).toBe(total(above));
      const events = await columnOf(results, "/events/event");
      expect(total(await columnOf(results, "/totals/spectrum"))).toBe(events.length);
    }));
});
