import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { generateRingRun, type MockRingRun, type RingTruth } from "@evb/generate";
import { inFolder } from "./mock-files.ts";
import {
  NULL_STAMP,
  parseFragments,
  parseItems,
  SMALL_RING,
  type ParsedFragment,
  type ParsedItem,
} from "./ring-files.ts";

type Asked = Partial<MockRingRun>;

const HARD: Asked = {
  disorderShare: 0.1,
  duplicateShare: 0.1,
  nullShare: 0.1,
  pauses: 3,
  stalls: [{ source: 2, startTicks: 30_000, lengthTicks: 12_000 }],
};

const RUNS: readonly (readonly [name: string, asked: Asked])[] = [
  ["built once", {}],
  ["raw items", { nesting: 0 }],
  ["builders of builders", { nesting: 2, sources: 5 }],
  ["three levels", { nesting: 3, sources: 7, ...HARD }],
  ["every fault", HARD],
  ["every fault, raw", { ...HARD, nesting: 0 }],
  ["version 11", { ...HARD, version: 11 }],
  ["version 10", { ...HARD, version: 10, nullShare: 0 }],
  ["version 10, nested", { ...HARD, version: 10, nesting: 2 }],
  ["version 10, raw", { version: 10, nesting: 0, pauses: 2 }],
  ["big-endian", { ...HARD, littleEndian: false }],
  ["big-endian version 10", { littleEndian: false, version: 10 }],
  ["big-endian, raw, version 11", { littleEndian: false, version: 11, nesting: 0 }],
  ["extended headers", { ...HARD, extensionBytes: 5 }],
  ["headerless run items", { ...HARD, missingHeaders: { kind: "run-items" } }],
  ["no headers at all", { ...HARD, missingHeaders: { kind: "all" } }],
  ["no headers at all, raw", { missingHeaders: { kind: "all" }, nesting: 0, pauses: 2 }],
  [
    "two headerless sources",
    { ...HARD, missingHeaders: { kind: "sources", sources: [1, 3] }, version: 11 },
  ],
  ["segments", { ...HARD, segmentBytes: 2000 }],
  ["a window of a tick", { windowTicks: 1 }],
  ["a window over all", { windowTicks: 10_000_000, pauses: 2 }],
  ["one source, always there", { sources: 1, dropShare: 0, firstSource: 77 }],
  ["nothing but run items", { dropShare: 1 }],
];

/** Makes the run and hands over what is in its files. */
const made = (
  asked: Asked,
  judge: (made: {
    run: MockRingRun;
    truth: RingTruth;
    items: ParsedItem[];
    fragments: ParsedFragment[];
    directory: string;
  }) => void,
): Promise<void> =>
  inFolder(async (directory) => {
    const run = { ...SMALL_RING, ...asked, directory };
    const truth = await generateRingRun(run, {});
    const items = parseItems(directory, run, truth);
    judge({ run, truth, items, fragments: parseFragments(directory, run, truth), directory });
  });

const TYPE_NAMES = new Map([
  [1, "BEGIN_RUN"],
  [2, "END_RUN"],
  [3, "PAUSE_RUN"],
  [4, "RESUME_RUN"],
  [10, "PACKET_TYPES"],
  [12, "RING_FORMAT"],
  [20, "PERIODIC_SCALERS"],
  [21, "TIMESTAMPED_NONINCR_SCALERS"],
  [30, "PHYSICS_EVENT"],
  [31, "PHYSICS_EVENT_COUNT"],
  [42, "EVB_GLOM_INFO"],
]);

function counted(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

const stampText = (stamp: bigint | undefined): string | null =>
  stamp === undefined || stamp === NULL_STAMP ? null : String(stamp);

describe.each(RUNS)("truth.json of a run with %s", (_, asked) => {
  test("is in the folder", () =>
    made(asked, ({ truth, directory }) => {
      const text = readFileSync(join(directory, "truth.json"), "utf8");
      expect(JSON.parse(text)).toEqual(truth);
    }));

  test("counts the items and bytes of the files", () =>
    made(asked, ({ truth, items, directory }) => {
      const sizes = truth.files.map(({ file }) => readFileSync(join(directory, file)).length);
      expect(truth.files.map(({ bytes }) => bytes)).toEqual(sizes);
      expect(truth.bytes).toBe(sizes.reduce((sum, bytes) => sum + bytes));
      expect(truth.items).toBe(items.length);
      expect(truth.itemsByType).toEqual(counted(items.map(({ type }) => TYPE_NAMES.get(type)!)));
      for (const { file, firstItem, items: count } of truth.files)
        expect(items.slice(firstItem, firstItem + count).map((item) => item.file)).toEqual(
          Array.from({ length: count }, () => file),
        );
    }));

  test("lists every fragment", () =>
    made(asked, ({ truth, fragments }) => {
      expect(truth.fragments).toBe(fragments.length);
      expect(truth.fragmentList).toEqual(
        fragments.map(({ stamp, source, item, file, offset, bytes, sha1 }, row) => ({
          stamp: stampText(stamp),
          // Judged below.
          orderStamp: truth.fragmentList![row]?.orderStamp,
          source,
          item,
          file,
          offset,
          bytes,
          sha1,
        })),
      );
    }));

  test("lists every run item", () =>
    made(asked, ({ truth, items }) => {
      const others = [...items.entries()].filter(([, { type }]) => type !== 30);
      expect(truth.runItems).toEqual(
        others.map(([item, { file, offset, size, type, header }], row) => ({
          item,
          source: header?.source ?? truth.runItems![row]?.source,
          file,
          offset,
          bytes: size,
          type: TYPE_NAMES.get(type),
          hasHeader: header !== undefined,
          stamp: stampText(header?.stamp),
          barrier: header?.barrier ?? null,
        })),
      );
    }));

  test("says of each source what a plain count says", () =>
    made(asked, ({ run, truth, items, fragments }) => {
      const isLost = run.nesting === 0 && (run.version === 10 || run.missingHeaders.kind === "all");
      const orders = orderStamps(items, fragments, isLost);
      expect(truth.fragmentList!.map(({ orderStamp }) => orderStamp)).toEqual(orders.map(String));
      for (const counts of truth.sources) {
        const rows = [...fragments.keys()].filter(
          (row) => fragments[row]!.source === counts.source,
        );
        const own = rows.map((row) => orders[row]!);
        const isNull = rows.map((row) => stampText(fragments[row]!.stamp) === null);
        expect(counts).toMatchObject({
          fragments: rows.length,
          duplicates: own.filter((stamp, i) => i > 0 && !isNull[i]! && stamp === own[i - 1]).length,
          backwardSteps: own.filter((stamp, i) => i > 0 && stamp < own[i - 1]!).length,
          nullStamps: isNull.filter(Boolean).length,
          payloadBytes: rows.reduce((sum, row) => sum + fragments[row]!.bytes, 0),
        });
        const types = truth.runItems!.filter(({ source }) => source === counts.source);
        expect(counts.items).toEqual(counted(types.map(({ type }) => type)));
      }
      expect(truth.sources.reduce((sum, { fragments }) => sum + fragments, 0)).toBe(
        fragments.length,
      );
    }));

  test("expects the events that a plain sort and a window give", () =>
    made(asked, ({ run, truth, items, fragments }) => {
      const isLost = run.nesting === 0 && (run.version === 10 || run.missingHeaders.kind === "all");
      const orders = orderStamps(items, fragments, isLost);
      const multiplicity = eventSizes(run, truth, items, fragments, orders);
      expect(truth.expected).toEqual({
        window: String(run.windowTicks),
        events: multiplicity.length,
        fragments: fragments.length,
        multiplicity: counted(multiplicity.map(String)),
      });
    }));

  test("tells of fragments that say themselves what they are", () =>
    made(asked, ({ fragments }) => {
      expect(fragments.map(({ number }) => number).sort((a, b) => a - b)).toEqual([
        ...fragments.keys(),
      ]);
      for (const { source, ownSource, stamp, ownStamp } of fragments) {
        expect(ownSource).toBe(source);
        if (stampText(stamp) !== null) expect(ownStamp).toBe(stamp);
      }
    }));
});

/** A NULL stamp is the largest that the source has shown so far. Where headers are lost, the body has it. */
function orderStamps(
  items: readonly ParsedItem[],
  fragments: readonly ParsedFragment[],
  isLost: boolean,
): bigint[] {
  const largest = new Map<number, bigint>();
  const show = (source: number, stamp: bigint): void => {
    if (stamp > (largest.get(source) ?? 0n)) largest.set(source, stamp);
  };
  const orders: bigint[] = [];
  let row = 0;
  for (const [item, { type, header }] of items.entries()) {
    if (type !== 30 && header !== undefined && header.stamp !== NULL_STAMP)
      show(header.source, header.stamp);
    for (; fragments[row]?.item === item; row++) {
      const { source, stamp, ownStamp } = fragments[row]!;
      if (stamp !== undefined && stamp !== NULL_STAMP) show(source, stamp);
      const isNull = stamp === undefined || stamp === NULL_STAMP;
      orders.push(isLost ? ownStamp : isNull ? (largest.get(source) ?? 0n) : stamp);
    }
  }
  return orders;
}

interface Entry {
  readonly stamp: bigint;
  readonly source: number;
  /** Place in the file: item, and fragment in it. */
  readonly place: number;
  readonly closes: boolean;
}

/** Fragments of each event of the ordered run, in order. */
function eventSizes(
  run: MockRingRun,
  truth: RingTruth,
  items: readonly ParsedItem[],
  fragments: readonly ParsedFragment[],
  orders: readonly bigint[],
): number[] {
  const entries: Entry[] = fragments.map(({ source, item }, row) => ({
    stamp: orders[row]!,
    source,
    place: item + row / 1e6,
    closes: false,
  }));
  const order = (a: Entry, b: Entry): number =>
    a.stamp === b.stamp ? a.source - b.source || a.place - b.place : a.stamp < b.stamp ? -1 : 1;
  for (const type of ["PAUSE_RUN", "RESUME_RUN"])
    for (let group = 0; group < run.pauses; group++) {
      const members = truth.sources.flatMap(({ source }) => {
        const own = truth.runItems!.filter((item) => item.type === type && item.source === source);
        return own.slice(group, group + 1);
      });
      if (members.every(({ barrier }) => barrier === 0)) continue;
      const places = members.map(({ item, source }): Entry => {
        const before = items
          .slice(0, item)
          .filter(({ header, type: code }) => header?.source === source && code !== 30);
        const shown = [
          ...before.map(({ header }) => header!.stamp),
          ...fragments
            .filter((fragment) => fragment.item < item && fragment.source === source)
            .map(({ stamp }) => stamp ?? NULL_STAMP),
        ].filter((stamp) => stamp !== NULL_STAMP);
        const stamp = shown.reduce((most, each) => (each > most ? each : most), 0n);
        return { stamp, source: source!, place: item, closes: true };
      });
      entries.push(places.sort(order).at(-1)!);
    }
  const sizes: number[] = [];
  let first: bigint | undefined;
  for (const { stamp, closes } of entries.sort(order)) {
    if (closes) first = undefined;
    else if (first !== undefined && stamp - first <= BigInt(run.windowTicks))
      sizes[sizes.length - 1]!++;
    else {
      first = stamp;
      sizes.push(1);
    }
  }
  return sizes;
}

describe("a built run looks like glom's", () => {
  test.each([11, 12] as const)(
    "version %i begins with glom's RING_FORMAT, and says how it was built behind the first BEGIN",
    (version) =>
      made({ version, windowTicks: 258 }, ({ items }) => {
        expect(items.slice(0, 5).map(({ type }) => type)).toEqual([12, 1, 42, 1, 1]);
        // size 16, type 12, 0 (also in 12), major, minor
        expect(items[0]!.bytes.toString("hex")).toBe(
          `100000000c00000000000000${version === 11 ? "0b" : "0c"}000000`,
        );
        // size 24, type 42, empty word, 258 ticks, building, earliest
        expect(items[2]!.bytes.toString("hex")).toBe(
          `180000002a000000${version === 11 ? "00" : "04"}000000020100000000000001000000`,
        );
      }),
  );

  test("version 10 has neither, and no body header around its events", () =>
    made({ version: 10 }, ({ items }) => {
      expect(items.slice(0, 4).map(({ type }) => type)).toEqual([1, 1, 1, 10]);
      const event = items.find(({ type }) => type === 30)!;
      expect(event.bytes.readUInt32LE(8)).toBe(event.size - 8);
    }));

  test("a raw run's RING_FORMAT has its own release's word, and there is no GLOM_INFO", () =>
    made({ nesting: 0 }, ({ items }) => {
      expect(items[0]!.bytes.toString("hex")).toBe("100000000c000000040000000c000000");
      expect(items.filter(({ type }) => type === 42)).toEqual([]);
    }));

  test("an event has its first fragment's stamp, source 0 and no barrier", () =>
    made(HARD, ({ items, fragments }) => {
      for (const [row, { type, header }] of items.entries()) {
        if (type !== 30) continue;
        const first = fragments.find(({ item }) => item === row)!;
        expect(header).toEqual({ bytes: 20, stamp: first.stamp, source: 0, barrier: 0 });
      }
    }));

  test("fragments of an event are within the window of its first, both ways, and the next event's first isn't", () =>
    made({ ...HARD, pauses: 0, windowTicks: 700, jitterTicks: 400 }, ({ fragments }) => {
      const isNear = (a: bigint, b: bigint): boolean => a - b <= 700n && b - a <= 700n;
      let first = fragments[0]!;
      for (const fragment of fragments.slice(1)) {
        const isSame = fragment.item === first.item;
        expect(isNear(fragment.stamp!, first.stamp!)).toBe(isSame);
        if (!isSame) first = fragment;
      }
    }));

  test("an event holds 1001 fragments at most", () =>
    made(
      {
        size: { kind: "events", events: 1200 },
        sources: 1,
        dropShare: 0,
        windowTicks: 2 ** 40,
        scalersEvery: 0,
      },
      ({ items, fragments }) => {
        expect(items.filter(({ type }) => type === 30)).toHaveLength(2);
        const events = counted(fragments.map(({ item }) => String(item)));
        expect(Object.values(events)).toEqual([1001, 199]);
      },
    ));

  test("a run item stands ahead of the event that is open", () =>
    made({ dropShare: 0, jitterTicks: 0, scalersEvery: 20 }, ({ items }) => {
      // Trigger 20 of 20, 40, 60: its three fragments are collected when the scalers of the same stamp come.
      const scalers = items.findIndex(({ type }) => type === 20);
      expect(items.slice(0, scalers).filter(({ type }) => type === 30)).toHaveLength(19);
    }));

  test("behind each of the scalers is a count of the events that are written", () =>
    made({ dropShare: 0, jitterTicks: 0 }, ({ items }) => {
      const counts = items.flatMap(({ type }, row) => (type === 20 ? [items[row + 1]!] : []));
      expect(counts.map(({ type, header }) => [type, header?.source, header?.stamp])).toEqual(
        Array.from({ length: 9 }, () => [31, 0, NULL_STAMP]),
      );
      // offset, divisor, unix time, original source, count u64
      expect(counts.map(({ bytes }) => bytes.readUInt32LE(28))).toEqual([
        1, 1, 1, 2, 2, 2, 3, 3, 3,
      ]);
      expect(counts.map(({ bytes }) => bytes.readBigUInt64LE(44))).toEqual(
        [19, 19, 19, 39, 39, 39, 59, 59, 59].map(BigInt),
      );
    }));

  test("a barrier closes the open event, the second pause has none", () =>
    made({ pauses: 2, dropShare: 0, jitterTicks: 0, scalersEvery: 0 }, ({ items }) => {
      const pauses = items.flatMap(({ type, header }) => (type === 3 ? [header!.barrier] : []));
      expect(pauses).toEqual([3, 3, 3, 0, 0, 0]);
      const rows = items.flatMap(({ type }, row) => (type === 3 ? [row] : []));
      const eventsBefore = (row: number): number =>
        items.slice(0, row).filter(({ type }) => type === 30).length;
      // At triggers 20 and 40 of 60.
      expect([eventsBefore(rows[0]!), eventsBefore(rows[3]!)]).toEqual([20, 39]);
    }));
});

describe("builders of builders", () => {
  test("have two sources each, and ids of their own", () =>
    made({ nesting: 3, sources: 7 }, ({ fragments }) => {
      const builders = new Map(fragments.map(({ source, builders }) => [source, builders]));
      expect([...builders].sort(([a], [b]) => a - b)).toEqual([
        [1, [0, 2001, 1001]],
        [2, [0, 2001, 1001]],
        [3, [0, 2001, 1002]],
        [4, [0, 2001, 1002]],
        [5, [0, 2002, 1003]],
        [6, [0, 2002, 1003]],
        [7, [0, 2002, 1004]],
      ]);
    }));

  test("give whole events of an ordered run", () =>
    made({ nesting: 2, sources: 4, dropShare: 0.4 }, ({ truth }) => {
      expect(truth.itemsByType["PHYSICS_EVENT"]).toBe(truth.expected!.events);
    }));
});
