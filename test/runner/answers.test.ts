import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ResultSchema } from "@evb/analysis";
import { viewElements, type ElementType } from "@evb/event";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { RunIndex } from "@evb/index";
import { encodeResults, JournalWriter, ResultBuilder, writeResults } from "@evb/runner";
import { RESULTS } from "../support/run-frames.ts";
import { runInMemory, smallRun, type SmallRun } from "../support/run-small.ts";

const hdf5 = await loadHdf5();
let folder: string;
let run: SmallRun;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-answers-"));
  run = await smallRun(folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const column = (file: Hdf5File, path: string): number[] =>
  Array.from(file.dataSet(path).readColumn() as ArrayLike<number | bigint>, Number);

/** Sum of each row of a file's payload, read all at once. */
function rowSums(path: string, payload: string): number[] {
  const file = new Hdf5File(hdf5, path);
  const dataSet = file.dataSet(payload);
  const bytes = new Uint8Array(dataSet.length * dataSet.rowBytes);
  dataSet.readRows(0, dataSet.length, bytes);
  const cells = viewElements("i4", bytes) as Int32Array;
  const width = cells.length / dataSet.length;
  file.close();
  return Array.from({ length: dataSet.length }, (_, row) =>
    cells.subarray(row * width, (row + 1) * width).reduce((sum, cell) => sum + cell, 0),
  );
}

describe("results.h5", () => {
  let file: Hdf5File;
  let digest: string | undefined;
  beforeAll(async () => {
    const { report, out } = await runInMemory({
      run,
      out: "out",
      clients: 2,
      order: { batchCap: 7 },
    });
    digest = report.digest;
    file = new Hdf5File(hdf5, out.results);
  });
  afterAll(() => {
    file.close();
  });

  test("has of every fragment what its own row of its own file holds", () => {
    const truth = [1, 2, 3].map((n) =>
      rowSums(join(folder, "run", `file${String(n)}.h5`), `bigdata${String(n)}`),
    );
    const [source, row] = [column(file, "/fragments/source"), column(file, "/fragments/row")];
    expect(column(file, "/fragments/sum")).toEqual(source.map((s, i) => truth[s]![row[i]!]));
    expect(new Set(source)).toEqual(new Set([0, 1, 2]));
  });

  test("has no value where a source has no fragment", () => {
    for (const name of ["file2", "file3"]) {
      const [row, sum] = [column(file, `/events/${name}/row`), column(file, `/events/${name}/sum`)];
      expect(row).toContain(-1);
      expect(sum.map(Number.isNaN)).toEqual(row.map((each) => each === -1));
    }
  });

  test("has the digest that docs/results-format.md describes", () => {
    const hash = createHash("sha256");
    const paths = [...file.contents(1000)]
      .filter(({ kind, path }) => kind === "data set" && /^\/(events|fragments)\//.test(path))
      .map(({ path }) => path)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const path of paths) {
      const dataSet = file.dataSet(path);
      const { type, shape } = dataSet.shape;
      const name = `${type!.endsWith("1") ? "|" : "<"}${type!}`;
      const cells = new Uint8Array(dataSet.length * dataSet.rowBytes);
      dataSet.readRows(0, dataSet.length, cells);
      hash.update(`${path}\0${name}\0${shape.join(",")}\0`).update(cells);
    }
    // Of a run without not-a-numbers of other patterns than JavaScript's own.
    expect(digest).toBe(hash.digest("hex"));
  });
});

describe("values on their way into results.h5", () => {
  const LARGE = [2n ** 64n - 1n, 2n ** 53n + 1n, 0n, 2n ** 40n, 1n, 7n, 8n, 9n, 10n, 2n ** 63n];
  const schema: ResultSchema = {
    eventColumns: [{ name: "n", type: "u8" }],
    fragmentColumns: [{ name: "f", type: "u8" }],
    totals: [],
  };

  test("stay exact, and with their event, also behind events that are not done", async () => {
    const index = await RunIndex.open(run.indexPath);
    const { start, source } = index.slab(0, 10);
    const results = new ResultBuilder(
      schema,
      index.sources.map(({ type }): ElementType => type),
    );
    for (let event = 0; event < 10; event++) {
      const sources = source.subarray(start[event], start[event + 1]);
      const fragments = { f: Array.from(sources, (s) => 2n ** 60n + BigInt(10 * event + s)) };
      results.add({ lease: 1, event }, sources, { columns: { n: LARGE[event]! }, fragments });
    }
    const header = { sid: 1, session: 1, seq: 1, ack: 0 };
    const frame = encodeResults(header, { ...results.take(), times: RESULTS.times });
    const [journalPath, path] = [join(folder, "journal"), join(folder, "values.h5")];
    const journal = new JournalWriter(journalPath);
    journal.append("results", 1, new Uint8Array(Uint32Array.of(frame.byteLength, 0).buffer), frame);
    journal.close();
    const done = [
      { first: 0, end: 1 },
      { first: 4, end: 5 },
      { first: 9, end: 10 },
    ];
    const totals = undefined;
    await writeResults({ journalPath, path, index, schema, totals, done, evbVersion: "test" });
    index.close();
    const file = new Hdf5File(hdf5, path);
    expect(file.dataSet("/events/columns/n").readColumn()).toEqual(
      BigUint64Array.of(LARGE[0]!, LARGE[4]!, LARGE[9]!),
    );
    const expected = [0, 4, 9].flatMap((event) =>
      Array.from(
        source.subarray(start[event], start[event + 1]),
        (s) => 2n ** 60n + BigInt(10 * event + s),
      ),
    );
    expect(file.dataSet("/fragments/f").readColumn()).toEqual(BigUint64Array.from(expected));
    file.close();
  });

  test.each([2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1])(
    "are the same as numbers and as BigInts: %i",
    (value) => {
      const i8 = {
        eventColumns: [{ name: "v", type: "i8" }],
        fragmentColumns: [],
        totals: [],
      } as const;
      const results = new ResultBuilder(i8, []);
      for (const each of [value, BigInt(value)])
        results.add({ lease: 1, event: 0 }, new Uint16Array(0), { columns: { v: each } });
      expect(Array.from(results.take().eventSlots, (slot) => BigInt.asIntN(64, slot))).toEqual([
        BigInt(value),
        BigInt(value),
      ]);
    },
  );
});
