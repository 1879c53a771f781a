import { describe, expect, test } from "@jest/globals";
import { NOWHERE, type ChunkPlaces, type RowLayout } from "@evb/formats";
import { planEvents, planTotals, type RunEvents, type RunPlan, type RunSource } from "@evb/index";

const GZIP = [{ id: 1, clientData: [4] }];

/** A source of i4 rows that are wanted as listed, the k-th of them in event k. */
interface Made {
  readonly itemShape: readonly number[];
  readonly rows: number;
  readonly wanted: readonly number[];
  readonly layout?: Partial<RowLayout>;
  /** Of chunk k: where it lies, and with how many bytes. */
  readonly chunk?: (k: number) => { address: number; stored?: number };
}

/** An index that is made by hand: every event has a fragment of every source that has one left. */
function eventsOf(...sources: readonly Made[]): RunEvents {
  const eventCount = Math.max(...sources.map(({ wanted }) => wanted.length));
  const layouts = sources.map(({ itemShape, layout }) =>
    layout === undefined ? undefined : layoutOf(itemShape, layout),
  );
  const slab: RunEvents["slab"] = (first, count) => {
    const [start, source, row] = [[0], [] as number[], [] as number[]];
    for (let k = first; k < first + count; k++) {
      for (const [s, { wanted }] of sources.entries())
        if (k < wanted.length) {
          source.push(s);
          row.push(wanted[k]!);
        }
      start.push(source.length);
    }
    const time = BigUint64Array.from({ length: count }, (_, k) => BigInt(first + k));
    return {
      first,
      time,
      start: Uint32Array.from(start),
      source: Uint16Array.from(source),
      row: Uint32Array.from(row),
    };
  };
  return {
    path: "made",
    root: "/",
    files: [],
    sources: sources.map((made, s) => runSource(made, s, layouts[s])),
    eventCount,
    slab,
    places: (source, row) => placesOf(sources, source, row),
  };
}

function layoutOf(itemShape: readonly number[], layout: Partial<RowLayout>): RowLayout {
  const plain = { chunk: undefined, address: NOWHERE, filters: [], fill: undefined };
  return { itemShape, elementBytes: 4, bigEndian: false, ...plain, ...layout };
}

const runSource = (
  { itemShape, rows }: Made,
  s: number,
  storage: RowLayout | undefined,
): RunSource => ({
  name: `s${String(s)}`,
  file: 0,
  time: "t",
  payload: "p",
  type: "i4",
  itemShape,
  varies: false,
  fragmentFirst: 0,
  rows,
  payloadFile: 0,
  storage,
});

function placesOf(sources: readonly Made[], source: Uint16Array, row: Uint32Array): ChunkPlaces {
  const entries = Array.from(source, (s, f) => {
    const { itemShape, layout, chunk } = sources[s]!;
    if (layout?.chunk === undefined) return [];
    const [rows, ...inner] = layout.chunk;
    const perRow = itemShape.reduce((all, n, i) => all * Math.ceil(n / inner[i]!), 1);
    const first = Math.floor(row[f]! / rows!) * perRow;
    return Array.from({ length: perRow }, (_, k) => chunk!(first + k));
  }).flat();
  return {
    address: Float64Array.from(entries, ({ address }) => address),
    stored: Uint32Array.from(entries, ({ stored }) => stored ?? 0),
    mask: undefined,
  };
}

function planned(events: RunEvents): RunPlan {
  const fragments = events.slab(0, events.eventCount).source.length;
  return planEvents(events, { first: 0, end: events.eventCount }, fragments);
}

const readingOf = (made: Made) => planned(eventsOf(made)).sources[0]!.reading!;

const count = (length: number, of: (k: number) => number): number[] =>
  Array.from({ length }, (_, k) => of(k));
const every = (step: number, length: number): number[] => count(length, (k) => step * k);

describe("a plan of rows that lie one behind the other", () => {
  test("reads their bytes and nothing else, each large row by itself", () => {
    // Rows of 2500 × 4 = 10,000 bytes; 7 of them.
    const made = { itemShape: [2500], rows: 100, wanted: every(3, 7), layout: { address: 512 } };
    const plan = planned(eventsOf(made));
    expect(plan).toMatchObject({ events: 7, fragments: 7, bytesNeeded: 70_000 });
    expect(plan.sources[0]!.reading).toEqual({
      bytesRead: 70_000,
      bytesUnpacked: 70_000,
      reads: 7,
      filters: [],
      chunks: undefined,
    });
  });

  test("reads small ones together that lie within 8 kB of each other, 64 kB at most", () => {
    const layout = { address: 0 };
    // 4096-byte rows without gaps: 16 of them are 64 kB, so 33 take three reads.
    const wanted = every(1, 33);
    expect(readingOf({ itemShape: [1024], rows: 99, wanted, layout }).reads).toBe(3);
    // Every fourth: 12 kB lie between them, so each is a read.
    expect(readingOf({ itemShape: [1024], rows: 99, wanted: every(4, 9), layout })).toMatchObject({
      bytesRead: 9 * 4096,
      reads: 9,
    });
    // Every third: 8 kB lie between them; five are 4 × 12 + 4 = 52 kB, six would be 64 kB: still one read.
    expect(readingOf({ itemShape: [1024], rows: 99, wanted: every(3, 6), layout }).reads).toBe(1);
    expect(readingOf({ itemShape: [1024], rows: 99, wanted: every(3, 7), layout }).reads).toBe(2);
    // One goes back.
    expect(readingOf({ itemShape: [1024], rows: 99, wanted: [5, 6, 4], layout }).reads).toBe(2);
  });

  test("reads nothing of what nobody wrote", () => {
    const layout = { address: NOWHERE };
    expect(readingOf({ itemShape: [5], rows: 9, wanted: [1, 2], layout })).toMatchObject({
      bytesRead: 0,
      reads: 0,
    });
  });
});

describe("a plan of chunks without filters", () => {
  test("with one row each reads a row a chunk", () => {
    const reading = readingOf({
      itemShape: [2500],
      rows: 100,
      wanted: every(2, 10),
      layout: { chunk: [1, 2500] },
      chunk: (k) => ({ address: 20_000 * k }),
    });
    expect(reading).toMatchObject({ bytesRead: 100_000, bytesUnpacked: 100_000, reads: 10 });
    expect(reading.chunks).toEqual({ eventsPerChunk: 1, count: 10, decodes: 0, better: undefined });
  });

  test("with many rows each reads the wanted rows only", () => {
    const reading = readingOf({
      itemShape: [2500],
      rows: 160,
      wanted: every(2, 80),
      layout: { chunk: [16, 2500] },
      chunk: (k) => ({ address: 200_000 * k }),
    });
    expect(reading).toMatchObject({ bytesRead: 800_000, bytesUnpacked: 800_000, reads: 80 });
    expect(reading.chunks?.better).toBeUndefined();
  });

  test("reads what lies between the stretches of a row that is cut in two directions", () => {
    // A row is 3 × 4, a chunk's part of it 2 × 3: four chunks, of 2 × 3, 2 × 1, 1 × 3 and 1 × 1 of the row's
    // elements. Read are 6; 1 + 2 + 1 (a line of three and the first of the next); 3; 1: 14 elements for 12.
    const reading = readingOf({
      itemShape: [3, 4],
      rows: 4,
      wanted: [2],
      layout: { chunk: [1, 2, 3] },
      chunk: (k) => ({ address: 10_000 * k }),
    });
    expect(reading).toMatchObject({ bytesRead: 4 * 14, reads: 4 });
    expect(reading.chunks?.count).toBe(4);
  });
});

describe("a plan of filtered chunks", () => {
  /** 16 rows of 64 kB a chunk; chunk k is stored in 1000 + k bytes. */
  const sixteen = (wanted: readonly number[]): Made => ({
    itemShape: [16_384],
    rows: 160,
    wanted,
    layout: { chunk: [16, 16_384], filters: GZIP },
    chunk: (k) => ({ address: 5000 * k, stored: 1000 + k }),
  });

  test("reads each chunk once, as it is stored, and decodes it whole", () => {
    // Every second of 160 rows: all ten chunks, 10 × 1000 + 0 + 1 + … + 9 bytes.
    const plan = planned(eventsOf(sixteen(every(2, 80))));
    const { reading, bytesNeeded } = plan.sources[0]!;
    expect(bytesNeeded).toBe(80 * 65_536);
    expect(reading).toEqual({
      bytesRead: 10_045,
      bytesUnpacked: 160 * 65_536,
      reads: 10,
      filters: ["gzip"],
      chunks: {
        eventsPerChunk: 16,
        count: 10,
        decodes: 10,
        // A row has 64 kB: chunks of one are long enough, and all of them is wanted.
        better: { eventsPerChunk: 1, bytesUnpacked: 80 * 65_536 },
      },
    });
  });

  test("has nothing to gain where every row of its chunks is wanted", () => {
    expect(readingOf(sixteen(every(1, 160))).chunks?.better).toBeUndefined();
  });

  test("knows what chunks come to that are decoded again, since rows jump", () => {
    const reading = readingOf(sixteen([0, 16, 1, 17, 2]));
    expect(reading).toMatchObject({ bytesRead: 2001, bytesUnpacked: 32 * 65_536, reads: 2 });
    expect(reading.chunks).toMatchObject({ count: 2, decodes: 5 });
  });

  test("counts what smaller chunks would give from the rows themselves, and proposes none below 64 kB", () => {
    // Rows of 16 kB in chunks of 32: chunks of 4 rows have 64 kB. Rows 0, 1, 4, 33 lie in three of those, in two of 32.
    const reading = readingOf({
      itemShape: [4096],
      rows: 100,
      wanted: [0, 1, 4, 33],
      layout: { chunk: [32, 4096], filters: GZIP },
      chunk: (k) => ({ address: 5000 * k, stored: 9 }),
    });
    expect(reading.bytesUnpacked).toBe(64 * 16_384);
    expect(reading.chunks?.better).toEqual({ eventsPerChunk: 4, bytesUnpacked: 12 * 16_384 });
  });

  test("counts every chunk that a row is cut into, and none that nobody wrote", () => {
    // Two chunks side by side a row; the second of each pair was never written.
    const reading = readingOf({
      itemShape: [100],
      rows: 8,
      wanted: [0, 2, 5],
      layout: { chunk: [2, 50], filters: GZIP },
      chunk: (k) => ({ address: k % 2 === 0 ? 100 * k : NOWHERE, stored: 70 }),
    });
    expect(reading).toMatchObject({ bytesRead: 210, bytesUnpacked: 3 * 2 * 50 * 4, reads: 3 });
  });
});

describe("a plan", () => {
  const library: Made = { itemShape: [10], rows: 5, wanted: [0, 1] };
  const contiguous: Made = {
    itemShape: [2500],
    rows: 9,
    wanted: [4, 5, 6],
    layout: { address: 0 },
  };

  test("says of sources that only the library reads what is needed, and nothing else", () => {
    const plan = planned(eventsOf(library, contiguous));
    expect(plan).toMatchObject({ events: 3, fragments: 5, bytesNeeded: 80 + 30_000 });
    expect(plan.sources[0]).toEqual({
      source: "s0",
      fragments: 2,
      bytesNeeded: 80,
      reading: undefined,
    });
    expect(planTotals(plan)).toEqual({
      bytesNeeded: 30_000,
      bytesRead: 30_000,
      bytesUnpacked: 30_000,
      reads: 3,
      unknownSources: 1,
    });
  });

  test("of some events looks at those only", () => {
    const plan = planEvents(eventsOf(contiguous), { first: 1, end: 3 }, 3);
    expect(plan).toMatchObject({ events: 2, fragments: 2, bytesNeeded: 20_000 });
    // None of the library's fragments is in event 2, so nothing is unknown.
    const last = planEvents(eventsOf(library, contiguous), { first: 2, end: 3 }, 5);
    expect(planTotals(last).unknownSources).toBe(0);
  });

  test("is the same whatever the slabs that it is made by", () => {
    const made = eventsOf(contiguous, {
      itemShape: [16_384],
      rows: 64,
      wanted: [9, 3, 40],
      layout: { chunk: [16, 16_384], filters: GZIP },
      chunk: (k) => ({ address: 5000 * k, stored: 1000 + k }),
    });
    // As if each event had a million fragments: slabs of one event.
    const slow = planEvents(made, { first: 0, end: 3 }, 3 * 2 ** 20);
    expect(slow).toEqual(planned(made));
  });
});
