import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { generateRun, planMockRun, type MockRun } from "@evb/generate";
import { inFolder, SMALL } from "./mock-files.ts";

test("the example at the front door runs", () =>
  inFolder(async (directory) => {
    const run: MockRun = {
      directory,
      layout: "seed",
      files: 3,
      size: { kind: "events", events: 30 },
      eventBytes: 1_000_000,
      labels: ["red", "green", "blue"],
      dropShare: 0.5,
      eventsPerChunk: 1,
      seed: 1,
      lateShare: 0,
      duplicateShare: 0,
      disorderShare: 0,
    };
    const bytesNeeded = planMockRun(run).bytes;
    const truth = await generateRun(run, {});
    expect(bytesNeeded).toBeGreaterThan(30_000_000);
    expect(truth.events).toBe(30);
  }));

describe("progress", () => {
  test("rises from file to file, and ends with everything done", () =>
    inFolder(async (directory) => {
      const run: MockRun = { ...SMALL, directory, size: { kind: "events", events: 3000 } };
      const total = planMockRun(run).bytes;
      const done: number[] = [];
      await generateRun(run, {
        onProgress(bytesDone, bytesTotal) {
          expect(bytesTotal).toBe(total);
          done.push(bytesDone);
        },
      });
      expect(done).toEqual(done.slice().sort((a, b) => a - b));
      expect(done.at(-1)).toBe(total);
      expect(done.length).toBeGreaterThan(6);
    }));

  test("lets timers and signals have their turn", () =>
    inFolder(async (directory) => {
      let turns = 0;
      let running = true;
      const turn = (): void => {
        turns++;
        if (running) setImmediate(turn);
      };
      setImmediate(turn);
      await generateRun({ ...SMALL, directory, size: { kind: "events", events: 3000 } }, {});
      running = false;
      expect(turns).toBeGreaterThan(6);
    }));
});

describe("an aborted run", () => {
  test.each([1, 4, 8])("leaves nothing behind, stopped at report %i", (report) =>
    inFolder(async (directory) => {
      const run: MockRun = { ...SMALL, directory, size: { kind: "events", events: 3000 } };
      const abort = new AbortController();
      let reports = 0;
      const onProgress = (): void => {
        // The first file has five slabs: two columns, and three of at most 1024 chunks.
        if (++reports === report) abort.abort(new Error("enough"));
      };
      await expect(generateRun(run, { signal: abort.signal, onProgress })).rejects.toThrow(
        "enough",
      );
      expect(reports).toBe(report);
      expect(readdirSync(directory)).toEqual([]);
    }),
  );

  test("isn't begun where it was aborted before", () =>
    inFolder(async (directory) => {
      const signal = AbortSignal.abort(new Error("never mind"));
      await expect(generateRun({ ...SMALL, directory }, { signal })).rejects.toThrow("never mind");
      expect(readdirSync(directory)).toEqual([]);
    }));

  test("can be made again in the same folder", () =>
    inFolder(async (directory) => {
      const signal = AbortSignal.abort();
      await expect(generateRun({ ...SMALL, directory }, { signal })).rejects.toThrow();
      expect((await generateRun({ ...SMALL, directory }, {})).events).toBe(40);
    }));
});

describe("a run that can't be written", () => {
  test.each(["truth.json", "file7.h5"])(
    "is refused where %s is there already, which stays",
    (name) =>
      inFolder(async (directory) => {
        writeFileSync(join(directory, name), "");
        const made = generateRun({ ...SMALL, directory }, {});
        await expect(made).rejects.toThrow(
          `${directory} already holds ${name}; choose another folder, or --force to replace the old run`,
        );
        await expect(made).rejects.toMatchObject({ tag: "mock-run-exists", exitCode: 2 });
        expect(readdirSync(directory)).toEqual([name]);
      }),
  );

  test("takes the place of what is left of another one with force; files of others stay", () =>
    inFolder(async (directory) => {
      for (const name of ["file7.h5", ".file8.h5.partial", "run-0001-00.evt", "notes.txt"])
        writeFileSync(join(directory, name), "");
      await generateRun({ ...SMALL, directory }, { force: true });
      const names = readdirSync(directory);
      expect(names).toContain("truth.json");
      expect(names).toContain("notes.txt");
      expect(names.filter((name) => /[78]\.h5|evt$/.test(name))).toEqual([]);
    }));

  test("says where, if the folder is a file", () =>
    inFolder(async (folder) => {
      const directory = join(folder, "taken");
      writeFileSync(directory, "");
      const made = generateRun({ ...SMALL, directory }, {});
      await expect(made).rejects.toThrow(`a mock run can't be written to ${directory}: EEXIST`);
      await expect(made).rejects.toMatchObject({ tag: "mock-run-not-written", exitCode: 1 });
    }));
});
