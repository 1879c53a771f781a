import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Hdf5Writer, loadHdf5 } from "@evb/formats";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { index } from "../support/run-files.ts";

const ROWS = 64;
const INTS = 10_000;
const SENTENCE = /\b[Tt]he bottleneck is .+\.\n$/;

/** run/file1.h5 with 64 rows of 40 kB, its index, and a file of bytes. */
async function inRun(test: (folder: string) => void | Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    mkdirSync(join(folder, "run"));
    const writer = new Hdf5Writer(await loadHdf5(), join(folder, "run/file1.h5"));
    const times = BigUint64Array.from({ length: ROWS }, (_, row) => BigInt(row));
    writer.writeColumn("/timestamp1", "u8", times);
    writer
      .table({ path: "/bigdata1", type: "i4", shape: [ROWS, INTS], chunkRows: 1 })
      .write(0, new Int32Array(ROWS * INTS));
    writer.close();
    await index([join(folder, "run")], join(folder, "i.h5"));
    writeFileSync(join(folder, "bytes"), Buffer.alloc(300_000, 7));
    writeFileSync(join(folder, "empty"), "");
    await test(folder);
  });
}

interface Figures {
  readonly raw: readonly Record<string, number>[];
  readonly rows: Record<string, unknown> | null;
  readonly cold: {
    readonly kind: string;
    readonly reason?: string;
    readonly figures?: readonly Record<string, number>[];
  };
  readonly unread: readonly { readonly name: string; readonly reason: string }[];
  readonly sentence: string;
}

function figuresOf(words: readonly string[], folder: string): Figures {
  const { code, stdout, stderr } = evb(["bench", ...words, "--seconds", "0.1", "--json"], folder);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Figures;
}

function checkRates(figures: readonly Record<string, number>[]): void {
  for (const { bytes, bytesPerSecond, readsPerSecond } of figures) {
    expect(Number.isFinite(bytesPerSecond) && bytesPerSecond! > 0).toBe(true);
    expect(Number.isFinite(readsPerSecond) && readsPerSecond! > 0).toBe(true);
    // Medians of the two are of the same run: reads are all of one size.
    expect(bytesPerSecond! / readsPerSecond!).toBeCloseTo(bytes!, 3);
  }
}

describe("evb bench", () => {
  test("measures reads of two sizes by 1, 2 and 4 readers, and with many in flight", () =>
    inRun((folder) => {
      const { raw, rows, cold, sentence } = figuresOf(["i.h5"], folder);
      expect(raw.map(({ bytes, readers, inFlight }) => [bytes, readers, inFlight])).toEqual([
        ...[1, 2, 4].map((readers) => [1_000_000, readers, 0]),
        ...[4, 8, 16].map((inFlight) => [1_000_000, 1, inFlight]),
        ...[1, 2, 4].map((readers) => [256, readers, 0]),
      ]);
      checkRates(raw);
      expect(rows).toMatchObject({ sources: 1, rows: ROWS, bytes: ROWS * INTS * 4, filters: [] });
      for (const name of ["rawRows", "evbRows", "evbBytesPerSecond"])
        expect(rows![name]).toBeGreaterThan(0);
      // Cold or not is up to the host; it is one of the two.
      if (cold.kind === "known") checkRates(cold.figures!);
      else expect(cold.reason).not.toBe("");
      expect(`${sentence}\n`).toMatch(SENTENCE);
    }));

  test("says it to people within 80 columns, and the bottleneck at the end", () =>
    inRun((folder) => {
      const words = ["bench", "run/file1.h5", "--seconds", "0.05", "--no-cold"];
      const { code, stdout, stderr } = evb(words, folder);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("reads of 1.00 MB, 4 readers");
      expect(stdout).toContain("\nfrom the disk: not measured: --no-cold was given\n");
      expect(stdout).toMatch(/\n64 rows of 1 source, 2\.56 MB +rows a second\n/);
      expect(stdout.replaceAll("\n  ", " ")).toMatch(SENTENCE);
      expect(stdout.split("\n").filter((line) => line.length > 80 || / $/.test(line))).toEqual([]);
    }));

  test("measures any files, in reads that are no longer than they are, and says why no rows", () =>
    inRun((folder) => {
      const { raw, rows, unread } = figuresOf(["bytes", "--no-cold"], folder);
      expect(raw[0]).toMatchObject({ bytes: 300_000, readers: 1 });
      checkRates(raw);
      expect(rows).toBeNull();
      expect(unread).toEqual([{ name: "bytes", reason: "it is no HDF5 file" }]);
      const mixed = figuresOf(["bytes", "run/file1.h5", "--no-cold"], folder);
      expect(mixed.rows).toMatchObject({ rows: ROWS });
    }));

  test("writes nothing", () =>
    inRun((folder) => {
      const stateOf = () =>
        readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ parentPath, name }) => {
            const path = join(parentPath, name);
            return [path, statSync(path).mtimeMs, readFileSync(path, "base64")];
          });
      const before = stateOf();
      figuresOf(["i.h5"], folder);
      expect(stateOf()).toEqual(before);
    }));

  test.each([
    ["nowhere", 3, "nowhere can't be measured: there is no such file; check its path"],
    ["bytes empty", 3, "empty can't be measured: it is empty; check its path"],
    ["run", 2, "run is a folder, and only files can be measured; name an index of it"],
    ["bytes i.h5", 2, "i.h5 is an index, which stands for its own files; give it alone"],
    ["bytes --seconds 0", 2, "--seconds 0 is not understood; give seconds from 0.05 to 600"],
    ["bytes --seconds soon", 2, "--seconds soon is not understood; give seconds from"],
    ["i.h5 --data elsewhere", 3, "elsewhere/file1.h5, which i.h5 describes, can't be read"],
    ["", 2, "not enough non-option arguments: got 0, need at least 1; `evb bench --help`"],
  ])("ends in one sentence: %s", (words, code, sentence) =>
    inRun((folder) => {
      const ended = evb(["bench", ...words.split(" ").filter(Boolean)], folder);
      expect(sentenceOf(ended)).toContain(sentence);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
    }),
  );
});
