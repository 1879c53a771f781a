import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { generateRun, planMockRun, type MockRun } from "@evb/generate";
import { inFolder, readMockFile, SMALL } from "./mock-files.ts";

describe("the size asked for", () => {
  test.each([
    { bytes: 20_000_000, eventBytes: 1_000_000, eventsPerChunk: 1 },
    { bytes: 20_000_000, eventBytes: 1_000_000, eventsPerChunk: 4 },
    { bytes: 18_000_000, eventBytes: 1_000_000, eventsPerChunk: 3 },
    { bytes: 22_000_000, eventBytes: 1_000_000, eventsPerChunk: 7 },
    { bytes: 20_000_000, eventBytes: 1_000_000, eventsPerChunk: 1000 },
    { bytes: 20_000_000, eventBytes: 1_000_000, eventsPerChunk: 5, layout: "lcls" },
    { bytes: 10_000_000, eventBytes: 30_000, eventsPerChunk: 4, duplicateShare: 0.3 },
    {
      bytes: 5_000_000,
      eventBytes: 1000,
      eventsPerChunk: 100,
      layout: "lcls",
      duplicateShare: 0.3,
    },
    { bytes: 2_000_000, eventBytes: 100, eventsPerChunk: 1 },
    { bytes: 1_000_000, eventBytes: 4, eventsPerChunk: 1 },
    { bytes: 1_000_000, eventBytes: 4, eventsPerChunk: 7, layout: "lcls" },
    { bytes: 100_000, eventBytes: 60_000, eventsPerChunk: 1 },
  ] as const)("is met by the first file: %j", ({ bytes, ...options }) =>
    inFolder(async (directory) => {
      const run: MockRun = {
        ...SMALL,
        ...options,
        directory,
        files: 2,
        size: { kind: "file-size", bytes },
      };
      const plan = planMockRun(run);
      await generateRun(run, {});
      const tolerance = Math.max(0.01 * bytes, options.eventBytes);
      const size = statSync(join(directory, "file1.h5")).size;
      expect(Math.abs(size - bytes)).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(plan.files[0]!.bytes - size)).toBeLessThan(2048);
    }),
  );

  test("is that of the rows where their last chunk would be too large for it", () => {
    // 100 rows and their stamps; HDF5 stores 15 chunks of 7, so the file has 105 MB on disk. 98 rows would be too few.
    const size = { kind: "file-size", bytes: 100_000_000 } as const;
    const plan = planMockRun({
      ...SMALL,
      directory: "",
      size,
      eventBytes: 1_000_000,
      eventsPerChunk: 7,
    });
    expect(plan.files[0]!.rows).toBe(100);
  });

  test("is met with the last chunk where chunks are small beside it", () => {
    // Of the numbers of rows within 1 % of 1 GB, most need a last chunk of 30 MB that goes beyond.
    const size = { kind: "file-size", bytes: 1_000_000_000 } as const;
    const run: MockRun = {
      ...SMALL,
      directory: "",
      size,
      eventBytes: 1_000_000,
      eventsPerChunk: 30,
    };
    const { rows, bytes } = planMockRun(run).files[0]!;
    expect(rows).toBe(990);
    expect(Math.abs(bytes - 1e9)).toBeLessThan(1.01e7);
  });

  test("doesn't depend on compression", () => {
    const run: MockRun = { ...SMALL, directory: "", size: { kind: "file-size", bytes: 100_000 } };
    expect(planMockRun({ ...run, gzip: 9 })).toEqual(planMockRun(run));
  });

  test("is refused where one event is larger", () => {
    const run: MockRun = { ...SMALL, directory: "", size: { kind: "file-size", bytes: 1000 } };
    expect(() => planMockRun(run)).toThrow(
      /--file-size is 1000 bytes, and a file with one event has \d+/,
    );
  });

  test("is refused where it takes more events than fit into memory", () => {
    const size = { kind: "file-size", bytes: 1e13 } as const;
    expect(() => planMockRun({ ...SMALL, directory: "", size, eventBytes: 8 })).toThrow(
      "--file-size is 10000000000000 bytes, which takes more than 100000000 events of this --event-size",
    );
  });
});

describe("a plan", () => {
  test.each(["seed", "lcls"] as const)("knows every file of layout %s to 2 kB", (layout) =>
    inFolder(async (directory) => {
      const run: MockRun = {
        ...SMALL,
        directory,
        layout,
        eventBytes: 32,
        size: { kind: "events", events: 5000 },
      };
      const plan = planMockRun(run);
      await generateRun(run, {});
      for (const [i, { file, rows, bytes }] of plan.files.entries()) {
        expect(Math.abs(statSync(join(directory, file)).size - bytes)).toBeLessThan(2048);
        expect((await readMockFile(run, i + 1)).times).toHaveLength(rows);
      }
      expect(plan.bytes).toBe(plan.files.reduce((sum, file) => sum + file.bytes, 0));
    }),
  );

  test("lists every problem at once", () => {
    const plan = (): unknown =>
      planMockRun({
        ...SMALL,
        directory: "",
        files: 0,
        size: { kind: "events", events: 1.5 },
        eventBytes: 0,
        eventsPerChunk: 0,
        gzip: 10,
        seed: -1,
        dropShare: 2,
        lateShare: -1,
        duplicateShare: Number.NaN,
        disorderShare: 1.1,
        labels: ["red", "red", "", "a "],
      });
    for (const problem of [
      "--files is 0, and must be a whole number from 1 to 10000",
      "--events is 1.5",
      "--event-size is 0",
      "--events-per-chunk is 0",
      "--compression gzip is 10",
      "--seed is -1",
      "--drop is 2, and must be a share from 0 to 1",
      "--late is -1",
      "--duplicate is NaN",
      "--disorder is 1.1",
      "--labels has the same label twice",
      'label "" has 0 bytes',
      'label "a " ends in a blank',
    ])
      expect(plan).toThrow(problem);
    expect(plan).toThrow(expect.objectContaining({ tag: "mock-run-unusable", exitCode: 2 }));
  });
});
