import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { inNaturalOrder, parseDataPlace, placeOf, RunIndex } from "@evb/index";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

/** Files of the given names, each with one stamp of its own. */
async function writeFiles(folder: string, names: readonly string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    await writeSeedFile(folder, { n: 1, times: [i], name });
  }
}

/** Which files an index of these inputs has, below its root, and what their sources are called. */
async function indexed(folder: string, inputs: readonly string[]) {
  const out = join(folder, "..", `${String(process.hrtime.bigint())}.index.h5`);
  const { report } = await index(
    inputs.map((input) => join(folder, input)),
    out,
  );
  const run = await RunIndex.open(out);
  run.close();
  const files = report.sources.map(({ file }) => file);
  return { files, sources: report.sources.map(({ source }) => source), root: run.root };
}

/** A folder in a folder, so that indexes lie beside it. */
const inRun = (test: (folder: string) => Promise<void>): Promise<void> =>
  inFolder((outer) => {
    const folder = join(outer, "run");
    mkdirSync(folder);
    return test(folder);
  });

describe("inputs", () => {
  test("of a folder are its .h5 and .hdf5 files, file2 before file10", () =>
    inRun(async (folder) => {
      await writeFiles(folder, ["file10.h5", "file2.h5", "file1.hdf5"]);
      expect((await indexed(folder, ["."])).files).toEqual(["file1.hdf5", "file2.h5", "file10.h5"]);
    }));

  test("of a folder leave out other names, folders below, hidden files and half-written ones", () =>
    inRun(async (folder) => {
      await writeFiles(folder, ["file10.h5", "file2.h5", "file1.hdf5", "sub/file3.h5"]);
      mkdirSync(join(folder, "folder.h5"));
      for (const name of ["notes.txt", ".file4.h5", ".file5.h5.partial", "file6.h5.partial"])
        writeFileSync(join(folder, name), "no HDF5");
      expect((await indexed(folder, ["."])).files).toEqual(["file1.hdf5", "file2.h5", "file10.h5"]);
    }));

  test("of a folder leave out evb's own indexes and results, whatever they are called", () =>
    inRun(async (folder) => {
      await writeFiles(folder, ["file1.h5"]);
      writeFileSync(join(folder, "results.h5"), "known by its name");
      await index([folder], join(folder, "run1.index.h5"));
      await index([folder], join(folder, "red.h5"));
      expect((await indexed(folder, ["."])).files).toEqual(["file1.h5"]);
      expect((await indexed(folder, ["*.h5"])).files).toEqual(["file1.h5"]);
    }));

  test("that name an index of evb are refused", () =>
    inRun(async (folder) => {
      await writeFiles(folder, ["file1.h5"]);
      await index([folder], join(folder, "red.h5"));
      const fault = await faultOf(() => indexed(folder, ["file1.h5", "red.h5"]));
      expect(fault).toMatchObject({ tag: "input-own", exitCode: 2 });
      expect(fault.message).toContain("red.h5 was written by evb");
    }));

  test("may be files, folders and globs at once, and count once", () =>
    inRun(async (folder) => {
      await writeFiles(folder, ["file1.h5", "a/file2.h5", "a/file3.h5", "b/deep/file4.h5"]);
      const found = await indexed(folder, ["file1.h5", "a", "a/file2.h5", "**/file*.h5", "./a/"]);
      expect(found.files).toEqual(["a/file2.h5", "a/file3.h5", "b/deep/file4.h5", "file1.h5"]);
    }));

  test.each([
    ["*.h5", ["file1.h5", "file2.h5"]],
    ["file[2-9].h5", ["file2.h5"]],
    ["{file1,other}.h5", ["file1.h5"]],
    ["*/file?.h5", ["sub/file3.h5"]],
  ])("may be the glob %s", (glob, files) =>
    inRun(async (folder) => {
      await writeFiles(folder, ["file1.h5", "file2.h5", "sub/file3.h5"]);
      const found = await indexed(folder, [glob]);
      expect(found.files.map((file) => relative(folder, join(found.root, file)))).toEqual(files);
    }),
  );

  test("that are links are read where they point", () =>
    inRun(async (folder) => {
      await writeFiles(folder, ["store/data.bin.h5"]);
      symlinkSync("store/data.bin.h5", join(folder, "file1.h5"));
      expect((await indexed(folder, ["."])).sources).toEqual(["file1"]);
    }));

  test.each([
    [
      "nowhere",
      "input-not-found",
      "nowhere is neither a file nor a folder, and no file matches it",
    ],
    ["*.hdf5", "input-not-found", "*.hdf5 is neither a file nor a folder, and no file matches it"],
    ["empty", "input-none", "there is no .h5, .hdf5 or .evt file directly in "],
    ["own", "input-none", "there is no .h5, .hdf5 or .evt file directly in "],
  ])("that come to nothing are said: %s", (input, tag, sentence) =>
    inRun(async (folder) => {
      for (const name of ["empty", "own"]) mkdirSync(join(folder, name));
      await writeFiles(folder, ["file1.h5"]);
      await index([join(folder, "file1.h5")], join(folder, "own", "x.h5"));
      const fault = await faultOf(() => indexed(folder, [input]));
      expect(fault).toMatchObject({ tag, exitCode: 3 });
      expect(fault.message).toContain(sentence);
      expect(readdirSync(join(folder, ".."))).toEqual(["run"]);
    }),
  );
});

describe("sources", () => {
  test.each([
    [
      ["file1.h5", "file2.hdf5"],
      ["file1", "file2"],
    ],
    [
      ["a/x.h5", "b/x.h5", "b/y.h5"],
      ["a/x.h5", "b/x.h5", "y"],
    ],
    [
      ["x.h5", "x.hdf5"],
      ["x.h5", "x.hdf5"],
    ],
  ])("of %j are called %j", (names, sources) =>
    inRun(async (folder) => {
      await writeFiles(folder, names);
      expect((await indexed(folder, names)).sources).toEqual(sources);
    }),
  );

  test.each([
    [["a/x.h5"], "a"],
    [["a/x.h5", "a/b/y.h5"], "a"],
    [["ab/x.h5", "a/y.h5"], "."],
    [["a/b/x.h5", "a/c/y.h5"], "a"],
  ])("of %j lie below the root %s", (names, root) =>
    inRun(async (folder) => {
      await writeFiles(folder, names);
      expect(relative(folder, (await indexed(folder, names)).root) || ".").toBe(root);
    }),
  );

  test("are ordered by the numbers in their names, and where these are equal by their bytes", () => {
    const ordered = ["a", "file1", "file2-10", "file09", "file9", "file10", "file20b"];

    expect([...ordered].reverse().sort(inNaturalOrder)).toEqual(ordered);
  });
});

describe("--data", () => {
  test.each([
    [[], "/data/run1/a/x.h5"],
    [["/copy"], "/copy/a/x.h5"],
    [["/data=/mnt"], "/mnt/run1/a/x.h5"],
    [["/data/=/mnt/"], "/mnt/run1/a/x.h5"],
    [["/data/run1=/mnt"], "/mnt/a/x.h5"],
    [["/data/run1/a/x.h5=/mnt/y.h5"], "/mnt/y.h5"],
    [["/dat=/mnt"], "/data/run1/a/x.h5"],
    [["/other=/mnt", "/data=/disk"], "/disk/run1/a/x.h5"],
    [["/data=/first", "/data/run1=/second"], "/first/run1/a/x.h5"],
    [["/=/mnt"], "/mnt/data/run1/a/x.h5"],
    [["/data=/"], "/run1/a/x.h5"],
  ])("%j puts the run's file at %s", (texts, path) => {
    expect(placeOf("a/x.h5", "/data/run1", texts.map(parseDataPlace))).toBe(path);
  });

  test.each(["", "=", "=/x", "/x=", "/a=/b=/c"])("%p is refused", async (text) => {
    const fault = await faultOf(() => parseDataPlace(text));
    expect(fault).toMatchObject({ tag: "bad-data-mapping", exitCode: 2 });
    expect(fault.message).toContain(`--data ${text} is neither a folder nor FROM=TO`);
  });
});
