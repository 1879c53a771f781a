import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5Writer, loadHdf5, type CellType } from "@evb/formats";
import { RunIndex } from "@evb/index";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeLclsFile, writeSeedFile } from "../support/run-files.ts";

/** Data sets of zeros: path, type, shape. */
type Table = readonly [path: string, type: CellType, shape: readonly number[]];

async function writeTables(path: string, tables: readonly Table[]): Promise<void> {
  const writer = new Hdf5Writer(await loadHdf5(), path);
  for (const [name, type, shape] of tables)
    writer.table({ path: name, type, shape, chunkRows: Math.max(1, shape[0]!) });
  writer.close();
}

const STAMPS: Table = ["timestamp1", "u8", [3]];
const IMAGES: Table = ["bigdata1", "i4", [3, 2]];
const SMALL: Table = ["small_data/time_stamp", "u8", [3]];
const CSPAD: Table = ["cspad_data/image_data", "i4", [3, 2, 2]];

const u8 = "should be a column of unsigned 64 bit time stamps in layout";

describe("a file of another layout is refused", () => {
  test.each<readonly [what: string, tables: Table[], tag: string, sentence: string]>([
    ["nothing in it", [], "layout-unknown", "it holds nothing; check the file"],
    ["no time stamps", [IMAGES], "layout-unknown", "it holds /bigdata1; check the file"],
    [
      "two columns of time stamps",
      [STAMPS, ["timestamp2", "u8", [3]], IMAGES],
      "layout-unknown",
      "it holds /bigdata1, /timestamp1, /timestamp2",
    ],
    [
      "stamps in seconds",
      [["timestamp1", "f8", [3]], IMAGES],
      "layout-mismatch",
      `${u8} seed, but is (3) of <f8`,
    ],
    [
      "signed stamps",
      [["timestamp1", "i8", [3]], IMAGES],
      "layout-mismatch",
      `${u8} seed, but is (3) of <i8`,
    ],
    [
      "stamps in two columns",
      [["timestamp1", "u8", [3, 2]], IMAGES],
      "layout-mismatch",
      `${u8} seed, but is (3, 2) of <u8`,
    ],
    ["no bigdata", [STAMPS], "layout-mismatch", "bigdata1 in "],
    [
      "fewer rows than stamps",
      [STAMPS, ["bigdata1", "i4", [2, 2]]],
      "layout-mismatch",
      "should be as long as timestamp1 (3 rows) in layout seed, but is (2, 2) of <i4",
    ],
    [
      "rows of strings",
      [STAMPS, ["bigdata1", "S5", [3]]],
      "layout-mismatch",
      "should be rows of numbers, one per time stamp in layout seed, but is (3) of |S5",
    ],
    [
      "fewer labels than stamps",
      [STAMPS, IMAGES, ["smalldata", "S5", [2]]],
      "layout-mismatch",
      "smalldata in ",
    ],
    [
      "labels in two columns",
      [STAMPS, IMAGES, ["smalldata", "S5", [3, 1]]],
      "layout-mismatch",
      "should be a column of 3 labels (fixed-length strings or numbers) in layout seed, but is (3, 1) of |S5",
    ],
    [
      "a group for stamps",
      [["timestamp1/x", "u8", [3]], IMAGES],
      "layout-mismatch",
      `${u8} seed, but is missing: it is a group`,
    ],
    ["lcls without images", [SMALL], "layout-mismatch", "cspad_data/image_data in "],
    [
      "lcls with stamps of 32 bits",
      [["small_data/time_stamp", "u4", [3]], CSPAD],
      "layout-mismatch",
      `${u8} lcls, but is (3) of <u4`,
    ],
    [
      "lcls with a complete list in seconds",
      [SMALL, CSPAD, ["small_data/all_timestamps", "f8", [9]]],
      "layout-mismatch",
      "small_data/all_timestamps in ",
    ],
    [
      "lcls with a complete list without labels",
      [SMALL, CSPAD, ["small_data/all_timestamps", "u8", [9]]],
      "layout-mismatch",
      "small_data/diode_values in ",
    ],
    [
      "lcls with fewer labels than the complete list",
      [
        SMALL,
        CSPAD,
        ["small_data/all_timestamps", "u8", [9]],
        ["small_data/diode_values", "S3", [8]],
      ],
      "layout-mismatch",
      "should be a column of 9 labels (fixed-length strings or numbers) in layout lcls, but is (8) of |S3",
    ],
  ])("with %s", (_, tables, tag, sentence) =>
    inFolder(async (folder) => {
      const path = join(folder, "odd.h5");
      await writeTables(path, tables);
      const fault = await faultOf(() => index([path], join(folder, "x.index.h5")));
      expect(fault).toMatchObject({ tag, exitCode: 3 });
      expect(fault.message).toContain(path);
      expect(fault.message).toContain(sentence);
      expect(fault.message).not.toContain("\n");
      expect(readdirSync(folder)).toEqual(["odd.h5"]);
    }),
  );

  test("than that of the file before it", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [1] });
      await writeLclsFile(folder, { name: "file2.h5", times: [1] });
      const fault = await faultOf(() => index([folder], join(folder, "x.h5")));
      expect(fault).toMatchObject({ tag: "layout-mixed", exitCode: 3 });
      expect(fault.message).toBe(
        `${folder}/file2.h5 has layout lcls, but ${folder}/file1.h5 has seed; index the two kinds of run separately`,
      );
    }));

  test.each(["seed", "lcls"] as const)("than %s, which was asked for", (layout) =>
    inFolder(async (folder) => {
      if (layout === "seed") await writeLclsFile(folder, { name: "file1.h5", times: [1] });
      else await writeSeedFile(folder, { n: 1, times: [1] });
      const fault = await faultOf(() => index([folder], join(folder, "x.h5"), { layout }));
      expect(fault).toMatchObject({ tag: "layout-unknown", exitCode: 3 });
    }),
  );
});

describe("a layout", () => {
  // CLI.md: when reading, bigData, bigdata, bigDataN are taken as well.
  test.each([
    ["timestamp12", "bigdata12"],
    ["timestamp12", "bigData12"],
    ["timestamp12", "bigdata"],
    ["timestamp12", "bigData"],
    ["timestamp", "bigdata"],
  ])("seed may have %s and %s", (time, payload) =>
    inFolder(async (folder) => {
      const path = join(folder, "file12.h5");
      await writeTables(path, [
        [time, "u8", [3]],
        [payload, "u2", [3, 4, 5]],
      ]);
      const out = join(folder, "x.h5");
      await index([path], out);
      const run = await RunIndex.open(out);
      expect(run.sources).toEqual([
        {
          name: "file12",
          file: 0,
          time,
          payload,
          type: "u2",
          itemShape: [4, 5],
          varies: false,
          fragmentFirst: 0,
          rows: 3,
          payloadFile: 0,
          storage: {
            itemShape: [4, 5],
            elementBytes: 2,
            bigEndian: false,
            chunk: [3, 4, 5],
            address: -1,
            filters: [],
            fill: undefined,
          },
        },
      ]);
      run.close();
    }),
  );

  test("may have one number per time stamp", () =>
    inFolder(async (folder) => {
      await writeTables(join(folder, "file1.h5"), [STAMPS, ["bigdata1", "f8", [3]]]);
      const out = join(folder, "x.h5");
      await index([folder], out);
      const run = await RunIndex.open(out);
      expect(run.sources[0]).toMatchObject({ type: "f8", itemShape: [] });
      run.close();
    }));
});
