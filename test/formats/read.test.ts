import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ELEMENT_TYPES, viewElements, type Elements, type ElementType } from "@evb/event";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";

const hdf5 = await loadHdf5();

/** h5wasm's letters (Python's struct module) for our types. */
const LETTERS = {
  i1: "b",
  u1: "B",
  i2: "h",
  u2: "H",
  i4: "i",
  u4: "I",
  i8: "q",
  u8: "Q",
  f4: "f",
  f8: "d",
};

/** Elements 0, 3, 6, … of the type; of one byte modulo 256. */
function countingBy3(type: ElementType, count: number): Elements {
  const bytes = new Uint8Array(count * Number(type[1]));
  const elements = viewElements(type, bytes);
  for (let i = 0; i < count; i++)
    elements[i] = type === "i8" || type === "u8" ? BigInt(3 * i) : 3 * i;
  return elements;
}

/** The ways in which a data set may be stored: the library's own writer, not ours, makes the first. */
const STORAGE = {
  contiguous: { chunkRows: undefined, gzip: undefined },
  "1 row a chunk": { chunkRows: 1, gzip: undefined },
  "3 rows a chunk": { chunkRows: 3, gzip: undefined },
  "7 rows a chunk": { chunkRows: 7, gzip: undefined },
  "gzip, 1 row a chunk": { chunkRows: 1, gzip: 4 },
  "gzip, 3 rows a chunk": { chunkRows: 3, gzip: 4 },
  "gzip, 100 rows a chunk": { chunkRows: 100, gzip: 4 },
} as const;

interface Stored {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly storage: (typeof STORAGE)[keyof typeof STORAGE];
}

/** Writes a data set /group/x and opens it again. */
function withStored(
  { type, shape, storage }: Stored,
  test: (file: Hdf5File, cells: Elements) => void | Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const path = join(folder, "x.h5");
    const cells = countingBy3(
      type,
      shape.reduce((product, n) => product * n, 1),
    );
    if (storage.chunkRows === undefined) {
      const file = new hdf5.h5.File(path, "w");
      file.create_group("group");
      const dtype = `<${LETTERS[type]}`;
      file.create_dataset({ name: "group/x", data: cells, shape: [...shape], dtype });
      file.close();
    } else {
      const writer = new Hdf5Writer(hdf5, path);
      const { chunkRows, gzip } = storage;
      writer.table({ path: "/group/x", type, shape, chunkRows, gzip }).write(0, cells);
      writer.close();
    }
    const file = new Hdf5File(hdf5, path);
    try {
      await test(file, cells);
    } finally {
      file.close();
    }
  });
}

describe("a data set", () => {
  test.each(ELEMENT_TYPES)("of %s keeps its type and its values", (type) =>
    withStored({ type, shape: [5, 4], storage: STORAGE["3 rows a chunk"] }, (file, cells) => {
      const dataSet = file.dataSet("/group/x");
      expect(dataSet.shape).toMatchObject({ type, shape: [5, 4], chunk: [3, 4], filters: [] });
      expect(dataSet.rowBytes).toBe(4 * Number(type[1]));
      expect(dataSet.readColumn()).toEqual(cells);
    }),
  );

  test.each(ELEMENT_TYPES)("of %s that another program wrote contiguously is read", (type) =>
    withStored({ type, shape: [5], storage: STORAGE.contiguous }, (file, cells) => {
      expect(file.dataSet("group/x").shape).toMatchObject({ type, chunk: undefined });
      expect(file.dataSet("group/x").readColumn()).toEqual(cells);
    }),
  );

  const cases = Object.entries(STORAGE).flatMap(([name, storage]) =>
    [[20], [20, 6], [20, 2, 3]].map((shape) => [name, shape, storage] as const),
  );
  test.each(cases)("%s, of shape %j, gives any of its rows", (_, shape, storage) =>
    withStored({ type: "i4", shape, storage }, (file, cells) => {
      const dataSet = file.dataSet("group/x");
      const rowElements = cells.length / 20;
      for (const [row, rows] of [
        [0, 20],
        [0, 1],
        [19, 1],
        [5, 4],
        [2, 1],
        [13, 7],
        [4, 0],
      ] as const) {
        const expected = (cells as Int32Array).slice(row * rowElements, (row + rows) * rowElements);
        expect(dataSet.readSlab(row, rows)).toEqual(expected);
      }
      expect(dataSet.length).toBe(20);
    }),
  );

  test("fills the front of a target that is longer, and leaves the rest", () =>
    withStored({ type: "u2", shape: [9], storage: STORAGE["3 rows a chunk"] }, (file) => {
      const target = new Uint8Array(8).fill(0xaa);
      file.dataSet("group/x").readRows(4, 2, target);
      // 12 and 15, little-endian.
      expect(Array.from(target)).toEqual([12, 0, 15, 0, 0xaa, 0xaa, 0xaa, 0xaa]);
    }));

  test("counts the bytes that were read", () =>
    withStored({ type: "i4", shape: [20, 5], storage: STORAGE["1 row a chunk"] }, (file) => {
      const dataSet = file.dataSet("group/x");
      expect(dataSet.bytesRead).toBe(0);
      dataSet.readSlab(3, 2);
      dataSet.readSlab(0, 1);
      // Two rows as asked for; for a single small one all that follow, up to 64 kB: here the whole set.
      expect(dataSet.bytesRead).toBe(2 * 20 + 20 * 20);
    }));

  test.each(["contiguous", "3 rows a chunk", "gzip, 3 rows a chunk"] as const)(
    "without rows has none, %s",
    (storage) =>
      withStored({ type: "f8", shape: [0, 5], storage: STORAGE[storage] }, (file) => {
        const dataSet = file.dataSet("group/x");
        expect(dataSet.length).toBe(0);
        expect(dataSet.rowBytes).toBe(40);
        expect(dataSet.readColumn()).toEqual(new Float64Array(0));
      }),
  );

  test.each([
    [20, 1],
    [19, 2],
    [-1, 1],
    [0, 21],
  ])("refuses row %i, %i rows, of its 20", (row, rows) =>
    withStored({ type: "i4", shape: [20, 2], storage: STORAGE["7 rows a chunk"] }, async (file) => {
      const fault = await faultOf(() => {
        file.dataSet("group/x").readRows(row, rows, new Uint8Array(1000));
      });
      expect(fault).toMatchObject({ tag: "hdf5-row-out-of-range", exitCode: 3 });
      expect(fault.message).toContain(
        `rows ${String(row)} to ${String(row + rows - 1)} of group/x in ${file.path} were asked for, but it has 20`,
      );
    }),
  );

  test("of one value is one row", () =>
    inFolder((folder) => {
      const path = join(folder, "scalar.h5");
      const writer = new hdf5.h5.File(path, "w");
      writer.create_dataset({ name: "x", data: 7, shape: [], dtype: "<i" });
      writer.close();
      const file = new Hdf5File(hdf5, path);
      expect(file.dataSet("x").shape).toMatchObject({ shape: [], type: "i4" });
      expect(file.dataSet("x").readColumn()).toEqual(Int32Array.of(7));
      file.close();
    }));

  test("of 64 bit numbers is exact at the ends of its range", () =>
    inFolder((folder) => {
      const path = join(folder, "ends.h5");
      const unsigned = BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 64n - 1n);
      const signed = BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n);
      const writer = new Hdf5Writer(hdf5, path);
      writer.writeColumn("/u8", "u8", unsigned);
      writer.writeColumn("/i8", "i8", signed);
      writer.close();
      const file = new Hdf5File(hdf5, path);
      expect(file.dataSet("u8").readColumn()).toEqual(unsigned);
      expect(file.dataSet("i8").readColumn()).toEqual(signed);
      file.close();
    }));
});

describe("strings", () => {
  test("are read whatever they are padded with, to the last letter", () =>
    inFolder((folder) => {
      const path = join(folder, "strings.h5");
      const strings = ["red", "", "grün", "as long as it gets"];
      const writer = new Hdf5Writer(hdf5, path);
      writer.writeStrings("/ours", strings);
      writer.writeColumn("/blanks", "S4", Buffer.from("ab  red abcd"));
      writer.close();
      const file = new Hdf5File(hdf5, path);
      expect(file.dataSet("ours").shape.typeName).toBe("|S18");
      expect(file.dataSet("ours").readStrings()).toEqual(strings);
      expect(file.dataSet("blanks").readStrings()).toEqual(["ab", "red", "abcd"]);
      file.close();
    }));

  test("are no numbers, and numbers no strings", () =>
    withStored({ type: "i4", shape: [3], storage: STORAGE.contiguous }, async (file) => {
      const fault = await faultOf(() => file.dataSet("group/x").readStrings());
      expect(fault.message).toContain("it holds <i4, not fixed-length strings");
      expect(fault.exitCode).toBe(3);
    }));

  test("of variable length are named as what they are", () =>
    inFolder(async (folder) => {
      const path = join(folder, "variable.h5");
      const writer = new hdf5.h5.File(path, "w");
      writer.create_dataset({ name: "x", data: ["a", "bc"] });
      writer.close();
      const file = new Hdf5File(hdf5, path);
      expect(file.shapeOf("x")).toMatchObject({
        type: undefined,
        typeName: "variable-length strings",
      });
      const fault = await faultOf(() => file.dataSet("x").readStrings());
      expect(fault.message).toContain("it holds variable-length strings, not fixed-length strings");
      file.close();
    }));
});
