import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { INDEX_FORMAT, INDEX_VERSION, RunIndex, withSources, type EventSlab } from "@evb/index";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

const T = 1_700_000_000_000_000_000n;

/**
 * Three sources, four events:
 *   T        file1[0]           file3[1]
 *   T + 13   file1[1]  file2[0]
 *   T + 26                      file3[0]
 *   T + 39   file1[2]  file2[1] file3[2]
 */
async function inIndexed(test: (out: string, folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const labels = ["red", "blue", "red"];
    await writeSeedFile(folder, { n: 1, times: [T, T + 13n, T + 39n], labels });
    await writeSeedFile(folder, { n: 2, times: [T + 13n, T + 39n] });
    await writeSeedFile(folder, { n: 3, times: [T + 26n, T, T + 39n] });
    const out = join(folder, "run.index.h5");
    await index([folder], out);
    await test(out, folder);
  });
}

async function withIndex<Result>(out: string, use: (run: RunIndex) => Result): Promise<Result> {
  const run = await RunIndex.open(out);
  try {
    return use(run);
  } finally {
    run.close();
  }
}

const plain = ({ first, time, start, source, row }: EventSlab) => ({
  first,
  time: Array.from(time, (stamp) => Number(stamp - T)),
  start: Array.from(start),
  source: Array.from(source),
  row: Array.from(row),
});

describe("an index", () => {
  test("gives any slab of its events, counted from the slab", () =>
    inIndexed(async (out) => {
      await withIndex(out, (run) => {
        expect([run.eventCount, run.fragmentCount]).toEqual([4, 8]);
        expect(plain(run.slab(0, 4))).toEqual({
          first: 0,
          time: [0, 13, 26, 39],
          start: [0, 2, 4, 5, 8],
          source: [0, 2, 0, 1, 2, 0, 1, 2],
          row: [0, 1, 1, 0, 0, 2, 1, 2],
        });
        expect(plain(run.slab(1, 2))).toEqual({
          first: 1,
          time: [13, 26],
          start: [0, 2, 3],
          source: [0, 1, 2],
          row: [1, 0, 0],
        });
        expect(plain(run.slab(4, 0))).toMatchObject({ time: [], start: [0], row: [] });
      });
    }));

  test("gives the events of some sources, and knows those that have none of them", () =>
    inIndexed(async (out) => {
      await withIndex(out, (run) => {
        const some = withSources(run, "file[23]");
        expect(some.sources.map(({ name }) => name)).toEqual(["file2", "file3"]);
        expect(some.eventCount).toBe(4);
        expect(plain(some.slab(0, 4))).toEqual({
          first: 0,
          time: [0, 13, 26, 39],
          start: [0, 1, 2, 3, 5],
          source: [1, 0, 1, 0, 1],
          row: [1, 0, 0, 1, 2],
        });
        expect(plain(withSources(run, "file2").slab(2, 2))).toMatchObject({
          start: [0, 0, 1],
          source: [0],
          row: [1],
        });
      });
      const fault = await faultOf(() => withIndex(out, (run) => withSources(run, "none")));
      expect(fault).toMatchObject({ tag: "no-such-source", exitCode: 2 });
      expect(fault.message).toContain("there are file1, file2, file3");
    }));

  test("says what it was made from, and by which evb", () =>
    inIndexed(async (out, folder) => {
      await withIndex(out, (run) => {
        expect(run.made).toEqual({
          evb: "0.0.0-test",
          layout: "seed",
          match: "exact",
          select: "all",
          require: "any",
        });
        expect(run.root).toBe(folder);
        expect(run.report.multiplicity).toEqual({ "1": 1, "2": 2, "3": 1 });
        expect(run.report.sources[2]).toEqual({
          source: "file3",
          file: "file3.h5",
          rows: 3,
          matched: 3,
          unmatched: 0,
          duplicates: 0,
          outOfOrder: 1,
          library: null,
        });
      });
    }));

  test("is an HDF5 file of unfiltered columns, in chunks of their own length, with all stamps and labels", () =>
    inIndexed(async (out) => {
      const file = new Hdf5File(await loadHdf5(), out);
      expect([file.attribute("format"), file.attribute("version")]).toEqual([
        INDEX_FORMAT,
        INDEX_VERSION,
      ]);
      const columns = [...file.contents(1000)].flatMap(({ shape }) => shape ?? []);
      expect(columns.length).toBeGreaterThan(15);
      for (const { shape, chunk, filters } of columns) {
        expect(chunk).toEqual([Math.max(1, shape[0]!)]);
        expect(filters).toEqual([]);
      }
      expect(file.dataSet("/labels/smalldata").readStrings()).toEqual(["red", "blue", "red"]);
      // Every row of every source in file order, matched or not.
      const stamps = Array.from(file.dataSet("/fragments/time").readColumn() as BigUint64Array);
      expect(stamps.map((stamp) => Number(stamp - T))).toEqual([0, 13, 39, 13, 39, 26, 0, 39]);
      file.close();
    }));
});

describe("an index whose events are damaged", () => {
  test.each([
    ["/events/start", 3, "no fragments are said to be of event 2"],
    ["/events/fragment", 8, "there is no fragment 8"],
  ])("is said to be where they are read: %s", (path, value, reason) =>
    inIndexed(async (out) => {
      const file = new Hdf5File(await loadHdf5(), out);
      const storage = file.storageOf(path) as { address: Float64Array };
      file.close();
      const bytes = readFileSync(out);
      // The fourth entry.
      bytes.writeUInt32LE(value, storage.address[0]! + 12);
      writeFileSync(out, bytes);
      const fault = await faultOf(() => withIndex(out, (run) => run.slab(0, 4)));
      expect(fault).toMatchObject({ tag: "index-damaged", exitCode: 3 });
      expect(fault.message).toContain(reason);
    }),
  );
});

describe("what is no index is refused", () => {
  /** Makes something in the place of the index and says how it is refused. */
  async function refusal(make: (path: string, folder: string) => void | Promise<void>) {
    let message = "";
    let rest: unknown;
    await inIndexed(async (_, folder) => {
      const path = join(folder, "odd.h5");
      await make(path, folder);
      const { tag, exitCode, message: sentence } = await faultOf(() => RunIndex.open(path));
      message = sentence.replaceAll(path, "ODD");
      rest = { tag, exitCode };
    });
    return { message, rest };
  }

  test.each<
    readonly [
      string,
      (path: string, folder: string) => void | Promise<void>,
      string,
      number,
      string,
    ]
  >([
    ["nothing", () => undefined, "index-missing", 3, "there is no index ODD; check the path"],
    [
      "a folder",
      (path) => {
        mkdirSync(path);
      },
      "not-an-index",
      2,
      "ODD is a folder, not an index; make one with `evb index ODD -o run.index.h5` and give that",
    ],
    [
      "a data file",
      (path, folder) => {
        copyFileSync(join(folder, "file1.h5"), path);
      },
      "not-an-index",
      2,
      "ODD is a data file, not an index; make one with `evb index ODD -o run.index.h5` and give that",
    ],
    [
      "results",
      async (path) => {
        const writer = new Hdf5Writer(await loadHdf5(), path);
        writer.attribute("format", "evb-results");
        writer.close();
      },
      "not-an-index",
      2,
      "ODD is the results of a run, not an index; give the index that the run was made from",
    ],
    [
      "an index of an older format",
      async (path) => {
        const writer = new Hdf5Writer(await loadHdf5(), path);
        writer.attribute("format", INDEX_FORMAT);
        writer.attribute("version", INDEX_VERSION - 1);
        writer.close();
      },
      "index-version",
      3,
      `ODD has index format ${String(INDEX_VERSION - 1)}, and this evb reads ${String(INDEX_VERSION)}; run \`evb index\` again`,
    ],
    [
      "an index without its columns",
      async (path) => {
        const writer = new Hdf5Writer(await loadHdf5(), path);
        writer.attribute("format", INDEX_FORMAT);
        writer.attribute("version", INDEX_VERSION);
        writer.close();
      },
      "index-damaged",
      3,
      "ODD is damaged: ",
    ],
    [
      "half an index",
      (path, folder) => {
        const bytes = readFileSync(join(folder, "run.index.h5"));
        writeFileSync(path, bytes.subarray(0, bytes.length / 2));
      },
      "index-damaged",
      3,
      "ODD is damaged: ",
    ],
    [
      "text",
      (path) => {
        writeFileSync(path, "no HDF5");
      },
      "index-damaged",
      3,
      "ODD is damaged: ",
    ],
  ])("%s", async (_, make, tag, exitCode, sentence) => {
    const { message, rest } = await refusal(make);
    expect(rest).toEqual({ tag, exitCode });
    expect(message).toContain(sentence);
    expect(message).not.toContain("\n");
  });
});
