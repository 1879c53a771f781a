import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5Writer, loadHdf5 } from "@evb/formats";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { index } from "../support/run-files.ts";

const ROWS = 32;
const INTS = 5000;

/** Two files of 32 rows of 20,000 bytes, as chunked as asked for; every second stamp of file1 is red. */
async function inRun(test: (folder: string) => void | Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    mkdirSync(run);
    await writeFile(run, 1, 1);
    await writeFile(run, 2, 16);
    await index([run], join(folder, "i.h5"), { select: { kind: "default" } });
    await test(folder);
  });
}

async function writeFile(run: string, n: number, chunkRows: number, gzip?: number): Promise<void> {
  const writer = new Hdf5Writer(await loadHdf5(), join(run, `file${String(n)}.h5`));
  const times = BigUint64Array.from({ length: ROWS }, (_, row) => BigInt(row));
  writer.writeColumn(`/timestamp${String(n)}`, "u8", times);
  writer
    .table({ path: `/bigdata${String(n)}`, type: "i4", shape: [ROWS, INTS], chunkRows, gzip })
    .write(0, new Int32Array(ROWS * INTS));
  if (n === 1) {
    const labels = Array.from({ length: ROWS }, (_, row) => (row % 2 === 0 ? "red" : "blue"));
    writer.writeStrings("/smalldata", labels);
  }
  writer.close();
}

interface Report {
  readonly rate: number | null;
  readonly seconds: number | null;
  readonly sources: readonly Record<string, unknown>[];
}

describe("evb plan", () => {
  test("says what is needed and what is read, by source, within 80 columns", () =>
    inRun((folder) => {
      const { code, stdout, stderr } = evb(["plan", "i.h5", "--rate", "1MB/s"], folder);
      expect([code, stderr]).toEqual([0, ""]);
      // 16 events × 2 × 20,000 bytes; nothing is filtered, so rows are read one by one.
      expect(stdout).toMatch(/^16 events, 32 fragments of 2 sources\nneeded {4}640 kB\n/);
      expect(stdout).toContain("to read   640 kB in 32 reads\n");
      expect(stdout).toContain("time      0.64 s at 1.00 MB/s, for reading alone\n");
      expect(stdout).toMatch(/\nfile2 +16 +320 kB +320 kB +16 +1\.00 x +16 +none\n/);
      expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    }));

  test("invents no rate", () =>
    inRun((folder) => {
      expect(evb(["plan", "i.h5"], folder).stdout).toContain("time      unknown without a rate");
      const report = JSON.parse(evb(["plan", "i.h5", "--json"], folder).stdout) as Report;
      expect(report).toMatchObject({ rate: null, seconds: null });
    }));

  test("prints JSON alone, of some events and sources", () =>
    inRun((folder) => {
      const words = ["plan", "i.h5", "--json", "--events", "0:8", "--sources", "file2"];
      const { code, stdout } = evb([...words, "--rate", "16MB/s"], folder);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual({
        events: 8,
        fragments: 8,
        bytesNeeded: 160_000,
        bytesToRead: 160_000,
        bytesUnpacked: 160_000,
        amplification: 1,
        reads: 8,
        rate: 16_000_000,
        seconds: 0.01,
        sources: [
          {
            source: "file2",
            fragments: 8,
            bytesNeeded: 160_000,
            bytesToRead: 160_000,
            bytesUnpacked: 160_000,
            amplification: 1,
            reads: 8,
            filters: [],
            eventsPerChunk: 16,
            chunks: 8,
            decodes: 0,
            better: null,
            library: null,
          },
        ],
      });
    }));

  test("counts the bytes that a run with one client then reads", () =>
    inRun(async (folder) => {
      await writeFile(join(folder, "run"), 3, 16, 1);
      await index([join(folder, "run")], join(folder, "g.h5"), { select: { kind: "default" } });
      const plan = JSON.parse(evb(["plan", "g.h5", "--json"], folder).stdout) as {
        bytesToRead: number;
        sources: readonly object[];
      };
      // Every second row of two chunks of 16. Chunks of 64 kB would hold 4 of them, and no fewer that nobody wants.
      expect(plan.sources[2]).toMatchObject({
        bytesUnpacked: 32 * 20_000,
        amplification: 2,
        filters: ["gzip"],
        chunks: 2,
        better: null,
      });
      const words = ["run", "g.h5", "-o", "out", "--clients", "1", "--analysis", "read", "--json"];
      const report = JSON.parse(evb([...words, "--quiet"], folder).stdout) as { bytesRead: number };
      expect(report.bytesRead).toBe(plan.bytesToRead);
    }));

  test("reads no data", () =>
    inRun((folder) => {
      const before = statSync(join(folder, "i.h5")).mtimeMs;
      rmSync(join(folder, "run"), { recursive: true });
      expect(evb(["plan", "i.h5"], folder).code).toBe(0);
      expect(statSync(join(folder, "i.h5")).mtimeMs).toBe(before);
    }));

  test.each([
    ["i.h5 --rate fast", 2, "--rate fast is not understood; give a rate such as 500MB/s or 5GB/s"],
    ["i.h5 --events 3:99", 2, "--events 3:99 is no range of this index's 16 events; write"],
    ["i.h5 --sources cam*", 2, "no source is called cam*; there are file1, file2"],
    ["run/file1.h5", 2, "run/file1.h5 is a data file, not an index; make one with"],
    ["nowhere", 3, "there is no index nowhere; check the path"],
    ["", 2, "not enough non-option arguments: got 0, need at least 1; `evb plan --help`"],
  ])("ends in one sentence: %s", (words, code, sentence) =>
    inRun((folder) => {
      const ended = evb(["plan", ...words.split(" ").filter(Boolean)], folder);
      expect(sentenceOf(ended)).toContain(sentence);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
    }),
  );
});
