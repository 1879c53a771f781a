import { copyFileSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { needsIndex, noteIndex, readJob, type JobRun } from "@evb/launch";
import { inFolder } from "../support/folder.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

/** A run of two files, whose index is as its job says. */
async function indexedRun(folder: string): Promise<JobRun> {
  await writeSeedFile(folder, { n: 1, times: [5, 6] });
  await writeSeedFile(folder, { n: 2, times: [5] });
  const run = runOf(folder, "");
  await index([join(folder, "file1.h5"), join(folder, "file2.h5")], run.index!.path);
  await noteIndex(run.index!);
  return run;
}

function runOf(folder: string, more: string): JobRun {
  const path = join(folder, "job.yaml");
  writeFileSync(path, `kind: run\ninputs: "file*.h5"\noutput: out\n${more}`);
  return readJob(path).runs[0]!;
}

describe("the index that a job makes", () => {
  test("is made once, and stays where its files are only copied or touched", () =>
    inFolder(async (folder) => {
      expect(await needsIndex(runOf(folder, ""))).toBe(true);
      const run = await indexedRun(folder);
      expect(await needsIndex(run)).toBe(false);
      utimesSync(join(folder, "file1.h5"), 1, 1);
      expect(await needsIndex(run)).toBe(false);
    }));

  test("is made anew with other options, which would find other events", () =>
    inFolder(async (folder) => {
      await indexedRun(folder);
      expect(await needsIndex(runOf(folder, "require: 2\n"))).toBe(true);
      // It is the analysis that they are for.
      expect(await needsIndex(runOf(folder, "analysis: read\nevents: 0:1\n"))).toBe(false);
    }));

  test("is made anew where a file has come, gone or changed", () =>
    inFolder(async (folder) => {
      const run = await indexedRun(folder);
      const third = join(folder, "file3.h5");
      copyFileSync(join(folder, "file2.h5"), third);
      expect(await needsIndex(run)).toBe(true);
      rmSync(third);
      expect(await needsIndex(run)).toBe(false);
      await writeSeedFile(folder, { n: 2, times: [6, 7] });
      expect(await needsIndex(run)).toBe(true);
    }));

  test("is left alone where its inputs are on another host, and --data says where they are here", () =>
    inFolder(async (folder) => {
      await indexedRun(folder);
      const moved = join(folder, "moved");
      mkdirSync(moved);
      for (const name of ["file1.h5", "file2.h5"])
        renameSync(join(folder, name), join(moved, name));
      expect(await needsIndex(runOf(folder, "data: moved\n"))).toBe(false);
    }));

  test("is none of a job's that names an index alone", () =>
    inFolder(async (folder) => {
      const path = join(folder, "job.yaml");
      writeFileSync(path, "kind: run\nindex: there.h5\noutput: out\n");
      expect(await needsIndex(readJob(path).runs[0]!)).toBe(false);
    }));
});
