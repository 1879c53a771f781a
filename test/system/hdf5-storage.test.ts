import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DataFile, decoderOf, DirectRows, Hdf5File, loadHdf5, rowsPerChunk } from "@evb/formats";
import { findStorage, type SourceStorage } from "@evb/index";
import { sizes } from "../sizes.ts";
import { describeWith } from "../support/capabilities.ts";
import { fuzzStorage } from "../support/fuzz-storage.ts";
import { rebuild } from "../support/rebuild-storage.ts";
import { oracle, temporaryFolder } from "../support/system.ts";

const hdf5 = await loadHdf5();

/** file → data set → sha256 of what h5py reads. */
type Answers = Record<string, Record<string, string>>;

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** All rows, one by one, in the byte order of the file: h5py leaves that as it is. */
async function rowsOf(
  { layout, places, path }: Extract<SourceStorage, { kind: "direct" }>,
  length: number,
): Promise<Buffer> {
  const decoder = await decoderOf(layout);
  const rows = new DirectRows({ ...layout, bigEndian: false }, decoder!);
  const file = new DataFile(path);
  const all = Buffer.alloc(rows.rowBytes * length);
  for (let row = 0; row < length; row++) {
    const first = Math.floor(row / rowsPerChunk(layout)) * rows.chunks;
    const target = all.subarray(row * rows.rowBytes, (row + 1) * rows.rowBytes);
    rows.read(file, row, places, first, target);
  }
  file.close();
  return all;
}

describeWith(["h5py", "hdf5tools"], "data sets made by h5py and h5repack", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);
  let answers: Answers = {};

  beforeAll(() => {
    answers = JSON.parse(oracle("storage_make.py", folder.path)) as Answers;
  });

  test("are put together from where their storage says they are as h5py reads them", () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const [path, answer] of Object.entries(answers)) {
      const file = new Hdf5File(hdf5, path);
      for (const [dataSet, expected] of Object.entries(answer)) {
        const storage = file.storageOf(dataSet);
        const name = `${path} ${dataSet}`;
        if (storage.kind === "other") {
          wrong.push(`${name}: ${storage.reason}`);
          continue;
        }
        const { shape, typeName } = file.shapeOf(dataSet)!;
        const elementBytes = Number(typeName.slice(2));
        compared++;
        if (sha256(rebuild(storage, { shape, elementBytes })) !== expected) wrong.push(name);
      }
      file.close();
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(1000);
  });

  test("are read row by row as h5py reads them", async () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const [path, answer] of Object.entries(answers)) {
      const file = new Hdf5File(hdf5, path);
      for (const [dataSet, expected] of Object.entries(answer)) {
        if (file.shapeOf(dataSet)!.shape.length === 0) continue;
        const storage = await findStorage(file, dataSet);
        const name = `${path} ${dataSet}`;
        if (storage.kind === "library") {
          // Places of so many chunks would make leases large.
          if (/^each row lies in \d{3,} chunks$/.test(storage.reason)) continue;
          wrong.push(`${name}: ${storage.reason}`);
        }
        if (
          storage.kind === "direct" &&
          sha256(await rowsOf(storage, file.dataSet(dataSet).length)) !== expected
        )
          wrong.push(name);
        compared++;
      }
      file.close();
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(1000);
  }, 120_000);

  // Signatures of: B-tree 1; fixed array and its data block; extensible array, its super and data blocks; B-tree 2 with
  // leaves and inner nodes; object header 2 and its continuation.
  test.each([
    "TREE",
    "FAHD",
    "FADB",
    "EAHD",
    "EASB",
    "EADB",
    "BTHD",
    "BTLF",
    "BTIN",
    "OHDR",
    "OCHK",
  ])("are stored in all ways, one of them with a block %s", (signature) => {
    const files = Object.keys(answers).filter((path) => readFileSync(path).includes(signature));
    expect(files).not.toEqual([]);
  });

  test("give one clean error, or places within the file, however they are damaged", () => {
    const files = Object.keys(answers);
    const cases = Math.ceil(sizes.fuzzStorage.cases / files.length);
    const before = process.memoryUsage.rss();
    const maxBefore = process.resourceUsage().maxRSS;
    const outcomes = files.map((path, seed) => fuzzStorage(hdf5, path, { seed, cases }));
    const sum = (kind: "failed" | "read"): number =>
      outcomes.reduce((total, outcome) => total + outcome[kind], 0);
    expect(sum("failed")).toBeGreaterThan(sizes.fuzzStorage.cases / 10);
    expect(sum("read")).toBeGreaterThan(sizes.fuzzStorage.cases / 10);
    // No more than 1 GB, beyond what this process had: other tests may have run in it.
    const after = process.resourceUsage().maxRSS;
    expect(after > maxBefore ? (after * 1024 - before) / 1e9 : 0).toBeLessThan(1);
  }, 600_000);
});
