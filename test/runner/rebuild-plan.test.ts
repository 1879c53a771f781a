import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { scanRingRun, streamsOf, type RingRun } from "@evb/index";
import {
  decodePart,
  InputPages,
  pageMemory,
  RebuildPlan,
  UnitWriter,
  type Building,
  type PartLimits,
} from "@evb/runner";
import { SeededRandom } from "../support/random.ts";
import { plainlyRebuilt, randomBuilding, randomRun, type RandomRun } from "./rebuild-runs.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "evb-rebuild-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const SCAN = {
  depth: Infinity,
  salvage: false,
  stampAt: undefined,
  rules: [],
  runNumber: undefined,
};

function scanned({ files }: RandomRun): Promise<RingRun> {
  const paths = [...files].map(([name, items]) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.concat(items));
    return path;
  });
  return scanRingRun(
    streamsOf(paths, (reason) => {
      throw reason;
    }),
    SCAN,
  );
}

function randomLimits(random: SeededRandom): PartLimits {
  return {
    bytes: [1, 50, 300, 2000, 2 ** 20][random.below(5)]!,
    events: [1, 2, 7, Infinity][random.below(4)]!,
    segmentBytes: [Infinity, 1, 200, 900, 5000][random.below(5)]!,
  };
}

const MEMORY = new Uint8Array(2 ** 17 + pageMemory(0));

/** Writes the parts in any order, each with a memory of another size; returns the outputs' files. */
function written(run: RingRun, plan: RebuildPlan, random: SeededRandom) {
  const files = plan.buildings.flatMap(({ fileBytes }) =>
    fileBytes.map((bytes) => Buffer.alloc(bytes, 0xee)),
  );
  const counts = plan.buildings.map(() => ({ fragments: 0, events: 0, backwardSteps: 0 }));
  for (const number of random.shuffled(plan.parts.map((_, each) => each))) {
    const part = decodePart(plan.encode(number));
    const begin = [64, 128, 4096, 2 ** 17][random.below(4)]!;
    const memory = MEMORY.subarray(0, begin + pageMemory(0));
    const pages = new InputPages(run.files, memory, begin);
    const done = new UnitWriter(memory, begin, pages).write(part, (size, position) => {
      files[part.output]!.set(memory.subarray(0, size), position);
    });
    pages.close();
    const count = counts[part.building]!;
    count.fragments += done.fragments;
    count.events += done.events;
    count.backwardSteps += done.backwardSteps;
  }
  return { files, counts };
}

/** Types of the items in a file, which must end where the last one does. */
function itemTypes(bytes: Buffer, { littleEndian }: RandomRun["writer"]): number[] {
  const word = (at: number): number =>
    littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  const types: number[] = [];
  for (let at = 0; at < bytes.length; at += word(at)) {
    if (word(at) < 8 || at + word(at) > bytes.length) throw new Error(`no item at ${String(at)}`);
    types.push(word(at + 4));
  }
  return types;
}

/** Calls the law with many random runs; what fails names its seed. */
async function forRuns(
  count: number,
  law: (at: {
    random: SeededRandom;
    made: RandomRun;
    run: RingRun;
    buildings: Building[];
    limits: PartLimits;
    plan: RebuildPlan;
  }) => void,
): Promise<void> {
  for (let seed = 1; seed <= count; seed++) {
    const random = new SeededRandom(seed);
    const made = randomRun(random);
    const run = await scanned(made);
    const buildings = Array.from({ length: 1 + random.below(3) }, () => randomBuilding(random));
    const limits = randomLimits(random);
    const plan = new RebuildPlan(run, buildings, limits);
    try {
      law({ random, made, run, buildings, limits, plan });
    } catch (thrown) {
      throw new Error(`seed ${String(seed)}`, { cause: thrown });
    }
  }
}

describe("a rebuilt run", () => {
  test("has the bytes of a plain sort and a plain search for events", async () => {
    await forRuns(120, ({ random, made, run, buildings, plan }) => {
      const { files, counts } = written(run, plan, random);
      for (const [row, building] of buildings.entries()) {
        const { fileFirst, fileBytes } = plan.buildings[row]!;
        const bytes = Buffer.concat(files.slice(fileFirst, fileFirst + fileBytes.length));
        const expected = Buffer.concat(plainlyRebuilt(made, building));
        const at = bytes.findIndex((byte, k) => byte !== expected[k]);
        expect({ at, bytes: bytes.length }).toEqual({ at: -1, bytes: expected.length });
        expect(counts[row]).toEqual({
          fragments: made.rows.filter(({ what }) => what === "fragment").length,
          events: plan.buildings[row]!.events,
          backwardSteps: 0,
        });
      }
    });
  });

  test("is cut into files that split no item, and are larger than asked for only where one unit is", async () => {
    await forRuns(60, ({ random, made, run, limits, plan }) => {
      const { files } = written(run, plan, random);
      const prelude = made.begins.length + (made.writer.version === 10 ? 0 : 2);
      const large = plan.buildings.flatMap(({ fileFirst, fileBytes }) =>
        fileBytes.flatMap((bytes, file) => {
          const types = itemTypes(files[fileFirst + file]!, made.writer);
          if (bytes <= limits.segmentBytes) return [];
          // What stands before and behind the events stays together, and run items with their event.
          if (types.length === prelude && file === 0) return [];
          return types.slice(1).some((type) => type === 30) ? [{ file, bytes, types }] : [];
        }),
      );
      expect(large).toEqual([]);
    });
  });
});

describe("the parts of a plan", () => {
  test("lie side by side in every file, and take every row once", async () => {
    await forRuns(60, ({ run, plan }) => {
      plan.buildings.forEach(({ fileBytes, events }, building) => {
        const parts = plan.parts.filter((part) => part.building === building);
        const expected = { file: 0, offset: 0, from: 0 };
        const places = parts.map(({ file, offset, from, end, bytes, isFirst, isLast }, k) => {
          if (file > expected.file && expected.offset === fileBytes[expected.file]) {
            expected.file++;
            expected.offset = 0;
          }
          const wanted = { ...expected, isFirst: k === 0, isLast: k === parts.length - 1 };
          expected.offset += bytes;
          expected.from = end;
          return [{ file, offset, from, isFirst, isLast }, wanted];
        });
        expect(places.map(([is]) => is)).toEqual(places.map(([, wanted]) => wanted));
        expect(expected).toMatchObject({
          file: fileBytes.length - 1,
          offset: fileBytes.at(-1),
          from: run.order.length,
        });
        const encoded = parts.map((part) => decodePart(plan.encode(plan.parts.indexOf(part))));
        expect(encoded.map(({ bytes }) => bytes)).toEqual(parts.map(({ bytes }) => bytes));
        expect(
          encoded.reduce((sum, part) => sum + part.fragmentCount.filter((n) => n > 0).length, 0),
        ).toBe(events);
      });
    });
  });

  test("end with the unit that reaches a limit", async () => {
    await forRuns(60, ({ plan, limits }) => {
      const wrong = plan.parts.filter((part, number) => {
        const { fragmentCount, pieceCount, pieceSize, v10 } = decodePart(plan.encode(number));
        const events = fragmentCount.filter((n) => n > 0).length;
        // A file may end, or begin, in the middle of what stands behind an event.
        const isCut = part.endTakes > 0 || part.fromSkips > 0;
        if (part.isFirst || part.isLast || isCut) return events > limits.events;
        // Of the last event and the run items behind it, or of the last run item.
        const last = Math.max(
          0,
          fragmentCount.findLastIndex((n) => n > 0),
        );
        const before = pieceCount.subarray(0, last).reduce((sum, n) => sum + n, 0);
        const head = v10 ? 12 : 32;
        const bytes = pieceSize.subarray(before).reduce((sum, n) => sum + n, head * +(events > 0));
        return events > limits.events || (last > 0 && part.bytes - bytes >= limits.bytes);
      });
      expect(wrong).toEqual([]);
    });
  });
});

describe("the written prefix", () => {
  test("is what a plain look at all parts says, in whatever order they come", async () => {
    await forRuns(60, ({ random, plan }) => {
      const prefix = plan.progress();
      const done = new Set<number>();
      const before = plan.buildings.map(() => 0);
      const waiting = random.shuffled(plan.parts.map((_, number) => number));
      while (waiting.length > 0) {
        const some = waiting.splice(0, 1 + random.below(4));
        for (const number of some) done.add(number);
        const ranges = some.map((first) => ({ first, end: first + 1 }));
        const expected = plan.buildings.flatMap((_, output) => {
          const parts = [...plan.parts.entries()].filter(([, part]) => part.building === output);
          const gap = parts.findIndex(([number]) => !done.has(number));
          const whole = gap === -1 ? parts : parts.slice(0, gap);
          const bytes = whole.reduce((sum, [, part]) => sum + part.bytes, 0);
          const grown = bytes > before[output]!;
          before[output] = bytes;
          return grown ? [{ output, bytes }] : [];
        });
        expect(prefix.take(ranges)).toEqual(expected);
      }
      expect(before).toEqual(
        plan.buildings.map(({ fileBytes }) => fileBytes.reduce((sum, bytes) => sum + bytes, 0)),
      );
    });
  });
});
