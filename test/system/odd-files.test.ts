import { cpSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { describeWith } from "../support/capabilities.ts";
import { sentenceOf } from "../support/evb.ts";
import { EVB, oracle, run, temporaryFolder, type Ran } from "../support/system.ts";

/** Whole commands on files by h5py that are seldom met, whole and damaged; h5py says what is in them. */
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (...names: readonly string[]): string => join(folder.path, ...names);
const ROWS = 60;
const MINUTES = 180_000;

const evb = (...words: readonly string[]): Ran =>
  run(process.execPath, [EVB, ...words], folder.path);

let answers: Record<string, readonly number[] | undefined> = {};

/** Its index, or one sentence that says why there is none. */
const index = (name: string): Ran =>
  evb("index", at(name, "file1.h5"), "-o", at(`${name}.index.h5`), "--all", "--force");

const work = (name: string, out: string, ...words: readonly string[]): Ran =>
  evb("run", at(`${name}.index.h5`), "-o", at(out), "--quiet", ...words);

/** Of one source. */
interface Results {
  readonly sums: readonly number[];
  /** Rows whose events failed, and why each did. */
  readonly failed: readonly number[];
  readonly reasons: readonly string[];
}

/** Results of a run, each of whose events has one fragment: those of each source. */
async function resultsIn(out: string, sourceCount: number): Promise<Results[]> {
  const file = new Hdf5File(await loadHdf5(), at(out, "results.h5"));
  const column = (path: string): number[] =>
    Array.from(file.dataSet(path).readColumn() as ArrayLike<number>, Number);
  const [sums, status] = [column("/fragments/sum"), column("/events/status")];
  const [events, places, rows] = ["event", "source", "row"].map((name) =>
    column(`/fragments/${name}`),
  );
  file.close();
  const { failures } = JSON.parse(readFileSync(at(out, "report.json"), "utf8")) as {
    failures: { event: number; reason: string }[];
  };
  const isFailed = new Set(failures.map(({ event }) => event));
  expect([...status.keys()].filter((event) => status[event] === 1)).toEqual([...isFailed]);
  return Array.from({ length: sourceCount }, (_, source) => {
    const own = [...places!.keys()].filter((k) => places![k] === source);
    const ownEvents = new Set(own.map((k) => events![k]!));
    expect(ownEvents.size).toBe(own.length);
    return {
      sums: own.map((k) => sums[k]!),
      failed: own.filter((k) => isFailed.has(events![k]!)).map((k) => rows![k]!),
      reasons: failures.filter(({ event }) => ownEvents.has(event)).map(({ reason }) => reason),
    };
  });
}

interface Indexed {
  readonly source: string;
  readonly library: string | null;
}

/** The files as the sources of one run: name → what `evb index` says of it, and what was read. */
async function readTogether(
  title: string,
  names: readonly string[],
  code: number,
): Promise<{ stderr: string; files: Record<string, Indexed & Results> }> {
  const paths = names.map((name) => at(name, "file1.h5"));
  const indexed = evb("index", ...paths, "-o", at(`${title}.index.h5`), "--all", "--json");
  expect(indexed.code).toBe(0);
  const { sources } = JSON.parse(indexed.stdout) as { sources: Indexed[] };
  const done = work(title, `${title}.out`, "--clients", "1");
  expect(done.code).toBe(code);
  if (code === 0) expect(done.stderr).toBe("");
  const results = await resultsIn(`${title}.out`, sources.length);
  const files = sources.map((one, k) => [dirname(one.source), { ...one, ...results[k]! }] as const);
  return { stderr: indexed.stderr, files: Object.fromEntries(files) };
}

const range = (first: number, end: number): number[] =>
  Array.from({ length: end - first }, (_, k) => first + k);

/** Every event is right, but for those that failed. */
function expectRight(name: string, results: Results | undefined, failed: readonly number[]): void {
  expect(results?.failed).toEqual(failed);
  const right = (sums: readonly number[]): number[] =>
    sums.filter((_, row) => !failed.includes(row));
  expect(right(results?.sums ?? [])).toEqual(right(answers[name] ?? []));
}

/** And why they are read through the HDF5 library. */
const WHOLE = [
  ["contiguous", null],
  ["user_block", null],
  ["chunked", null],
  ["big_endian", null],
  ["grows_earliest", null],
  ["grows_v108", null],
  ["grows_latest", null],
  ["lzf", null],
  ["fill_value", null],
  ["link_below", null],
  ["link_beside", null],
  ["link_absolute", null],
  ["link_chain", null],
  ["link_soft", null],
  ["virtual", "it is put together from other data sets"],
  ["virtual_lacking", "where one isn't there HDF5 gives fill values"],
  ["external", "its data is in other files"],
  ["compact", "it is stored in its object header"],
  ["vlen", "it holds variable-length sequences of <i4"],
  ["szip", "evb has no decoder for its filters (szip)"],
  ["nbit", "evb has no decoder for its filters (nbit)"],
  ["scaleoffset", "evb has no decoder for its filters (scaleoffset)"],
  ["filter_left_out", "evb has no decoder for its filters"],
] as const;

const DAMAGED = "1 source is damaged, and events will fail: file1";
const OVER = String.raw`its bytes would be at byte \d+ of .*file1\.h5, where something else`;
const CORRUPT = String.raw`the \d+ bytes at byte \d+ of .*file1\.h5 can't be decoded: a chunk is damaged`;
const OUTSIDE = String.raw`rows \d+ to \d+ of bigdata1 in .*file1\.h5 can't be read: addr overflow, addr =`;
/** What `evb index` says of each, its rows that fail, and why. */
const DAMAGED_FILES: [string, string, number[], string][] = [
  ["plain_on_another", DAMAGED, range(24, 40), OVER],
  ["plain_on_superblock", DAMAGED, range(24, 32), OVER],
  ["plain_shifted", DAMAGED, range(24, 40), OVER],
  ["plain_outside", "chunk 3 would be outside of the file", range(24, 32), OUTSIDE],
  ["plain_partly_outside", "chunk 3 would be outside of the file", range(24, 32), OUTSIDE],
  ["contiguous_on_superblock", `${DAMAGED} (all of it`, range(0, ROWS), OVER],
  ["gzip_on_superblock", DAMAGED, range(24, 32), OVER],
  ["gzip_shifted", DAMAGED, range(24, 40), OVER],
  ["gzip_outside", "chunk 3 would be outside of the file", range(24, 32), OUTSIDE],
  ["gzip_partly_outside", "chunk 3 would be outside of the file", range(24, 32), OUTSIDE],
  ["gzip_corrupt_0", "", range(0, 8), CORRUPT],
  ["gzip_corrupt_1", "", range(8, 16), CORRUPT],
  ["fletcher32_corrupt_0", "", range(0, 8), CORRUPT],
  ["fletcher32_corrupt_1", "", range(8, 16), CORRUPT],
  ["external_lacking", "and that fails: rows", range(0, ROWS), "unable to open external raw"],
  [
    "no_filter",
    "is stored with the filter",
    range(0, ROWS),
    "is stored with the filter filter 31999",
  ],
];

describeWith(["h5py", "hdf5tools"], "files that are seldom met", () => {
  beforeAll(() => {
    answers = JSON.parse(oracle("odd_make.py", folder.path)) as typeof answers;
  }, MINUTES);

  describe("together in a run", () => {
    let stderr = "";
    let files: Record<string, Indexed & Results> = {};
    beforeAll(async () => {
      const names = WHOLE.map(([name]) => name);
      ({ stderr, files } = await readTogether("whole", names, 0));
    }, MINUTES);

    test.each(WHOLE)("are read as h5py reads them: %s", (name, library) => {
      if (library === null) expect(files[name]?.library).toBeNull();
      else expect(files[name]?.library).toContain(library);
      expectRight(name, files[name], []);
    });

    test("are named where they must be read through the HDF5 library", () => {
      const slow = WHOLE.filter(([, library]) => library !== null);
      const sentence = `${String(slow.length)} sources must be read through the HDF5 library`;
      expect(stderr).toMatch(new RegExp(`^evb: ${sentence}, which is slower: compact/[^\n]+\n$`));
      expect(stderr).toContain("compact/file1.h5 (it is stored in its object header)");
    });
  });

  test.each(["link_below", "link_beside", "link_chain"])(
    "are found where the whole run was moved: %s",
    async (name) => {
      const [before, now] = [`before_${name}`, `now_${name}`];
      cpSync(at(name), at(before, name), { recursive: true });
      cpSync(at("raw_beside"), at(before, "raw_beside"), { recursive: true });
      expect(index(`${before}/${name}`).code).toBe(0);
      renameSync(at(before), at(now));
      // The root is the deepest folder that holds all: `before` where the link leads beside it.
      const root = name === "link_beside" ? at(now) : at(now, name);
      renameSync(at(now, `${name}.index.h5`), at(`${name}.index.h5`));
      const lost = work(name, `${name}.lost`, "--clients", "1");
      expect(lost.code).toBe(3);
      expect(sentenceOf(lost)).toMatch(/if the run was moved, say where with --data DIR$/);
      const found = work(name, `${name}.moved`, "--clients", "1", "--data", root);
      expect(found).toMatchObject({ code: 0, stderr: "" });
      const [results] = await resultsIn(`${name}.moved`, 1);
      expectRight(name, results, []);
    },
  );

  test.each([
    ["link_to_nothing", /bigdata1 .* is missing: it is a link to \/x in nowhere\.hdf, which can't/],
    ["link_circle", /bigdata1 .* is missing: it is a link to \/bigdata1 in file1\.h5, which can't/],
    ["cut", /cut\/file1\.h5 can't be opened as an HDF5 file: truncated file/],
    ["contiguous_outside", /contiguous_outside\/file1\.h5 has no readable data set bigdata1/],
  ])("can't be indexed, and are named: %s", (name, sentence) => {
    const indexed = index(name);
    expect(indexed.code).toBe(3);
    expect(sentenceOf(indexed)).toMatch(sentence);
  });

  describe("damaged, together in a run", () => {
    let files: Record<string, Indexed & Results> = {};
    beforeAll(async () => {
      const names = [...DAMAGED_FILES.map(([name]) => name), "gzip_on_another"];
      ({ files } = await readTogether("damaged", names, 1));
    }, MINUTES);

    test.each(DAMAGED_FILES)(
      "fail just the events whose bytes are damaged: %s",
      (name, said, failed, reason) => {
        const indexed = index(name);
        expect(indexed.code).toBe(0);
        if (said === "") expect(indexed.stderr).toBe("");
        else expect(indexed.stderr).toContain(said);
        expectRight(name, files[name], failed);
        const { reasons } = files[name]!;
        expect(reasons).toHaveLength(failed.length);
        for (const [k, row] of failed.entries())
          expect(reasons[k]).toMatch(
            new RegExp(`^row ${String(row)} of ${name}/file1\\.h5: .*${reason}`),
          );
      },
    );

    test("fail the events of chunks that lie over each other, where the one that is short lies over two", () => {
      const { failed } = files["gzip_on_another"]!;
      // Chunks 3 and 4 begin at the same byte; what chunk 3 has beyond it may reach into chunk 5.
      expect(failed.slice(0, 16)).toEqual(range(24, 40));
      expectRight("gzip_on_another", files["gzip_on_another"], failed);
    });
  });

  test.each([
    ["fill_value", 0, ""],
    ["gzip_corrupt_1", 1, `^evb: event \\d+ failed: row \\d+ of file1: .*${CORRUPT}`],
    ["plain_outside", 1, `^evb: event \\d+ failed: row \\d+ of file1: .*${OUTSIDE}`],
    ["plain_on_another", 1, `^evb: event \\d+ failed: row \\d+ of file1: .*${OVER}`],
  ])(
    "are the same for clients of their own, and with --strict: %s",
    async (name, code, sentence) => {
      index(name);
      const strict = work(name, `${name}.strict`, "--clients", "2", "--strict");
      expect(strict.code).toBe(code);
      expect(strict.stderr).toMatch(new RegExp(sentence));
      expect(strict.stderr).not.toMatch(/^ {4}at /m);
      if (code !== 0) return;
      const [results] = await resultsIn(`${name}.strict`, 1);
      expectRight(name, results, []);
    },
  );
});
