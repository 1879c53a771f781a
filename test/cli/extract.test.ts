import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { EVB, evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

const hdf5 = await loadHdf5();

/** A column or data of an extract, as plain numbers or strings. */
function valuesOf(path: string, dataSet: string): (number | string)[] {
  const file = new Hdf5File(hdf5, path);
  try {
    const found = file.dataSet(dataSet);
    if (found.shape.type!.startsWith("S")) return found.readStrings();
    return Array.from(found.readColumn() as ArrayLike<number | bigint>, Number);
  } finally {
    file.close();
  }
}

function attributeOf(path: string, name: string): unknown {
  const file = new Hdf5File(hdf5, path);
  try {
    return file.attribute(name);
  } finally {
    file.close();
  }
}

/**
 * Two files whose stamps are told; row r of file n has the elements 1000 n + r, 0, 0. The stamp 20 is in both, twice in
 * file 2, whose first row of it counts.
 */
async function run(folder: string): Promise<string> {
  await writeSeedFile(folder, { n: 1, times: [10, 20, 30], labels: ["red", "green", "red"] });
  await writeSeedFile(folder, { n: 2, times: [20, 40, 20] });
  const out = join(folder, "run.index.h5");
  await index([join(folder, "file1.h5"), join(folder, "file2.h5")], out);
  return out;
}

const extract = (folder: string, ...words: readonly string[]): ReturnType<typeof evb> =>
  evb(["extract", "run.index.h5", "-o", "out.h5", "--quiet", ...words], folder);

describe("evb extract", () => {
  test("takes the first fragment of each source of an event that a window made, and counts the others", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [10, 20, 30], labels: ["red", "green", "red"] });
      await writeSeedFile(folder, { n: 2, times: [20, 40, 12] });
      // 10 … 20, and 30 … 40: file 1 has two in the first one, file 2 two as well.
      const window = ["--all", "--match", "window", "--window", "10"];
      const files = ["file1.h5", "file2.h5"];
      const indexed = evb(["index", ...files, "-o", "run.index.h5", "--quiet", ...window], folder);
      expect(indexed).toMatchObject({ code: 0 });
      const made = extract(folder, "--json");
      expect(made).toMatchObject({ code: 0 });
      expect(JSON.parse(made.stdout)).toMatchObject({ events: 2, fragments: 4, leftOut: 2 });
      const out = join(folder, "out.h5");
      expect(valuesOf(out, "/sources/file1/row")).toEqual([0, 2]);
      expect(valuesOf(out, "/sources/file2/row")).toEqual([2, 1]);
    }));

  test.each([
    [[]],
    [["--events-per-chunk", "3"]],
    [["--compression", "gzip:4"]],
    [["--compression", "gzip:1", "--shuffle", "--events-per-chunk", "1", "--clients", "2"]],
  ])("puts the rows of an event side by side, %j", (words) =>
    inFolder(async (folder) => {
      await run(folder);
      expect(extract(folder, ...words)).toMatchObject({ code: 0, stderr: "" });
      const out = join(folder, "out.h5");
      expect(valuesOf(out, "/events/time")).toEqual([10, 20, 30, 40]);
      expect(valuesOf(out, "/events/event")).toEqual([0, 1, 2, 3]);
      expect(valuesOf(out, "/labels/smalldata")).toEqual(["red", "green", "red", ""]);
      expect(valuesOf(out, "/sources/file1/row")).toEqual([0, 1, 2, -1]);
      expect(valuesOf(out, "/sources/file2/row")).toEqual([-1, 0, -1, 1]);
      expect(valuesOf(out, "/sources/file1/status")).toEqual([0, 0, 0, 2]);
      expect(valuesOf(out, "/sources/file2/status")).toEqual([2, 0, 2, 0]);
      // First elements 1000 n + row; 0 where the event lacks the source.
      const firsts = (n: number): (number | string)[] =>
        valuesOf(out, `/sources/file${String(n)}/data`).filter((_, k) => k % 3 === 0);
      expect(firsts(1)).toEqual([1000, 1001, 1002, 0]);
      expect(firsts(2)).toEqual([0, 2000, 0, 2001]);
    }),
  );

  test("says where everything came from", () =>
    inFolder(async (folder) => {
      await run(folder);
      expect(extract(folder, "--events", "1:3", "--sources", "*2").code).toBe(0);
      const out = join(folder, "out.h5");
      expect(attributeOf(out, "format")).toBe("evb-extract");
      expect(attributeOf(out, "events")).toBe("1:3");
      expect(attributeOf(out, "sources")).toBe("*2");
      expect(attributeOf(out, "select")).toBe("all");
      expect(attributeOf(out, "failed")).toBe(0);
      expect(valuesOf(out, "/files/path")).toEqual(["file1.h5", "file2.h5"]);
      const sizes = ["file1.h5", "file2.h5"].map((name) => statSync(join(folder, name)).size);
      expect(valuesOf(out, "/files/size")).toEqual(sizes);
      expect(valuesOf(out, "/events/event")).toEqual([1, 2]);
    }));

  test("reports what it wrote, as JSON", () =>
    inFolder(async (folder) => {
      await run(folder);
      const { stdout } = extract(folder, "--json", "--events-per-chunk", "1");
      const report = JSON.parse(stdout) as Record<string, unknown>;
      // Fragments: rows 0 to 2 of file 1, rows 0 and 1 of file 2, of 12 bytes each.
      expect(report).toMatchObject({
        events: 4,
        fragments: 5,
        failed: 0,
        failures: [],
        bytes: 60,
        bytesWritten: statSync(join(folder, "out.h5")).size,
        sources: [
          {
            source: "file1",
            rows: 3,
            failed: 0,
            eventsPerChunk: 1,
            chunks: 3,
            bytes: 36,
            bytesStored: 36,
          },
          {
            source: "file2",
            rows: 2,
            failed: 0,
            eventsPerChunk: 1,
            chunks: 2,
            bytes: 24,
            bytesStored: 24,
          },
        ],
      });
      expect(readdirSync(folder).sort()).toEqual([
        "file1.h5",
        "file2.h5",
        "out.h5",
        "run.index.h5",
      ]);
    }));

  test("replaces an extract with --force, and nothing else", () =>
    inFolder(async (folder) => {
      await run(folder);
      writeFileSync(join(folder, "other.h5"), "mine");
      expect(extract(folder).code).toBe(0);
      const again = extract(folder);
      expect([again.code, sentenceOf(again)]).toEqual([
        2,
        "out.h5 exists already; choose another name, or --force to write it anew",
      ]);
      expect(extract(folder, "--force").code).toBe(0);
      const foreign = evb(["extract", "run.index.h5", "-o", "other.h5", "--force"], folder);
      expect([foreign.code, sentenceOf(foreign)]).toEqual([
        2,
        "other.h5 is no extract of evb's, so --force won't replace it; choose another name",
      ]);
      const input = evb(["extract", "run.index.h5", "-o", "file1.h5", "--force"], folder);
      expect([input.code, sentenceOf(input)]).toEqual([
        2,
        `file1.h5 is ${join(folder, "file1.h5")}, which is read; choose another name`,
      ]);
      expect(readFileSync(join(folder, "other.h5"), "utf8")).toBe("mine");
    }));

  test("with --resume begins, goes on, or finds that all is done", () =>
    inFolder(async (folder) => {
      await run(folder);
      expect(extract(folder, "--resume").code).toBe(0);
      const { mtimeMs } = statSync(join(folder, "out.h5"));
      expect(evb(["extract", "run.index.h5", "-o", "out.h5", "--resume"], folder)).toMatchObject({
        code: 0,
        stderr: "evb: out.h5 is whole already: nothing is left to do\n",
      });
      expect(statSync(join(folder, "out.h5")).mtimeMs).toBe(mtimeMs);
      const other = extract(folder, "--resume", "--events", "0:1");
      expect([other.code, sentenceOf(other)]).toEqual([
        2,
        "out.h5 exists already; choose another name, or --force to write it anew",
      ]);
    }));

  test.each([
    [
      ["--compression", "zip"],
      /^--compression zip is not understood; give none or gzip:1 to gzip:9$/,
    ],
    [["--compression", "gzip:10"], /^--compression gzip:10 is not understood/],
    [["--shuffle"], /^--shuffle does nothing without --compression gzip:1 … gzip:9; /],
    [["--events-per-chunk", "0"], /^--events-per-chunk 0 is not understood; /],
    [["--events", "2:9"], /^--events 2:9 is no range of this index's 4 events; /],
    [["--sources", "cam*"], /^no source is called cam\*|cam\*/],
    [["--clients", "0"], /^--clients 0 is not understood; /],
    [["--batch", "none"], /^--batch none is not understood; /],
    [["--memory", "much"], /^--memory much is not understood; /],
    [["--force", "--resume"], /^--force and --resume exclude each other; leave one out$/],
  ])("refuses %j, and writes nothing", (words, sentence) =>
    inFolder(async (folder) => {
      await run(folder);
      const ended = extract(folder, ...words);
      expect([ended.code, sentenceOf(ended)]).toEqual([2, expect.stringMatching(sentence)]);
      expect(readdirSync(folder).sort()).toEqual(["file1.h5", "file2.h5", "run.index.h5"]);
    }),
  );

  test("ends with 1 where there is no event, with 3 where data is missing or not what was indexed", () =>
    inFolder(async (folder) => {
      await run(folder);
      await index([join(folder, "file1.h5")], join(folder, "none.h5"), {
        select: { kind: "expression", text: 'smalldata == "blue"' },
      });
      const none = evb(["extract", "none.h5", "-o", "out.h5"], folder);
      expect([none.code, sentenceOf(none)]).toEqual([
        1,
        "none.h5 has no event, so there is nothing to extract",
      ]);
      mkdirSync(join(folder, "empty"));
      const missing = extract(folder, "--data", "empty");
      expect(missing.code).toBe(3);
      expect(sentenceOf(missing)).toMatch(/file1\.h5.*there is no such file/);
      writeFileSync(join(folder, "file2.h5"), "short");
      const stale = extract(folder);
      expect(stale.code).toBe(3);
      expect(sentenceOf(stale)).toMatch(/file2\.h5.*it has 5 bytes and had \d+/);
      expect(readdirSync(folder)).not.toContain("out.h5");
      expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
    }));

  test("refuses a place that isn't there", () =>
    inFolder(async (folder) => {
      await run(folder);
      const ended = evb(["extract", "run.index.h5", "-o", "nowhere/out.h5"], folder);
      expect([ended.code, sentenceOf(ended)]).toEqual([
        1,
        `nowhere/out.h5 can't be written: there is no folder ${join(folder, "nowhere")}; check that its folder is there, writable, and has room`,
      ]);
    }));
});

describe("clients of an extract on another host", () => {
  test.each([
    [[], /^(.*\/\.out\.h5\.extract\/0-0\.[-\da-f]+\.partial\n)+$/],
    [
      ["--compression", "gzip:1"],
      /^(.*\/\.out\.h5\.extract\/[1-9]\d*-[1-9]\d*\.[-\da-f]+\.partial\n)+$/,
    ],
  ])("say nothing of a part before the disk has it, %j", (words, synced) =>
    inFolder(async (folder) => {
      await run(folder);
      const log = join(folder, "synced");
      const preload = fileURLToPath(new URL("../support/preload/elsewhere.cjs", import.meta.url));
      const all = [
        "extract",
        "run.index.h5",
        "-o",
        "out.h5",
        "--listen",
        "127.0.0.1",
        "--quiet",
        ...words,
      ];
      const { status, stderr } = spawnSync(process.execPath, [EVB, ...all, "--clients", "1"], {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, EVB_SYNCED: log, NODE_OPTIONS: `--require=${preload}` },
      });
      expect([status, stderr]).toEqual([0, ""]);
      expect(readFileSync(log, "utf8")).toMatch(synced);
    }),
  );
});

describe("a row that can't be read", () => {
  /** One gzip chunk per row, in a middle one of which a byte is turned over: where nobody's fingerprint looks. */
  async function damagedRun(folder: string): Promise<string> {
    const path = join(folder, "file1.h5");
    const rows = 40;
    const writer = new Hdf5Writer(hdf5, path);
    writer.writeColumn(
      "/timestamp1",
      "u8",
      BigUint64Array.from({ length: rows }, (_, k) => BigInt(k + 1)),
    );
    const shape = [rows, 3000];
    const table = writer.table({ path: "/bigdata1", type: "f4", shape, chunkRows: 1, gzip: 1 });
    const cells = new Float32Array(rows * 3000);
    cells.forEach((_, k) => (cells[k] = Math.sin(k * 12.9898) * 43758.5453));
    table.write(0, cells);
    writer.close();
    await index([path], join(folder, "run.index.h5"));
    const file = new Hdf5File(hdf5, path);
    const storage = file.storageOf("/bigdata1");
    file.close();
    if (storage.kind !== "chunked") throw new Error("it has no chunks");
    const fd = openSync(path, "r+");
    writeSync(fd, Uint8Array.of(0xff, 0xff, 0xff), 0, 3, storage.address[17]! + 1000);
    closeSync(fd);
    return path;
  }

  test.each([
    [[]],
    [["--events-per-chunk", "4"]],
    [["--compression", "gzip:1", "--events-per-chunk", "4"]],
  ])("is named, and stands as not-a-number with status 1, %j", (words) =>
    inFolder(async (folder) => {
      const path = await damagedRun(folder);
      const ended = extract(folder, ...words, "--clients", "1");
      expect(ended.code).toBe(1);
      const sentence = sentenceOf(ended);
      expect(sentence).toMatch(
        /^event 17 can't be read whole: row 17 of file1: .*; out\.h5 has the rest, and status 1 for it$/,
      );
      expect(sentence).toContain(path);
      const out = join(folder, "out.h5");
      const status = valuesOf(out, "/sources/file1/status");
      expect(status).toEqual(Array.from({ length: 40 }, (_, k) => (k === 17 ? 1 : 0)));
      expect(attributeOf(out, "failed")).toBe(1);
      const data = valuesOf(out, "/sources/file1/data") as number[];
      expect(data.slice(17 * 3000, 18 * 3000).every((value) => Number.isNaN(value))).toBe(true);
      expect(data.filter((value) => Number.isNaN(value))).toHaveLength(3000);
    }),
  );

  test("is no fragment where the extract is indexed, and is told of", () =>
    inFolder(async (folder) => {
      await damagedRun(folder);
      expect(extract(folder, "--clients", "1").code).toBe(1);
      const { code, stdout, stderr } = evb(
        ["index", "out.h5", "-o", "o.index.h5", "--json"],
        folder,
      );
      const sentence =
        "file1: 1 row couldn't be read when the extract was written, and is no fragment here";
      expect([code, stderr]).toEqual([0, `evb: ${sentence}\n`]);
      expect(JSON.parse(stdout)).toMatchObject({
        events: 40,
        fragments: 39,
        multiplicity: { 0: 1, 1: 39 },
        warnings: [sentence],
      });
    }));

  test("ends it with --strict, and nothing is left", () =>
    inFolder(async (folder) => {
      await damagedRun(folder);
      const ended = extract(folder, "--strict", "--clients", "1");
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toMatch(
        /^part \d+ of the output can't be written: row 17 of file1: /,
      );
      expect(existsSync(join(folder, "out.h5"))).toBe(false);
      expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
    }));
});
