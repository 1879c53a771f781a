import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5Writer, loadHdf5 } from "@evb/formats";
import { parseDataPlace, RunIndex } from "@evb/index";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { index } from "../support/run-files.ts";

const KB64 = 65_536;

/** A run of two files of 200 kB, and its index beside them. */
async function inIndexedRun(
  test: (run: { folder: string; second: string; out: string }) => Promise<void>,
): Promise<void> {
  await inFolder(async (outer) => {
    const folder = join(outer, "run");
    mkdirSync(folder);
    for (const n of ["1", "2"]) {
      const writer = new Hdf5Writer(await loadHdf5(), join(folder, `file${n}.h5`));
      writer.writeColumn(`/timestamp${n}`, "u8", BigUint64Array.of(5n, 6n));
      writer
        .table({ path: `/bigdata${n}`, type: "i4", shape: [2, 25_000], chunkRows: 1 })
        .write(0, new Int32Array(50_000).fill(Number(n)));
      writer.close();
    }
    const out = join(outer, "run.index.h5");
    await index([folder], out);
    await test({ folder, second: join(folder, "file2.h5"), out });
  });
}

async function checkFresh(out: string, ...places: string[]): Promise<void> {
  const run = await RunIndex.open(out);
  try {
    run.checkFresh(places.map(parseDataPlace));
  } finally {
    run.close();
  }
}

/** Changes one byte; counted from the end where negative. */
function changeByte(path: string, offset: number): void {
  const bytes = readFileSync(path);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(path, bytes);
}

describe("an index is fresh", () => {
  test("as long as nobody touches the files", () =>
    inIndexedRun(async ({ out }) => {
      await checkFresh(out);
    }));

  test("where only the time of a file changed", () =>
    inIndexedRun(async ({ second, out }) => {
      utimesSync(second, 1, 1);
      await checkFresh(out);
    }));

  test("where a byte changed that is in neither end: that is the price of a quick check", () =>
    inIndexedRun(async ({ second, out }) => {
      changeByte(second, KB64);
      changeByte(second, -KB64 - 1);
      await checkFresh(out);
    }));

  test("on another host, where --data says where the files lie", () =>
    inIndexedRun(async ({ folder, out }) => {
      const moved = join(folder, "..", "moved");
      renameSync(folder, moved);
      await checkFresh(out, moved);
      await checkFresh(out, `${folder}=${moved}`);
    }));

  test("for a copy of the files", () =>
    inIndexedRun(async ({ folder, out }) => {
      const copy = join(folder, "..", "copy");
      mkdirSync(copy);
      for (const name of ["file1.h5", "file2.h5"])
        copyFileSync(join(folder, name), join(copy, name));
      rmSync(folder, { recursive: true });
      await checkFresh(out, copy);
    }));
});

describe("an index is stale", () => {
  test.each([
    ["first", 0],
    ["last of the first 64 kB", KB64 - 1],
    ["first of the last 64 kB", -KB64],
    ["last", -1],
  ])("where the %s byte of a file changed", (_, offset) =>
    inIndexedRun(async ({ second, out }) => {
      changeByte(second, offset);
      const fault = await faultOf(() => checkFresh(out));
      expect(fault).toMatchObject({ tag: "index-stale", exitCode: 3 });
      expect(fault.message).toBe(
        `${out} no longer describes ${second}: its first or last 64 kB changed; run \`evb index\` again`,
      );
    }),
  );

  test.each([1, -1])("where a file is %i byte longer", (longer) =>
    inIndexedRun(async ({ second, out }) => {
      const bytes = readFileSync(second);
      const [had, has] = [bytes.length, bytes.length + longer];
      writeFileSync(second, Buffer.concat([bytes, Buffer.alloc(1)]).subarray(0, has));
      const fault = await faultOf(() => checkFresh(out));
      expect(fault).toMatchObject({ tag: "index-stale", exitCode: 3 });
      expect(fault.message).toContain(
        `no longer describes ${second}: it has ${String(has)} bytes and had ${String(had)}`,
      );
    }),
  );

  test("where a file of another run took the place", () =>
    inIndexedRun(async ({ folder, second, out }) => {
      copyFileSync(join(folder, "file1.h5"), second);
      const fault = await faultOf(() => checkFresh(out));
      expect(fault).toMatchObject({ tag: "index-stale", exitCode: 3 });
    }));
});

test("an index whose files are gone says how to find them", () =>
  inIndexedRun(async ({ folder, second, out }) => {
    rmSync(second);
    const fault = await faultOf(() => checkFresh(out));
    expect(fault).toMatchObject({ tag: "data-missing", exitCode: 3 });
    expect(fault.message).toBe(
      `${second}, which ${out} describes, can't be read: there is no such file; if the run was moved, say where with --data DIR`,
    );
    const other = await faultOf(() => checkFresh(out, join(folder, "elsewhere")));
    expect(other.message).toContain(join(folder, "elsewhere", "file1.h5"));
  }));

test("a fingerprint is the sha-256 of both ends, of a short file of the whole", () =>
  inIndexedRun(async ({ folder, second, out }) => {
    const run = await RunIndex.open(out);
    const bytes = readFileSync(second);
    const ends = Buffer.concat([bytes.subarray(0, KB64), bytes.subarray(-KB64)]);
    expect(run.files[1]).toMatchObject({
      path: "file2.h5",
      sizeBytes: bytes.length,
      ends: createHash("sha256").update(ends).digest("hex"),
    });
    run.close();

    const short = join(folder, "file3.h5");
    const writer = new Hdf5Writer(await loadHdf5(), short);
    writer.writeColumn("/timestamp3", "u8", BigUint64Array.of(5n));
    // 100 kB: both ends together are longer than the file.
    writer.writeColumn("/bigdata3", "u1", new Uint8Array(1));
    writer.writeColumn("/padding", "u1", new Uint8Array(100_000).fill(3));
    writer.close();
    await index([short], join(folder, "short.index.h5"));
    const other = await RunIndex.open(join(folder, "short.index.h5"));
    const whole = readFileSync(short);
    expect(whole.length).toBeLessThan(2 * KB64);
    expect(other.files[0]!.ends).toBe(createHash("sha256").update(whole).digest("hex"));
    other.close();
  }));
