import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";

describe("evb generate --format ring", () => {
  test("writes the run, and says what and where", () =>
    inFolder((folder) => {
      const { code, stdout, stderr } = evb(["generate", "a/run", "--format", "ring"], folder);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(
        /^1 segment, 350 items, [\d,]+ fragments, 24\d kB in [\d.]+ s\nrun a\/run, content in a\/run\/truth.json\n$/,
      );
      expect(readdirSync(join(folder, "a/run"))).toEqual(["run-0001-00.evt", "truth.json"]);
    }));

  test("takes every option", () =>
    inFolder((folder) => {
      const options =
        "--format ring --file-size 100kB --event-size 150 --drop 0.2 --duplicate 0.1 --disorder 0.1 --seed 5 " +
        "--sources 5 --first-source 3 --run 12 --period 2000 --jitter 20 --window 50 --nesting 2 --delay 3000 " +
        "--late-source 3:20000:5000,4:30000:5000 --null-stamps 0.05 --missing-headers 3,5 --item-version 11 " +
        "--big-endian --extension 4 --scalers-every 10 --pauses 2 --segment-size 30kB " +
        "--damage truncate:3,zero-size:40,bad-count:68,garbage:70:12 --quiet --json";
      const { code, stdout } = evb(["generate", "run", ...options.split(" ")], folder);
      expect(code).toBe(0);
      const truth = JSON.parse(stdout) as {
        sources: { source: number }[];
        files: object[];
        damage: { kind: string }[];
      };
      expect(truth).toEqual(JSON.parse(readFileSync(join(folder, "run/truth.json"), "utf8")));
      expect(truth).toMatchObject({
        seed: 5,
        run: 12,
        itemVersion: 11,
        byteOrder: "big",
        nesting: 2,
        expected: { window: "50" },
      });
      expect(truth.sources.map(({ source }) => source)).toEqual([3, 4, 5, 6, 7]);
      expect(truth.files).toHaveLength(4);
      expect(truth.damage.map(({ kind }) => kind).sort()).toEqual([
        "bad-count",
        "garbage",
        "truncate",
        "zero-size",
      ]);
    }));

  test("writes raw items with --unbuilt", () =>
    inFolder((folder) => {
      const words = "generate run --format ring --unbuilt --missing-headers all --json";
      const { code, stdout } = evb(words.split(" "), folder);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ nesting: 0 });
    }));

  test("has a help of 80 columns", () => {
    const { code, stdout } = evb(["generate", "--help"]);
    expect(code).toBe(0);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toContain("Options of --format ring:");
  });
});

describe("evb generate --format ring ends in one sentence", () => {
  test.each<readonly [words: string, code: number, sentence: string]>([
    ["--labels red", 2, "--labels goes with --format hdf5 only; give that format, or leave "],
    ["--layout lcls", 2, "--layout goes with --format hdf5 only; "],
    ["--files 2", 2, "--files goes with --format hdf5 only; "],
    ["--compression gzip:1", 2, "--compression goes with --format hdf5 only; "],
    ["--events-per-chunk 1", 2, "--events-per-chunk goes with --format hdf5 only; "],
    ["--late 0.1", 2, "--late goes with --format hdf5 only; "],
    ["--format hdf5 --unbuilt", 2, "--unbuilt goes with --format ring only; "],
    ["--format hdf5 --damage truncate:1", 2, "--damage goes with --format ring only; "],
    ["--format hdf5 --window 100", 2, "--window goes with --format ring only; "],
    ["--unbuilt --nesting 2", 2, "--unbuilt and --nesting exclude each other; leave one out"],
    ["--nesting 0", 2, "--nesting 0 is not understood; give a whole number from 1 to 9"],
    ["--item-version 9", 2, 'invalid values: Argument: item-version, Given: "9", Choices: "10", '],
    ["--sources 0", 2, "this mock run can't be made: --sources is 0, and must be from 1 to 999; "],
    ["--event-size 10", 2, "this mock run can't be made: --event-size is 10, and must be from 48 "],
    ["--late-source 1:2", 2, "--late-source 1:2 is not understood; give SOURCE:START:TICKS, "],
    ["--late-source 9:1:1", 2, "--late-source names source 9, and the run has 1 to 4; "],
    ["--missing-headers some", 2, "--missing-headers some is not understood; give none, run-items"],
    ["--missing-headers 9", 2, "--missing-headers names source 9, and the run has 1 to 4; "],
    ["--item-version 10 --extension 4", 2, "items of version 10 have no body headers, so none "],
    ["--damage cut:5", 2, "--damage cut:5 is not understood; give truncate:BYTES, zero-size:ITEM,"],
    ["--damage bad-count:0", 2, "--damage bad-count:0 is for a built event, and that item is none"],
    ["--damage zero-size:99999", 2, "--damage zero-size:99999 is for an item that the run of 350 "],
    ["--file-size 1kB", 2, "--file-size is 1000 bytes, and a run with 1 trigger has "],
    ["--file-size 900TB", 1, "free, and the mock run takes "],
    ["--window", 2, "--window needs a value; "],
  ])("%s", (words, code, sentence) =>
    inFolder((folder) => {
      const format = words.includes("--format") ? [] : ["--format", "ring"];
      const ended = evb(["generate", "run", ...format, ...words.split(" ")], folder);
      expect(sentenceOf(ended)).toContain(sentence);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
    }),
  );

  test("where a run is already", () =>
    inFolder((folder) => {
      mkdirSync(join(folder, "old"));
      writeFileSync(join(folder, "old/run-0003-00.evt"), "");
      const ended = evb(["generate", "old", "--format", "ring"], folder);
      expect(sentenceOf(ended)).toContain(
        "old already holds run-0003-00.evt; choose another folder",
      );
      expect(ended.code).toBe(2);
    }));
});
