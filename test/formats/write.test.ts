import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { COLUMN_CHUNK_ROWS, columnChunkRows, Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";

const hdf5 = await loadHdf5();

/** Writes a file, and opens it again. */
function written(
  write: (writer: Hdf5Writer) => void,
  check: (file: Hdf5File) => void,
): Promise<void> {
  return inFolder((folder) => {
    const path = join(folder, "x.h5");
    const writer = new Hdf5Writer(hdf5, path);
    write(writer);
    writer.close();
    const file = new Hdf5File(hdf5, path);
    try {
      check(file);
    } finally {
      file.close();
    }
  });
}

describe("a column", () => {
  // docs/decisions/0031-column-chunks.md: as few of at most 2^20 rows as hold it, alike in size, in whole pages of 4096.
  test.each([
    [1, 1],
    [1000, 1000],
    [2 ** 20, 2 ** 20],
    [2 ** 20 + 1, 129 * 4096],
  ])("of %i rows has unfiltered chunks of %i rows", (rows, chunk) =>
    written(
      (writer) => {
        writer.column("/x", "u1", rows);
      },
      (file) => {
        expect(file.shapeOf("x")).toMatchObject({ shape: [rows], chunk: [chunk], filters: [] });
      },
    ),
  );

  test("without rows is there, and can be written nowhere", () =>
    written(
      (writer) => {
        writer.writeColumn("/x", "u8", new BigUint64Array(0));
        writer.writeStrings("/s", []);
      },
      (file) => {
        expect(file.dataSet("x").readColumn()).toEqual(new BigUint64Array(0));
        expect(file.dataSet("s").readStrings()).toEqual([]);
      },
    ));

  test("longer than a chunk and a slab comes back whole", () => {
    // 1.5 chunks; 12 MB go through the heap in two slabs of 8 MiB.
    const rows = 1.5 * COLUMN_CHUNK_ROWS;
    const stamps = BigUint64Array.from({ length: rows }, (_, row) => BigInt(row) << 20n);
    return written(
      (writer) => {
        writer.writeColumn("/x", "u8", stamps);
      },
      (file) => {
        const read = file.dataSet("x").readColumn();
        // Buffers are compared 100 times faster than typed arrays.
        expect(Buffer.from(read.buffer).equals(Buffer.from(stamps.buffer))).toBe(true);
        expect(file.dataSet("x").readSlab(COLUMN_CHUNK_ROWS - 1, 2)).toEqual(
          BigUint64Array.of(BigInt(COLUMN_CHUNK_ROWS - 1) << 20n, BigInt(COLUMN_CHUNK_ROWS) << 20n),
        );
      },
    );
  });

  test.each([
    [0, 1],
    [7, 7],
    [2 ** 20, 2 ** 20],
    // 2^19 is 128 pages of 4096.
    [2 ** 20 + 1, 129 * 4096],
    [1_100_000, 135 * 4096],
    [10 ** 8, 255 * 4096],
  ])("of %d rows has chunks of %d", (rows, chunkRows) => {
    expect(columnChunkRows(rows)).toBe(chunkRows);
  });

  test("is written slab by slab, at any row and in any order; rows that nobody wrote are 0", () =>
    written(
      (writer) => {
        const column = writer.column("/x", "i4", 10);
        column.write(7, Int32Array.of(70, 80, 90));
        column.write(0, Int32Array.of(1, 2));
        column.write(1, new Uint8Array(Int32Array.of(10, 20).buffer));
      },
      (file) => {
        expect(file.dataSet("x").readColumn()).toEqual(
          Int32Array.of(1, 10, 20, 0, 0, 0, 0, 70, 80, 90),
        );
      },
    ));

  test("takes a part of a larger array", () =>
    written(
      (writer) => {
        writer.writeColumn("/x", "f8", Float64Array.of(1, 2, 3, 4).subarray(1, 3));
      },
      (file) => {
        expect(file.dataSet("x").readColumn()).toEqual(Float64Array.of(2, 3));
      },
    ));

  test("that is a table of gzip chunks may be written across them", () => {
    const cells = Int16Array.from({ length: 25 * 6 }, (_, i) => i * i);
    return written(
      (writer) => {
        const table = { path: "/a/b/x", type: "i2", shape: [25, 2, 3], chunkRows: 4 } as const;
        const rows = writer.table({ ...table, gzip: 6 });
        rows.write(0, cells.subarray(0, 42)); // rows 0 to 6
        rows.write(7, cells.subarray(42));
      },
      (file) => {
        expect(file.shapeOf("a/b/x")).toMatchObject({ chunk: [4, 2, 3], filters: ["deflate"] });
        expect(file.dataSet("a/b/x").readColumn()).toEqual(cells);
      },
    );
  });
});

describe("a file that evb wrote", () => {
  test("lists its groups and data sets by path, as many as are asked for", () =>
    written(
      (writer) => {
        writer.writeColumn("/b/deep/y", "f4", Float32Array.of(1));
        writer.writeColumn("/b/x", "u2", Uint16Array.of(1, 2));
        writer.writeColumn("/a", "i8", BigInt64Array.of(1n));
        writer.group("/empty");
      },
      (file) => {
        expect([...file.contents(100)].map(({ path, kind }) => `${path} ${kind}`)).toEqual([
          "/a data set",
          "/b group",
          "/empty group",
          "/b/deep group",
          "/b/x data set",
          "/b/deep/y data set",
        ]);
        expect([...file.contents(2)]).toHaveLength(2);
        expect(file.names("b")).toEqual(["deep", "x"]);
        expect(file.names("/empty")).toEqual([]);
        expect(file.names("a")).toEqual([]);
        expect(file.names("nowhere")).toEqual([]);
      },
    ));

  test("has its attributes, strings and whole numbers", () =>
    written(
      (writer) => {
        writer.attribute("format", "evb-index");
        writer.attribute("version", 1);
      },
      (file) => {
        expect(file.attribute("format")).toBe("evb-index");
        expect(file.attribute("version")).toBe(1);
        expect(file.attribute("none")).toBeUndefined();
      },
    ));

  test("has the superblock that HDF5 1.8 reads", () =>
    inFolder((folder) => {
      const path = join(folder, "x.h5");
      const writer = new Hdf5Writer(hdf5, path);
      writer.writeColumn("/x", "i4", Int32Array.of(1));
      writer.close();
      // Byte 8 is the version; 0 to 2 are read by 1.8, 3 came with 1.10 (HDF5 File Format Specification 3.0, II.A).
      expect(readFileSync(path)[8]).toBeLessThanOrEqual(2);
    }));
});

describe("a write that fails", () => {
  test("at the start says where and why", () =>
    inFolder(async (folder) => {
      const path = join(folder, "nowhere", "x.h5");
      const fault = await faultOf(() => new Hdf5Writer(hdf5, path));
      expect(fault).toMatchObject({ tag: "hdf5-write-failed", exitCode: 1 });
      expect(fault.message).toBe(
        `the file can't be written to ${path}: No such file or directory; check that the folder is there and has room`,
      );
    }));

  test("as nothing more fits is noticed, though the library hides it", () =>
    inFolder((folder) => {
      // A limit on the size of files (10,000 kB of 32 MB) stands for a full disk: it needs no rights. The signal that
      // comes with it must be ignored for write() to fail instead.
      const writer = fileURLToPath(new URL("limited-writer.mjs", import.meta.url));
      const line = `trap '' XFSZ; ulimit -f 10000; exec "${process.execPath}" "${writer}" "${join(folder, "x.h5")}"`;
      const { stdout } = spawnSync("bash", ["-c", line], { encoding: "utf8", timeout: 30_000 });
      expect(JSON.parse(stdout)).toMatchObject({
        tag: "hdf5-write-failed",
        exitCode: 1,
        message: expect.stringContaining(
          "File too large; check that the folder is there and has room",
        ),
      });
    }));
});
