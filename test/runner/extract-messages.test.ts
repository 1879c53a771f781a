import { describe, expect, test } from "@jest/globals";
import { isEvbError } from "@evb/event";
import { NOWHERE } from "@evb/formats";
import {
  ABSENT,
  decodeExtractPart,
  encodeExtractPart,
  ExtractShape,
  partRecordHead,
  readPartRecordHead,
  type ExtractPart,
  type ExtractSizes,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { SeededRandom } from "../support/random.ts";

function randomPart(random: SeededRandom): ExtractPart {
  const events = 1 + random.below(9);
  const entries = random.below(5);
  const chunkEvents = random.below(4);
  const words = (length: number): Uint32Array => Uint32Array.from({ length }, () => random.u32());
  const chunks = chunkEvents === 0 ? 1 : Math.ceil(events / chunkEvents);
  const addresses = random.below(2) === 0 ? 0 : chunks;
  return {
    source: random.below(1000),
    first: random.below(2 ** 31) * 2 ** 20,
    chunkEvents,
    row: Uint32Array.from({ length: events }, () =>
      random.below(3) === 0 ? ABSENT : random.u32(),
    ),
    places:
      entries === 0
        ? undefined
        : {
            address: Float64Array.from({ length: entries }, () => random.below(2 ** 31) * 2 ** 21),
            stored: random.below(2) === 0 ? undefined : words(entries),
            mask: random.below(2) === 0 ? undefined : words(entries),
          },
    address: Float64Array.from({ length: addresses }, () =>
      random.below(3) === 0 ? NOWHERE : random.below(2 ** 31),
    ),
  };
}

describe("a part of an extract", () => {
  test("comes back as it was, 500 of them", () => {
    const random = new SeededRandom(20_261_127);
    for (let k = 0; k < 500; k++) {
      const part = randomPart(random);
      expect(decodeExtractPart(encodeExtractPart(part))).toEqual(part);
    }
  });

  test("that is cut or changed anywhere is refused, or read without a place that is none", () => {
    const random = new SeededRandom(5);
    for (let k = 0; k < 2000; k++) {
      const frame = encodeExtractPart(randomPart(random));
      if (k % 2 === 0) frame[random.below(frame.length)] = random.below(256);
      const bytes = k % 2 === 0 ? frame : frame.slice(0, random.below(frame.length));
      try {
        const { address } = decodeExtractPart(bytes);
        expect(address.every((at) => Number.isSafeInteger(at))).toBe(true);
      } catch (thrown) {
        if (!isEvbError(thrown, "frame-bad")) throw thrown;
      }
    }
  });
});

describe("a record of a part", () => {
  const chunks = [
    { chunk: 3, bytes: Uint8Array.of(1, 2, 3) },
    { chunk: 5, bytes: Uint8Array.of(4) },
  ];
  const failures = [{ event: 7, reason: "row 7 is gone" }];

  test("says its chunks and its failures", () => {
    const head = partRecordHead(chunks, failures);
    const read = (offset: number, bytes: number): Uint8Array =>
      head.subarray(offset, offset + bytes);
    expect(readPartRecordHead(read, head.length + 4)).toEqual({
      chunks: [
        { chunk: 3, storedBytes: 3 },
        { chunk: 5, storedBytes: 1 },
      ],
      failures,
      bytes: head.length,
    });
  });

  test.each([4, 30, 10_000])("of %i bytes isn't this one", async (bytes) => {
    const head = partRecordHead(chunks, failures);
    const { tag } = await faultOf(() =>
      readPartRecordHead((offset, size) => head.subarray(offset, offset + size), bytes),
    );
    expect(tag).toBe("frame-bad");
  });
});

describe("the shape of an extract", () => {
  const source = (name: string, itemShape: readonly number[]): never =>
    ({ name, type: "i4", itemShape }) as never;
  const sizes: ExtractSizes = {
    partBytes: 4096,
    partEvents: Infinity,
    eventsPerChunk: undefined,
    chunkBytes: 1024,
    isCompressed: true,
  };

  test("has parts of whole chunks, source after source", () => {
    // Rows of 400 bytes: 2 in a chunk of 1024, 10 in a part of 4096. Numbers: 256 a chunk, more than there are events.
    const shape = new ExtractShape([source("images", [100]), source("numbers", [])], 25, sizes);
    expect(shape.sources.map(({ chunkEvents, partEvents }) => [chunkEvents, partEvents])).toEqual([
      [2, 10],
      [25, 1000],
    ]);
    expect(shape.parts).toBe(4);
    expect([0, 1, 2, 3].map((part) => shape.part(part))).toEqual([
      { source: 0, first: 0, events: 10 },
      { source: 0, first: 10, events: 10 },
      { source: 0, first: 20, events: 5 },
      { source: 1, first: 0, events: 25 },
    ]);
  });

  test("has parts of one chunk at least, whatever the batch", () => {
    const order = { ...sizes, partEvents: 1, eventsPerChunk: 7 };
    const shape = new ExtractShape([source("images", [100])], 25, order);
    expect(shape.sources[0]).toMatchObject({ chunkEvents: 7, partEvents: 7, chunks: 4 });
  });

  test("has no chunk of rows without a byte", () => {
    const shape = new ExtractShape([source("nothing", [0, 3])], 25, {
      ...sizes,
      eventsPerChunk: 5,
    });
    expect(shape.sources[0]).toMatchObject({ rowBytes: 0, chunkEvents: 0, chunks: 0 });
  });

  test("has no chunk that no client's memory holds", async () => {
    // 2^28 + 1 elements of 4 bytes.
    const huge = source("huge", [2 ** 28 + 1]);
    const { tag, exitCode, message } = await faultOf(() => new ExtractShape([huge], 2, sizes));
    expect([tag, exitCode]).toEqual(["chunk-too-large", 2]);
    expect(message).toBe(
      "a chunk of huge would have 1073741828 bytes, and at most 1073741824 are put together; a row has 1073741828: give a smaller --events-per-chunk",
    );
  });
});
