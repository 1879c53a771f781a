import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5 } from "@evb/formats";
import { EXTRACT_VERSION, RunIndex, type IndexOrder } from "@evb/index";
import { evb, sentenceOf } from "../support/evb.ts";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

const hdf5 = await loadHdf5();
/** Some ten commands one after the other, on a machine that does ten things at once. */
const MINUTES = 120_000;

/** Does it, or fails with what was said. */
function done(folder: string, ...words: readonly string[]): string {
  const ended = evb(words, folder);
  expect([words, ended.code, ended.stderr]).toEqual([words, 0, ""]);
  return ended.stdout;
}

interface ListedEvent {
  readonly time: bigint;
  readonly fragments: readonly (readonly [source: string, time: bigint, row: number])[];
}

async function eventsOf(path: string): Promise<ListedEvent[]> {
  const opened = await RunIndex.open(path);
  try {
    const { time, start, source, row } = opened.slab(0, opened.eventCount);
    const stamps = opened.stamps(source, row);
    return Array.from(time, (stamp, k) => ({
      time: stamp,
      fragments: Array.from({ length: start[k + 1]! - start[k]! }, (_, n) => {
        const f = start[k]! + n;
        return [opened.sources[source[f]!]!.name, stamps[f]!, row[f]!] as const;
      }),
    }));
  } finally {
    opened.close();
  }
}

const timesOf = async (path: string): Promise<number[]> =>
  (await eventsOf(path)).map(({ time }) => Number(time));

/** In their order, without rows, which are others in an extract. */
const stampsOf = async (path: string): Promise<unknown[]> =>
  (await eventsOf(path)).map(({ time, fragments }) => [
    time,
    fragments.map(([source, stamp]) => [source, stamp]),
  ]);

/** All data sets of a file that match, by path. */
function dataSetsOf<Of>(
  path: string,
  wanted: RegExp,
  contentOf: (file: Hdf5File, name: string) => Of,
): Record<string, Of> {
  const file = new Hdf5File(hdf5, path);
  try {
    const names = [...file.contents(1000)]
      .filter(({ kind, path: name }) => kind === "data set" && wanted.test(name))
      .map(({ path: name }) => name);
    return Object.fromEntries(names.map((name) => [name, contentOf(file, name)]));
  } finally {
    file.close();
  }
}

/** What an analysis returned: all that is of events and fragments, but rows. */
const resultsOf = (folder: string, out: string): Record<string, string[]> =>
  dataSetsOf(
    join(folder, out, "results.h5"),
    /^\/(events|fragments)\/.*(?<!\/row)$/,
    (file, name) =>
      Array.from(file.dataSet(name).readColumn() as ArrayLike<number | bigint>, String),
  );

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

/** What two extracts of the same events have in common; labels may be stored wider. */
const contentOf = (path: string): Record<string, unknown> =>
  dataSetsOf(path, /\/(data|status|time)$|^\/labels/, (file, name) => {
    const set = file.dataSet(name);
    if (name.startsWith("/labels")) return set.readStrings();
    const bytes = new Uint8Array(set.length * set.rowBytes);
    set.readRows(0, set.length, bytes);
    return createHash("sha256").update(bytes).digest("hex");
  });

const WRITTEN = [
  [],
  ["--events-per-chunk", "7"],
  ["--compression", "gzip:1", "--shuffle", "--events-per-chunk", "3"],
];

describe.each([
  // More than nine files, as their groups are sorted in another way; chunks of several events.
  ["lcls", ["--layout", "lcls", "--files", "11", "--events-per-chunk", "5"], WRITTEN.slice(2)],
  ["seed", ["--layout", "seed", "--files", "4"], WRITTEN],
])("an extract of a run of layout %s, indexed", (_, made, written) => {
  const folder = mkdtempSync(join(tmpdir(), "evb-extract-"));
  const at = (name: string): string => join(folder, name);

  beforeAll(async () => {
    done(folder, "generate", "run", ...made, "--events", "60", "--event-size", "4kB", "--quiet");
    await index([at("run")], at("run.index.h5"), { select: { kind: "default" } });
    done(folder, "run", "run.index.h5", "-o", "out", "--clients", "1", "--quiet");
  }, MINUTES);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(written.map((words) => [words]))(
    "has the same events and values, %j",
    async (words) => {
      done(folder, "extract", "run.index.h5", "-o", "red.h5", ...words, "--force", "--quiet");
      const { report } = await index([at("red.h5")], at("red.index.h5"), { force: true });
      // Rows are read where they lie.
      expect(report.sources.map(({ library }) => library)).toEqual(report.sources.map(() => null));
      expect(await stampsOf(at("red.index.h5"))).toEqual(await stampsOf(at("run.index.h5")));
      // Row k is of event k, and a source that an event lacks has none.
      const events = await eventsOf(at("red.index.h5"));
      expect(events.every(({ fragments }, k) => fragments.every(([, , row]) => row === k))).toBe(
        true,
      );
      expect(new Set(events.map(({ fragments }) => fragments.length)).size).toBeGreaterThan(1);
      done(folder, "run", "red.index.h5", "-o", "again", "--clients", "1", "--force", "--quiet");
      expect(resultsOf(folder, "again")).toEqual(resultsOf(folder, "out"));
      expect(reportOf(folder, "again")).toEqual(reportOf(folder, "out"));
    },
    MINUTES,
  );

  test(
    "can be planned, and extracted again to the same data",
    async () => {
      const words = ["--compression", "gzip:1", "--force", "--quiet"];
      done(folder, "extract", "run.index.h5", "-o", "red.h5", ...words);
      await index([at("red.h5")], at("red.index.h5"), { force: true });
      const needed = ["run.index.h5", "red.index.h5"].map((name) => {
        const plan = JSON.parse(done(folder, "plan", name, "--json")) as Record<string, unknown>;
        return [plan["events"], plan["fragments"], plan["bytesNeeded"]];
      });
      expect(needed[1]).toEqual(needed[0]);
      done(folder, "extract", "red.index.h5", "-o", "twice.h5", ...words);
      expect(contentOf(at("twice.h5"))).toEqual(contentOf(at("red.h5")));
      await index([at("twice.h5")], at("twice.index.h5"));
      expect(await eventsOf(at("twice.index.h5"))).toEqual(await eventsOf(at("red.index.h5")));
    },
    MINUTES,
  );
});

/**
 * Two files: the stamps 10, 20, 30 and 20, 40; 10 and 30 are red, 20 is green, 40 has no label. Row r of file n has the
 * elements 1000 n + r, 0, 0.
 */
async function extracted(folder: string, ...words: readonly string[]): Promise<void> {
  await writeSeedFile(folder, { n: 1, times: [10, 20, 30], labels: ["red", "green", "red"] });
  await writeSeedFile(folder, { n: 2, times: [20, 40] });
  const files = [join(folder, "file1.h5"), join(folder, "file2.h5")];
  await index(files, join(folder, "run.index.h5"));
  done(folder, "extract", "run.index.h5", "-o", "all.h5", "--clients", "1", "--quiet", ...words);
}

describe("what is asked of an extract", () => {
  const folder = mkdtempSync(join(tmpdir(), "evb-extract-"));
  const at = (name: string): string => join(folder, name);
  const out = at("all.index.h5");

  beforeAll(async () => {
    await extracted(folder);
    for (const analysis of ["read", "wait", "none"])
      done(folder, ...["run", "run.index.h5", "-o", analysis], ...runOf(analysis));
    copyFileSync(at("all.h5"), at("second.h5"));
  }, MINUTES);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const runOf = (analysis: string): string[] => [
    ...["--analysis", analysis],
    ...["--clients", "1", "--quiet"],
  ];

  test("is reported by source: rows that hold nothing are unmatched", async () => {
    expect((await index([at("all.h5")], out, { force: true })).report).toMatchObject({
      events: 4,
      fragments: 5,
      multiplicity: { 1: 3, 2: 1 },
      sources: [
        { source: "file1", file: "all.h5", rows: 4, matched: 3, unmatched: 1, duplicates: 0 },
        { source: "file2", file: "all.h5", rows: 4, matched: 2, unmatched: 2, outOfOrder: 0 },
      ],
      warnings: [],
    });
  });

  test("is said in the report's first line", () => {
    const first = (...words: string[]): string =>
      done(folder, "index", "all.h5", "-o", "all.index.h5", "--force", ...words).split("\n")[0]!;
    expect(first()).toBe("every event of the extract selected");
    expect(first("--select", 'smalldata == "red"')).toBe(
      '2 of 3 time stamps selected by smalldata == "red" (use --all for every event)',
    );
  });

  const select = (text: string): Partial<IndexOrder> => ({ select: { kind: "expression", text } });

  test.each<[string, Partial<IndexOrder>, number[]]>([
    ["nothing", { select: { kind: "default" } }, [10, 20, 30, 40]],
    ["--all", { select: { kind: "all" } }, [10, 20, 30, 40]],
    ["--require all", { require: "all" }, [20]],
    ["--require 2", { require: 2 }, [20]],
    ["--sources *2", { sources: "*2" }, [20, 40]],
    ["--select red", select('smalldata == "red"'), [10, 30]],
    // A stamp that has no label is selected by nothing, as in the run itself.
    ["--select what isn't red", select('smalldata != "red"'), [20]],
  ])("%s leaves its events", async (__, order, times) => {
    await index([at("all.h5")], out, { force: true, ...order });
    expect(await timesOf(out)).toEqual(times);
  });

  test.each(["read", "wait", "none"])(
    "the analysis %s gives the run's values",
    async (analysis) => {
      await index([at("all.h5")], out, { force: true });
      done(folder, ...["run", "all.index.h5", "-o", `${analysis}2`], ...runOf(analysis));
      expect(resultsOf(folder, `${analysis}2`)).toEqual(resultsOf(folder, analysis));
      expect(reportOf(folder, `${analysis}2`)).toEqual(reportOf(folder, analysis));
    },
    MINUTES,
  );

  test.each([
    [["--layout", "seed"], /^--layout seed is one of a run's own files, and .*all\.h5 is an extr/],
    [
      ["--match", "exact"],
      /^--match and --window say .*all\.h5 is an extract, .*; leave them out$/,
    ],
    [["--window", "10"], /^--match and --window say /],
    [["--depth", "1"], /^--depth says how ring items are read, and .*all\.h5 has none; /],
    [["file1.h5"], /^.*all\.h5 is an extract, and an index is of one extract and nothing else; /],
  ])("%j is refused", (words, sentence) => {
    const ended = evb(["index", "all.h5", "-o", "x.index.h5", ...words], folder);
    expect([ended.code, sentenceOf(ended)]).toEqual([2, expect.stringMatching(sentence)]);
    expect(existsSync(at("x.index.h5"))).toBe(false);
  });

  test.each<[string, string[], Partial<IndexOrder>, string]>([
    ["another extract", ["all.h5", "second.h5"], {}, "extract-mixed"],
    ["an index", ["all.h5", "run.index.h5"], {}, "extract-mixed"],
    ["three sources of two", ["all.h5"], { require: 3 }, "require-too-many"],
    ["a source that isn't there", ["all.h5"], { sources: "cam" }, "no-such-source"],
    ["a label that isn't there", ["all.h5"], select("charge > 3"), "selection-unknown-label"],
  ])("%s is refused, too", async (__, inputs, order, tag) => {
    const fault = await faultOf(() => index(inputs.map(at), at("x.index.h5"), order));
    expect(fault).toMatchObject({ tag, exitCode: 2 });
  });

  test("in a folder, or behind a glob, it is left out", async () => {
    for (const input of [folder, at("*.h5")]) {
      const { report } = await index([input], at("x.index.h5"), { force: true });
      expect(report.sources.map(({ file }) => file)).toEqual(["file1.h5", "file2.h5"]);
    }
    rmSync(at("x.index.h5"));
  });
});

describe("an extract keeps", () => {
  test("an event without any of its sources, unless sources are asked for", () =>
    inFolder(async (folder) => {
      await extracted(folder, "--sources", "file2");
      const [red, out] = [join(folder, "all.h5"), join(folder, "all.index.h5")];
      await index([red], out);
      expect(await timesOf(out)).toEqual([10, 20, 30, 40]);
      done(folder, "run", "all.index.h5", "-o", "out", "--clients", "1", "--quiet");
      expect(resultsOf(folder, "out")["/events/file2/first"]).toEqual(["0", "2000", "0", "2001"]);
      await index([red], out, { force: true, require: 1 });
      expect(await timesOf(out)).toEqual([20, 40]);
      await index([red], out, { force: true, sources: "*" });
      expect(await timesOf(out)).toEqual([20, 40]);
    }));

  test("names of sources with slashes, and their order, also of an extract of it", () =>
    inFolder(async (folder) => {
      const files = { 1: "b/cam.h5", 2: "a/cam.h5", 9: "a/x9.h5", 10: "a/x10.h5" };
      for (const [n, name] of Object.entries(files)) {
        mkdirSync(join(folder, dirname(name)), { recursive: true });
        await writeSeedFile(folder, { n: Number(n), name, times: [7] });
      }
      await index([join(folder, "a"), join(folder, "b")], join(folder, "0.index.h5"));
      for (const [from, to] of [
        [0, 1],
        [1, 2],
      ] as const) {
        const out = `${String(to)}.h5`;
        done(folder, "extract", `${String(from)}.index.h5`, "-o", out, "--clients", "1", "--quiet");
        await index([join(folder, out)], join(folder, `${String(to)}.index.h5`));
        const [event] = await eventsOf(join(folder, `${String(to)}.index.h5`));
        const sources = event!.fragments.map(([source]) => source);
        expect(sources).toEqual(["a/cam.h5", "x9", "x10", "b/cam.h5"]);
      }
    }));

  const window = { text: "10", unit: "ticks", count: 10n } as const;

  test.each<IndexOrder["match"] & object>([
    { match: "window", window },
    { match: "gap", window },
    { match: "nearest", window, reference: undefined },
  ])("stamps and order of fragments that were matched by $match", (match) =>
    inFolder(async (folder) => {
      const at = (name: string): string => join(folder, name);
      // File 2 is later in one event and earlier in the other; its own rows are out of order.
      const labels = ["red", "blue", "red"];
      const files = [
        await writeSeedFile(folder, { n: 1, times: [14, 104, 300], labels }),
        await writeSeedFile(folder, { n: 2, times: [98, 16, 500] }),
      ];
      await index(files, at("run.index.h5"), { match });
      const words = ["--clients", "1", "--quiet"];
      done(folder, "extract", "run.index.h5", "-o", "all.h5", ...words);
      await index([at("all.h5")], at("all.index.h5"));
      expect(await stampsOf(at("all.index.h5"))).toEqual(await stampsOf(at("run.index.h5")));
      for (const name of ["run", "all"])
        done(folder, "run", `${name}.index.h5`, "-o", name, ...words);
      expect(resultsOf(folder, "all")).toEqual(resultsOf(folder, "run"));
      done(folder, "extract", "all.index.h5", "-o", "again.h5", ...words);
      expect(contentOf(at("again.h5"))).toEqual(contentOf(at("all.h5")));
      // The event of 98 and 104 has the stamp 98, which has no label.
      await index([at("all.h5")], at("all.index.h5"), {
        force: true,
        select: { kind: "expression", text: 'smalldata == "red"' },
      });
      expect(await timesOf(at("all.index.h5"))).toEqual([14, 300]);
    }),
  );
});

describe("an extract is refused in one sentence", () => {
  const folder = mkdtempSync(join(tmpdir(), "evb-extract-"));

  beforeAll(() => extracted(folder), MINUTES);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** A file that says that it is one, with what else is told. */
  function claimed(path: string, version: number, write: (writer: Hdf5Writer) => void): void {
    const writer = new Hdf5Writer(hdf5, path);
    writer.attribute("format", "evb-extract");
    writer.attribute("version", version);
    write(writer);
    writer.close();
  }

  const withTimes = (writer: Hdf5Writer): void => {
    writer.attribute("match", "exact");
    writer.writeColumn("/events/time", "u8", BigUint64Array.of(1n));
  };

  test.each<[string, (path: string) => void, RegExp]>([
    [
      "is cut",
      (path) => {
        truncateSync(path, statSync(path).size - 1);
      },
      /bad\.h5 can't be opened as an HDF5 file: /,
    ],
    [
      "was never finished",
      (path) => {
        writeFileSync(path, Buffer.alloc(8), { flag: "r+" });
      },
      /bad\.h5 can't be opened as an HDF5 file: it has no HDF5 signature; /,
    ],
    [
      // Bits of its superblock are turned over: the library would try for minutes to open it for a live writer.
      "is damaged where it begins",
      (path) => {
        const bytes = readFileSync(path);
        bytes[23]! ^= 2;
        writeFileSync(path, bytes);
      },
      /bad\.h5 can't be opened as an HDF5 file: /,
    ],
    [
      "is of another version",
      (path) => {
        claimed(path, EXTRACT_VERSION - 1, withTimes);
      },
      /bad\.h5 has extract format 1, and this evb reads 2; write it anew with `evb extract`$/,
    ],
    [
      "doesn't say what it is of",
      (path) => {
        claimed(path, EXTRACT_VERSION, () => undefined);
      },
      /bad\.h5 is a damaged extract: it doesn't say how its events were found; /,
    ],
    [
      "lacks its events",
      (path) => {
        claimed(path, EXTRACT_VERSION, (writer) => {
          writer.attribute("match", "exact");
        });
      },
      /bad\.h5 is a damaged extract: events\/time is no column of u8; /,
    ],
    [
      "lacks its sources",
      (path) => {
        claimed(path, EXTRACT_VERSION, withTimes);
      },
      /bad\.h5 is a damaged extract: it has no sources; /,
    ],
    [
      "has a source without a name",
      (path) => {
        claimed(path, EXTRACT_VERSION, (writer) => {
          withTimes(writer);
          writer.writeColumn("/sources/cam/status", "u1", Uint8Array.of(0));
        });
      },
      /bad\.h5 is a damaged extract: sources\/cam doesn't say which source it is; /,
    ],
    [
      "isn't evb's",
      (path) => {
        const writer = new Hdf5Writer(hdf5, path);
        withTimes(writer);
        writer.close();
      },
      /bad\.h5 has no time stamps that a known layout names /,
    ],
  ])("as it %s", async (_, spoil, sentence) => {
    const bad = join(folder, "bad.h5");
    copyFileSync(join(folder, "all.h5"), bad);
    spoil(bad);
    const fault = await faultOf(() => index([bad], join(folder, "x.index.h5")));
    expect([fault.exitCode, fault.message]).toEqual([3, expect.stringMatching(sentence)]);
    expect(existsSync(join(folder, "x.index.h5"))).toBe(false);
  });
});
