import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { writeLclsFile, writeSeedFile } from "../support/run-files.ts";

/**
 * run/ has file1.h5 (stamps 10, 20, 30, 30; red, blue, red, red), file2.h5 (30, 10, 40) and half.h5's broken likes beside it.
 * Red are 10 and 30: three of four labelled rows.
 */
async function inRun(test: (folder: string) => void | Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    mkdirSync(run);
    const labels = ["red", "blue", "red", "red"];
    const path = await writeSeedFile(run, { n: 1, times: [10, 20, 30, 30], labels });
    await writeSeedFile(run, { n: 2, times: [30, 10, 40] });
    const bytes = readFileSync(path);
    writeFileSync(join(folder, "half.h5"), bytes.subarray(0, bytes.length / 2));
    mkdirSync(join(folder, "lcls"));
    await writeLclsFile(join(folder, "lcls"), { name: "file1.h5", times: [1] });
    writeFileSync(join(folder, "empty.h5"), "");
    writeFileSync(join(folder, "text.h5"), "time,charge\n1,2\n");
    await test(folder);
  });
}

describe("evb index", () => {
  test("says first what was selected, and how to get every event", () =>
    inRun((folder) => {
      const { code, stdout, stderr } = evb(["index", "run", "-o", "red.h5"], folder);
      expect(code).toBe(0);
      const lines = stdout.trimEnd().split("\n");
      expect(lines[0]).toBe(
        '3 of 4 time stamps selected by smalldata == "red" (use --all for every event)',
      );
      expect(lines[1]).toMatch(/^2 events, 4 fragments, in \d/);
      expect(lines.at(-1)).toBe("index red.h5");
      // Neither is fatal: file2 is out of order.
      expect(stderr).toBe("evb: 1 source out of time order: file2; matched all the same\n");
    }));

  test("prints the report of CLI.md alone with --json", () =>
    inRun((folder) => {
      const { code, stdout, stderr } = evb(
        ["index", "run", "-o", "all.h5", "--all", "--json", "--quiet"],
        folder,
      );
      expect([code, stderr]).toEqual([0, ""]);
      const { seconds, ...report } = JSON.parse(stdout) as { seconds: number };
      expect(seconds).toBeGreaterThan(0);
      expect(report).toEqual({
        events: 4,
        fragments: 6,
        multiplicity: { "1": 2, "2": 2 },
        sources: [
          {
            source: "file1",
            file: "file1.h5",
            rows: 4,
            matched: 3,
            unmatched: 0,
            duplicates: 1,
            outOfOrder: 0,
            library: null,
          },
          {
            source: "file2",
            file: "file2.h5",
            rows: 3,
            matched: 3,
            unmatched: 0,
            duplicates: 0,
            outOfOrder: 1,
            library: null,
          },
        ],
      });
    }));

  test("says for --all that every time stamp was taken", () =>
    inRun((folder) => {
      const { stdout } = evb(["index", "run", "-o", "all.h5", "--all"], folder);
      expect(stdout).toMatch(/^every time stamp selected \(--all\)\n4 events, 6 fragments/);
    }));

  test("writes the index of no event, says so and ends with 1", () =>
    inRun((folder) => {
      const words = ["index", "run", "-o", "none.h5", "--select", 'smalldata == "pink"'];
      const ended = evb([...words, "--quiet"], folder);
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toBe(
        'no event was found (smalldata == "pink"); none.h5 is written, but there is nothing to run',
      );
      expect(readdirSync(folder)).toContain("none.h5");
    }));

  test.each([
    ["2ns", "2"],
    ["0.002us", "2"],
    ["2", "2"],
    ["0.000001ms", "1"],
    ["1s", "1000000000"],
  ])("takes a window of %s, as a tick of layout seed is a nanosecond", (text, ticks) =>
    inRun((folder) => {
      const { code } = evb(["index", "run", "-o", "x.h5", "--all", "--window", text], folder);
      expect(code).toBe(0);
      const made: unknown = JSON.parse(evb(["inspect", "x.h5", "--json"], folder).stdout);
      expect(made).toMatchObject({ match: "window", window: ticks });
    }),
  );

  test("finds what is nearest to the fragments of a source, and keeps how", () =>
    inRun(async (folder) => {
      await writeSeedFile(join(folder, "run"), { n: 3, times: [12, 17, 29, 99] });
      const words = ["index", "run", "-o", "x.h5", "--all", "--match", "nearest"];
      const { stdout } = evb([...words, "--window", "3ns", "--json", "--quiet"], folder);
      // Of file1, which has most fragments, as file3 has, but before it: 10, 20 and 30.
      expect(JSON.parse(stdout)).toMatchObject({
        events: 3,
        fragments: 8,
        sources: [
          { source: "file1", matched: 3, unmatched: 0, duplicates: 1 },
          { source: "file2", matched: 2, unmatched: 1, duplicates: 0 },
          { source: "file3", matched: 3, unmatched: 1, duplicates: 0 },
        ],
      });
      const made = evb(["inspect", "x.h5"], folder).stdout;
      expect(made).toContain("match nearest to file1 within 3 ticks");
      const listed = evb(["inspect", "x.h5", "--events", "--json"], folder).stdout;
      const [, second] = listed.trimEnd().split("\n");
      expect(JSON.parse(second!)).toMatchObject({
        time: "17",
        fragments: [
          { source: "file1", row: 1, time: "20" },
          { source: "file3", row: 1, time: "17" },
        ],
      });
      // Around another source, however far.
      const again = [...words, "--reference", "file2", "--force", "--json", "--quiet"];
      expect(JSON.parse(evb(again, folder).stdout)).toMatchObject({ events: 3, fragments: 8 });
      expect(evb(["run", "x.h5", "-o", "out", "--json"], folder)).toMatchObject({ code: 0 });
    }));

  test("leaves an index that is there alone, unless forced", () =>
    inRun((folder) => {
      evb(["index", "run", "-o", "x.h5"], folder);
      const before = readFileSync(join(folder, "x.h5"));
      const ended = evb(["index", "run", "-o", "x.h5", "--all"], folder);
      expect([ended.code, sentenceOf(ended)]).toEqual([
        2,
        "x.h5 exists already; choose another name, or --force to replace it",
      ]);
      expect(readFileSync(join(folder, "x.h5")).equals(before)).toBe(true);
      expect(evb(["index", "run", "-o", "x.h5", "--all", "--force"], folder).code).toBe(0);
      expect(readFileSync(join(folder, "x.h5")).equals(before)).toBe(false);
    }));
});

describe("evb index ends in one sentence", () => {
  test.each<readonly [words: string, code: number, sentence: string]>([
    [
      "nowhere -o x.h5",
      3,
      "nowhere is neither a file nor a folder, and no file matches it; check the path",
    ],
    [
      "empty.h5 -o x.h5",
      3,
      "empty.h5 can't be opened as an HDF5 file: it is empty; check that it is",
    ],
    [
      "text.h5 -o x.h5",
      3,
      "text.h5 can't be opened as an HDF5 file: it has no HDF5 signature; check",
    ],
    ["half.h5 -o x.h5", 3, "half.h5 can't be opened as an HDF5 file: truncated file"],
    ["run half.h5 -o x.h5", 3, "half.h5 can't be opened as an HDF5 file: truncated file"],
    [". -o x.h5", 3, "empty.h5 can't be opened as an HDF5 file"],
    ["run -o nowhere/x.h5", 1, "nowhere/x.h5 can't be written: No such file or directory; check"],
    ["run -o run", 2, "run exists already; choose another name"],
    ["run", 2, "missing required argument: out; `evb index --help` shows what there is"],
    ["-o x.h5", 2, "not enough non-option arguments: got 0, need at least 1; `evb index --help`"],
    ["run -o x.h5 -o y.h5", 2, "-o was given more than once; `evb index --help`"],
    ["run -o x.h5 --all --select a==1", 2, "--all and --select exclude each other; leave one out"],
    [
      "run -o x.h5 --select charge>1",
      2,
      "the selection charge>1 asks for the label charge, but the run has smalldata;",
    ],
    [
      "run -o x.h5 --select smalldata",
      2,
      "the selection smalldata is not understood: it compares nothing;",
    ],
    [
      "run -o x.h5 --require 0",
      2,
      "--require 0 is not understood; give a whole number from 1 to 65535",
    ],
    ["run -o x.h5 --require most", 2, "--require most is not understood; give a whole number"],
    ["run -o x.h5 --sources cam*", 2, "no source is called cam*; there are file1, file2"],
    [
      "run -o x.h5 --layout xtc",
      2,
      'invalid values: Argument: layout, Given: "xtc", Choices: "seed", "lcls"; `evb index --help`',
    ],
    ["run -o x.h5 --match fuzzy", 2, "invalid values: Argument: match"],
    ["run -o x.h5 --match gap", 2, "--match gap needs a --window: give its ticks"],
    ["run -o x.h5 --match exact --window 5", 2, "--match exact has no --window: leave one of them"],
    ["run -o x.h5 --reference file1", 2, "--reference is what --match nearest is nearest to"],
    [
      "run -o x.h5 --match nearest --reference file9",
      2,
      "no source is called file9; there are file1, file2",
    ],
    [
      "run -o x.h5 --window 1.5",
      2,
      "--window 1.5 is not understood; give ticks from 0 to 2^64 - 1",
    ],
    ["run -o x.h5 --window 0.5ns", 2, "--window 0.5ns is not understood; give ticks"],
    ["run -o x.h5 --window 5min", 2, "--window 5min is not understood; give ticks"],
    ["run -o x.h5 --window 20000000000s", 2, "--window 20000000000s is not understood; give ticks"],
    [
      "lcls -o x.h5 --all --window 5ns",
      2,
      "--window 5ns has a unit, and what a tick of layout lcls is in seconds isn't known; give the window in ticks",
    ],
    ["run -o x.h5 --colour", 2, "unknown argument: colour; `evb index --help`"],
    ["run -o x.h5 --read-ahead 4", 2, "unknown argument: read-ahead; `evb index --help`"],
  ])("%s", (words, code, sentence) =>
    inRun((folder) => {
      const before = readdirSync(folder);
      const ended = evb(["index", ...words.split(" ")], folder);
      expect(sentenceOf(ended)).toContain(sentence);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
      expect(readdirSync(folder)).toEqual(before);
    }),
  );

  test("where two kinds of run are mixed", () =>
    inRun(async (folder) => {
      await writeLclsFile(join(folder, "run"), { name: "file3.h5", times: [1] });
      const ended = evb(["index", "run", "-o", "x.h5"], folder);
      expect(sentenceOf(ended)).toContain("run/file3.h5 has layout lcls, but ");
      expect(ended.code).toBe(3);
    }));
});
