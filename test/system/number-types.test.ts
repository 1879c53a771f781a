import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { describeWith } from "../support/capabilities.ts";
import { sentenceOf } from "../support/evb.ts";
import { EVB, oracle, run, temporaryFolder, type Ran } from "../support/system.ts";

/** Whole commands on rows of types that are seldom met; h5py says what is in them. */
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (...names: readonly string[]): string => join(folder.path, ...names);
const MINUTES = 180_000;

/** What a row's elements are, bit by bit, in a number that a double holds. */
const HASH = `
import { createHash } from "node:crypto";
const hashOf = (data) =>
  createHash("sha256").update(Buffer.from(data.buffer)).digest().readUIntBE(0, 6);
export default {
  setup: () => ({
    fragmentColumns: { hash: "f8", length: "u4", bytes: "u4" },
    event: ({ fragments }) => ({
      fragments: {
        hash: fragments.map((fragment) => hashOf(fragment.keep())),
        length: fragments.map(({ data }) => data.length),
        bytes: fragments.map(({ data }) => data.byteLength),
      },
    }),
  }),
};
`;

const evb = (...words: readonly string[]): Ran =>
  run(process.execPath, [EVB, ...words], folder.path);

const index = (name: string): Ran =>
  evb("index", at(name, "file1.h5"), "-o", at(`${name}.index.h5`), "--all", "--force");

const work = (name: string, out: string, ...words: readonly string[]): Ran =>
  evb("run", at(`${name}.index.h5`), "-o", at(out), "--quiet", ...words);

interface Answer {
  readonly lengths: readonly number[];
  readonly hashes: readonly number[];
  readonly sums?: readonly number[];
}

let answers: Record<string, Answer | undefined> = {};

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

const columnIn = (file: Hdf5File, path: string): number[] =>
  Array.from(file.dataSet(path).readColumn() as ArrayLike<number>, Number);

/** The rows of an analysis's column, as events have them: here each has one row, in order. */
async function columnOf(out: string, name: string): Promise<number[]> {
  const file = new Hdf5File(await loadHdf5(), at(out, "results.h5"));
  const column = columnIn(file, `/fragments/${name}`);
  file.close();
  return column;
}

interface Report {
  readonly bytes: number;
  readonly digest: string;
}

const reportOf = (out: string): Report =>
  JSON.parse(readFileSync(at(out, "report.json"), "utf8")) as Report;

/** What `evb index` says of a source, and what an analysis was given of it. */
interface Source {
  readonly library: string | null;
  readonly lengths: readonly number[];
  readonly hashes: readonly number[];
  readonly bytes: number;
}

/**
 * The files as the sources of one run, whose rows an analysis hashes.
 *
 * @returns name → source
 */
async function readTogether(
  title: string,
  names: readonly string[],
): Promise<Record<string, Source>> {
  mkdirSync(at(title));
  for (const name of names) copyFileSync(at(name, "file1.h5"), at(title, `${name}.h5`));
  const indexed = evb("index", at(title), "-o", at(`${title}.index.h5`), "--all", "--json");
  expect(indexed.code).toBe(0);
  const { sources } = JSON.parse(indexed.stdout) as {
    sources: { source: string; library: string | null }[];
  };
  const slow = sources.filter(({ library }) => library !== null);
  expect(indexed.stderr).toContain(
    `${String(slow.length)} sources must be read through the HDF5 library, which is slower: ` +
      `${slow[0]!.source} (${slow[0]!.library!}`,
  );
  const out = `${title}.out`;
  const done = work(title, out, "--clients", "1", "--analysis", at("hash.mjs"));
  expect(done).toMatchObject({ code: 0, stderr: "" });
  const file = new Hdf5File(await loadHdf5(), at(out, "results.h5"));
  const column = (name: string): number[] => columnIn(file, `/fragments/${name}`);
  const [places, lengths, hashes, bytes] = [
    column("source"),
    column("length"),
    column("hash"),
    column("bytes"),
  ];
  file.close();
  const total = sum(bytes);
  expect(reportOf(out).bytes).toBe(total);
  return Object.fromEntries(
    sources.map(({ source, library }, place) => {
      const own = (all: readonly number[]): number[] => all.filter((_, k) => places[k] === place);
      const given = { lengths: own(lengths), hashes: own(hashes), bytes: sum(own(bytes)) };
      return [source, { library, ...given }];
    }),
  );
}

/** The rows of a source are those that h5py reads. */
function expectRead(source: Source | undefined, name: string): void {
  const { lengths, hashes } = answers[name]!;
  expect(source).toMatchObject({ lengths, hashes });
}

function makeRuns(): void {
  if (Object.keys(answers).length > 0) return;
  writeFileSync(at("hash.mjs"), HASH);
  answers = JSON.parse(oracle("types_make.py", folder.path)) as typeof answers;
}

describeWith(["h5py"], "rows of enumerations", () => {
  const NAMES = ["bool", "enum_big", "enum_little", "enum_long"];
  const WAYS = ["contiguous", "chunked", "gzip"];
  let sources: Record<string, Source> = {};
  beforeAll(async () => {
    makeRuns();
    const files = NAMES.flatMap((name) => [...WAYS, "compact"].map((way) => `${name}_${way}`));
    sources = await readTogether("enumerations", files);
  }, MINUTES);

  test.each(NAMES.flatMap((name) => WAYS.map((way) => [name, way])))(
    "are read where they lie, as integers: %s, %s",
    (name, way) => {
      expect(sources[`${name}_${way}`]?.library).toBeNull();
      expectRead(sources[`${name}_${way}`], `${name}_${way}`);
    },
  );

  test.each(NAMES)("are the same through the HDF5 library: %s", (name) => {
    expect(sources[`${name}_compact`]?.library).toBe("it is stored in its object header");
    expectRead(sources[`${name}_compact`], `${name}_compact`);
  });

  test("are shown by evb inspect as what they are", () => {
    const shown = evb("inspect", at("enum_big_contiguous", "file1.h5")).stdout;
    expect(shown).toContain("/bigdata1  (60, 40) of >i2 with names\n");
  });

  test("are refused where their values are no integers", () => {
    const indexed = index("enum_of_floats");
    expect(indexed.code).toBe(3);
    expect(sentenceOf(indexed)).toMatch(/bigdata1/);
  });
});

describeWith(["h5py"], "rows of 16-bit floats", () => {
  const NAMES = ["half_little", "half_big"];
  const WAYS = ["contiguous", "chunked", "gzip", "unwritten"];
  let sources: Record<string, Source> = {};
  beforeAll(async () => {
    makeRuns();
    const files = NAMES.flatMap((name) => [...WAYS, "compact"].map((way) => `${name}_${way}`));
    sources = await readTogether("halves", files);
  }, MINUTES);

  test.each(NAMES.flatMap((name) => WAYS.map((way) => [name, way])))(
    "are read where they lie, and given as f4: %s, %s",
    (name, way) => {
      const source = sources[`${name}_${way}`];
      expect(source?.library).toBeNull();
      expectRead(source, `${name}_${way}`);
      expect(source?.bytes).toBe(60 * 40 * 4);
    },
  );

  test.each(NAMES)("are the same through the HDF5 library: %s", (name) => {
    expect(sources[`${name}_compact`]?.library).toBe("it is stored in its object header");
    expectRead(sources[`${name}_compact`], `${name}_compact`);
  });

  test("are read as they are stored, in half the bytes that they are given in", () => {
    const plan = evb("plan", at("halves.index.h5"), "--json").stdout;
    const { sources: planned } = JSON.parse(plan) as { sources: object[] };
    const halved = { source: "half_big_contiguous", bytesNeeded: 9600, bytesToRead: 4800 };
    expect(planned).toContainEqual(expect.objectContaining(halved));
  });

  test.each([[[]], [["--compression", "gzip:1", "--shuffle"]]])(
    "are f4 in an extract: %j",
    async (words) => {
      const out = at("half.h5");
      const of = ["--sources", "half_big_gzip", "--force"];
      const written = evb("extract", at("halves.index.h5"), "-o", out, ...of, ...words);
      expect(written.code).toBe(0);
      const extracted = new Hdf5File(await loadHdf5(), out);
      const data = extracted.dataSet("/sources/half_big_gzip/data");
      expect(data.shape).toMatchObject({ typeName: "<f4", shape: [60, 40] });
      const first = new Uint8Array(4 * 40);
      data.readRows(59, 1, first);
      extracted.close();
      const hash = createHash("sha256").update(first).digest().readUIntBE(0, 6);
      expect(hash).toBe(answers["half_big_gzip"]!.hashes[59]);
    },
  );
});

const TYPES = ["i1", "u1", "i2_big", "i4", "u4_big", "i8", "u8"].concat([
  "f4",
  "f4_big",
  "f8",
  "f8_big",
  "f2",
  "f2_big",
]);

describeWith(["h5py"], "rows of variable length", () => {
  let sources: Record<string, Source> = {};
  beforeAll(async () => {
    makeRuns();
    sources = await readTogether(
      "sequences",
      TYPES.map((type) => `rows_${type}`),
    );
    expect(index("rows_i4").stderr).toContain("1 source must be read through the HDF5 library");
    const mixed = evb("index", at("mixed"), "-o", at("mixed.index.h5"), "--all");
    expect(mixed.code).toBe(0);
  }, MINUTES);

  test.each(TYPES)("are read as h5py reads them, empty ones too: %s", (type) => {
    const name = `rows_${type}`;
    const source = sources[name];
    expect(source?.library).toContain("it holds variable-length sequences of ");
    expectRead(source, name);
    const elements = sum(answers[name]!.lengths);
    expect(source?.bytes).toBe(elements * (type.startsWith("f2") ? 4 : Number(type[1])));
  });

  test.each(["read", "stats", "wait"])("have a first element, or 0: %s", async (analysis) => {
    const out = `first_${analysis}`;
    const done = work("rows_i4", out, "--clients", "1", "--analysis", analysis);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    const { lengths, sums } = answers["rows_i4"]!;
    const firsts = await columnOf(out, "first");
    expect(firsts.filter((_, row) => lengths[row] === 0)).toEqual(
      lengths.filter((length) => length === 0),
    );
    expect(firsts.some((first) => first > 0)).toBe(true);
    if (analysis !== "stats") return;
    expect(await columnOf(out, "sum")).toEqual(sums);
    const means = await columnOf(out, "mean");
    expect(means).toEqual(lengths.map((length, row) => sums![row]! / length));
  });

  test("give one digest for any number of clients and any batch size", () => {
    const digests = ["1 100", "1 1", "2 7", "3 1"].map((words) => {
      const [clients, batch] = words.split(" ") as [string, string];
      const out = `mixed_${clients}_${batch}`;
      const done = work("mixed", out, "--clients", clients, "--batch", batch);
      expect(done).toMatchObject({ code: 0, stderr: "" });
      return reportOf(out).digest;
    });
    expect(new Set(digests).size).toBe(1);
    expect(oracle("digest.py", at("mixed_1_100", "results.h5")).trim()).toBe(digests[0]);
  });

  test("say in a plan that nobody knows how long they are", () => {
    const plan = evb("plan", at("rows_i4.index.h5"), "--json", "--rate", "1GB/s").stdout;
    const unknown = { bytesNeeded: null, bytesToRead: null, reads: null };
    expect(JSON.parse(plan)).toMatchObject({ ...unknown, seconds: null, sources: [unknown] });
    const text = evb("plan", at("mixed.index.h5")).stdout;
    expect(text).toContain("needed    at least 9.60 kB (1 source unknown)\n");
    expect(text).toContain("to read   at least 9.60 kB");
    expect(text).toMatch(/^file1 +60 +\? +\? /m);
    expect(text.replaceAll(/\s+/g, " ")).toContain("it holds variable-length sequences of <i4");
  });

  test("are in no extract, but other sources are", () => {
    const out = at("mixed.extract.h5");
    const refused = evb("extract", at("mixed.index.h5"), "-o", out);
    expect(refused.code).toBe(2);
    expect(sentenceOf(refused)).toMatch(/rows of file1 have lengths .* with --sources$/);
    const written = evb("extract", at("mixed.index.h5"), "-o", out, "--sources", "file2");
    expect(written.code).toBe(0);
  });

  test("are shown by evb inspect, of a file and of an index", () => {
    const shown = evb("inspect", at("rows_i2_big", "file1.h5")).stdout;
    expect(shown).toContain("/bigdata1  (60) of variable-length sequences of >i2, chunks (8)");
    const json = evb("inspect", at("sequences.index.h5"), "--json").stdout;
    const { sources: inspected } = JSON.parse(json) as { sources: object[] };
    const library = "it holds variable-length sequences of >i2";
    const source = { source: "rows_i2_big", library };
    expect(inspected).toContainEqual(expect.objectContaining(source));
  });

  test.each([
    ["strings", "(60) of variable-length strings"],
    ["rows_of_strings", "(60) of variable-length sequences of variable-length strings"],
    ["rows_of_fixed_strings", "(60) of variable-length sequences of |S5"],
    ["rows_of_compounds", "(60) of variable-length sequences of compounds"],
    ["rows_of_rows", "(60) of variable-length sequences of variable-length sequences of <i4"],
    ["rows_of_enumerations", "(60) of variable-length sequences of enumerations"],
    ["rows_of_arrays", "(60) of variable-length sequences of arrays"],
    ["tables_of_rows", "(60, 2) of variable-length sequences of <i4"],
  ])("are refused where they are no numbers: %s", (name, found) => {
    const indexed = index(name);
    expect(indexed.code).toBe(3);
    const wanted = "should be rows of numbers, one per time stamp in layout seed";
    expect(sentenceOf(indexed)).toContain(`${wanted}, but is ${found};`);
  });
});
