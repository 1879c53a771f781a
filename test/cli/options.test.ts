import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

describe("help", () => {
  test.each(["", "index", "generate", "inspect", "plan", "bench"])(
    "of evb %s fits 80 columns",
    (command) => {
      const { code, stdout, stderr } = evb([...command.split(" ").filter(Boolean), "--help"]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
      expect(stdout).toContain(command === "" ? "Commands:" : `Examples:\n  evb ${command} `);
    },
  );

  test.each([
    [[], "no command was given; `evb --help` shows what there is"],
    [["indx"], "there is no command indx; `evb --help` shows what there is"],
    [["--colour"], "no command was given; `evb --help` shows what there is"],
  ])("is pointed to where there is no command to help with: %j", (words, sentence) => {
    const ended = evb(words);
    expect([ended.code, sentenceOf(ended)]).toEqual([2, sentence]);
  });
});

describe("an option", () => {
  test.each([
    ["--set bogus=1 --set ms=1", "bogus"],
    ["--set ms=1 --set bogus=1", "bogus"],
  ])("that may be repeated keeps every value: %s", (words, named) =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [5] });
      await index([folder], join(folder, "x.h5"));
      const run = ["run", "x.h5", "-o", "out", "--clients", "1", "--analysis", "wait"];
      const { code, stderr } = evb([...run, ...words.split(" ")], folder);
      expect(code).toBe(2);
      expect(stderr).toContain(named);
    }),
  );

  test.each([
    ["index run -o a.h5 -o b.h5", "-o was given more than once; `evb index --help`"],
    ["index run -o a.h5 --out b.h5", "-o was given more than once; `evb index --help`"],
    ["generate run --seed 1 --seed 2", "--seed was given more than once; `evb generate --help`"],
  ])("that has one value is refused a second one: %s", (words, sentence) => {
    const ended = evb(words.split(" "));
    expect(sentenceOf(ended)).toContain(sentence);
    expect(ended.code).toBe(2);
  });
});
