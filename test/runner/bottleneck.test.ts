import { describe, expect, test } from "@jest/globals";
import { bottleneckOf, diskLimitOf, type RawFigure, type RowFigures } from "@evb/runner";

const MB = 1_000_000;

const read = (rate: number, readers = 1, inFlight = 0, bytes = MB): RawFigure => ({
  bytes,
  readers,
  inFlight,
  bytesPerSecond: rate,
  readsPerSecond: rate / bytes,
});

/** Reads of 1 MB by one, two and four readers; small ones that say something else. */
const raw = (one: number, two: number, four: number): RawFigure[] => [
  read(one),
  read(two, 2),
  read(four, 4),
  read(9 * four, 1, 16),
  read(1, 1, 0, 256),
  read(99, 4, 0, 256),
];

const rows = (change: Partial<RowFigures> = {}): RowFigures => ({
  sources: 1,
  rows: 1000,
  bytes: 1000 * MB,
  rawRows: 100,
  evbRows: 100,
  evbBytesPerSecond: 100 * MB,
  decodeShare: 0,
  filters: [],
  ...change,
});

describe("the bottleneck in memory", () => {
  test("is memory itself, where four readers are no faster than one", () => {
    expect(bottleneckOf({ raw: raw(100, 108, 109), rows: rows() })).toEqual({
      kind: "memory",
      ratio: 1.09,
    });
  });

  test("is how many read, where more get more", () => {
    expect(bottleneckOf({ raw: raw(100, 190, 180), rows: undefined })).toEqual({
      kind: "readers",
      readers: 2,
      ratio: 1.9,
    });
  });

  test("is evb's reader, where it is slower than plain reads by more than a tenth", () => {
    expect(bottleneckOf({ raw: raw(1, 1, 1), rows: rows({ evbRows: 89 }) })).toEqual({
      kind: "evb",
      ratio: 0.89,
    });
    expect(bottleneckOf({ raw: raw(1, 1, 1), rows: rows({ evbRows: 91 }) }).kind).toBe("memory");
  });

  test("is decoding, where that takes most of the time; what is left is compared with reads", () => {
    const filters = ["shuffle", "gzip"];
    const slow = rows({ evbRows: 5, decodeShare: 0.9, filters });
    expect(bottleneckOf({ raw: raw(1, 1, 1), rows: slow })).toEqual({
      kind: "filters",
      filters,
      share: 0.9,
    });
    // 60 rows in a second of which 0.4 are decoding: 100 in a second of reading.
    const half = rows({ evbRows: 60, decodeShare: 0.4, filters });
    expect(bottleneckOf({ raw: raw(1, 1, 1), rows: half }).kind).toBe("memory");
  });

  test("is never found in less than a megabyte of rows", () => {
    const few = rows({ evbRows: 1, bytes: MB });
    expect(bottleneckOf({ raw: raw(1, 1, 1), rows: few }).kind).toBe("memory");
  });
});

describe("the disk", () => {
  const known = (one: number, flying: number) => ({
    kind: "known" as const,
    figures: [read(one), read(flying, 1, 8), read(1, 1, 0, 256)],
  });

  test("is the bottleneck where it gives less than half of what memory gives", () => {
    expect(diskLimitOf({ raw: raw(100, 1, 1), cold: known(40, 60) })).toEqual({
      coldBytes: 40,
      warmBytes: 100,
      inFlight: 8,
      gain: 1.5,
    });
    expect(diskLimitOf({ raw: raw(100, 1, 1), cold: known(50, 60) })).toBeUndefined();
  });

  test("is nothing to talk about where it wasn't measured", () => {
    const cold = { kind: "unknown" as const, reason: "for a test" };
    expect(diskLimitOf({ raw: raw(100, 1, 1), cold })).toBeUndefined();
  });
});
