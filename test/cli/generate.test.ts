import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, evbLine, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";

const SMALL = ["--files", "2", "--events", "20", "--event-size", "250"];

describe("evb generate", () => {
  test("writes the run, and says what and where", () =>
    inFolder((folder) => {
      const { code, stdout, stderr } = evb(["generate", "a/run1", ...SMALL], folder);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/^2 files, 20 events, [\d.]+ kB in [\d.]+ s\nrun a\/run1, content in/);
      expect(readdirSync(join(folder, "a/run1"))).toEqual(["file1.h5", "file2.h5", "truth.json"]);
    }));

  test("prints truth.json alone with --json", () =>
    inFolder((folder) => {
      const { code, stdout, stderr } = evb(["generate", "run", ...SMALL, "--json"], folder);
      expect([code, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toEqual(
        JSON.parse(readFileSync(join(folder, "run/truth.json"), "utf8")),
      );
    }));

  test("takes every option of CLI.md", () =>
    inFolder((folder) => {
      const options =
        "--format hdf5 --layout lcls --file-size 100kB --event-size 1KiB --labels on,off --drop 0.2 --files 3 " +
        "--events-per-chunk 7 --compression gzip:1 --seed 5 --late 0.1 --duplicate 0.1 --disorder 0.1 --quiet --json";
      const { code, stdout } = evb(["generate", "run", ...options.split(" ")], folder);
      expect(code).toBe(0);
      const truth = JSON.parse(stdout) as { labels: object };
      expect(truth).toMatchObject({ layout: "lcls", seed: 5 });
      expect(Object.keys(truth.labels)).toEqual(["on", "off"]);
      expect(readdirSync(join(folder, "run"))).toHaveLength(4);
    }));

  test("stopped by SIGTERM leaves nothing behind and ends with 4", () =>
    inFolder(async (folder) => {
      const words = "generate run --files 1 --file-size 3GB --quiet";
      mkdirSync(join(folder, "run"));
      const events = watch(join(folder, "run"));
      const child = spawn("bash", ["-c", `exec ${evbLine(words)}`], { cwd: folder });
      const ended = once(child, "exit");
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      for await (const { filename } of events) if (filename === ".file1.h5.partial") break;
      child.kill("SIGTERM");
      const [code] = (await ended) as [number];
      expect([code, sentenceOf({ code, stdout: "", stderr })]).toEqual([
        4,
        "the mock run was interrupted, and nothing of it stays in run; give the command again",
      ]);
      expect(readdirSync(join(folder, "run"))).toEqual([]);
    }));
});

describe("evb generate ends in one sentence", () => {
  test.each<readonly [words: string, code: number, sentence: string]>([
    [
      "run --file-size 10XB",
      2,
      "--file-size 10XB is not understood; give a size such as 250kB, 1MB, 10GB or 1GiB",
    ],
    ["run --file-size 0", 2, "--file-size 0 is not understood; give a size"],
    ["run --event-size=-1MB", 2, "--event-size -1MB is not understood; give a size"],
    ["run --event-size 1e3", 2, "--event-size 1e3 is not understood; give a size"],
    [
      "run --events 10 --file-size 1MB",
      2,
      "--events and --file-size exclude each other; leave one out",
    ],
    ["run --events ten", 2, "--events ten is not understood; give a whole number from 1 to "],
    ["run --events 1.5", 2, "--events 1.5 is not understood; give a whole number from 1 to "],
    ["run --events 0", 2, "--events 0 is not understood; give a whole number from 1 to "],
    ["run --files 0", 2, "--files 0 is not understood; give a whole number from 1 to 10000"],
    ["run --drop 2", 2, "--drop 2 is not understood; give a share from 0 to 1"],
    ["run --late half", 2, "--late half is not understood; give a share from 0 to 1"],
    [
      "run --compression zip",
      2,
      "--compression zip is not understood; give none or gzip:1 to gzip:9",
    ],
    [
      "run --compression gzip:10",
      2,
      "--compression gzip:10 is not understood; give none or gzip:1",
    ],
    ["run --labels red,red", 2, "this mock run can't be made: --labels has the same label twice;"],
    ["run --labels ,", 2, "this mock run can't be made: "],
    ["run --layout xtc", 2, 'invalid values: Argument: layout, Given: "xtc"'],
    [
      "run --file-size 1kB --event-size 1MB",
      2,
      "this mock run can't be made: --file-size is 1000 bytes, and a file with one event has ",
    ],
    ["run --files 3 --file-size 900TB --event-size 500MB", 1, "free, and the mock run takes "],
    [
      "old",
      2,
      "old already holds file1.h5; choose another folder, or --force to replace the old run",
    ],
    ["file", 1, "a mock run can't be written to file: EEXIST: file already exists"],
    ["file/run", 1, "a mock run can't be written to file/run: ENOTDIR: not a directory"],
    ["", 2, "not enough non-option arguments: got 0, need at least 1; `evb generate --help`"],
  ])("%s", (words, code, sentence) =>
    inFolder((folder) => {
      writeFileSync(join(folder, "file"), "");
      mkdirSync(join(folder, "old"));
      writeFileSync(join(folder, "old/file1.h5"), "");
      const ended = evb(["generate", ...words.split(" ").filter(Boolean)], folder);
      expect(sentenceOf(ended)).toContain(sentence);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
      expect(readdirSync(folder)).toEqual(["file", "old"]);
    }),
  );
});
