import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import {
  alignedTo,
  ChunkEncoder,
  compressionFilters,
  encodeChunkTree,
  encodeStructure,
  Hdf5File,
  loadHdf5,
  lookup3,
  missingElement,
  type NewDataSet,
  type NewGroup,
  type NewNode,
  type Storage,
} from "@evb/formats";
import { inFolder } from "../support/folder.ts";

const hdf5 = await loadHdf5();

const bytesOf = (hex: string): string => hex.replaceAll(/\/\/.*|\s/g, "");
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const group = (members: Readonly<Record<string, NewNode>>): NewGroup => ({
  kind: "group",
  members: new Map(Object.entries(members)),
});

/** A file with a data set /x, of whose bytes `put` says where they lie. */
async function written(
  make: (begin: number, put: (bytes: Uint8Array) => number) => NewDataSet,
  check: (file: Hdf5File, storage: Storage) => void,
): Promise<void> {
  await inFolder((folder) => {
    const length = encodeStructure(group({ x: make(0, () => 0) }), 0).length;
    const pieces: { at: number; bytes: Uint8Array }[] = [];
    let end = alignedTo(length, 8);
    const put = (bytes: Uint8Array): number => {
      const at = end;
      pieces.push({ at, bytes: bytes.slice() });
      end += bytes.length;
      return at;
    };
    const x = make(end, put);
    const whole = new Uint8Array(end);
    whole.set(encodeStructure(group({ x }), end));
    for (const { at, bytes } of pieces) whole.set(bytes, at);
    const path = join(folder, "x.h5");
    writeFileSync(path, whole);
    const file = new Hdf5File(hdf5, path);
    try {
      check(file, file.storageOf("/x"));
    } finally {
      file.close();
    }
  });
}

describe("the structure of a new file", () => {
  // HDF5 File Format Specification 3.0, II.A, IV.A.1.b and IV.A.2; sizes in the comments are added up there.
  test("is a superblock and object headers, byte for byte", () => {
    const x: NewDataSet = {
      kind: "data set",
      type: "i4",
      shape: [5, 3],
      storage: { kind: "contiguous", address: 0x1000 },
    };
    const structure = encodeStructure(group({ x }), 0x103c);
    const superblock = `
      894844460d0a1a0a 02 08 08 00                   // signature, version 2, widths, flags
      0000000000000000 ffffffffffffffff              // base address, no extension
      3c10000000000000 8800000000000000              // end of the file, root at 136 = 48 + 82 and 6 to a multiple of 8`;
    const dataSet = `
      4f484452 02 02 44000000                        // OHDR, version 2, 68 = 20 + 12 + 2 + 18 + 4 × 4 bytes
      01 1400 00                                     // data space, 20 bytes
      02 02 00 01 0500000000000000 0300000000000000  // version 2, two dimensions: 5, 3
      03 0c00 00                                     // data type, 12 bytes
      10 08 00 00 04000000 0000 2000                 // integer with a sign, 4 bytes, bits 0 to 31
      05 0200 00                                     // fill value, 2 bytes
      03 0a                                          // version 3; late, written if set, not set
      08 1200 00                                     // layout, 18 bytes
      03 01 0010000000000000 3c00000000000000        // version 3, contiguous, address, 60 bytes`;
    const root = `
      4f484452 02 02 2e000000                        // 46 = 18 + 2 + 14 + 3 × 4 bytes
      02 1200 00                                     // link info, 18 bytes
      00 00 ffffffffffffffff ffffffffffffffff        // no heap, no tree: links stand here
      0a 0200 00 00 00                               // group info
      06 0e00 00                                     // link, 14 bytes
      01 11 01 0100 78 3000000000000000              // named "x" in UTF-8, to byte 48`;
    expect(hexOf(structure.subarray(0, 44))).toBe(bytesOf(superblock));
    expect(hexOf(structure.subarray(48, 126))).toBe(bytesOf(dataSet));
    expect(hexOf(structure.subarray(136, 192))).toBe(bytesOf(root));
    // Each with its checksum, of which the parser's own tests say what it is.
    for (const [begin, end] of [
      [0, 44],
      [48, 126],
      [136, 192],
    ] as const) {
      const view = new DataView(structure.buffer, structure.byteOffset + begin, end - begin + 4);
      expect(view.getUint32(end - begin, true)).toBe(lookup3(view, end - begin));
    }
    expect(structure.length).toBe(196);
  });

  test("is as long, wherever the data lie", () => {
    const at = (address: number | undefined): number =>
      encodeStructure(
        group({
          x: { kind: "data set", type: "f8", shape: [1], storage: { kind: "contiguous", address } },
        }),
        0,
      ).length;
    expect(at(undefined)).toBe(at(2 ** 50));
  });

  test("has attributes and groups that the HDF5 library reads", () =>
    inFolder((folder) => {
      const attributes = { "naïve name": "wört", count: -7, none: "" };
      const inner: NewGroup = { ...group({}), attributes };
      const root = group(
        Object.fromEntries(Array.from({ length: 300 }, (_, k) => [`g${String(k)}`, inner])),
      );
      const path = join(folder, "x.h5");
      writeFileSync(path, encodeStructure(root, encodeStructure(root, 0).length));
      const file = new hdf5.h5.File(path, "r");
      expect(file.keys()).toHaveLength(300);
      const { attrs } = file.get("g299") as InstanceType<typeof hdf5.h5.Group>;
      const values = Object.entries(attrs).map(([name, { value }]) => [name, value]);
      expect(Object.fromEntries(values)).toEqual(attributes);
      file.close();
    }));
});

describe("a data set of a new file", () => {
  test.each(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"] as const)(
    "of %s is one to the HDF5 library, with its values",
    (type) =>
      written(
        (_, put) => {
          const size = Number(type[1]);
          const bytes = Uint8Array.from({ length: 4 * size }, (__, k) => (k * 37) % 120);
          return {
            kind: "data set",
            type,
            shape: [4],
            storage: { kind: "contiguous", address: put(bytes) },
          };
        },
        (file) => {
          const found = file.dataSet("/x");
          expect(found.shape).toMatchObject({ type, shape: [4] });
          const size = Number(type[1]);
          const bytes = new Uint8Array(4 * size);
          found.readRows(0, 4, bytes);
          expect([...bytes]).toEqual(Array.from({ length: 4 * size }, (_, k) => (k * 37) % 120));
        },
      ),
  );

  // 64 children a node: one leaf, one more, and three levels.
  test.each([1, 64, 65, 4097])(
    "in %i chunks, every third left out, is read by library and parser",
    (chunks) =>
      written(
        (_, put) => {
          const number = Array.from({ length: chunks }, (__, k) => k).filter((k) => k % 3 !== 1);
          const address = number.map((k) => put(new Uint8Array(Float32Array.of(k, -k).buffer)));
          const storedBytes = number.map(() => 8);
          // Trees begin where they are told; the next free place is found by asking for no byte.
          const at = put(new Uint8Array(0));
          const tree = encodeChunkTree({ number, address, storedBytes }, [1, 2], at);
          put(tree.bytes);
          return {
            kind: "data set",
            type: "f4",
            shape: [chunks, 2],
            fill: missingElement("f4"),
            storage: { kind: "chunked", chunk: [1, 2], filters: [], treeAddress: tree.root },
          };
        },
        (file, storage) => {
          const values = [...(file.dataSet("/x").readColumn() as Float32Array)];
          const expected = Array.from({ length: chunks }, (_, k) =>
            k % 3 === 1 ? [NaN, NaN] : [k, k === 0 ? -0 : -k],
          );
          expect(values).toEqual(expected.flat());
          if (storage.kind !== "chunked") throw new Error("it isn't chunked");
          expect([...storage.address].map((at) => at < 0)).toEqual(
            expected.map(([a]) => Number.isNaN(a)),
          );
        },
      ),
  );

  test("of shuffled and compressed chunks is read by the library", () =>
    written(
      (_, put) => {
        const encoder = new ChunkEncoder({ gzip: 4, shuffle: true }, 8);
        const cells = BigInt64Array.from({ length: 24 }, (__, k) => BigInt(k) * 1_000_003n - 5n);
        const chunks = [0, 1, 2].map((k) =>
          encoder.encode(new Uint8Array(cells.buffer, 64 * k, 64)),
        );
        const address = chunks.map(put);
        const storedBytes = chunks.map(({ length }) => length);
        const at = put(new Uint8Array(0));
        const tree = encodeChunkTree({ number: [0, 1, 2], address, storedBytes }, [4, 2], at);
        put(tree.bytes);
        const filters = compressionFilters({ gzip: 4, shuffle: true }, 8);
        const storage = {
          kind: "chunked",
          chunk: [4, 2],
          filters,
          treeAddress: tree.root,
        } as const;
        return { kind: "data set", type: "i8", shape: [12, 2], storage };
      },
      (file) => {
        const values = [...(file.dataSet("/x").readColumn() as BigInt64Array)];
        expect(values).toEqual(Array.from({ length: 24 }, (_, k) => BigInt(k) * 1_000_003n - 5n));
        expect(file.dataSet("/x").shape.filters).toHaveLength(2);
      },
    ));
});

describe("a chunk encoder", () => {
  test("puts bytes of one significance side by side before it compresses", () => {
    const chunk = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const encoded = new ChunkEncoder({ gzip: 6, shuffle: true }, 4).encode(chunk);
    expect(hexOf(encoded)).toBe(
      hexOf(deflateSync(Uint8Array.of(1, 5, 2, 6, 3, 7, 4, 8), { level: 6 })),
    );
  });

  test("has nothing to shuffle of single bytes", () => {
    expect(compressionFilters({ gzip: 1, shuffle: true }, 1)).toEqual([{ id: 1, clientData: [1] }]);
  });
});
