import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { generateRun, planMockRun, type MockRun } from "@evb/generate";
import { digestsOf, inFolder, readMockFile, SMALL, type ReadFile } from "./mock-files.ts";

const LAYOUTS = ["seed", "lcls"] as const;

/** Every row's image tells its stamp and file, and is otherwise the noise of that file. */
function expectOwnImages(read: ReadFile, file: number): void {
  const ints = read.imageShape.slice(1).reduce((product, n) => product * n, 1);
  expect(read.images.length).toBe(read.times.length * ints);
  const expected = read.images.slice(0, ints);
  expected[1] = file;
  for (let row = 0; row < read.times.length; row++) {
    expected[0] = Number(read.times[row]! & 0x7fff_ffffn);
    const image = read.images.subarray(row * ints, (row + 1) * ints);
    // Buffers are compared 100 times faster than typed arrays.
    expect(bytesOf(image).equals(bytesOf(expected))).toBe(true);
  }
}

const bytesOf = (ints: Int32Array): Buffer =>
  Buffer.from(ints.buffer, ints.byteOffset, ints.byteLength);

describe("the rows of a mock run", () => {
  const cases = LAYOUTS.flatMap((layout) =>
    [1, 3, 4, 5, 7, 1000].map((eventsPerChunk) => [layout, eventsPerChunk] as const),
  );
  test.each(cases)("are complete in layout %s with %i events per chunk", (layout, eventsPerChunk) =>
    inFolder(async (directory) => {
      const run: MockRun = { ...SMALL, directory, layout, eventsPerChunk };
      const plan = planMockRun(run);
      await generateRun(run, {});
      const principal = await readMockFile(run, 1);
      expect(principal.labelledTimes).toHaveLength(40);
      for (let file = 1; file <= 3; file++) {
        const read = await readMockFile(run, file);
        expect(read.times).toHaveLength(plan.files[file - 1]!.rows);
        expect(read.chunkRows).toBe(Math.min(eventsPerChunk, read.times.length));
        expect(read.times.every((time) => principal.labels!.has(time))).toBe(true);
        expectOwnImages(read, file);
      }
    }),
  );

  test.each([
    ["seed", 256, [64]],
    ["seed", 255, [63]],
    ["seed", 1, [1]],
    ["lcls", 256, [32, 2]],
    ["lcls", 255, [1, 63]],
  ] as const)("of layout %s and %i bytes have the shape %j", (layout, eventBytes, shape) =>
    inFolder(async (directory) => {
      const run: MockRun = { ...SMALL, directory, layout, eventBytes };
      await generateRun(run, {});
      const { imageShape, times } = await readMockFile(run, 2);
      expect(imageShape).toEqual([times.length, ...shape]);
    }),
  );

  test.each([1, 3, 1000])("are the same with gzip, %i events per chunk", (eventsPerChunk) =>
    inFolder(async (directory) => {
      const plain: MockRun = { ...SMALL, directory: join(directory, "plain"), eventsPerChunk };
      const gzip: MockRun = { ...plain, directory: join(directory, "gzip"), gzip: 6 };
      await generateRun(plain, {});
      await generateRun(gzip, {});
      for (let file = 1; file <= 3; file++)
        expect(await readMockFile(gzip, file)).toEqual(await readMockFile(plain, file));
    }),
  );

  test("fill a slab that is larger than a chunk, and a chunk that is larger than a slab", () =>
    inFolder(async (directory) => {
      // Slabs have 8 MiB: 11 rows of 750 kB are one, and a chunk of 15 is more.
      for (const [name, eventsPerChunk] of [
        ["small", 2],
        ["large", 15],
      ] as const) {
        const run: MockRun = {
          ...SMALL,
          directory: join(directory, name),
          files: 1,
          eventBytes: 750_000,
          eventsPerChunk,
          size: { kind: "events", events: 17 },
        };
        await generateRun(run, {});
        expectOwnImages(await readMockFile(run, 1), 1);
      }
    }));

  test("have no more in a chunk than 32 MiB", () => {
    const run: MockRun = { ...SMALL, directory: "", eventBytes: 2 ** 20, eventsPerChunk: 1000 };
    expect(planMockRun(run).files[0]!.eventsPerChunk).toBe(32);
  });
});

describe("time stamps", () => {
  test("ascend, and some are closer than a double can tell", () =>
    inFolder(async (directory) => {
      const run: MockRun = { ...SMALL, directory, size: { kind: "events", events: 1000 } };
      await generateRun(run, {});
      const { times } = await readMockFile(run, 1);
      const pairs = Array.from(times.subarray(1), (time, row) => [times[row]!, time] as const);
      expect(times[0]! >= 1_700_000_000_000_000_000n).toBe(true);
      expect(pairs.every(([before, after]) => before < after)).toBe(true);
      expect(pairs.some(([before, after]) => Number(before) === Number(after))).toBe(true);
    }));

  test("are those of a shorter run of the same seed, continued", () =>
    inFolder(async (directory) => {
      const short: MockRun = { ...SMALL, directory: join(directory, "short"), dropShare: 0.3 };
      const long: MockRun = {
        ...short,
        directory: join(directory, "long"),
        size: { kind: "events", events: 60 },
      };
      await generateRun(short, {});
      await generateRun(long, {});
      for (let file = 1; file <= 3; file++) {
        const { times } = await readMockFile(short, file);
        expect((await readMockFile(long, file)).times.slice(0, times.length)).toEqual(times);
      }
    }));
});

describe("the share that is dropped", () => {
  test("is nothing for 0 and everything for 1", () =>
    inFolder(async (directory) => {
      for (const layout of LAYOUTS) {
        const none: MockRun = {
          ...SMALL,
          directory: join(directory, layout, "0"),
          layout,
          dropShare: 0,
        };
        const all: MockRun = { ...none, directory: join(directory, layout, "1"), dropShare: 1 };
        expect((await generateRun(none, {})).all.multiplicity).toEqual({ "3": 40 });
        const { files } = await generateRun(all, {});
        expect(files.map((file) => file.rows).slice(1)).toEqual([0, 0]);
        expect((await readMockFile(all, 2)).images).toHaveLength(0);
      }
    }));

  test("is met in the mean, by the secondary files; by LCLS's first file to one half", () => {
    // 20,000 independent draws of 0.3 have a standard deviation of 65 rows; 5 of them are 324.
    const size = { kind: "events", events: 20_000 } as const;
    for (const [layout, lacking] of [
      ["seed", [0, 6000, 6000]],
      ["lcls", [3000, 6000, 6000]],
    ] as const) {
      const { files } = planMockRun({ ...SMALL, directory: "", layout, size, dropShare: 0.3 });
      files.forEach(({ rows }, file) => {
        expect(Math.abs(20_000 - rows - lacking[file]!)).toBeLessThan(
          lacking[file] === 0 ? 1 : 324,
        );
      });
    }
  });
});

describe("a seed", () => {
  const faulty = { ...SMALL, lateShare: 0.1, duplicateShare: 0.1, disorderShare: 0.1 };

  test.each(LAYOUTS)("gives the same bytes on another day, layout %s", (layout) =>
    inFolder(async (directory) => {
      const today = join(directory, "today");
      const tomorrow = join(directory, "tomorrow");
      await generateRun({ ...faulty, layout, directory: today }, {});
      const now = Date.now;
      Date.now = () => now() + 86_400_000;
      try {
        await generateRun({ ...faulty, layout, directory: tomorrow }, {});
      } finally {
        Date.now = now;
      }
      expect(digestsOf(tomorrow)).toEqual(digestsOf(today));
      expect(Object.keys(digestsOf(today))).toEqual([
        "file1.h5",
        "file2.h5",
        "file3.h5",
        "truth.json",
      ]);
    }),
  );

  test.each([2, 2 ** 32 + 1, 2 ** 53 - 1])("of %i gives other bytes than 1 in every file", (seed) =>
    inFolder(async (directory) => {
      const [one, other] = [join(directory, "one"), join(directory, "other")];
      await generateRun({ ...faulty, directory: one }, {});
      await generateRun({ ...faulty, directory: other, seed }, {});
      const [ones, others] = [digestsOf(one), digestsOf(other)];
      expect(Object.keys(ones).filter((name) => ones[name] === others[name])).toEqual([]);
    }),
  );
});

test("truth.json is what generateRun returns", () =>
  inFolder(async (directory) => {
    const truth = await generateRun({ ...SMALL, directory }, {});
    expect(JSON.parse(readFileSync(join(directory, "truth.json"), "utf8"))).toEqual(truth);
  }));
