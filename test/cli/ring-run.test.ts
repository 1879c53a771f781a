import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes, WRITERS, type Writer } from "../support/ring-bytes.ts";
import { writeSeedFile } from "../support/run-files.ts";

/**
 * Two events within 10 ticks, of sources 1 and 2: words [5, 65535, 7] and [300], then [9], alone; the event between them is
 * in the second segment. Of the last payload a byte makes no word.
 */
function writeRun(folder: string, writer: Writer): string {
  const run = join(folder, "run");
  mkdirSync(run);
  const ring = new RingBytes(writer);
  const body = (...words: number[]): Buffer => Buffer.concat(words.map(ring.u16));
  const [a, b] = [ring.hit(100n, 1, body(5, 65_535, 7)), ring.hit(104n, 2, body(300))];
  const odd = ring.hit(210n, 2, Buffer.concat([body(9), Buffer.of(1)]));
  const write = (name: string, items: Buffer[]): void => {
    writeFileSync(join(run, name), Buffer.concat(items));
  };
  write("run-0007-00.evt", [
    ring.state("BEGIN_RUN", { run: 7 }, { source: 1, barrier: 1 }),
    ring.built({ stamp: 100n, source: 0 }, [a, b]),
  ]);
  write("run-0007-01.evt", [ring.built({ stamp: 210n, source: 0 }, [odd])]);
  return run;
}

async function columnsOf(out: string, ...paths: readonly string[]): Promise<(number | string)[][]> {
  const file = new Hdf5File(await loadHdf5(), join(out, "results.h5"));
  try {
    return paths.map((path) =>
      Array.from(file.dataSet(path).readColumn() as ArrayLike<number | bigint>, Number),
    );
  } finally {
    file.close();
  }
}

interface Report {
  readonly events: number;
  readonly bytes: number;
  readonly digest: string;
  readonly totals: Readonly<Record<string, string>>;
}

function indexed(folder: string, writer: Writer): string {
  const run = writeRun(folder, writer);
  const { code, stderr } = evb(["index", run, "-o", "x.index.h5", "--window", "10"], folder);
  // What evb order would note is noted.
  expect([code, stderr]).toEqual([0, expect.stringContaining("evb: there is no END_RUN\n")]);
  return run;
}

const MODULE = `
export default {
  setup: ({ sources }) => ({
    eventColumns: { bytes: "u4" },
    fragmentColumns: { words: "u4", last: "u2" },
    totals: { varies: { type: "i8" } },
    event({ fragments }, totals) {
      for (const { shape } of sources) totals.add("varies", shape[0] === -1 ? 1 : 0);
      return {
        columns: { bytes: fragments.reduce((sum, { data }) => sum + data.length, 0) },
        fragments: {
          words: fragments.map(({ words }) => words.length),
          last: fragments.map(({ words }) => words[words.length - 1] ?? 0),
        },
      };
    },
  }),
};
`;

describe.each(WRITERS)("ring items in evb index and evb run, %o", (writer) => {
  test("stats is of their 16-bit words, in either byte order", () =>
    inFolder(async (folder) => {
      indexed(folder, writer);
      const ran = evb(["run", "x.index.h5", "-o", "out", "--clients", "1", "--json"], folder);
      const report = JSON.parse(ran.stdout) as Report;
      // 6 + 2 + 3 bytes; first words 5, 300 and 9.
      expect([report.events, report.bytes, report.totals]).toEqual([
        2,
        11,
        { count: "2", first: "314" },
      ]);
      const columns = ["first", "min", "max", "sum", "mean"].map((name) => `/fragments/${name}`);
      expect(await columnsOf(join(folder, "out"), ...columns)).toEqual([
        [5, 300, 9],
        [5, 300, 9],
        [65_535, 300, 9],
        [65_547, 300, 9],
        [21_849, 300, 9],
      ]);
    }));
});

describe("a run of ring items", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "evb-ring-"));
    indexed(folder, { version: 12, littleEndian: false });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("gives an analysis of one's own bytes and words", async () => {
    writeFileSync(join(folder, "mine.mjs"), MODULE);
    const words = ["run", "x.index.h5", "-o", "mine", "--analysis", "mine.mjs", "--json"];
    const ran = evb([...words, "--clients", "1", "--quiet"], folder);
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect((JSON.parse(ran.stdout) as Report).totals).toEqual({ varies: "4" });
    const paths = ["/events/columns/bytes", "/fragments/words", "/events/1/last", "/events/2/last"];
    expect(await columnsOf(join(folder, "mine"), ...paths)).toEqual([
      [8, 3],
      [3, 1, 1],
      [7, 0],
      [300, 9],
    ]);
  });

  test("is listed with each fragment's file, row and own time", () => {
    const { stdout } = evb(["inspect", "x.index.h5", "--events", "--json"], folder);
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        event: 0,
        time: "100",
        fragments: [
          { source: "1", file: "run-0007-00.evt", row: 0, time: "100" },
          { source: "2", file: "run-0007-00.evt", row: 0, time: "104" },
        ],
      },
      {
        event: 1,
        time: "210",
        fragments: [{ source: "2", file: "run-0007-01.evt", row: 1, time: "210" }],
      },
    ]);
    const index = JSON.parse(evb(["inspect", "x.index.h5", "--json"], folder).stdout) as object;
    expect(index).toMatchObject({ layout: "ring", match: "window", window: "10", run: "7" });
  });

  test("reads nothing where the analysis wants nothing", () => {
    const ran = evb(
      ["run", "x.index.h5", "-o", "none", "--analysis", "none", "--clients", "1", "--json"],
      folder,
    );
    expect(JSON.parse(ran.stdout)).toMatchObject({ events: 2, bytes: 0, bytesRead: 0 });
  });

  test("is planned: each item with its headers", () => {
    const plan = JSON.parse(evb(["plan", "x.index.h5", "--json"], folder).stdout) as object;
    // Items of 28 bytes of headers and 6, 2 and 3 bytes; the two files are one read, as files side by side are.
    expect(plan).toMatchObject({ events: 2, fragments: 3, bytesNeeded: 95, bytesToRead: 95 });
  });

  test("is found elsewhere with --data, and not run where a segment was cut", () =>
    inFolder((other) => {
      for (const name of ["run-0007-00.evt", "run-0007-01.evt"])
        writeFileSync(join(other, name), readFileSync(join(folder, "run", name)));
      const words = ["run", "x.index.h5", "-o", "moved", "--data", other, "--force", "--quiet"];
      expect(evb([...words, "--clients", "1"], folder).code).toBe(0);
      truncateSync(join(other, "run-0007-01.evt"), 20);
      const ended = evb([...words, "--clients", "1"], folder);
      expect([ended.code, sentenceOf(ended)]).toEqual([
        3,
        expect.stringContaining(`no longer describes ${join(other, "run-0007-01.evt")}`),
      ]);
    }));
});

describe("options of evb index", () => {
  test.each<readonly [words: string, code: number, sentence: string | RegExp]>([
    ["run --match window", 2, /--match window needs a --window: give its ticks/],
    ["run --match exact --window 5", 2, /--match exact has no --window/],
    ["run --match nearest --reference 9", 2, /no source is called 9; there are /],
    ["run --window 5ns", 2, /what a tick of layout ring is in seconds isn't known; give .* ticks/],
    ["run --window 5 --window 6", 2, /an index is of one --window/],
    ["run --layout seed", 2, /--layout seed is one of HDF5 files, and .*run-0007-00.evt has ring/],
    ["run --select x==1", 2, /have no labels, so nothing can be selected; leave --select out/],
    ["file1.h5 --depth 1", 2, /--depth says how ring items are read, and .*file1.h5 has none/],
    ["run file1.h5", 3, /run-0007-00.evt has ring items, and .*file1.h5 is HDF5; index the two/],
    ["run --require 3", 2, /--require 3 asks for more sources than the 2 that there are/],
  ])("%s", (words, code, sentence) =>
    inFolder(async (folder) => {
      writeRun(folder, { version: 11, littleEndian: true });
      await writeSeedFile(folder, { n: 1, times: [10] });
      const ended = evb(["index", ...words.split(" "), "-o", "x.index.h5"], folder);
      expect(ended.code).toBe(code);
      expect(sentenceOf(ended)).toMatch(sentence);
    }),
  );

  test("a window matches rows of data sets as well", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [10, 30], labels: ["red", "blue"] });
      await writeSeedFile(folder, { n: 2, times: [13, 12, 33] });
      const words = [
        "index",
        "file1.h5",
        "file2.h5",
        "-o",
        "x.index.h5",
        "--window",
        "5",
        "--json",
      ];
      const report = JSON.parse(evb([...words, "--quiet"], folder).stdout) as object;
      // Red is 10: the event from 10 to 13, with both rows of file2.
      expect(report).toMatchObject({ events: 1, fragments: 3, multiplicity: { "3": 1 } });
      const listed = evb(["inspect", "x.index.h5", "--events", "--json"], folder).stdout;
      expect(JSON.parse(listed)).toMatchObject({
        time: "10",
        fragments: [
          { source: "file1", row: 0, time: "10" },
          { source: "file2", row: 1, time: "12" },
          { source: "file2", row: 0, time: "13" },
        ],
      });
    }));
});
