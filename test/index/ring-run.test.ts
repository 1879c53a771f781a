import { appendFileSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { planEvents, planTotals, RunIndex, type IndexOrder } from "@evb/index";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { NO_STAMP, RingBytes, TYPES, WRITERS } from "../support/ring-bytes.ts";
import { index, writeSeedFile } from "../support/run-files.ts";

const RING = new RingBytes({ version: 12, littleEndian: true });
const WINDOW: Partial<IndexOrder> = {
  match: { match: "window", window: { text: "10", unit: "ticks", count: 10n } },
};

const write = (folder: string, name: string, items: readonly Buffer[]): string => {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(items));
  return path;
};

/** An event as `time source[row] …`, and for each fragment its file, byte and bytes there. */
async function eventsOf(path: string): Promise<{ event: string; places: string[] }[]> {
  const run = await RunIndex.open(path);
  try {
    const { time, start, source, row } = run.slab(0, run.eventCount);
    const places = run.places(source, row)!;
    const files = run.filesOf(source, row);
    return Array.from(time, (stamp, event) => {
      const fragments = Array.from(
        { length: start[event + 1]! - start[event]! },
        (_, k) => start[event]! + k,
      );
      return {
        event: [
          stamp,
          ...fragments.map((f) => `${run.sources[source[f]!]!.name}[${String(row[f])}]`),
        ].join(" "),
        places: fragments.map(
          (f) =>
            `${run.files[files[f]!]!.path} ${String(places.address[f])}+${String(places.stored![f])}`,
        ),
      };
    });
  } finally {
    run.close();
  }
}

describe("the index of ring items", () => {
  test.each(WRITERS)("has each fragment's item, whoever built its event, %o", (writer) =>
    inFolder(async (folder) => {
      const ring = new RingBytes(writer);
      const begin = ring.state("BEGIN_RUN", { run: 7 }, { source: 1, barrier: 1 });
      const hits = [ring.hit(100n, 1, [1, 2]), ring.hit(105n, 3, [3, 4, 5, 6])] as const;
      const built = ring.built({ stamp: 100n, source: 0 }, hits);
      const path = write(folder, "run-0007-00.evt", [begin, built]);
      const out = join(folder, "x.index.h5");
      const { report } = await index([path], out, WINDOW);
      expect(report).toMatchObject({ events: 1, fragments: 2, multiplicity: { "2": 1 } });
      // The event's header, its byte count, the first fragment's header.
      const head = writer.version === 10 ? 8 : 28;
      const first = begin.length + head + 4 + 20;
      const second = first + hits[0].payload.length + 20;
      expect(await eventsOf(out)).toEqual([
        {
          event: "100 1[0] 3[0]",
          places: [
            `run-0007-00.evt ${String(first)}+${String(hits[0].payload.length)}`,
            `run-0007-00.evt ${String(second)}+${String(hits[1].payload.length)}`,
          ],
        },
      ]);
    }),
  );

  test("counts addresses through segments and further files, and rows in file order", () =>
    inFolder(async (folder) => {
      const item = (stamp: bigint, source: number): Buffer =>
        RING.physics({ stamp, source }, [1, 2, 3, 4]);
      const size = item(1n, 1).length;
      write(folder, "run-0001-00.evt", [item(10n, 1), item(50n, 2)]);
      write(folder, "run-0001-01.evt", [item(30n, 1)]);
      write(folder, "other.evt", [item(12n, 3)]);
      const out = join(folder, "x.index.h5");
      const { report } = await index([folder], out, { ...WINDOW, ring: { ...PLAIN, ...ONE_RUN } });
      expect(report.sources.map(({ source, file, rows }) => [source, file, rows])).toEqual([
        ["1", "run-0001-00.evt", 2],
        ["2", "run-0001-00.evt", 1],
        ["3", "other.evt", 1],
      ]);
      const place = (file: string, k: number): string =>
        `${file} ${String(k * size)}+${String(size)}`;
      // Files are in natural order: other.evt first.
      expect(await eventsOf(out)).toEqual([
        {
          event: "10 1[0] 3[0]",
          places: [place("run-0001-00.evt", 1), place("other.evt", 0)],
        },
        { event: "30 1[1]", places: [place("run-0001-01.evt", 3)] },
        { event: "50 2[0]", places: [place("run-0001-00.evt", 2)] },
      ]);
      expect(report.warnings).toContain("there is no BEGIN_RUN");
    }));

  test("gives what has no stamp or no header what evb order gives it", () =>
    inFolder(async (folder) => {
      const path = write(folder, "run.evt", [
        RING.physics({ stamp: 10n, source: 5 }, [1, 2]),
        RING.physics({ stamp: NO_STAMP, source: 5 }, [1, 2]),
        RING.physics(undefined, [1, 2]),
      ]);
      const out = join(folder, "x.index.h5");
      await index([path], out, WINDOW);
      expect((await eventsOf(out)).map(({ event }) => event)).toEqual(["10 5[0] 5[1] 5[2]"]);
      const run = await RunIndex.open(out);
      try {
        expect([...run.stamps(Uint16Array.of(0, 0, 0), Uint32Array.of(0, 1, 2))]).toEqual([
          10n,
          10n,
          10n,
        ]);
      } finally {
        run.close();
      }
    }));

  test("takes run items for no fragments, but lets those end events that are barriers", () =>
    inFolder(async (folder) => {
      const hit = (stamp: bigint): Buffer => RING.physics({ stamp, source: 1 }, [1, 2]);
      const scaler = RING.scalers({ values: [1] }, { stamp: 11n, source: 1 });
      const pause = RING.state("PAUSE_RUN", { run: 1 }, { stamp: 13n, source: 1, barrier: 3 });
      const path = write(folder, "run.evt", [hit(10n), scaler, hit(12n), pause, hit(14n)]);
      const out = join(folder, "x.index.h5");
      await index([path], out, WINDOW);
      const events = (await eventsOf(out)).map(({ event }) => event);
      expect(events).toEqual(["10 1[0] 1[1]", "14 1[2]"]);
    }));

  test("matches exactly where no window is given: the first row of a stamp, the others are duplicates", () =>
    inFolder(async (folder) => {
      const hit = (stamp: bigint, source: number): Buffer =>
        RING.physics({ stamp, source }, [1, 2]);
      const path = write(folder, "run.evt", [hit(10n, 1), hit(10n, 2), hit(10n, 1), hit(11n, 2)]);
      const out = join(folder, "x.index.h5");
      const { report } = await index([path], out);
      expect((await eventsOf(out)).map(({ event }) => event)).toEqual(["10 1[0] 2[0]", "11 2[1]"]);
      expect(report.sources.map(({ duplicates }) => duplicates)).toEqual([1, 0]);
    }));

  test("of some sources has the same files, and their fragments alone", () =>
    inFolder(async (folder) => {
      const hit = (stamp: bigint, source: number): Buffer =>
        RING.physics({ stamp, source }, [1, 2]);
      const path = write(folder, "run.evt", [hit(10n, 1), hit(11n, 2), hit(12n, 1), hit(25n, 2)]);
      const out = join(folder, "x.index.h5");
      const { report } = await index([path], out, { ...WINDOW, sources: "2" });
      expect(report.sources.map(({ source }) => source)).toEqual(["2"]);
      expect(await eventsOf(out)).toEqual([
        { event: "11 2[0]", places: ["run.evt 30+30"] },
        { event: "25 2[1]", places: ["run.evt 90+30"] },
      ]);
    }));

  test("plans bytes as they are stored, and reads that sources share", () =>
    inFolder(async (folder) => {
      const hit = (stamp: bigint, source: number): Buffer =>
        RING.physics(
          { stamp, source },
          Array.from({ length: 100 }, () => 7),
        );
      const items = Array.from({ length: 300 }, (_, k) => hit(BigInt(10 * k), 1 + (k % 3)));
      const path = write(folder, "run.evt", items);
      const out = join(folder, "x.index.h5");
      await index([path], out, WINDOW);
      const run = await RunIndex.open(out);
      try {
        const plan = planEvents(run, { first: 0, end: run.eventCount }, run.fragmentCount);
        expect(plan.bytesNeeded).toBe(300 * 128);
        // 38,400 bytes side by side are one read, whichever source the first of them is of.
        const { bytesRead, reads, unknownSources } = planTotals(plan);
        expect([bytesRead, reads, unknownSources]).toEqual([300 * 128, 1, 0]);
      } finally {
        run.close();
      }
    }));

  test("takes at most 32 bytes a fragment", () =>
    inFolder(async (folder) => {
      const events = 5000;
      const items = Array.from({ length: events }, (_, k) => {
        const stamp = BigInt(100 * k);
        const hits = [1, 2, 3, 4].map((source) => RING.hit(stamp + BigInt(source), source, [1, 2]));
        return RING.built({ stamp, source: 0 }, hits);
      });
      const path = write(folder, "run.evt", items);
      const out = join(folder, "x.index.h5");
      await index([path], out, WINDOW);
      // 30 kB say what doesn't grow: data sets, attributes, sources.
      expect((statSync(out).size - 30_000) / (4 * events)).toBeLessThan(32);
    }));
});

const PLAIN: IndexOrder["ring"] = {
  scan: { depth: Infinity, salvage: false, stampAt: undefined, rules: [], runNumber: undefined },
  settings: {},
  typed: [],
};
const ONE_RUN = { scan: { ...PLAIN.scan, runNumber: 1 } };

describe("what can't be indexed is said", () => {
  const hit = RING.physics({ stamp: 10n, source: 1 }, [1, 2]);
  const begin = (run: number): Buffer => RING.state("BEGIN_RUN", { run }, { source: 1 });

  test.each<
    readonly [tag: string, code: number, files: Record<string, Buffer[]>, IndexOrder["ring"]?]
  >([
    [
      "index-two-runs",
      2,
      { "run-0001-00.evt": [begin(1), hit], "run-0002-00.evt": [begin(2), hit] },
    ],
    ["segment-missing", 3, { "run-0001-01.evt": [hit] }],
    ["ring-no-fragments", 3, { "a.evt": [begin(1)] }],
    ["ring-empty", 3, { "a.evt": [] }],
    ["ring-damaged", 1, { "a.evt": [hit, hit.subarray(0, 20)] }],
    ["ring-no-items", 3, { "a.evt": [Buffer.from("time,charge\n1,2\n1,2\n")] }],
    [
      "ring-two-versions",
      3,
      {
        "a.evt": [
          new RingBytes({ version: 10, littleEndian: true }).state("BEGIN_RUN", { run: 1 }),
          new RingBytes({ version: 10, littleEndian: true }).built(undefined, [
            RING.hit(1n, 1, [1]),
          ]),
        ],
        "b.evt": [begin(1), hit],
      },
    ],
  ])("%s", (tag, exitCode, files, ring = PLAIN) =>
    inFolder(async (folder) => {
      for (const [name, items] of Object.entries(files)) write(folder, name, items);
      const fault = await faultOf(() =>
        index([folder], join(folder, "x.index.h5"), { ...WINDOW, ring }),
      );
      expect(fault).toMatchObject({ tag, exitCode });
    }),
  );

  test("HDF5 beside ring items, but not what evb wrote itself", () =>
    inFolder(async (folder) => {
      write(folder, "run.evt", [begin(1), hit]);
      const own = join(folder, "mine.h5");
      await index([folder], own, WINDOW);
      expect((await index([folder], own, { ...WINDOW, force: true })).report.events).toBe(1);
      await writeSeedFile(folder, { n: 1, times: [10] });
      const fault = await faultOf(() => index([folder], own, { ...WINDOW, force: true }));
      expect(fault).toMatchObject({ tag: "inputs-mixed", exitCode: 3 });
    }));

  test("an event of more fragments than a lease can have", () =>
    inFolder(async (folder) => {
      write(folder, "run.evt", [
        begin(1),
        Buffer.concat(Array.from({ length: 65_536 }, () => hit)),
      ]);
      const fault = await faultOf(() => index([folder], join(folder, "x.index.h5"), WINDOW));
      expect(fault).toMatchObject({ tag: "event-too-large", exitCode: 1 });
      expect(fault.message).toMatch(
        /^with --window 10 an event has 65536 fragments, and at most 65535/,
      );
    }));

  test("a segment that changed since, whichever it is", () =>
    inFolder(async (folder) => {
      const data = join(folder, "run");
      mkdirSync(data);
      write(data, "run-0001-00.evt", [begin(1), hit]);
      const second = write(data, "run-0001-01.evt", [hit]);
      const out = join(folder, "x.index.h5");
      await index([data], out, WINDOW);
      const run = await RunIndex.open(out);
      try {
        run.checkFresh([]);
        renameSync(data, join(folder, "moved"));
        run.checkFresh([{ kind: "root", folder: join(folder, "moved") }]);
        renameSync(join(folder, "moved"), data);
        appendFileSync(second, hit);
        const fault = await faultOf(() => {
          run.checkFresh([]);
        });
        expect(fault.tag).toBe("index-stale");
        expect(fault.message).toContain(second);
      } finally {
        run.close();
      }
    }));
});

test("an item of a user's type in a built event is a fragment like others", () =>
  inFolder(async (folder) => {
    const payload = RING.item(TYPES.PHYSICS_EVENT + 0x8000, { stamp: 5n, source: 9 }, [1, 2, 3]);
    const path = write(folder, "run.evt", [
      RING.built({ stamp: 5n, source: 0 }, [{ stamp: 5n, source: 9, payload }]),
    ]);
    const out = join(folder, "x.index.h5");
    await index([path], out, WINDOW);
    expect((await eventsOf(out)).map(({ event }) => event)).toEqual(["5 9[0]"]);
  }));
