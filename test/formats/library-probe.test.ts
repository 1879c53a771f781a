import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { checkLibraryEnds, loadHdf5 } from "@evb/formats";
import { inFolder } from "../support/folder.ts";
import { writeSeedFile } from "../support/run-files.ts";

describe("a data set that the HDF5 library is to read though it is damaged", () => {
  test("is left to the library where that comes to an end, with values or without", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [1, 2, 3] });
      const path = join(folder, "file1.h5");
      expect(() => {
        checkLibraryEnds(path, "bigdata1");
        checkLibraryEnds(path, "not there");
      }).not.toThrow();
    }));

  test("is refused where it doesn't: its process is ended", () =>
    inFolder(async (folder) => {
      // Who opens a pipe waits until somebody writes to it.
      expect(spawnSync("mkfifo", [join(folder, "other.h5")]).status).toBe(0);
      const path = join(folder, "file1.h5");
      const { h5 } = await loadHdf5();
      const file = new h5.File(path, "w");
      file.create_external_link("other.h5", "data", "bigdata1");
      file.close();
      expect(() => {
        checkLibraryEnds(path, "bigdata1");
      }).toThrow(
        `${path} is damaged where bigdata1 is described: the HDF5 library comes to no end with it`,
      );
    }));
});
