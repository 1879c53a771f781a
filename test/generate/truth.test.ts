import { describe, expect, test } from "@jest/globals";
import { generateRun, type MockRun, type TrueFile, type TrueMatch } from "@evb/generate";
import { inFolder, readMockFile, SMALL, type ReadFile } from "./mock-files.ts";

const FAULTS = {
  none: {},
  late: { lateShare: 0.1 },
  duplicate: { duplicateShare: 0.1 },
  disorder: { disorderShare: 0.1 },
  all: { lateShare: 0.05, duplicateShare: 0.2, disorderShare: 0.3 },
  "all, always": { lateShare: 1, duplicateShare: 1, disorderShare: 1, dropShare: 0 },
};

/** Finds the events of the files themselves, by a set of stamps for each file: slow, and nothing like the generator. */
function recount(files: readonly ReadFile[], wanted: (time: bigint) => boolean): TrueMatch {
  const fragments = new Map<bigint, number>();
  for (const { times } of files)
    for (const time of new Set(times))
      if (wanted(time)) fragments.set(time, (fragments.get(time) ?? 0) + 1);
  const multiplicity: Record<string, number> = {};
  let [sum, first] = [0, 0n];
  for (const [time, count] of fragments) {
    multiplicity[count] = (multiplicity[count] ?? 0) + 1;
    sum += count;
    first += BigInt(count) * (time & 0x7fff_ffffn);
  }
  return { events: fragments.size, fragments: sum, multiplicity, first: String(first) };
}

function recountFile(read: ReadFile, name: string, labels: ReadonlyMap<bigint, string>): TrueFile {
  const stamps = [...new Set(read.times)];
  const withLabel = (label: string): number =>
    stamps.filter((time) => labels.get(time) === label).length;
  return {
    file: name,
    rows: read.times.length,
    duplicates: read.times.length - stamps.length,
    outOfOrder: read.times.filter((time, row) => row > 0 && time < read.times[row - 1]!).length,
    matched: stamps.length,
    selected: Object.fromEntries(SMALL.labels.map((label) => [label, withLabel(label)])),
  };
}

describe("truth.json", () => {
  const cases = (["seed", "lcls"] as const).flatMap((layout) =>
    Object.entries(FAULTS).map(([name, faults]) => [layout, name, faults] as const),
  );
  test.each(cases)("says what is in the files: layout %s, faults: %s", (layout, _name, faults) =>
    inFolder(async (directory) => {
      const run: MockRun = {
        ...SMALL,
        directory,
        layout,
        files: 4,
        eventBytes: 16,
        eventsPerChunk: 100,
        size: { kind: "events", events: 3000 },
        ...faults,
      };
      const truth = await generateRun(run, {});
      const files = await Promise.all([1, 2, 3, 4].map((file) => readMockFile(run, file)));
      const labels = files[0]!.labels!;
      expect(truth.events).toBe(labels.size);
      expect(truth.all).toEqual(recount(files, () => true));
      for (const label of run.labels) {
        expect(truth.selected[label]).toEqual(recount(files, (time) => labels.get(time) === label));
        expect(truth.labels[label]).toBe(
          [...labels.values()].filter((each) => each === label).length,
        );
      }
      files.forEach((read, i) => {
        expect(truth.files[i]).toEqual(recountFile(read, `file${String(i + 1)}.h5`, labels));
      });
    }),
  );

  test("counts stamps that no file has, which are no events", () =>
    inFolder(async (directory) => {
      const truth = await generateRun({ ...SMALL, directory, layout: "lcls", dropShare: 0.9 }, {});
      expect(truth.events).toBe(40);
      expect(truth.all.events).toBeLessThan(40);
    }));
});

describe("faults", () => {
  const size = { kind: "events", events: 20_000 } as const;
  const run = { ...SMALL, size, files: 1, eventBytes: 8, eventsPerChunk: 1000 };

  test("swap that share of rows with a neighbour", () =>
    inFolder(async (directory) => {
      // 10,000 pairs, each swapped with probability 0.1: 1000 ± 30, seen as one backward step each.
      const { files } = await generateRun({ ...run, directory, disorderShare: 0.1 }, {});
      expect(Math.abs(files[0]!.outOfOrder - 1000)).toBeLessThan(150);
    }));

  test("write that share of rows twice, half of the copies right after", () =>
    inFolder(async (directory) => {
      // 20,000 × 0.1 = 2000 ± 42 copies, half of them 1000 ± 31 at once.
      const made: MockRun = { ...run, directory, duplicateShare: 0.1 };
      const { files } = await generateRun(made, {});
      expect(Math.abs(files[0]!.duplicates - 2000)).toBeLessThan(210);
      const { times } = await readMockFile(made, 1);
      const atOnce = times.filter((time, row) => row > 0 && time === times[row - 1]).length;
      expect(Math.abs(atOnce - 1000)).toBeLessThan(155);
    }));

  test("write that share of rows up to 1000 rows later", () =>
    inFolder(async (directory) => {
      const made: MockRun = { ...run, directory, lateShare: 0.1 };
      await generateRun(made, {});
      const { times } = await readMockFile(made, 1);
      let latest = 0n;
      const late = times.filter((time) => {
        const isLate = time < latest;
        if (!isLate) latest = time;
        return isLate;
      });
      // 2000 ± 42 rows; one that only later rows are behind can't be seen, but there are hardly any.
      expect(Math.abs(late.length - 2000)).toBeLessThan(230);
      const sorted = times.slice().sort();
      // Rows of the sorted list move forward by what went past them: at most 1000 and the late ones among these.
      const moved = Array.from(times, (time, row) => row - lowerBound(sorted, time));
      expect(Math.max(...moved)).toBeLessThanOrEqual(1000 + 200);
      expect(Math.max(...moved)).toBeGreaterThan(800);
    }));

  test("leave images and labels with their stamps", () =>
    inFolder(async (directory) => {
      const faults = { lateShare: 0.2, duplicateShare: 0.2, disorderShare: 0.2 };
      const clean: MockRun = { ...SMALL, directory: `${directory}/clean` };
      const faulty: MockRun = { ...SMALL, directory: `${directory}/faulty`, ...faults };
      await generateRun(clean, {});
      await generateRun(faulty, {});
      const expected = await readMockFile(clean, 1);
      const read = await readMockFile(faulty, 1);
      expect(new Map([...read.labels!].sort())).toEqual(expected.labels);
      const ints = read.imageShape[1]!;
      read.times.forEach((time, row) => {
        expect(read.images[row * ints]).toBe(Number(time & 0x7fff_ffffn));
      });
    }));
});

function lowerBound(sorted: BigUint64Array, time: bigint): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
