import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";

// The traps of h5wasm that docs/architecture.md lists, each held shut.

const hdf5 = await loadHdf5();

const ROWS = 40;
const CELLS = 1000;
const cellsOf = (seed: number): Int32Array =>
  Int32Array.from({ length: ROWS * CELLS }, (_, i) => (i * 2_654_435_761 + seed) | 0);

/** `good` and `bad`, both gzip with 10 rows a chunk; then bytes in the middle of `bad`'s second chunk are overwritten. */
function writeWithCorruptChunk(path: string): void {
  const writer = new Hdf5Writer(hdf5, path);
  const table = { type: "i4", shape: [ROWS, CELLS], chunkRows: 10, gzip: 1 } as const;
  for (const [path, seed] of [
    ["/good", 1],
    ["/bad", 2],
  ] as const) {
    const rows = writer.table({ ...table, path });
    // One write for each chunk, so that they stand in the file in order.
    for (let row = 0; row < ROWS; row += 10)
      rows.write(row, cellsOf(seed).subarray(row * CELLS, (row + 10) * CELLS));
  }
  writer.close();
  const bytes = readFileSync(path);
  const chunks = zlibStreams(bytes);
  expect(chunks).toHaveLength(8);
  bytes.fill(0xff, chunks[5]! + 5000, chunks[5]! + 5200);
  writeFileSync(path, bytes);
}

/** Where gzip chunks begin: zlib's header for level 1 is 78 01, and what follows is one chunk. */
function zlibStreams(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = bytes.indexOf("7801", 0, "hex"); at >= 0; at = bytes.indexOf("7801", at + 1, "hex"))
    try {
      if (inflateSync(bytes.subarray(at)).length === 10 * CELLS * 4) starts.push(at);
    } catch {
      // Two bytes of something else.
    }
  return starts;
}

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

describe("a failed read", () => {
  test("throws, and never hands out what the last read left in memory", () =>
    inFolder(async (folder) => {
      const path = join(folder, "corrupt.h5");
      writeWithCorruptChunk(path);
      const file = new Hdf5File(hdf5, path);
      const [good, bad] = [file.dataSet("good"), file.dataSet("bad")];
      expect(good.readColumn()).toEqual(cellsOf(1));
      const target = new Uint8Array(10 * bad.rowBytes).fill(0xaa);
      const fault = await faultOf(() => {
        bad.readRows(10, 10, target);
      });
      expect(fault).toMatchObject({ tag: "hdf5-read-failed", exitCode: 3 });
      expect(fault.message).toContain(`rows 10 to 19 of bad in ${path} can't be read: `);
      expect(target.every((byte) => byte === 0xaa)).toBe(true);
      await faultOf(() => bad.readColumn());
      // The other chunks, and the other data set, are as good as before.
      expect(bad.readSlab(0, 10)).toEqual(cellsOf(2).subarray(0, 10 * CELLS));
      expect(bad.readSlab(20, 20)).toEqual(cellsOf(2).subarray(20 * CELLS));
      expect(good.readColumn()).toEqual(cellsOf(1));
      file.close();
    }));

  test("costs no file descriptor and little time, 2500 times", () =>
    inFolder(async (folder) => {
      const path = join(folder, "corrupt.h5");
      writeWithCorruptChunk(path);
      const file = new Hdf5File(hdf5, path);
      const bad = file.dataSet("bad");
      const before = openDescriptors();
      const begun = performance.now();
      // With the library's throwing error handler 2000 errors leak as many descriptors and never end.
      for (let i = 0; i < 2500; i++) await faultOf(() => bad.readSlab(10, 1));
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(openDescriptors()).toBe(before);
      file.close();
    }));

  test("at open costs no file descriptor, 500 times", () =>
    inFolder(async (folder) => {
      const path = join(folder, "half.h5");
      writeWithCorruptChunk(path);
      writeFileSync(path, readFileSync(path).subarray(0, 50_000));
      const before = openDescriptors();
      for (let i = 0; i < 500; i++) await faultOf(() => new Hdf5File(hdf5, path));
      expect(openDescriptors()).toBe(before);
    }));

  test("for want of the filter names the filter", () =>
    inFolder(async (folder) => {
      const path = join(folder, "filter.h5");
      const writer = new Hdf5Writer(hdf5, path);
      const table = { path: "/x", type: "i4", shape: [20, 10], chunkRows: 5, gzip: 1 } as const;
      writer.table(table).write(0, new Int32Array(200));
      writer.close();
      const bytes = readFileSync(path);
      // Filter pipeline message, version 1 (HDF5 File Format Specification 3.0, IV.A.2.l): id, length of name, flags and
      // number of values, 2 bytes each, then the name. 1 is gzip, 32099 is nobody's.
      const at = bytes.indexOf("deflate\0");
      expect(bytes.readUInt16LE(at - 8)).toBe(1);
      bytes.writeUInt16LE(32_099, at - 8);
      bytes.write("nobody\0\0", at, "latin1");
      writeFileSync(path, bytes);
      const file = new Hdf5File(hdf5, path);
      expect(file.dataSet("x").shape.filters).toEqual(["nobody"]);
      const fault = await faultOf(() => file.dataSet("x").readSlab(0, 1));
      expect(fault).toMatchObject({ tag: "hdf5-no-filter", exitCode: 3 });
      expect(fault.message).toContain(
        `x in ${path} is stored with the filter nobody, which this evb has not`,
      );
      file.close();
    }));
});

describe("a link", () => {
  /** other.h5 has /here/x; links.h5 links to it in every way that works and that doesn't. */
  function writeLinks(folder: string): string {
    const other = new Hdf5Writer(hdf5, join(folder, "other.h5"));
    other.writeColumn("/here/x", "i4", Int32Array.of(7, 8));
    other.close();
    const path = join(folder, "links.h5");
    const file = new hdf5.h5.File(path, "w");
    file.create_dataset({ name: "own", data: Int32Array.of(1) });
    file.create_group("group");
    file.create_soft_link("/own", "soft");
    file.create_soft_link("/nothing", "softToNothing");
    file.create_soft_link("/circle", "circle");
    file.create_external_link("other.h5", "/here/x", "external");
    file.create_external_link("gone.h5", "/here/x", "toNoFile");
    file.create_external_link("other.h5", "/there", "toNoObject");
    file.close();
    return path;
  }

  test.each([
    ["soft", [1]],
    ["external", [7, 8]],
  ])("to a data set is followed, %s", (name, values) =>
    inFolder((folder) => {
      const file = new Hdf5File(hdf5, writeLinks(folder));
      expect(Array.from(file.dataSet(name).readColumn() as Int32Array)).toEqual(values);
      file.close();
    }),
  );

  test.each([
    ["softToNothing", "it is a link to /nothing, which isn't there"],
    ["toNoFile", "it is a link to /here/x in gone.h5, which can't be reached"],
    ["toNoObject", "it is a link to /there in other.h5, which can't be reached"],
    ["group", "it is a group"],
    ["nowhere", "nothing of this name is there"],
    ["group/nowhere", "nothing of this name is there"],
    ["own/nowhere", "nothing of this name is there"],
  ])("or name that leads to no data set says so: %s", (name, reason) =>
    inFolder(async (folder) => {
      const path = writeLinks(folder);
      const file = new Hdf5File(hdf5, path);
      expect(file.shapeOf(name)).toBeUndefined();
      const fault = await faultOf(() => file.dataSet(name));
      expect(fault).toMatchObject({ tag: "hdf5-no-such-data-set", exitCode: 3 });
      expect(fault.message).toBe(
        `${path} has no readable data set ${name} (${reason}); \`evb inspect ${path}\` lists what it has`,
      );
      file.close();
    }),
  );

  test("that is broken or a circle doesn't stop the list of contents", () =>
    inFolder((folder) => {
      const file = new Hdf5File(hdf5, writeLinks(folder));
      const kinds = new Map([...file.contents(100)].map(({ path, kind }) => [path, kind]));
      expect(kinds.get("/external")).toBe("data set");
      expect(kinds.get("/soft")).toBe("data set");
      expect(kinds.get("/softToNothing")).toBe("broken link");
      expect(kinds.get("/toNoFile")).toBe("external link");
      expect(kinds.get("/toNoObject")).toBe("external link");
      expect(kinds.size).toBe(8);
      file.close();
    }));
});
