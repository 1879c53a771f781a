import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, evbLine, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

const T = 1_700_000_000_000_000_000n;

/** file1.h5 (T, T + 13), file2.h5 (T + 26, T + 13) and all.h5, the index of every event. */
async function inRun(test: (folder: string) => void | Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    await writeSeedFile(folder, { n: 1, times: [T, T + 13n], labels: ["red", "blue"] });
    await writeSeedFile(folder, { n: 2, times: [T + 26n, T + 13n] });
    await index([folder], join(folder, "all.h5"));
    await test(folder);
  });
}

describe("evb inspect", () => {
  test("of an index with --events --json has a line for each event, by time, fragments by source", () =>
    inRun((folder) => {
      const { code, stdout, stderr } = evb(["inspect", "all.h5", "--events", "--json"], folder);
      expect([code, stderr]).toEqual([0, ""]);
      const fragment = (n: number, row: number, time: string) => ({
        source: `file${String(n)}`,
        file: `file${String(n)}.h5`,
        row,
        time,
      });
      const [t0, t1, t2] = ["1700000000000000000", "1700000000000000013", "1700000000000000026"];
      expect(
        stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual([
        { event: 0, time: t0, fragments: [fragment(1, 0, t0)] },
        { event: 1, time: t1, fragments: [fragment(1, 1, t1), fragment(2, 1, t1)] },
        { event: 2, time: t2, fragments: [fragment(2, 0, t2)] },
      ]);
    }));

  test("of an index with --events has them for people", () =>
    inRun((folder) => {
      expect(evb(["inspect", "all.h5", "--events"], folder).stdout).toBe(
        [
          "0  1700000000000000000  file1[0]",
          "1  1700000000000000013  file1[1] file2[1]",
          "2  1700000000000000026  file2[0]\n",
        ].join("\n"),
      );
    }));

  test("of an index says what it was made from", () =>
    inRun((folder) => {
      const { code, stdout } = evb(["inspect", "all.h5", "--json"], folder);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        evb: "0.0.0-test",
        layout: "seed",
        match: "exact",
        select: "all",
        require: "any",
        root: folder,
        events: 3,
        fragments: 4,
        multiplicity: { "1": 2, "2": 1 },
        files: [
          { path: "file1.h5", size: readFileSync(join(folder, "file1.h5")).length },
          { path: "file2.h5", size: readFileSync(join(folder, "file2.h5")).length },
        ],
      });
      const text = evb(["inspect", "all.h5"], folder).stdout;
      expect(text).toContain(`index of 2 files below ${folder}, made by evb 0.0.0-test\n`);
      expect(text).toContain(
        "layout seed, match exact, select all, require any\n3 events, 4 fragments\n",
      );
    }));

  test("of a data file lists what is in it", () =>
    inRun((folder) => {
      expect(evb(["inspect", "file1.h5"], folder).stdout).toBe(
        [
          "/bigdata1  (2, 3) of <i4, chunks (2, 3)",
          "/smalldata  (2) of |S4, chunks (2)",
          "/timestamp1  (2) of <u8, chunks (2)\n",
        ].join("\n"),
      );
      const { stdout } = evb(["inspect", "file2.h5", "--json"], folder);
      expect(JSON.parse(stdout)).toEqual({
        file: "file2.h5",
        contents: [
          {
            path: "/bigdata2",
            kind: "data set",
            shape: [2, 3],
            type: "<i4",
            chunk: [2, 3],
            filters: [],
          },
          {
            path: "/timestamp2",
            kind: "data set",
            shape: [2],
            type: "<u8",
            chunk: [2],
            filters: [],
          },
        ],
      });
    }));

  test("may be cut off by head", () =>
    inFolder(async (folder) => {
      // 30,000 lines are more than a pipe holds (64 kB), so that the writer is still at it when head has gone.
      const times = Array.from({ length: 30_000 }, (_, i) => T + BigInt(i));
      await writeSeedFile(folder, { n: 1, times });
      await index([folder], join(folder, "all.h5"));
      const line = `set -o pipefail; ${evbLine("inspect all.h5 --events --json")} | head -1`;
      const ended = spawnSync("bash", ["-c", line], {
        cwd: folder,
        encoding: "utf8",
        timeout: 30_000,
      });
      expect([ended.status, ended.stderr]).toEqual([0, ""]);
      expect(JSON.parse(ended.stdout)).toMatchObject({ event: 0 });
    }));

  test("lists every event of an index that is read in several slabs", () =>
    inFolder(async (folder) => {
      const times = Array.from({ length: 20_001 }, (_, i) => T + BigInt(i));
      await writeSeedFile(folder, { n: 1, times });
      await index([folder], join(folder, "all.h5"));
      const lines = times.map((time, i) => `${String(i)}  ${String(time)}  file1[${String(i)}]\n`);
      expect(evb(["inspect", "all.h5", "--events"], folder).stdout === lines.join("")).toBe(true);
    }));
});

describe("evb inspect ends in one sentence", () => {
  test.each<readonly [words: string, code: number, sentence: string]>([
    ["nowhere.h5", 3, "nowhere.h5 can't be opened as an HDF5 file: there is no such file; check"],
    ["text.h5", 3, "text.h5 can't be opened as an HDF5 file: it has no HDF5 signature; check"],
    [".", 3, ". can't be opened as an HDF5 file: it is a folder; check"],
    [
      "file1.h5 --events",
      2,
      "file1.h5 is no index, so it has no events to list; leave --events out",
    ],
    ["", 2, "not enough non-option arguments: got 0, need at least 1; `evb inspect --help`"],
    ["file1.h5 file2.h5", 2, "more than file1.h5 was given, and only --windows takes several"],
  ])("%s", (words, code, sentence) =>
    inRun((folder) => {
      writeFileSync(join(folder, "text.h5"), "text");
      const ended = evb(["inspect", ...words.split(" ").filter(Boolean)], folder);
      expect(sentenceOf(ended)).toContain(sentence);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
    }),
  );
});
