import {
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  Hdf5File,
  Hdf5Writer,
  loadHdf5,
  lookup3,
  readStorage,
  type ChunkedStorage,
  type DataSpace,
  type Storage,
} from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { fuzzStorage, readDamaged, targetsIn } from "../support/fuzz-storage.ts";
import {
  btree1Node,
  checkedBlocks,
  message,
  NONE,
  objectHeader1,
  superblock1,
  u16,
  u32,
  u8,
} from "../support/hdf5-bytes.ts";
import { SeededRandom } from "../support/random.ts";
import { rebuild } from "../support/rebuild-storage.ts";

const hdf5 = await loadHdf5();

interface Case {
  readonly name: string;
  readonly shape: number[];
  readonly chunks?: number[];
  /** null: without limit. */
  readonly maxshape?: (number | null)[];
  readonly gzip?: number;
  readonly filter?: "shuffle" | "fletcher32";
}

/** Every layout and chunk index that h5wasm can write; which index it takes follows from shape and maxshape. */
const CASES: readonly Case[] = [
  { name: "contiguous", shape: [7, 5] },
  { name: "one chunk", shape: [7, 5], chunks: [7, 5] },
  { name: "one chunk, gzip", shape: [7, 5], chunks: [7, 5], gzip: 4 },
  { name: "fixed", shape: [23, 5], chunks: [3, 2] },
  { name: "fixed, gzip", shape: [23, 5], chunks: [3, 2], gzip: 1 },
  { name: "fixed, pages", shape: [2500, 3], chunks: [1, 3] },
  { name: "fixed, pages, gzip", shape: [2500, 3], chunks: [1, 3], gzip: 1 },
  { name: "fixed, may grow", shape: [9, 5, 4], chunks: [2, 2, 3], maxshape: [20, 9, 4] },
  { name: "one without limit", shape: [100, 3], chunks: [1, 3], maxshape: [null, 3] },
  { name: "one, gzip", shape: [100, 3], chunks: [1, 2], maxshape: [null, 4], gzip: 9 },
  { name: "one, super blocks", shape: [5000, 2], chunks: [1, 2], maxshape: [null, 2] },
  { name: "one, pages", shape: [70_000], chunks: [1], maxshape: [null] },
  { name: "one, second", shape: [6, 300], chunks: [2, 2], maxshape: [9, null] },
  { name: "one, last", shape: [4, 3, 90], chunks: [1, 2, 3], maxshape: [4, 5, null], gzip: 1 },
  { name: "two without limit", shape: [40, 9], chunks: [1, 2], maxshape: [null, null] },
  { name: "two, gzip", shape: [40, 9], chunks: [1, 2], maxshape: [null, null], gzip: 1 },
  { name: "two, deep", shape: [12_000, 1], chunks: [1, 1], maxshape: [null, null] },
  { name: "shuffle", shape: [30, 4], chunks: [7, 4], filter: "shuffle" },
  { name: "fletcher32", shape: [30, 4], chunks: [7, 4], filter: "fletcher32" },
  { name: "empty", shape: [0, 4], chunks: [2, 4], maxshape: [null, 4] },
];

const VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "v200", "latest"] as const;

const cellsOf = (shape: readonly number[], seed: number): Int32Array => {
  const random = new SeededRandom(seed);
  const count = shape.reduce((product, n) => product * n, 1);
  return Int32Array.from({ length: count }, () => random.u32());
};

/** Writes the cases, as `/0`, `/1` …, and returns where the file is. */
function writeCases(
  folder: string,
  libver: (typeof VERSIONS)[number],
  cases: readonly Case[],
): string {
  const path = join(folder, `${libver}.h5`);
  const file = new hdf5.h5.File(path, "w", { libver });
  cases.forEach(({ shape, chunks, maxshape, gzip, filter }, number) => {
    const filters = { shuffle: 2, fletcher32: 3 } as const;
    file.create_dataset({
      name: String(number),
      data: cellsOf(shape, number),
      shape,
      ...(chunks && { chunks }),
      ...(maxshape && { maxshape }),
      ...(gzip && { compression: "gzip" as const, compression_opts: gzip }),
      ...(filter && { compression: filters[filter], compression_opts: [] }),
    });
  });
  file.close();
  return path;
}

const bytesOf = (cells: Int32Array): Buffer =>
  Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength);

/** The storage of a data set, which must be no other kind. */
function direct(storage: Storage): Exclude<Storage, { kind: "other" }> {
  if (storage.kind === "other") throw new Error(storage.reason);
  return storage;
}

describe("the storage of a data set", () => {
  test.each(VERSIONS)("leads to its data, in files of version %s", (libver) =>
    inFolder((folder) => {
      const path = writeCases(folder, libver, CASES);
      const file = new Hdf5File(hdf5, path);
      const wrong = CASES.filter(({ shape }, number) => {
        const storage = direct(file.storageOf(String(number)));
        const found = rebuild(storage, { shape, elementBytes: 4 });
        return !found.equals(bytesOf(cellsOf(shape, number)));
      });
      file.close();
      expect(wrong).toEqual([]);
    }),
  );

  // Indexes with pages, super blocks and nodes that were never written: fixed array, extensible array, B-tree 2.
  test.each([[[100_000]], [[null]], [[null, null]], [[3, null]]])(
    "has no place for chunks that nobody wrote, of at most %j",
    (maxshape) =>
      inFolder((folder) => {
        const path = join(folder, "x.h5");
        const made = new hdf5.h5.File(path, "w", { libver: "v110" });
        const one = maxshape.map(() => 1);
        const data = Int32Array.of(1);
        const written = made.create_dataset({ name: "x", data, shape: one, maxshape, chunks: one });
        const shape = maxshape.length === 1 ? [70_000] : [3, 25_000];
        written.resize(shape);
        const put = (row: number, from: number, ...cells: number[]): void => {
          const range: [number, number][] = [[from, from + cells.length]];
          if (shape.length === 2) range.unshift([row, row + 1]);
          written.write_slice(range, Int32Array.from(cells));
        };
        const last = shape.at(-1)!;
        put(0, 9, 2, 3, 4);
        put(2, last - 5, 5, 6, 7, 8, 9);
        made.close();
        const expected = new Int32Array(shape.reduce((product, n) => product * n, 1));
        expected[0] = 1;
        expected.set([2, 3, 4], 9);
        expected.set([5, 6, 7, 8, 9], expected.length - 5);
        const file = new Hdf5File(hdf5, path);
        const storage = direct(file.storageOf("x")) as ChunkedStorage;
        file.close();
        expect(storage.address.filter((address) => address !== -1)).toHaveLength(9);
        expect(rebuild(storage, { shape, elementBytes: 4 }).equals(bytesOf(expected))).toBe(true);
      }),
  );

  test("says how it is cut, and what its chunks went through", () =>
    inFolder((folder) => {
      const file = new Hdf5File(hdf5, writeCases(folder, "v110", CASES));
      const plain = file.storageOf(numberOf("fixed"));
      expect(plain).toMatchObject({ chunk: [3, 2], grid: [8, 3], chunkBytes: 24, filters: [] });
      expect(plain).toMatchObject({ storedBytes: undefined, filterMask: undefined });
      const filtered = file.storageOf(numberOf("one, gzip")) as ChunkedStorage;
      expect(filtered.filters).toEqual([{ id: 1, clientData: [9], optional: false }]);
      expect(filtered.storedBytes).toHaveLength(200);
      expect(file.storageOf(numberOf("contiguous"))).toMatchObject({ bytes: 7 * 5 * 4 });
      file.close();
    }));
});

const numberOf = (name: string): string => String(CASES.findIndex((each) => each.name === name));

test("of 70,000 chunks is read in few large reads", () =>
  inFolder((folder) => {
    const pages = CASES.filter(({ name }) => name === "one, pages");
    const [target] = targetsIn(hdf5, writeCases(folder, "v110", pages));
    const before = readCalls();
    readStorage(target!.at, target!.space);
    // 69 pages of 8 kB and 32 smaller blocks, of which neighbours come together.
    expect(readCalls() - before).toBeLessThan(60);
  }));

/** read() calls of this process so far (proc_pid_io(5), syscr). */
const readCalls = (): number =>
  Number(/syscr: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))![1]);

describe("a checksum", () => {
  // lookup3.c, driver5(): the hashes that Bob Jenkins' own program prints.
  test.each([
    ["", 0xdeadbeef],
    ["Four score and seven years ago", 0x17770551],
  ])("of %j is that of lookup3", (text, expected) => {
    const bytes = Buffer.from(text);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    expect(lookup3(view, bytes.length)).toBe(expected);
  });
});

describe("a user block", () => {
  test.each([512, 1024, 65_536])("of %i bytes, put before a file, moves all addresses", (bytes) =>
    inFolder((folder) => {
      for (const libver of ["earliest", "latest"] as const) {
        const path = writeCases(folder, libver, CASES.slice(0, 9));
        writeFileSync(path, Buffer.concat([Buffer.alloc(bytes, "user"), readFileSync(path)]));
        const file = new Hdf5File(hdf5, path);
        CASES.slice(0, 9).forEach(({ shape }, number) => {
          const storage = direct(file.storageOf(String(number)));
          const found = rebuild(storage, { shape, elementBytes: 4 });
          expect(found.equals(bytesOf(cellsOf(shape, number)))).toBe(true);
        });
        file.close();
      }
    }),
  );
});

describe("a link", () => {
  test("is followed to the file that has the data set, through groups, links and files", () =>
    inFolder((folder) => {
      mkdirSync(join(folder, "far"));
      const data = new Hdf5Writer(hdf5, join(folder, "far", "data.h5"));
      data.writeColumn("/here/x", "i4", Int32Array.of(7, 8, 9));
      data.close();
      const middle = new hdf5.h5.File(join(folder, "far", "middle.h5"), "w");
      middle.create_external_link("data.h5", "/here", "there");
      middle.create_soft_link("there", "soft");
      middle.close();
      const path = join(folder, "first.h5");
      const first = new hdf5.h5.File(path, "w");
      first.create_group("group");
      first.create_external_link("far/middle.h5", "/soft", "group/out");
      first.create_soft_link("/group/./out", "in");
      first.create_dataset({ name: "x", data: Int32Array.of(1) });
      first.close();
      symlinkSync(path, join(folder, "alias.h5"));
      const file = new Hdf5File(hdf5, join(folder, "alias.h5"));
      for (const name of ["group/out/x", "/in/x", "in//x"]) {
        const storage = direct(file.storageOf(name));
        expect(storage.path).toBe(realpathSync(join(folder, "far", "data.h5")));
        const found = rebuild(storage, { shape: [3], elementBytes: 4 });
        expect(found).toEqual(bytesOf(Int32Array.of(7, 8, 9)));
      }
      expect(direct(file.storageOf("x")).path).toBe(realpathSync(path));
      file.close();
    }));

  test("that leads nowhere is no data set", () =>
    inFolder(async (folder) => {
      const path = join(folder, "x.h5");
      const made = new hdf5.h5.File(path, "w");
      made.create_soft_link("/circle", "circle");
      made.create_external_link("gone.h5", "/x", "gone");
      made.close();
      const file = new Hdf5File(hdf5, path);
      for (const name of ["circle", "gone", "nothing", "/"])
        expect(await faultOf(() => file.storageOf(name))).toMatchObject({
          tag: "hdf5-no-such-data-set",
        });
      file.close();
    }));
});

/** Where the object header is in hand-made files: behind the superblock's 64 bytes. */
const HEADER = 64;
const FILL_OLD = 0x04;
const FILL = 0x05;
const EXTERNAL = 0x07;
const LAYOUT = 0x08;
const FILTERS = 0x0b;
const CONTINUATION = 0x10;
/** 4 × 3 elements of 4 bytes. */
const SPACE: DataSpace = { shape: [4, 3], maxShape: [4, 3], elementBytes: 4 };

/** Reads the storage of a hand-made file: superblock, object header, and what follows at byte 512. */
function storageIn(
  header: Buffer,
  rest: Buffer,
  { space = SPACE, userBlock = 0 }: { space?: DataSpace; userBlock?: number } = {},
): Promise<Storage> {
  return inFolder((folder) => {
    const path = join(folder, "x.h5");
    const start = Buffer.concat([superblock1(), header]);
    const padding = Buffer.alloc(512 - start.length);
    writeFileSync(path, Buffer.concat([Buffer.alloc(userBlock), start, padding, rest]));
    return readStorage({ path, dataSet: "/x", headerAddress: HEADER }, space);
  });
}

/** Layout message of version 1 or 2, chunked: chunks of 2 × 2 elements of 4 bytes. */
const oldChunks = (version: number): Buffer =>
  message(LAYOUT, Buffer.concat([u8(version, 3, 2, 0, 0, 0, 0, 0), u32(512, 2, 2, 4)]));
/** Version 3: 12 elements of 4 bytes at byte 512. */
const pieceOf48 = message(LAYOUT, Buffer.concat([u8(3, 1), u32(512, 48)]));

describe("a hand-made file", () => {
  // Superblock 1, object header 1, layout 1 and 2, old fill value: what HDF5 1.4 wrote, and nothing does any more.
  test.each([
    [1, 0],
    [1, 512],
    [2, 2048],
  ])("with layout %i and a user block of %i bytes has its chunks", async (version, userBlock) => {
    const entry = (
      row: number,
      column: number,
      address: number,
    ): Parameters<typeof btree1Node>[1][0] => ({
      at: [row, column],
      stored: 16,
      address,
    });
    // Chunks (0, 0), (1, 0) and (1, 1) of a grid of 2 × 2; the node has 16 + 3 × 36 + 32 = 156 bytes.
    const node = btree1Node(0, [entry(0, 0, 700), entry(2, 0, 716), entry(2, 2, 732)]);
    const rest = Buffer.concat([node, Buffer.alloc(256)]);
    const header = objectHeader1(
      message(FILL_OLD, Buffer.concat([u32(4), u8(1, 2, 3, 4)])),
      oldChunks(version),
    );
    expect(await storageIn(header, rest, { userBlock })).toMatchObject({
      kind: "chunked",
      chunk: [2, 2],
      grid: [2, 2],
      chunkBytes: 16,
      address: Float64Array.of(userBlock + 700, -1, userBlock + 716, userBlock + 732),
      storedBytes: undefined,
      filterMask: undefined,
      filters: [],
      fill: u8(1, 2, 3, 4),
    });
  });

  test("with filters has each chunk's stored size and filter mask", async () => {
    const node = btree1Node(0, [
      { at: [0, 2], stored: 11, mask: 2, address: 700 },
      { at: [2, 0], stored: 20, address: 711 },
      { at: [4, 0], stored: 20, address: 731 }, // outside of the data set
    ]);
    // Version 1: shuffle, name of 8 bytes, 1 value and 4 bytes of padding; gzip, optional, no name, 2 values.
    const filters = Buffer.concat([
      u8(1, 2, 0, 0, 0, 0, 0, 0),
      Buffer.concat([u16(2, 8, 0, 1), Buffer.from("shuffle\0"), u32(4, 0)]),
      Buffer.concat([u16(1, 0, 1, 2), u32(6, 7)]),
    ]);
    const header = objectHeader1(message(FILTERS, filters), oldChunks(1));
    expect(await storageIn(header, Buffer.concat([node, Buffer.alloc(256)]))).toMatchObject({
      address: Float64Array.of(-1, 700, 711, -1),
      storedBytes: Uint32Array.of(0, 11, 20, 0),
      filterMask: Uint32Array.of(0, 2, 0, 0),
      filters: [
        { id: 2, clientData: [4], optional: false },
        { id: 1, clientData: [6, 7], optional: true },
      ],
    });
  });

  test("with a filter pipeline of version 2 has names for registered filters only", async () => {
    const filters = Buffer.concat([
      u8(2, 2),
      Buffer.concat([u16(1, 1, 1), u32(9)]),
      Buffer.concat([u16(32_004, 3, 0, 1), Buffer.from("lz4"), u32(64)]),
    ]);
    const header = objectHeader1(message(FILTERS, filters), oldChunks(2));
    expect(await storageIn(header, btree1Node(0, []))).toMatchObject({
      filters: [
        { id: 1, clientData: [9], optional: true },
        { id: 32_004, clientData: [64], optional: false },
      ],
    });
  });

  test("with an implicit index has all chunks, by the grid that it may grow to", async () => {
    // Version 4: flags, 3 dimensions of 1 byte: 2 × 2 elements of 4 bytes; index 2. May become 4 × 5: 2 × 3 chunks.
    const layout = Buffer.concat([u8(4, 2, 0, 3, 1, 2, 2, 4, 2), u32(512)]);
    const space = { ...SPACE, maxShape: [4, 5] };
    const storage = await storageIn(objectHeader1(message(LAYOUT, layout)), Buffer.alloc(96), {
      space,
    });
    expect(storage).toMatchObject({
      grid: [2, 2],
      address: Float64Array.of(512, 512 + 16, 512 + 3 * 16, 512 + 4 * 16),
    });
  });

  test.each([
    // Version 1 or 2: the size follows from the shape.
    ["1", Buffer.concat([u8(1, 2, 1, 0, 0, 0, 0, 0), u32(512, 4, 3)]), 512],
    ["2", Buffer.concat([u8(2, 2, 1, 0, 0, 0, 0, 0), u32(NONE, 4, 3)]), undefined],
    ["3", Buffer.concat([u8(3, 1), u32(512, 48)]), 512],
    ["4", Buffer.concat([u8(4, 1), u32(NONE, 48)]), undefined],
  ])("with a contiguous layout %s has its elements in one piece", async (_, layout, address) => {
    const storage = await storageIn(objectHeader1(message(LAYOUT, layout)), Buffer.alloc(48));
    expect(storage).toMatchObject({ kind: "contiguous", address, bytes: 48, fill: undefined });
  });

  test.each([
    ["version 1, defined", FILL, Buffer.concat([u8(1, 2, 0, 1), u32(4), u8(5, 6, 7, 8)]), true],
    ["version 1, of no bytes", FILL, Buffer.concat([u8(1, 2, 0, 1), u32(0)]), false],
    ["version 2, defined", FILL, Buffer.concat([u8(2, 2, 0, 1), u32(4), u8(5, 6, 7, 8)]), true],
    ["version 2, undefined", FILL, u8(2, 2, 0, 0), false],
    ["version 3, defined", FILL, Buffer.concat([u8(3, 0x20), u32(4), u8(5, 6, 7, 8)]), true],
    ["version 3, undefined", FILL, u8(3, 0x10), false],
    ["old", FILL_OLD, Buffer.concat([u32(4), u8(5, 6, 7, 8)]), true],
  ])("has the fill value of its message: %s", async (_, type, body, there) => {
    const storage = await storageIn(
      objectHeader1(message(type, body), pieceOf48),
      Buffer.alloc(48),
    );
    expect(storage).toMatchObject({ fill: there ? u8(5, 6, 7, 8) : undefined });
  });

  test.each([
    ["in its object header", [message(LAYOUT, u8(3, 0, 2, 0, 1, 2))]],
    ["in its object header", [message(LAYOUT, u8(1, 1, 0, 0, 0, 0, 0, 0))]],
    ["put together from other data sets", [message(LAYOUT, u8(4, 3))]],
    ["in other files", [pieceOf48, message(EXTERNAL, u8(1))]],
    ["shares messages", [pieceOf48, message(FILTERS, u8(3, 2), 2)]],
  ])("is left to the HDF5 library where its data is %s", async (reason, messages) => {
    const storage = await storageIn(objectHeader1(...messages), Buffer.alloc(48));
    expect(storage).toMatchObject({ kind: "other", reason: expect.stringContaining(reason) });
  });

  test("is left to the HDF5 library where it has more chunks than columns can", async () => {
    const shape = [2 ** 20, 2 ** 20];
    const storage = await storageIn(objectHeader1(oldChunks(1)), Buffer.alloc(48), {
      space: { shape, maxShape: shape, elementBytes: 4 },
    });
    expect(storage).toMatchObject({ kind: "other", reason: expect.stringContaining("too many") });
  });

  test("may continue its object header elsewhere", async () => {
    const header = objectHeader1(message(CONTINUATION, u32(560, pieceOf48.length)));
    const storage = await storageIn(header, Buffer.concat([Buffer.alloc(48), pieceOf48]));
    expect(storage).toMatchObject({ kind: "contiguous", address: 512 });
  });

  // Where it would be is said by −2 − address, so that nobody takes it for an address.
  test("has no data where its own object header lies", async () => {
    const header = objectHeader1(message(CONTINUATION, u32(559, pieceOf48.length)));
    const storage = await storageIn(header, Buffer.concat([Buffer.alloc(47), pieceOf48, u8(0)]));
    expect(storage).toMatchObject({ kind: "contiguous", address: -514 });
  });

  // Chunks of 2 × 2 elements of 4 bytes; the node begins at byte 512.
  test.each([
    ["over each other, by a byte", [1024, 1039], [-1026, -1041]],
    ["side by side", [1024, 1040], [1024, 1040]],
    ["at the same place", [1024, 1024], [-1026, -1026]],
    ["over the file's beginning", [8, 1024], [-10, 1024]],
    ["over the node that names them", [1024, 520], [1024, -522]],
    ["behind it, in disorder", [1040, 1024], [1040, 1024]],
  ])("says which of its chunks can't be where it says: two %s", async (_, at, address) => {
    const entry = (column: number, place: number) => ({
      at: [0, column],
      stored: 16,
      address: place,
    });
    const node = btree1Node(0, [entry(0, at[0]!), entry(2, at[1]!)]);
    const rest = Buffer.concat([node, Buffer.alloc(1056 - 512 - node.length)]);
    const space = { shape: [2, 4], maxShape: [2, 4], elementBytes: 4 };
    const storage = await storageIn(objectHeader1(oldChunks(1)), rest, { space });
    expect(storage).toMatchObject({ kind: "chunked", address: Float64Array.from(address) });
  });
});

describe("damaged metadata", () => {
  const chunk = { at: [0, 0], stored: 16, address: 512 };
  const circle = message(CONTINUATION, u32(512, 16));
  const layout4 = (...bytes: number[]): Buffer => message(LAYOUT, u8(4, 2, 0, ...bytes));
  const HUGE = 0x7fffffff;
  test.each<[string, Buffer[], Buffer, string]>([
    ["no layout", [], Buffer.alloc(0), "is of no data set"],
    [
      "a long header",
      [message(CONTINUATION, u32(512, 2 ** 24))],
      Buffer.alloc(2 ** 24),
      "too long",
    ],
    ["a circle of continuations", [circle], circle, "continues in a circle"],
    ["a continuation behind the end", [message(CONTINUATION, u32(9e6, 9))], circle, "file's end"],
    ["a layout of no version", [message(LAYOUT, u8(9, 1))], circle, "9 is no version"],
    ["elements behind the end", [pieceOf48], Buffer.alloc(47), "48 bytes aren't there"],
    ["a chunk without elements", [layout4(3, 1, 2, 0, 4)], circle, "has no elements"],
    ["a chunk index of no kind", [layout4(3, 1, 2, 2, 4, 9)], circle, "no chunk index"],
    ["chunks of another rank", [layout4(2, 1, 2, 4, 2, 0, 2, 0, 0)], circle, "dimensions"],
    ["chunks of other elements", [layout4(3, 1, 2, 2, 8, 2, 0, 2, 0, 0)], circle, "same size"],
    ["no B-tree", [oldChunks(1)], Buffer.alloc(99), "TREE should stand there"],
    ["a chunk behind the end", [oldChunks(1)], node({ ...chunk, address: HUGE }), "outside"],
    ["a chunk of another size", [oldChunks(1)], node({ ...chunk, stored: 15 }), "15 bytes long"],
    ["a chunk twice", [oldChunks(1)], node(chunk, chunk), "is there twice"],
    ["a chunk between chunks", [oldChunks(1)], node({ ...chunk, at: [1, 0] }), "no chunk begins"],
    ["a B-tree in a circle", [oldChunks(1)], btree1Node(1, [chunk]), "of a wrong level"],
    ["a single chunk of four", [layout4(3, 1, 2, 2, 4, 1, 0, 2, 0, 0)], circle, "more than its"],
    ["a B-tree node twice", [oldChunks(1)], btree1Node(1, [chunk, chunk]), "this node twice"],
    ["33 filters", [message(FILTERS, u8(2, 33)), oldChunks(1)], circle, "33 filters are too many"],
    ["a wide fill value", [message(FILL_OLD, u32(8, 0, 0)), pieceOf48], Buffer.alloc(48), "fill"],
  ])("is named, with its place: %s", async (_, messages, rest, reason) => {
    const fault = await faultOf(() => storageIn(objectHeader1(...messages), rest));
    expect(fault).toMatchObject({ tag: "hdf5-storage-damaged", exitCode: 3 });
    expect(fault.message).toContain(reason);
    expect(fault.message).toMatch(/x\.h5 is damaged at byte \d+, where \/x is described: /);
  });

  function node(...entries: Parameters<typeof btree1Node>[1][0][]): Buffer {
    return Buffer.concat([btree1Node(0, entries), Buffer.alloc(64)]);
  }

  test("is found by checksums: any bit of any block", () =>
    inFolder(async (folder) => {
      const path = writeCases(folder, "v110", [CASES.find(({ name }) => name === "one, second")!]);
      const { at, space } = targetsIn(hdf5, path)[0]!;
      const whole = readFileSync(path);
      const random = new SeededRandom(1);
      const blocks = checkedBlocks(whole).filter(({ start }) => start >= at.headerAddress);
      expect(blocks.length).toBeGreaterThan(5);
      for (const { start, end } of blocks) {
        const bytes = Buffer.from(whole);
        const bit = start * 8 + random.below((end - start) * 8);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(path, bytes);
        const fault = await faultOf(() => readStorage(at, space));
        expect(fault.tag).toBe("hdf5-storage-damaged");
      }
    }));

  test.each(["earliest", "latest"] as const)(
    "gives one clean error, or places within the file: 300 files of version %s",
    (libver) =>
      inFolder((folder) => {
        const path = writeCases(
          folder,
          libver,
          CASES.filter(({ shape }) => shape[0]! < 1000),
        );
        const { failed, read } = fuzzStorage(hdf5, path, { seed: 5, cases: 300 });
        expect(failed).toBeGreaterThan(30);
        expect(read).toBeGreaterThan(30);
      }),
  );

  test("of a file that was cut off anywhere gives one clean error, or places within it", () =>
    inFolder((folder) => {
      const path = writeCases(
        folder,
        "latest",
        CASES.filter(({ shape }) => shape[0]! < 200),
      );
      const targets = targetsIn(hdf5, path);
      for (let bytes = readFileSync(path).length; bytes > 0; bytes = Math.floor(bytes * 0.8)) {
        truncateSync(path, bytes);
        for (const target of targets) readDamaged(target, `cut to ${String(bytes)} bytes`);
      }
    }));
});
