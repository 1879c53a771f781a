import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { makeFolder } from "@evb/formats";
import { inFolder } from "../support/folder.ts";

describe("a folder", () => {
  test("is made with those above it; one that is there is left as it is", () =>
    inFolder((folder) => {
      const deep = join(folder, "a/b/c");
      makeFolder(deep);
      makeFolder(deep);
      expect(statSync(deep).isDirectory()).toBe(true);
    }));

  test("can't be made below a file", () =>
    inFolder((folder) => {
      writeFileSync(join(folder, "file"), "");
      expect(() => {
        makeFolder(join(folder, "file/a/b"));
      }).toThrow(/ENOTDIR|EEXIST/);
    }));

  test("can't be made where the system makes none, and that is said at once", () => {
    expect(() => {
      makeFolder("/proc/evb-has-no-place-here/out");
    }).toThrow(/ENOENT|EACCES|ENOTDIR|EROFS/);
  });
});
