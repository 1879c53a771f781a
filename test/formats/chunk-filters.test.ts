import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { isEvbError } from "@evb/event";
import { chunkDecoder, type ChunkDecoder, type ChunkFilter } from "@evb/formats";
import {
  encodeChunk,
  PIPELINES,
  randomBloscLz,
  randomBytes,
  randomLz4,
  randomLzf,
} from "../support/chunk-encoders.ts";
import { faultOf } from "../support/faults.ts";
import { SeededRandom } from "../support/random.ts";
import { ROOT } from "../support/system.ts";

async function decoderOf(
  filters: readonly ChunkFilter[],
  chunkBytes: number,
  elementBytes = 1,
): Promise<ChunkDecoder> {
  const decoder = await chunkDecoder(filters, { elementBytes, chunkBytes });
  if (decoder === undefined) throw new Error("evb has no decoder for these filters");
  return decoder;
}

/** Decodes one chunk; the target holds something else before. */
async function decoded(
  filters: readonly ChunkFilter[],
  stored: Uint8Array,
  { bytes, mask = 0, elementBytes = 1 }: { bytes: number; mask?: number; elementBytes?: number },
): Promise<Uint8Array> {
  const target = new Uint8Array(bytes).fill(0xaa);
  (await decoderOf(filters, bytes, elementBytes)).decode(stored, mask, target);
  return target;
}

/** node:zlib's zstdCompressSync of Node 24.21 with a checksum: numbers below 23, of which it makes literals and matches. */
const ZSTD_FRAME =
  "KLUv/WToAtUDAGKLGwkwDvraB59CRAFUZYciNdgm/sMx1B1ezuWSP6ft5oDxlCxQ9hdAjOhy+7Z/XHAYdeMh3foEJR2JjWpiYuoaRtCzBKfNc2BzNQML36/9XmlhCFDfSQIn/QDOeOudJ5t3io9VtDO8k95AU+BZFRFRAgApd6YC2wCkUl+hHQ==";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));

/** Like a detector's: small numbers with noise, so that all compressors find something, and a stretch that repeats. */
function contentOf(random: SeededRandom, bytes: number, elementBytes: number): Uint8Array {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += elementBytes) {
    content[at] = random.below(16) + (random.below(50) === 0 ? random.below(240) : 0);
    if (elementBytes > 1 && at + 1 < bytes) content[at + 1] = 3;
  }
  content.copyWithin(bytes >> 1, 0, bytes >> 2);
  return content;
}

/** Nothing, single elements, groups of 8, around vectors of 16 bytes, around blocks of 8 KiB, a large one. */
const COUNTS = [0, 1, 7, 8, 9, 15, 16, 17, 31, 128, 130, 1000, 1023, 1024, 1025, 3001, 9001];

describe("vectors from the specifications", () => {
  // Big-endian words 0102 0304: their sum 0406, the sum of the sums 0102 + 0406 = 0508. An odd byte 03 is the word 0300:
  // sum 0402, sums 0102 + 0402 = 0504. ffff ffff: 131070 and 196605 are multiples of 65535, which stay ffff.
  test.each([
    ["an even number of bytes", "01 02 03 04", "06 04 08 05"],
    ["an odd number of bytes", "01 02 03", "02 04 04 05"],
    ["zeros", "00 00 00 00", "00 00 00 00"],
    ["ones", "ff ff ff ff", "ff ff ff ff"],
    ["one byte", "80", "00 80 00 80"],
    ["an old sum, whose halves are swapped", "01 02 03 04", "04 06 05 08"],
  ])("fletcher32 of %s", async (_name, bytes, sum) => {
    const filters = [{ id: 3, clientData: [] }];
    const content = hex(bytes);
    const stored = hex(bytes + sum);
    expect(await decoded(filters, stored, { bytes: content.length })).toEqual(content);
    stored[stored.length - 1]! ^= 1;
    const fault = await faultOf(() => decoded(filters, stored, { bytes: content.length }));
    expect(fault).toMatchObject({
      tag: "chunk-damaged",
      exitCode: 3,
      at: { filter: "fletcher32" },
    });
  });

  test("fletcher32 of more bytes than its sums hold without folding", async () => {
    // 2n words of ffff: every partial sum is a multiple of 65535.
    const content = new Uint8Array(100_000).fill(0xff);
    const stored = Buffer.concat([content, hex("ff ff ff ff")]);
    const filters = [{ id: 3, clientData: [] }];
    expect(await decoded(filters, stored, { bytes: content.length })).toEqual(content);
  });

  test("shuffle: first bytes, second bytes, and what is no element", async () => {
    const filters = [{ id: 2, clientData: [2] }];
    const stored = hex("01 03 05 02 04 06 07");
    expect(await decoded(filters, stored, { bytes: 7 })).toEqual(hex("01 02 03 04 05 06 07"));
  });

  test("lzf: two literals, and 5 bytes from 2 back", async () => {
    // 01: 2 literals. 60: 011 00000, 3 + 2 bytes, 01: from 1 + 1 back.
    const filters = [{ id: 32000, clientData: [] }];
    expect(await decoded(filters, hex("01 61 62 60 01"), { bytes: 7 })).toEqual(
      hex("61 62 61 62 61 62 61"),
    );
  });

  test("lz4: a block with a match, and one that couldn't be compressed", async () => {
    // 12 bytes in blocks of 8. 13 61 01 00: 1 literal, 3 + 4 bytes from 1 back; it ends with 0 literals. Then 4 raw bytes.
    const stored = hex("000000000000000c 00000008 00000005 13 61 0100 00 00000004 01020304");
    const filters = [{ id: 32004, clientData: [8] }];
    expect(await decoded(filters, stored, { bytes: 12 })).toEqual(
      hex("61 61 61 61 61 61 61 61 01 02 03 04"),
    );
  });

  test("bitshuffle: rows of bits, and elements behind the last group of 8", async () => {
    // Elements 1, 2, 4, … 128 have bit k set in element k only, so row k is 1 << k: transposed they are the same.
    // Elements 1, 1, 1, 1, 0, 0, 0, 0: row 0 is 0f, the others are 0.
    const filters = [{ id: 32008, clientData: [0, 5, 1, 8] }];
    const stored = hex("01 02 04 08 10 20 40 80  0f 00 00 00 00 00 00 00  55 66");
    expect(await decoded(filters, stored, { bytes: 18 })).toEqual(
      hex("01 02 04 08 10 20 40 80  01 01 01 01 00 00 00 00  55 66"),
    );
  });

  test("zstd: a frame that zstd 1.5 made, with its checksum", async () => {
    const stored = Buffer.from(ZSTD_FRAME, "base64");
    const content = Uint8Array.from({ length: 1000 }, (_, i) => ((i * i) >> 4) % 23);
    const filters = [{ id: 32015, clientData: [3] }];
    expect(await decoded(filters, stored, { bytes: 1000 })).toEqual(content);
    stored[stored.length - 1]! ^= 1;
    const fault = await faultOf(() => decoded(filters, stored, { bytes: 1000 }));
    expect(fault).toMatchObject({ tag: "chunk-damaged", at: { filter: "zstd" } });
  });

  test.each([
    ["lz4", randomLz4, (stream: Uint8Array, bytes: number) => asOneBlock(stream, bytes), 32004],
    ["lzf", randomLzf, (stream: Uint8Array) => stream, 32000],
    ["BloscLZ", randomBloscLz, (stream: Uint8Array) => stream, 32001],
  ] as const)(
    "%s: literals and matches of all lengths and distances",
    async (_name, make, wrap, id) => {
      for (let seed = 1; seed <= 60; seed++) {
        const { stream, bytes } = make(new SeededRandom(seed), seed * 40);
        const stored = wrap(stream, bytes.length);
        const result = await decoded([{ id, clientData: [] }], stored, { bytes: bytes.length });
        expect({ seed, equal: Buffer.compare(result, bytes) === 0 }).toEqual({ seed, equal: true });
      }
    },
  );
});

/** As filter 32004 stores it. */
function asOneBlock(stream: Uint8Array, bytes: number): Uint8Array {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(bytes, 4);
  head.writeUInt32BE(bytes, 8);
  head.writeUInt32BE(stream.length, 12);
  return Buffer.concat([head, stream]);
}

describe("a chunk", () => {
  const cases = Object.entries(PIPELINES).flatMap(([name, make]) =>
    [1, 2, 4, 8, 3].map((elementBytes) => ({ name, make, elementBytes })),
  );

  test.each(cases)("of $elementBytes-byte elements is what was written: $name", async (each) => {
    const { make, elementBytes } = each;
    const random = new SeededRandom(elementBytes);
    for (const count of COUNTS) {
      const content = contentOf(random, count * elementBytes, elementBytes);
      const filters = make(elementBytes);
      const stored = encodeChunk(filters, content);
      const result = await decoded(filters, stored, { bytes: content.length, elementBytes });
      expect({ count, equal: Buffer.compare(result, content) === 0 }).toEqual({
        count,
        equal: true,
      });
    }
  });

  test("may end within an element where shuffle sees to it", async () => {
    const filters = PIPELINES["shuffle + gzip"]!(4);
    const content = randomBytes(new SeededRandom(1), 4003);
    const stored = encodeChunk(filters, content);
    expect(await decoded(filters, stored, { bytes: 4003 })).toEqual(content);
  });

  test.each(Object.entries(PIPELINES))(
    "lacks the filters that its mask says: %s",
    async (_name, make) => {
      const filters = make(4);
      const content = contentOf(new SeededRandom(1), 4000, 4);
      for (let mask = 0; mask < 1 << filters.length; mask++) {
        const stored = encodeChunk(filters, content, mask);
        expect(await decoded(filters, stored, { bytes: 4000, mask, elementBytes: 4 })).toEqual(
          content,
        );
      }
    },
  );

  test("leaves nothing for the next one: large, small and damaged ones in turn", async () => {
    const random = new SeededRandom(7);
    const pipelines = Object.values(PIPELINES);
    for (let i = 0; i < 200; i++) {
      const filters = pipelines[random.below(pipelines.length)]!(4);
      const bytes = 4 * random.below(random.below(10) === 0 ? 200_000 : 2000);
      const content = contentOf(random, bytes, 4);
      const stored = encodeChunk(filters, content);
      if (i % 3 === 0 && stored.length > 0)
        await faultOf(() => decoded(filters, stored.subarray(0, -1), { bytes: bytes + 4 }));
      const result = await decoded(filters, stored, { bytes, elementBytes: 4 });
      expect({ i, equal: Buffer.compare(result, content) === 0 }).toEqual({ i, equal: true });
    }
  });
});

describe("filters that evb has no decoder for", () => {
  test.each([
    ["szip", [{ id: 4, clientData: [] }]],
    [
      "one of several",
      [
        { id: 1, clientData: [] },
        { id: 307, clientData: [] },
      ],
    ],
    ["Blosc with Snappy", [{ id: 32001, clientData: [2, 2, 4, 4000, 5, 1, 3] }]],
    ["bitshuffle with something new", [{ id: 32008, clientData: [0, 5, 4, 0, 9] }]],
    ["elements of no bytes", [{ id: 2, clientData: [0] }]],
  ])("give no decoder: %s", async (_name, filters) => {
    expect(await chunkDecoder(filters, { elementBytes: 4, chunkBytes: 4000 })).toBeUndefined();
  });

  test("nor is there one for a chunk that doesn't fit into memory several times", async () => {
    const filters = [{ id: 2, clientData: [4] }];
    expect(await chunkDecoder(filters, { elementBytes: 4, chunkBytes: 2 ** 31 })).toBeUndefined();
  });
});

describe("a damaged chunk", () => {
  const BYTES = 4000;
  const chunks = Object.entries(PIPELINES).map(([name, make]) => {
    const filters = make(4);
    const content = contentOf(new SeededRandom(3), BYTES, 4);
    return { name, filters, content, stored: encodeChunk(filters, content) };
  });

  test.each(chunks)("is noticed wherever it ends too early: $name", async ({ filters, stored }) => {
    const decoder = await decoderOf(filters, BYTES, 4);
    const target = new Uint8Array(BYTES);
    for (let bytes = 0; bytes < stored.length; bytes += 1 + (bytes >> 4))
      expect(outcomeOf(decoder, stored.subarray(0, bytes), target)).toBe("damaged");
  });

  test.each(chunks.filter(({ filters }) => filters.at(-1)!.id === 3))(
    "is noticed for each bit that is wrong, by its checksum: $name",
    async ({ filters, stored, content }) => {
      const decoder = await decoderOf(filters, BYTES, 4);
      const target = new Uint8Array(BYTES);
      const wrong = new Uint8Array(stored);
      const unnoticed: number[] = [];
      for (let bit = 0; bit < 8 * stored.length; bit++) {
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        if (outcomeOf(decoder, wrong, target) !== "damaged") unnoticed.push(bit);
        wrong[bit >> 3]! ^= 1 << (bit & 7);
      }
      expect(unnoticed).toEqual([]);
      decoder.decode(stored, 0, target);
      expect(target).toEqual(content);
    },
  );

  test("that says absurd sizes is refused before anything is reserved for them", async () => {
    const before = process.memoryUsage();
    for (const { filters, stored } of chunks) {
      const decoder = await decoderOf(filters, BYTES, 4);
      for (let at = 0; at + 4 <= Math.min(40, stored.length); at++)
        for (const size of [0xffffffff, 0x7fffffff, 0x80000000, 0x00ffffff, 0]) {
          const wrong = Buffer.from(stored);
          if (at % 2 === 0) wrong.writeUInt32BE(size, at);
          else wrong.writeUInt32LE(size, at - 1);
          outcomeOf(decoder, wrong, new Uint8Array(BYTES));
        }
    }
    const after = process.memoryUsage();
    expect((after.rss - before.rss) / 2 ** 20).toBeLessThan(100);
  });

  test("of any kind gives as many bytes as a chunk has, or a fault: 10,000 of them", async () => {
    const before = process.memoryUsage();
    const begun = performance.now();
    const outcomes = { decoded: 0, damaged: 0 };
    const decoders = await Promise.all(chunks.map(({ filters }) => decoderOf(filters, BYTES, 4)));
    const target = new Uint8Array(BYTES);
    for (let seed = 1; seed <= 10_000; seed++) {
      const random = new SeededRandom(seed);
      const k = random.below(chunks.length);
      const wrong = damage(random, chunks[k]!.stored);
      const mask = random.below(4) === 0 ? random.u32() : 0;
      try {
        outcomes[outcomeOf(decoders[k]!, wrong, target, mask)]++;
      } catch (cause) {
        throw new Error(`seed ${String(seed)}, ${chunks[k]!.name}`, { cause });
      }
    }
    expect(outcomes.decoded + outcomes.damaged).toBe(10_000);
    expect(outcomes.damaged).toBeGreaterThan(2000);
    expect(performance.now() - begun).toBeLessThan(25_000);
    expect((process.memoryUsage().rss - before.rss) / 2 ** 20).toBeLessThan(100);
    // After all that, each decoder is as good as before.
    for (const [k, { stored, content }] of chunks.entries()) {
      decoders[k]!.decode(stored, 0, target);
      expect(target).toEqual(content);
    }
  });

  test("is told with its filter, what is wrong and what to do", async () => {
    const filters = [{ id: 1, clientData: [4] }];
    const fault = await faultOf(() => decoded(filters, hex("78 9c 00"), { bytes: 4 }));
    expect(fault.message).toBe(
      "a chunk is damaged (filter gzip): unexpected end of file; copy the file again, or leave out its rows",
    );
    expect(fault.cause).toHaveProperty("code", "Z_BUF_ERROR");
  });
});

function outcomeOf(
  decoder: ChunkDecoder,
  stored: Uint8Array,
  target: Uint8Array,
  mask = 0,
): "decoded" | "damaged" {
  try {
    decoder.decode(stored, mask, target);
    return "decoded";
  } catch (thrown) {
    if (isEvbError(thrown, "chunk-damaged")) return "damaged";
    throw thrown;
  }
}

/** Some bytes changed, some left out or doubled, the whole garbage, or its end. */
function damage(random: SeededRandom, stored: Uint8Array): Uint8Array {
  const wrong = new Uint8Array(stored);
  switch (random.below(6)) {
    case 0:
      return wrong.subarray(0, random.below(wrong.length + 1));
    case 1:
      return randomBytes(random, random.below(2 * wrong.length));
    case 2:
      for (let i = 0; i <= random.below(4); i++)
        wrong[random.below(wrong.length)]! ^= 1 << random.below(8);
      return wrong;
    case 3:
      // Headers stand at the beginning.
      for (let i = 0; i <= random.below(4); i++)
        wrong[random.below(Math.min(32, wrong.length))] = [0, 0xff, 0x7f, 0x80][random.below(4)]!;
      return wrong;
    case 4:
      wrong.copyWithin(random.below(wrong.length), random.below(wrong.length));
      return wrong;
    default:
      return Buffer.concat([wrong, randomBytes(random, 1 + random.below(100))]);
  }
}

describe("the kernels", () => {
  test("that are kept as WebAssembly are what their source compiles to", async () => {
    const { compileKernels } = (await import(join(ROOT, "scripts/compile-kernels.mjs"))) as {
      compileKernels: (source: string) => Promise<string>;
    };
    const kept = readFileSync(
      join(ROOT, "packages/formats/src/hdf5/filters/kernels-wasm.ts"),
      "utf8",
    );
    const source = "packages/formats/kernels/chunk-kernels.ts";
    expect(kept).toContain(`"${await compileKernels(source)}"`);
  });
});
