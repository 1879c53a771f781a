import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { generateRingRun, planMockRingRun, type MockRingRun } from "@evb/generate";
import { inFolder } from "./mock-files.ts";
import { SMALL_RING } from "./ring-files.ts";

const filesOf = (asked: Partial<MockRingRun>): Promise<Map<string, Buffer>> =>
  inFolder(async (directory) => {
    await generateRingRun({ ...SMALL_RING, ...asked, directory }, {});
    return new Map(
      readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]),
    );
  });

const bytesOf = async (asked: Partial<MockRingRun>): Promise<Buffer> => {
  const files = await filesOf(asked);
  return Buffer.concat(
    [...files].filter(([name]) => name.endsWith(".evt")).map(([, bytes]) => bytes),
  );
};

describe("the same seed", () => {
  const asked = { disorderShare: 0.1, duplicateShare: 0.1, nullShare: 0.1, pauses: 1 };
  test("gives the same files", async () => {
    expect(await filesOf(asked)).toEqual(await filesOf(asked));
  });

  test("gives a longer run that begins like a shorter one", async () => {
    const short = await bytesOf({ size: { kind: "events", events: 40 } });
    const long = await bytesOf({ size: { kind: "events", events: 80 } });
    // END_RUNs of version 12 with header are 129 bytes.
    const common = short.length - 3 * 129;
    expect(short.subarray(0, common).equals(long.subarray(0, common))).toBe(true);
  });

  test("of another number gives other files", async () => {
    expect((await bytesOf({ seed: 2 })).equals(await bytesOf({ seed: 1 }))).toBe(false);
  });
});

describe("segments", () => {
  test("hold whole items, are no larger than asked for, and together are the run", async () => {
    const whole = await bytesOf({});
    const files = await filesOf({ segmentBytes: 3000, run: 12 });
    const names = [...files.keys()].filter((name) => name.endsWith(".evt"));
    expect(names.slice(0, 2)).toEqual(["run-0012-00.evt", "run-0012-01.evt"]);
    const parts = names.map((name) => files.get(name)!);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(3000);
    expect(Buffer.concat(parts).length).toBe(whole.length);
  });

  test("smaller than an item hold one each", async () => {
    const files = await filesOf({ segmentBytes: 1, size: { kind: "events", events: 5 } });
    for (const [name, bytes] of files)
      if (name.endsWith(".evt")) expect(bytes.readUInt32LE(0)).toBe(bytes.length);
  });
});

describe("--file-size", () => {
  test.each<readonly [bytes: number, asked: Partial<MockRingRun>]>([
    [20_000, {}],
    [1_000_000, {}],
    [1_000_000, { nesting: 0 }],
    [1_000_000, { nesting: 3, sources: 8 }],
    [1_000_000, { version: 10 }],
    [1_000_000, { eventBytes: 50_000 }],
    [1_000_000, { stalls: [{ source: 1, startTicks: 100_000, lengthTicks: 2 ** 40 }] }],
    [10_000_000, { windowTicks: 2 ** 40, nesting: 2 }],
    [10_000_000, { segmentBytes: 1_000_000, disorderShare: 0.1 }],
  ])("%i is met within 1 % or one event: %j", (bytes, asked) =>
    inFolder(async (directory) => {
      const run: MockRingRun = {
        ...SMALL_RING,
        ...asked,
        directory,
        size: { kind: "file-size", bytes },
      };
      expect(planMockRingRun(run).bytes).toBe(bytes);
      const truth = await generateRingRun(run, {});
      const eventBytes = run.sources * (1.25 * run.eventBytes + 100);
      expect(Math.abs(truth.bytes - bytes)).toBeLessThanOrEqual(Math.max(0.01 * bytes, eventBytes));
    }),
  );

  test.each<readonly [bytes: number, asked: Partial<MockRingRun>]>([
    [1000, {}],
    [100_000, { dropShare: 1, scalersEvery: 0 }],
  ])("%i that can't be met is refused: %j", (bytes, asked) =>
    inFolder(async (directory) => {
      const size = { kind: "file-size", bytes } as const;
      const making = generateRingRun({ ...SMALL_RING, ...asked, directory, size }, {});
      await expect(making).rejects.toThrow(`--file-size is ${String(bytes)} bytes, and a run with`);
      expect(readdirSync(directory)).toEqual([]);
    }),
  );

  test("planned from the number of events is near", async () => {
    const run = { ...SMALL_RING, directory: "", size: { kind: "events", events: 5000 } } as const;
    const planned = planMockRingRun(run).bytes;
    const bytes = (await bytesOf(run)).length;
    expect(Math.abs(planned / bytes - 1)).toBeLessThan(0.05);
  });
});

describe("a large run", () => {
  test("has no lists, but its sums and its expected events", () =>
    inFolder(async (directory) => {
      const size = { kind: "events", events: 40_000 } as const;
      const truth = await generateRingRun({ ...SMALL_RING, directory, size }, {});
      expect([truth.fragmentList, truth.runItems]).toEqual([null, null]);
      expect(truth.sources.reduce((sum, source) => sum + source.fragments, 0)).toBe(
        truth.fragments,
      );
      // A trigger that all three sources miss (0.2³) gives no event.
      expect(Math.abs(truth.expected!.events - 40_000 * (1 - 0.008))).toBeLessThan(5 * 18);
    }));
});

describe("progress and abort", () => {
  const LONG = { ...SMALL_RING, size: { kind: "file-size", bytes: 30_000_000 } } as const;

  test("rises, and ends with everything done", () =>
    inFolder(async (directory) => {
      const done: number[] = [];
      await generateRingRun({ ...LONG, directory }, { onProgress: (bytes) => done.push(bytes) });
      expect(done).toEqual(done.toSorted((a, b) => a - b));
      expect(done.at(-1)).toBe(30_000_000);
      expect(done.length).toBeGreaterThan(5);
    }));

  test.each([0, 1, 4])("stopped after report %i leaves nothing behind", (report) =>
    inFolder(async (directory) => {
      const abort = new AbortController();
      if (report === 0) abort.abort(new Error("enough"));
      let reports = 0;
      const onProgress = (): void => {
        if (++reports === report) abort.abort(new Error("enough"));
      };
      const run = { ...LONG, segmentBytes: 5_000_000, directory };
      const making = generateRingRun(run, { signal: abort.signal, onProgress });
      await expect(making).rejects.toThrow("enough");
      expect(readdirSync(directory)).toEqual([]);
    }),
  );
});

describe("a run that can't be made", () => {
  test.each(["truth.json", "file7.h5", "run-0007-00.evt"])("where %s is there already", (name) =>
    inFolder(async (directory) => {
      writeFileSync(join(directory, name), "");
      const making = generateRingRun({ ...SMALL_RING, directory }, {});
      await expect(making).rejects.toThrow(`${directory} already holds ${name}`);
      expect(readdirSync(directory)).toEqual([name]);
    }),
  );

  test("says every problem", () => {
    const run: MockRingRun = {
      ...SMALL_RING,
      directory: "",
      version: 10,
      extensionBytes: 4,
      eventBytes: 10,
      nesting: 0,
      damage: [{ kind: "bad-count", item: 3 }],
      stalls: [{ source: 9, startTicks: 0, lengthTicks: 1 }],
      periodTicks: 2 ** 48,
      nullShare: 2,
    };
    for (const problem of [
      "--event-size is 10, and must be from 28 to 1048576",
      "--null-stamps is 2, and must be from 0 to 1",
      "--late-source names source 9, and the run has 1 to 3",
      "items of version 10 have no body headers",
      "--damage bad-count is for built events",
      "longer than 2^52 ticks",
    ])
      expect(() => planMockRingRun(run)).toThrow(problem);
  });
});
