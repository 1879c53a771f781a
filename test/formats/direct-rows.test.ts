import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  DataFile,
  DirectRows,
  NO_PLACES,
  NOWHERE,
  type ChunkDecoder,
  type ChunkPlaces,
  type RowLayout,
} from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { SeededRandom } from "../support/random.ts";
import { coordinates } from "../support/rebuild-storage.ts";

/** A data set of numbered bytes, and a file that has it as a layout says. */
interface Made {
  readonly layout: RowLayout;
  readonly rows: number;
  /** As a reader should give it: little-endian, C order. */
  readonly content: Buffer;
  readonly file: Buffer;
  readonly places: ChunkPlaces;
}

const product = (numbers: readonly number[]): number => numbers.reduce((all, n) => all * n, 1);

/** The filter of these tests: every byte is turned over, and a byte is put before. */
const TURNED: ChunkDecoder = {
  decode: (stored, mask, target) => {
    const left = (mask & 1) !== 0;
    for (let i = 0; i < target.length; i++) target[i] = left ? stored[i]! : 255 - stored[i + 1]!;
  },
};

const SHUFFLE = { id: 2, clientData: [1] };

/** Elements are placed one by one: nothing here knows of stretches. */
function make(random: SeededRandom): Made {
  const dimensions = random.below(4);
  const itemShape = Array.from({ length: dimensions }, () => 1 + random.below(5));
  const rows = 1 + random.below(9);
  const elementBytes = [1, 2, 4, 8][random.below(4)]!;
  const bigEndian = random.below(2) === 0;
  const filtered = random.below(2) === 0;
  const isChunked = filtered || random.below(3) > 0;
  const chunk = isChunked ? [rows, ...itemShape].map((n) => 1 + random.below(n + 1)) : undefined;
  const fill = random.below(2) === 0 ? undefined : Buffer.alloc(elementBytes, 7).fill(9, 1);
  const common = { itemShape, elementBytes, bigEndian, chunk, fill };
  const shape = [rows, ...itemShape];
  const stored = Buffer.from(
    Uint8Array.from({ length: product(shape) * elementBytes }, () => random.below(256)),
  );
  const parts: Buffer[] = [Buffer.alloc(random.below(50), 0xcc)];
  let end = parts[0]!.length;
  const put = (bytes: Buffer): number => {
    parts.push(bytes, Buffer.alloc(random.below(20), 0xdd));
    end += bytes.length + parts.at(-1)!.length;
    return end - bytes.length - parts.at(-1)!.length;
  };
  if (chunk === undefined) {
    const absent = random.below(5) === 0;
    if (absent) stored.fill(fill ?? Buffer.alloc(elementBytes));
    const layout = { ...common, address: absent ? NOWHERE : put(stored), filters: [] };
    return { layout, rows, ...finish(stored, common, parts), places: NO_PLACES };
  }
  const grid = shape.map((n, i) => Math.ceil(n / chunk[i]!));
  const chunks = Array.from({ length: product(grid) }, (_, number) => {
    const corner = coordinates(number, grid).map((at, i) => at * chunk[i]!);
    const absent = random.below(6) === 0;
    const left = random.below(5) === 0;
    const bytes = Buffer.alloc(product(chunk) * elementBytes, 0xbb);
    for (let cell = 0; cell < product(chunk); cell++) {
      const place = coordinates(cell, chunk).map((at, i) => at + corner[i]!);
      if (place.some((at, i) => at >= shape[i]!)) continue;
      const from = place.reduce((at, n, i) => at * shape[i]! + n, 0) * elementBytes;
      if (absent) stored.set(fill ?? Buffer.alloc(elementBytes), from);
      stored.copy(bytes, cell * elementBytes, from, from + elementBytes);
    }
    if (absent) return { address: NOWHERE, stored: 0, mask: 0 };
    const coded = filtered && !left ? Buffer.from([0, ...bytes.map((byte) => 255 - byte)]) : bytes;
    return { address: put(coded), stored: coded.length, mask: left ? 1 : 0 };
  });
  const places = {
    address: Float64Array.from(chunks, ({ address }) => address),
    stored: filtered ? Uint32Array.from(chunks, (each) => each.stored) : undefined,
    mask: filtered ? Uint32Array.from(chunks, ({ mask }) => mask) : undefined,
  };
  const filters = filtered ? [{ id: 1, clientData: [] }] : [];
  const layout = { ...common, address: NOWHERE, filters };
  return { layout, rows, ...finish(stored, common, parts), places };
}

function finish(
  stored: Buffer,
  { elementBytes, bigEndian }: { elementBytes: number; bigEndian: boolean },
  parts: readonly Buffer[],
): { content: Buffer; file: Buffer } {
  const content = Buffer.from(stored);
  if (bigEndian)
    for (let at = 0; at < content.length; at += elementBytes)
      content.subarray(at, at + elementBytes).reverse();
  return { content, file: Buffer.concat(parts) };
}

function reader({ layout }: Made): DirectRows {
  return new DirectRows(layout, layout.filters.length > 0 ? TURNED : "none");
}

function readRow(direct: DirectRows, file: DataFile, made: Made, row: number): Buffer {
  const target = Buffer.alloc(direct.rowBytes, 0xaa);
  const first = Math.floor(row / (made.layout.chunk?.[0] ?? 1)) * direct.chunks;
  direct.read(file, row, made.places, first, target);
  return target;
}

describe("rows where they lie", () => {
  test.each([false, true])(
    "are given as f4 where they are 16-bit floats; big-endian: %j",
    (bigEndian) =>
      inFolder((folder) => {
        // 1, -2, 1/3 rounded, infinity: sign 1 | exponent 5 | fraction 10. The fill value is 0.5.
        const stored = Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x7c00).buffer);
        const fill = Buffer.from(Uint16Array.of(0x3800).buffer);
        if (bigEndian) for (const bytes of [stored, fill]) bytes.swap16();
        const path = join(folder, "data");
        writeFileSync(path, Buffer.concat([Buffer.alloc(3), stored]));
        const common = { itemShape: [2], elementBytes: 2, halves: true, bigEndian, fill } as const;
        const file = new DataFile(path);
        const rowsOf = (layout: RowLayout, places: ChunkPlaces): number[][] => {
          const direct = new DirectRows(layout, "none");
          return [0, 1].map((row) => {
            const target = new Float32Array(2);
            direct.read(file, row, places, row, new Uint8Array(target.buffer));
            return Array.from(target);
          });
        };
        const third = 0x555 / 4096;
        const plain = { ...common, chunk: undefined, address: 3, filters: [] };
        expect(rowsOf(plain, NO_PLACES)).toEqual([
          [1, -2],
          [third, Infinity],
        ]);
        const chunked = { ...common, chunk: [1, 2], address: NOWHERE, filters: [] };
        const address = Float64Array.of(7, NOWHERE);
        const places = { address, stored: undefined, mask: undefined };
        expect(rowsOf(chunked, places)).toEqual([
          [third, Infinity],
          [0.5, 0.5],
        ]);
        file.close();
      }),
  );

  test("are those of the data set, in any order, for any layout", () =>
    inFolder((folder) => {
      for (let seed = 1; seed <= 300; seed++) {
        const random = new SeededRandom(seed);
        const made = make(random);
        const path = join(folder, "data");
        writeFileSync(path, made.file);
        const file = new DataFile(path);
        const direct = reader(made);
        const bytes = direct.rowBytes;
        for (let n = 0; n < 3 * made.rows; n++) {
          const row = n < made.rows ? n : random.below(made.rows);
          const expected = made.content.subarray(row * bytes, (row + 1) * bytes);
          const got = readRow(direct, file, made, row);
          expect({ seed, row, got: got.toString("hex") }).toEqual({
            seed,
            row,
            got: expected.toString("hex"),
          });
        }
        file.close();
      }
    }));

  test("that the file has no longer are named with file, place and size", () =>
    inFolder(async (folder) => {
      const path = join(folder, "data");
      for (const itemShape of [[8], [40_000]]) {
        const bytes = 3 * itemShape[0]!;
        writeFileSync(path, Buffer.alloc(100 + bytes, 1));
        truncateSync(path, 100 + bytes - 1);
        const layout = {
          ...{ itemShape, elementBytes: 1, bigEndian: false, chunk: undefined, address: 100 },
          ...{ filters: [], fill: undefined },
        };
        const file = new DataFile(path);
        const direct = new DirectRows(layout, "none");
        const target = new Uint8Array(direct.rowBytes);
        const read = (row: number): void => {
          direct.read(file, row, undefined, 0, target);
        };
        read(1);
        const { tag, message } = await faultOf(() => {
          read(2);
        });
        expect(tag).toBe("bytes-missing");
        expect(message).toContain(`byte ${String(100 + 2 * itemShape[0]!)}`);
        read(0);
        expect(target.every((byte) => byte === 1)).toBe(true);
        file.close();
      }
    }));

  // −2 − address says where they would be.
  test.each([
    ["of all rows", undefined, -2 - 40, NOWHERE],
    ["of a chunk", [1, 8], NOWHERE, -2 - 40],
  ])("that can't be where the file says fail, with the place: %s", (_, chunk, address, place) =>
    inFolder(async (folder) => {
      const path = join(folder, "data");
      writeFileSync(path, Buffer.alloc(100));
      const common = { itemShape: [8], elementBytes: 1, bigEndian: false, fill: undefined };
      const direct = new DirectRows({ ...common, chunk, address, filters: [] }, "none");
      const places = { address: Float64Array.of(place), stored: undefined, mask: undefined };
      const file = new DataFile(path);
      const { tag, message } = await faultOf(() => {
        direct.read(file, 0, places, 0, new Uint8Array(8));
      });
      expect(tag).toBe("chunk-misplaced");
      expect(message).toContain(`at byte 40 of ${path}, where something else`);
      direct.ranges(0, places, 0, () => {
        throw new Error("it would be read ahead");
      });
      file.close();
    }),
  );

  test.each<[string, number, readonly number[] | undefined, number, boolean]>([
    ["small rows", 100, undefined, 0, false],
    ["large rows", 10_000, undefined, 0, true],
    ["small rows of large chunks", 100, [500, 100], 0, false],
    ["small rows of large chunks that are decoded", 100, [500, 100], 1, true],
    ["large rows of small chunks", 20_000, [1, 100], 0, false],
  ])("are worth a look ahead or not: %s", (_, size, chunk, filters, isLarge) => {
    const layout = {
      ...{ itemShape: [size], elementBytes: 1, bigEndian: false, chunk, address: NOWHERE },
      ...{
        filters: new Array<RowLayout["filters"][number]>(filters).fill(SHUFFLE),
        fill: undefined,
      },
    };
    const direct = new DirectRows(layout, filters === 0 ? "none" : TURNED);
    expect(direct.hasLargeReads).toBe(isLarge);
  });

  test("that are small are read many at a time where they follow each other, and alone where not", () =>
    inFolder((folder) => {
      const path = join(folder, "data");
      const rows = 100_000;
      writeFileSync(path, Buffer.alloc(256 * rows));
      const layout = {
        ...{ itemShape: [64], elementBytes: 4, bigEndian: false, chunk: undefined, address: 0 },
        ...{ filters: [], fill: undefined },
      };
      const bytesFor = (order: readonly number[]): number => {
        const file = new DataFile(path);
        const direct = new DirectRows(layout, "none");
        const target = new Uint8Array(256);
        for (const row of order) direct.read(file, row, undefined, 0, target);
        file.close();
        return file.bytesRead / (256 * order.length);
      };
      const random = new SeededRandom(1);
      expect(bytesFor(Array.from({ length: 5000 }, () => random.below(rows)))).toBeLessThan(1.2);
      expect(bytesFor(Array.from({ length: 5000 }, (_, k) => k))).toBeLessThan(1.1);
      expect(bytesFor(Array.from({ length: 5000 }, (_, k) => 2 * k))).toBeLessThan(2.1);
    }));
});
