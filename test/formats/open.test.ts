import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, isHdf5, loadHdf5 } from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";

const hdf5 = await loadHdf5();

/** A good file with one column. */
function writeGood(path: string): void {
  const writer = new Hdf5Writer(hdf5, path);
  writer.writeColumn("/x", "i4", Int32Array.of(1, 2, 3));
  writer.close();
}

/** Somebody without rights, as far as this process may become one. */
function withoutRights<Result>(call: () => Result): Result {
  if (process.geteuid!() !== 0) return call();
  process.seteuid!(65_534);
  try {
    return call();
  } finally {
    process.seteuid!(0);
  }
}

/** What stands at the path, and what is said about it. */
const BAD: readonly (readonly [
  what: string,
  make: (path: string, good: Buffer) => void,
  reason: string,
])[] = [
  ["that is missing", () => undefined, "there is no such file"],
  [
    "that is empty",
    (path) => {
      writeFileSync(path, "");
    },
    "it is empty",
  ],
  [
    "that is text",
    (path) => {
      writeFileSync(path, "time,charge\n");
    },
    "it has no HDF5 signature",
  ],
  [
    "that is long and something else",
    (path) => {
      writeFileSync(path, Buffer.alloc(100_000, 7));
    },
    "it has no HDF5 signature",
  ],
  [
    "that is a folder",
    (path) => {
      mkdirSync(path);
    },
    "it is a folder",
  ],
  [
    "that is a link to nothing",
    (path) => {
      symlinkSync("gone.h5", path);
    },
    "it is a link to gone.h5, which isn't there",
  ],
  [
    "that lacks its last byte",
    (path, good) => {
      writeFileSync(path, good.subarray(0, -1));
    },
    "truncated file",
  ],
  [
    "that lacks its second half",
    (path, good) => {
      writeFileSync(path, good.subarray(0, good.length / 2));
    },
    "truncated file",
  ],
  [
    "that ends after its signature",
    (path, good) => {
      writeFileSync(path, good.subarray(0, 8));
    },
    "",
  ],
  [
    "in a folder that is a file",
    (path) => {
      writeFileSync(path.replace(/\/[^/]*$/, ""), "");
    },
    "a part of its path is no folder",
  ],
];

describe("a file", () => {
  test.each(BAD)("%s is refused in one sentence", (_, make, reason) =>
    inFolder(async (folder) => {
      const good = join(folder, "good.h5");
      writeGood(good);
      const inside = reason === "a part of its path is no folder" ? "sub/bad.h5" : "bad.h5";
      const path = join(folder, inside);
      make(path, readFileSync(good));
      const fault = await faultOf(() => new Hdf5File(hdf5, path));
      expect(fault).toMatchObject({ tag: "hdf5-cannot-open", exitCode: 3 });
      expect(fault.message).toContain(`${path} can't be opened as an HDF5 file: ${reason}`);
      expect(fault.message).toMatch(
        /; check that it is the right file and that it was copied whole$/,
      );
      expect(fault.message).not.toMatch(/\n|undefined|: ;/);
      // The library still works.
      const file = new Hdf5File(hdf5, good);
      expect(file.dataSet("x").readColumn()).toEqual(Int32Array.of(1, 2, 3));
      file.close();
    }),
  );

  test("that may not be read is refused in one sentence", () =>
    inFolder(async (folder) => {
      const path = join(folder, "secret.h5");
      writeGood(path);
      chmodSync(folder, 0o755);
      chmodSync(path, 0o000);
      const fault = await faultOf(() => withoutRights(() => new Hdf5File(hdf5, path)));
      expect(fault).toMatchObject({ tag: "hdf5-cannot-open", exitCode: 3 });
      expect(fault.message).toContain("permission denied");
    }));

  test("is opened through a symbolic link", () =>
    inFolder((folder) => {
      writeGood(join(folder, "good.h5"));
      const link = join(folder, "link.h5");
      symlinkSync("good.h5", link);
      const file = new Hdf5File(hdf5, link);
      expect(file.path).toBe(link);
      expect(file.dataSet("x").length).toBe(3);
      file.close();
    }));

  test("is opened behind a user block, as the format allows", () =>
    inFolder((folder) => {
      const path = join(folder, "block.h5");
      writeGood(path);
      // The superblock stands at 0, 512, 1024, … (HDF5 File Format Specification 3.0, II.A); all addresses count from it.
      const good = readFileSync(path);
      writeFileSync(path, Buffer.concat([Buffer.alloc(1024, "#"), good]));
      expect(isHdf5(path)).toBe(true);
      const file = new Hdf5File(hdf5, path);
      expect(file.dataSet("x").readColumn()).toEqual(Int32Array.of(1, 2, 3));
      file.close();
    }));
});
