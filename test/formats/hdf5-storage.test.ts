import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  Hdf5File,
  Hdf5Writer,
  loadHdf5,
  readStorage,
  type ChunkedStorage,
  type DataSpace,
  type Storage,
} from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { SeededRandom } from "../support/random.ts";
import { rebuild } from "../support/rebuild-storage.ts";

const hdf5 = await loadHdf5();

interface Case {
  readonly name: string;
  readonly shape: number[];
  readonly chunks?: number[];
  /** null: without limit. */
  readonly maxshape?: (number | null)[];
  readonly gzip?: number;
  readonly filter?: "shuffle" | "fletcher32";
}

/** Every layout and chunk index that h5wasm can write; which index it takes follows from shape and maxshape. */
const CASES: readonly Case[] = [
  { name: "contiguous", shape: [7, 5] },
  { name: "one chunk", shape: [7, 5], chunks: [7, 5] },
  { name: "one chunk, gzip", shape: [7, 5], chunks: [7, 5], gzip: 4 },
  { name: "fixed", shape: [23, 5], chunks: [3, 2] },
  { name: "fixed, gzip", shape: [23, 5], chunks: [3, 2], gzip: 1 },
  { name: "fixed, pages", shape: [2500, 3], chunks: [1, 3] },
  { name: "fixed, pages, gzip", shape: [2500, 3], chunks: [1, 3], gzip: 1 },
  { name: "fixed, may grow", shape: [9, 5, 4], chunks: [2, 2, 3], maxshape: [20, 9, 4] },
  { name: "one without limit", shape: [100, 3], chunks: [1, 3], maxshape: [null, 3] },
  { name: "one, gzip", shape: [100, 3], chunks: [1, 2], maxshape: [null, 4], gzip: 9 },
  { name: "one, super blocks", shape: [5000, 2], chunks: [1, 2], maxshape: [null, 2] },
  { name: "one, pages", shape: [70_000], chunks: [1], maxshape: [null] },
  { name: "one, second", shape: [6, 300], chunks: [2, 2], maxshape: [9, null] },
  { name: "one, last", shape: [4, 3, 90], chunks: [1, 2, 3], maxshape: [4, 5, null], gzip: 1 },
  { name: "two without limit", shape: [40, 9], chunks: [1, 2], maxshape: [null, null] },
  { name: "two, gzip", shape: [40, 9], chunks: [1, 2], maxshape: [null, null], gzip: 1 },
  { name: "two, deep", shape: [12_000, 1], chunks: [1, 1], maxshape: [null, null] },
  { name: "shuffle", shape: [30, 4], chunks: [7, 4], filter: "shuffle" },
  { name: "fletcher32", shape: [30, 4], chunks: [7, 4], filter: "fletcher32" },
  { name: "empty", shape: [0, 4], chunks: [2, 4], maxshape: [null, 4] },
];

const VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "v200", "latest"] as const;

const cellsOf = (shape: readonly number[], seed: number): Int32Array => {
  const random = new SeededRandom(seed);
  const count = shape.reduce((product, n) => product * n, 1);
  return Int32Array.from({ length: count }, () => random.u32());
};

/** Writes the cases, as `/0`, `/1` …, and returns where the file is. */
function writeCases(
  folder: string,
  libver: (typeof VERSIONS)[number],
  cases: readonly Case[],
): string {
  const path = join(folder, `${libver}.h5`);
  const file = new hdf5.h5.File(path, "w", { libver });
  cases.forEach(({ shape, chunks, maxshape, gzip, filter }, number) => {
    const filters = { shuffle: 2, fletcher32: 3 } as const;
    file.create_dataset({
      name: String(number),
      data: cellsOf(shape, number),
      shape,
      ...(chunks && { chunks }),
      ...(maxshape && { maxshape }),
      ...(gzip && { compression: "gzip" as const, compression_opts: gzip }),
      ...(filter && { compression: filters[filter], compression_opts: [] }),
    });
  });
  file.close();
  return path;
}

const bytesOf = (cells: Int32Array): Buffer =>
  Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength);

/** The storage of a data set, which must be no other kind. */
function direct(storage: Storage): Exclude<Storage, { kind: "other" }> {
  if (storage.kind === "other") throw new Error(storage.reason);
  return storage;
}

describe("the storage of a data set", () => {
  test.each(VERSIONS)("leads to its data, in files of version %s", (libver) =>
    inFolder((folder) => {
      const path = writeCases(folder, libver, CASES);
      const file = new Hdf5File(hdf5, path);
      const wrong = CASES.filter(({ shape }, number) => {
        const storage = direct(file.storageOf(String(number)));
        const found = rebuild(storage, { shape, elementBytes: 4 });
        return !found.equals(bytesOf(cellsOf(shape, number)));
      });
      file.close();
      expect(wrong).toEqual([]);
    }),
  );

  test("says how it is cut, and what its chunks went through", () =>
    inFolder((folder) => {
      const file = new Hdf5File(hdf5, writeCases(folder, "v110", CASES));
      const plain = file.storageOf(numberOf("fixed"));
      expect(plain).toMatchObject({ chunk: [3, 2], grid: [8, 3], chunkBytes: 24, filters: [] });
      expect(plain).toMatchObject({ storedBytes: undefined, filterMask: undefined });
      const filtered = file.storageOf(numberOf("one, gzip")) as ChunkedStorage;
      expect(filtered.filters).toEqual([{ id: 1, clientData: [9], optional: false }]);
      expect(filtered.storedBytes).toHaveLength(200);
      expect(file.storageOf(numberOf("contiguous"))).toMatchObject({ bytes: 7 * 5 * 4 });
      file.close();
    }));
});

const numberOf = (name: string): string => String(CASES.findIndex((each) => each.name === name));
