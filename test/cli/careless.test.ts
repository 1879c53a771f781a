import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { smallRun } from "../support/run-small.ts";

describe("a careless user", () => {
  test("can't make --force replace what is no index", () =>
    inFolder(async (folder) => {
      await smallRun(folder);
      const data = join(folder, "run", "file1.h5");
      const text = join(folder, "thesis.txt");
      writeFileSync(text, "years of work");
      const before = readFileSync(data);
      for (const out of [data, text]) {
        const done = evb(["index", join(folder, "run"), "-o", out, "--force"]);
        expect(done.code).toBe(2);
        expect(sentenceOf(done)).toMatch(
          /is not an index that evb wrote, so --force won't replace it/,
        );
      }
      expect(readFileSync(data).equals(before)).toBe(true);
      expect(readFileSync(text, "utf8")).toBe("years of work");
    }));

  test.each(["--require", "--sources", "--select", "-o"])(
    "is told that %s needs a value",
    (option) =>
      inFolder((folder) => {
        const done = evb(["index", folder, "-o", "x.h5", option], folder);
        expect(done.code).toBe(2);
      }),
  );

  test.each([
    ["generate", "--event-size"],
    ["generate", "--files"],
    ["run", "--analysis"],
    ["run", "--data"],
    ["run", "--set"],
    ["run", "--sources"],
  ])("evb %s is not run with the default where %s has no value", (command, option) =>
    inFolder((folder) => {
      const out = command === "run" ? ["-o", "out"] : [];
      const done = evb([command, "here", ...out, option], folder);
      expect(done.code).toBe(2);
      expect(sentenceOf(done)).toMatch(`${option} needs a value`);
    }),
  );

  test("is told that no event can have more sources than there are", () =>
    inFolder(async (folder) => {
      await smallRun(folder);
      const done = evb([
        "index",
        join(folder, "run"),
        "-o",
        join(folder, "x.h5"),
        "--require",
        "4",
      ]);
      expect(done.code).toBe(2);
      expect(sentenceOf(done)).toMatch(
        "--require 4 asks for more sources than the 3 that there are",
      );
    }));
});
