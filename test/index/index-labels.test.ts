import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { IndexLabels } from "@evb/index";
import { inFolder } from "../support/folder.ts";
import { index, writeLclsFile, writeSeedFile } from "../support/run-files.ts";

const texts = (cells: Uint8Array, size: number): string[] =>
  Array.from({ length: cells.length / size }, (_, k) =>
    Buffer.from(cells.subarray(k * size, (k + 1) * size))
      .toString()
      .replaceAll("\0", ""),
  );

describe("the labels of an index", () => {
  test("are found by stamp: the first in file order, out of order too; none where there is none", () =>
    inFolder(async (folder) => {
      const complete = [
        [30, "red"],
        [10, "green"],
        [2n ** 63n + 1n, "blue"],
        [30, "black"],
        [10, "white"],
      ] as const;
      const path = await writeLclsFile(folder, { name: "a.h5", times: [10, 30], complete });
      const out = join(folder, "run.index.h5");
      await index([path], out);
      const labels = (await IndexLabels.read(out))!;
      expect(labels.labels.map(({ name, type }) => [name, type])).toEqual([["diode_values", "S5"]]);
      // 2^63 is beside 2^63 + 1 for a double.
      const stamps = BigUint64Array.of(5n, 10n, 30n, 2n ** 63n, 2n ** 63n + 1n);
      const found = labels.cellsAt(labels.labels[0]!, stamps);
      expect(texts(found, 5)).toEqual(["", "green", "red", "", "blue"]);
    }));

  test("that are numbers are 0, or not-a-number, where there is none", () => {
    const cells = new Uint8Array(Float32Array.of(1.5).buffer);
    const labels = new IndexLabels(BigUint64Array.of(7n), [
      { name: "energy", type: "f4", cells },
      { name: "shot", type: "u2", cells: Uint8Array.of(3, 1) },
    ]);
    const [energy, shot] = labels.labels.map((label) =>
      labels.cellsAt(label, BigUint64Array.of(6n, 7n)),
    );
    expect([...new Float32Array(energy!.buffer)]).toEqual([NaN, 1.5]);
    expect([...shot!]).toEqual([0, 0, 3, 1]);
  });

  test("aren't there where no file has some", () =>
    inFolder(async (folder) => {
      const out = join(folder, "run.index.h5");
      await index([await writeSeedFile(folder, { n: 1, times: [1] })], out);
      expect(await IndexLabels.read(out)).toBeUndefined();
    }));
});
