import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { EXTRACT_VERSION } from "@evb/index";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { writeSeedFile } from "../support/run-files.ts";

const hdf5 = await loadHdf5();

/** Does it, or fails with what was said. */
function done(folder: string, ...words: readonly string[]): string {
  const ended = evb(words, folder);
  expect([words, ended.code, ended.stderr]).toEqual([words, 0, ""]);
  return ended.stdout;
}

interface Fragment {
  readonly source: string;
  readonly row: number;
  readonly time: string;
}

/** Events of an index, as `evb inspect` has them. */
const eventsOf = (folder: string, index: string): { time: string; fragments: Fragment[] }[] =>
  done(folder, "inspect", index, "--events", "--json")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { time: string; fragments: Fragment[] });

/** The same without rows, which are others in an extract. */
const stampsOf = (folder: string, index: string): unknown[] =>
  eventsOf(folder, index).map(({ time, fragments }) => [
    time,
    fragments.map((fragment) => [fragment.source, fragment.time]),
  ]);

/** What an analysis returned, by data set: all below /events and /fragments but numbers of events and rows. */
function valuesOf(folder: string, out: string): Record<string, string[]> {
  const file = new Hdf5File(hdf5, join(folder, out, "results.h5"));
  try {
    const paths = [...file.contents(1000)]
      .filter(({ kind }) => kind === "data set")
      .map(({ path }) => path)
      .filter((path) => /^\/(events|fragments)\//.test(path) && !path.endsWith("/row"));
    return Object.fromEntries(
      paths.map((path) => {
        const column = file.dataSet(path).readColumn() as ArrayLike<number | bigint>;
        return [path, Array.from(column, String)];
      }),
    );
  } finally {
    file.close();
  }
}

interface Report {
  readonly events: number;
  readonly fragments: number;
  readonly bytes: number;
  readonly failed: number;
  readonly totals: Readonly<Record<string, string>>;
}

function reportOf(folder: string, out: string): Report {
  const text = readFileSync(join(folder, out, "report.json"), "utf8");
  const { events, fragments, bytes, failed, totals } = JSON.parse(text) as Report;
  return { events, fragments, bytes, failed, totals };
}

const RUNS = {
  seed: ["--layout", "seed", "--files", "4"],
  // More than nine files, as names are sorted in two ways; chunks of several events.
  lcls: ["--layout", "lcls", "--files", "11", "--events-per-chunk", "5"],
} as const;

describe.each(Object.keys(RUNS) as (keyof typeof RUNS)[])(
  "an extract, indexed again (%s)",
  (run) => {
    const folder = mkdtempSync(join(tmpdir(), "evb-again-"));

    beforeAll(() => {
      const words = [...RUNS[run], "--events", "60", "--event-size", "4kB", "--quiet"];
      done(folder, "generate", "run", ...words);
      done(folder, "index", "run", "-o", "run.index.h5", "--quiet");
      done(folder, "run", "run.index.h5", "-o", "out", "--clients", "1", "--quiet");
    });
    afterAll(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    test.each([
      [[]],
      [["--events-per-chunk", "1"]],
      [["--events-per-chunk", "7"]],
      [["--compression", "gzip:4"]],
      [["--compression", "gzip:1", "--shuffle", "--events-per-chunk", "3"]],
    ])("has the same events and values, %j", (words) => {
      done(folder, "extract", "run.index.h5", "-o", "red.h5", ...words, "--force", "--quiet");
      const printed = done(folder, "index", "red.h5", "-o", "red.index.h5", "--force");
      expect(printed).toMatch(/^every event of the extract selected\n\d+ events, /);
      expect(stampsOf(folder, "red.index.h5")).toEqual(stampsOf(folder, "run.index.h5"));
      // Row k is of event k, and a source that the event lacks has none.
      const events = eventsOf(folder, "red.index.h5");
      expect(events.every(({ fragments }, k) => fragments.every(({ row }) => row === k))).toBe(
        true,
      );
      expect(new Set(events.map(({ fragments }) => fragments.length)).size).toBeGreaterThan(1);
      done(folder, "run", "red.index.h5", "-o", "again", "--clients", "1", "--force", "--quiet");
      expect(valuesOf(folder, "again")).toEqual(valuesOf(folder, "out"));
      expect(reportOf(folder, "again")).toEqual(reportOf(folder, "out"));
      const { sources } = JSON.parse(done(folder, "inspect", "red.index.h5", "--json")) as {
        sources: { library: string | null }[];
      };
      expect(sources.map(({ library }) => library)).toEqual(sources.map(() => null));
    });

    test.each(["read", "wait", "none"])("has the same values of %s", (analysis) => {
      const words = ["--analysis", analysis, "--clients", "1", "--force", "--quiet"];
      done(folder, "extract", "run.index.h5", "-o", "red.h5", "--force", "--quiet");
      done(folder, "index", "red.h5", "-o", "red.index.h5", "--force", "--quiet");
      for (const [index, out] of [
        ["run.index.h5", "one"],
        ["red.index.h5", "other"],
      ] as const)
        done(folder, "run", index, "-o", out, ...words);
      expect(valuesOf(folder, "other")).toEqual(valuesOf(folder, "one"));
      expect(reportOf(folder, "other")).toEqual(reportOf(folder, "one"));
    });

    test("can be planned, and extracted again to the same data", () => {
      const words = ["--compression", "gzip:1", "--force", "--quiet"];
      done(folder, "extract", "run.index.h5", "-o", "red.h5", ...words);
      done(folder, "index", "red.h5", "-o", "red.index.h5", "--force", "--quiet");
      const needed = ["run.index.h5", "red.index.h5"].map((index) => {
        const plan = JSON.parse(done(folder, "plan", index, "--json")) as Record<string, unknown>;
        return [plan["events"], plan["fragments"], plan["bytesNeeded"]];
      });
      expect(needed[1]).toEqual(needed[0]);
      done(folder, "extract", "red.index.h5", "-o", "twice.h5", ...words);
      const [once, twice] = ["red.h5", "twice.h5"].map((name) => dataOf(join(folder, name)));
      expect(twice).toEqual(once);
      done(folder, "index", "twice.h5", "-o", "twice.index.h5", "--force", "--quiet");
      expect(
        eventsOf(folder, "twice.index.h5").map(({ fragments }) => fragments.map(withoutFile)),
      ).toEqual(
        eventsOf(folder, "red.index.h5").map(({ fragments }) => fragments.map(withoutFile)),
      );
    });
  },
);

const withoutFile = ({ source, row, time }: Fragment): Fragment => ({ source, row, time });

/** All that two extracts of the same events have in common. */
function dataOf(path: string): Record<string, string> {
  const file = new Hdf5File(hdf5, path);
  try {
    const sets = [...file.contents(1000)].filter(({ kind }) => kind === "data set");
    return Object.fromEntries(
      sets
        .map(({ path: name }) => name)
        .filter((name) => /\/(data|status|time)$|^\/labels/.test(name))
        .map((name) => {
          const set = file.dataSet(name);
          const bytes = new Uint8Array(set.length * set.rowBytes);
          set.readRows(0, set.length, bytes);
          return [name, Buffer.from(bytes).toString("base64")];
        }),
    );
  } finally {
    file.close();
  }
}

/**
 * Two files: the stamps 10, 20, 30 and 20, 40; 10 and 30 are red, 20 is green, 40 has no label. Row r of file n has the
 * elements 1000 n + r, 0, 0.
 */
async function extracted(folder: string, ...words: readonly string[]): Promise<void> {
  await writeSeedFile(folder, { n: 1, times: [10, 20, 30], labels: ["red", "green", "red"] });
  await writeSeedFile(folder, { n: 2, times: [20, 40] });
  done(folder, "index", "file1.h5", "file2.h5", "-o", "run.index.h5", "--all", "--quiet");
  done(folder, "extract", "run.index.h5", "-o", "all.h5", "--quiet", ...words);
}

const indexed = (folder: string, ...words: readonly string[]): ReturnType<typeof evb> =>
  evb(["index", "all.h5", "-o", "all.index.h5", "--force", ...words], folder);

const timesOf = (folder: string): string[] =>
  eventsOf(folder, "all.index.h5").map(({ time }) => time);

describe("what is asked of an extract", () => {
  test("is reported by source: rows that hold nothing are unmatched", () =>
    inFolder(async (folder) => {
      await extracted(folder);
      const { code, stdout } = indexed(folder, "--json");
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        events: 4,
        fragments: 5,
        multiplicity: { 1: 3, 2: 1 },
        sources: [
          { source: "file1", file: "all.h5", rows: 4, matched: 3, unmatched: 1, duplicates: 0 },
          { source: "file2", file: "all.h5", rows: 4, matched: 2, unmatched: 2, outOfOrder: 0 },
        ],
        warnings: [],
      });
    }));

  test.each([
    [["--all"], ["10", "20", "30", "40"]],
    [
      ["--require", "any"],
      ["10", "20", "30", "40"],
    ],
    [["--require", "all"], ["20"]],
    [["--require", "2"], ["20"]],
    [
      ["--sources", "*2"],
      ["20", "40"],
    ],
    [
      ["--select", 'smalldata == "red"'],
      ["10", "30"],
    ],
    // A stamp that has no label is selected by none, as in the run itself.
    [["--select", 'smalldata != "red"'], ["20"]],
  ])("%j leaves the events %j", (words, times) =>
    inFolder(async (folder) => {
      await extracted(folder);
      expect(indexed(folder, ...words, "--quiet").code).toBe(0);
      expect(timesOf(folder)).toEqual(times);
    }),
  );

  test("--select says first what it took", () =>
    inFolder(async (folder) => {
      await extracted(folder);
      expect(indexed(folder, "--select", 'smalldata == "red"').stdout).toMatch(
        /^2 of 3 time stamps selected by smalldata == "red" \(use --all for every event\)\n/,
      );
    }));

  test.each([
    [
      ["--layout", "seed"],
      /^--layout seed is one of a run's own files, and .*all\.h5 is an extract; /,
    ],
    [
      ["--match", "exact"],
      /^--match and --window say .*all\.h5 is an extract, .*; leave them out$/,
    ],
    [["--window", "10"], /^--match and --window say /],
    [["--match", "nearest"], /^--match and --window say /],
    [["--depth", "1"], /^--depth says how ring items are read, and .*all\.h5 has none; /],
    [["--require", "3"], /^--require 3 asks for more sources than the 2 /],
    [["--sources", "cam"], /^no source is called cam; there are file1, file2$/],
    [["--select", "charge > 3"], /asks for the label charge, but the run has smalldata; /],
    [
      ["run.index.h5"],
      /^.*all\.h5 is an extract, and an index is of one extract and nothing else; /,
    ],
    [["file1.h5"], /^.*all\.h5 is an extract, and an index is of one extract and nothing else; /],
    [["second.h5"], /^.*\.h5 is an extract, and an index is of one extract and nothing else; /],
  ])("%j is refused", (words, sentence) =>
    inFolder(async (folder) => {
      await extracted(folder);
      copyFileSync(join(folder, "all.h5"), join(folder, "second.h5"));
      const ended = indexed(folder, ...words);
      expect([ended.code, sentenceOf(ended)]).toEqual([2, expect.stringMatching(sentence)]);
      expect(readdirSync(folder)).not.toContain("all.index.h5");
    }),
  );

  test("an event without any of its sources stays an event, unless sources are asked for", () =>
    inFolder(async (folder) => {
      await extracted(folder, "--sources", "file2");
      expect(indexed(folder, "--quiet").code).toBe(0);
      expect(timesOf(folder)).toEqual(["10", "20", "30", "40"]);
      done(folder, "run", "all.index.h5", "-o", "out", "--clients", "1", "--quiet");
      expect(valuesOf(folder, "out")["/events/file2/first"]).toEqual(["0", "2000", "0", "2001"]);
      expect(indexed(folder, "--require", "1", "--quiet").code).toBe(0);
      expect(timesOf(folder)).toEqual(["20", "40"]);
    }));

  test("names of sources with slashes, and their order, are the run's", () =>
    inFolder(async (folder) => {
      for (const [n, path] of Object.entries({
        1: "b/cam.h5",
        2: "a/cam.h5",
        9: "a/x9.h5",
        10: "a/x10.h5",
      })) {
        mkdirSync(join(folder, dirname(path)), { recursive: true });
        await writeSeedFile(folder, { n: Number(n), name: path, times: [7] });
      }
      done(folder, "index", "a", "b", "-o", "run.index.h5", "--all", "--quiet");
      done(folder, "extract", "run.index.h5", "-o", "all.h5", "--quiet");
      done(folder, "index", "all.h5", "-o", "all.index.h5", "--quiet");
      done(folder, "extract", "all.index.h5", "-o", "again.h5", "--quiet");
      done(folder, "index", "again.h5", "-o", "again.index.h5", "--quiet");
      const sources = ["a/cam.h5", "x9", "x10", "b/cam.h5"];
      for (const index of ["run.index.h5", "all.index.h5", "again.index.h5"])
        expect(eventsOf(folder, index)[0]!.fragments.map(({ source }) => source)).toEqual(sources);
    }));

  test.each([
    ["window", ["--window", "10"]],
    ["gap", ["--match", "gap", "--window", "10"]],
    ["nearest", ["--match", "nearest", "--window", "10"]],
  ])("fragments that were matched by %s keep their own stamps and order", (match, words) =>
    inFolder(async (folder) => {
      // The second source is earlier in one event, and later in the other; its own rows are out of order.
      await writeSeedFile(folder, { n: 1, times: [14, 104, 300], labels: ["red", "blue", "red"] });
      await writeSeedFile(folder, { n: 2, times: [98, 16, 500] });
      const files = ["file1.h5", "file2.h5"];
      done(folder, "index", ...files, "-o", "run.index.h5", "--all", "--quiet", ...words);
      done(folder, "extract", "run.index.h5", "-o", "all.h5", "--quiet");
      done(folder, "index", "all.h5", "-o", "all.index.h5");
      expect(stampsOf(folder, "all.index.h5")).toEqual(stampsOf(folder, "run.index.h5"));
      for (const [index, out] of [
        ["run.index.h5", "one"],
        ["all.index.h5", "other"],
      ] as const)
        done(folder, "run", index, "-o", out, "--clients", "1", "--quiet");
      expect(valuesOf(folder, "other")).toEqual(valuesOf(folder, "one"));
      done(folder, "extract", "all.index.h5", "-o", "again.h5", "--quiet");
      expect(dataOf(join(folder, "again.h5"))).toEqual(dataOf(join(folder, "all.h5")));
      expect(indexed(folder, "--select", 'smalldata == "red"', "--quiet").code).toBe(0);
      // Of the event of 98 and 104 the stamp 98 counts, which has no label.
      expect(timesOf(folder)).toEqual(["14", "300"]);
      const { match: kept } = JSON.parse(done(folder, "inspect", "all.index.h5", "--json")) as {
        match: string;
      };
      expect(kept).toBe(match);
    }),
  );
});

describe("an extract that can't be taken", () => {
  /** A file that says that it is one, with what else is told. */
  function claimed(path: string, version: number, write: (writer: Hdf5Writer) => void): void {
    const writer = new Hdf5Writer(hdf5, path);
    writer.attribute("format", "evb-extract");
    writer.attribute("version", version);
    write(writer);
    writer.close();
  }

  test.each<[string, (path: string) => void, RegExp]>([
    ["is cut", (path) => truncateSync(path, 9000), /all\.h5 can't be opened as an HDF5 file: /],
    [
      "was never finished",
      (path) => {
        writeFileSync(path, Buffer.alloc(8, 0), { flag: "r+" });
      },
      /all\.h5 can't be opened as an HDF5 file: it has no HDF5 signature; /,
    ],
    [
      "is of another version",
      (path) => {
        claimed(path, EXTRACT_VERSION + 1, () => undefined);
      },
      /all\.h5 has extract format 3, and this evb reads 2; write it anew with `evb extract`$/,
    ],
    [
      "doesn't say what it is of",
      (path) => {
        claimed(path, EXTRACT_VERSION, () => undefined);
      },
      /all\.h5 is a damaged extract: it doesn't say how its events were found; /,
    ],
    [
      "lacks its events",
      (path) => {
        claimed(path, EXTRACT_VERSION, (writer) => {
          writer.attribute("match", "exact");
        });
      },
      /all\.h5 is a damaged extract: events\/time is no column of u8; /,
    ],
    [
      "lacks its sources",
      (path) => {
        claimed(path, EXTRACT_VERSION, (writer) => {
          writer.attribute("match", "exact");
          writer.writeColumn("/events/time", "u8", BigUint64Array.of(1n));
        });
      },
      /all\.h5 is a damaged extract: it has no sources; /,
    ],
    [
      "has a source without a name",
      (path) => {
        claimed(path, EXTRACT_VERSION, (writer) => {
          writer.attribute("match", "exact");
          writer.writeColumn("/events/time", "u8", BigUint64Array.of(1n));
          writer.writeColumn("/sources/cam/status", "u1", Uint8Array.of(0));
        });
      },
      /all\.h5 is a damaged extract: sources\/cam doesn't say which source it is; /,
    ],
    [
      "isn't evb's",
      (path) => {
        const writer = new Hdf5Writer(hdf5, path);
        writer.writeColumn("/events/time", "u8", BigUint64Array.of(1n));
        writer.close();
      },
      /all\.h5 has no time stamps that a known layout names /,
    ],
  ])("as it %s, is refused in one sentence", (_, spoil, sentence) =>
    inFolder(async (folder) => {
      await extracted(folder);
      spoil(join(folder, "all.h5"));
      const ended = indexed(folder);
      expect([ended.code, sentenceOf(ended)]).toEqual([3, expect.stringMatching(sentence)]);
      expect(readdirSync(folder)).not.toContain("all.index.h5");
    }),
  );

  test("is left out of a folder, and of what a glob finds", () =>
    inFolder(async (folder) => {
      await extracted(folder);
      for (const input of [".", "*.h5"]) {
        const words = ["index", input, "-o", "x.index.h5", "--all", "--json", "--force"];
        const report = JSON.parse(done(folder, ...words)) as { sources: { file: string }[] };
        expect(report.sources.map(({ file }) => file)).toEqual(["file1.h5", "file2.h5"]);
      }
    }));
});
