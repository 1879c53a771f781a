import { describe, expect, test } from "@jest/globals";
import { asLeaseId, isEvbError } from "@evb/event";
import {
  decodeLeases,
  decodePart,
  encodeLeases,
  encodePart,
  readHeader,
  type Lease,
  type Part,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { SeededRandom } from "../support/random.ts";
import { HEAD } from "../support/run-frames.ts";

function randomPart(random: SeededRandom): Part {
  const units = random.below(6);
  const pieceCount = Uint32Array.from({ length: units }, () => random.below(4));
  const pieces = pieceCount.reduce((sum, n) => sum + n, 0);
  const literals = Uint8Array.from({ length: random.below(40) }, () => random.below(256));
  const pieceSize = Uint32Array.from({ length: pieces }, () => random.u32());
  const pieceOffset = Float64Array.from({ length: pieces }, (_, i) => {
    if (random.below(2) === 0) return random.below(2 ** 31) * 2 ** 21;
    const from = random.below(literals.length + 1);
    pieceSize[i] = random.below(literals.length - from + 1);
    return -1 - from;
  });
  return {
    output: random.below(1000),
    building: random.below(9),
    offset: random.below(2 ** 31) * 2 ** 20 + 1,
    bytes: random.u32(),
    littleEndian: random.below(2) === 0,
    v10: random.below(2) === 0,
    sourceId: random.u32(),
    before: BigUint64Array.of(random.u64()),
    stamp: BigUint64Array.from({ length: units }, () => random.u64()),
    pieceCount,
    fragmentCount: Uint32Array.from({ length: units }, () => random.below(3)),
    pieceOffset,
    pieceSize,
    literals,
  };
}

/** Where the counts of units, pieces and literals stand: u32 words 2, 3 and 4. */
const COUNTS = [8, 12, 16];
const HEAD_BYTES = 56;

describe("a part", () => {
  test("comes out of its frame as it went in, wherever that lies in memory", () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new SeededRandom(seed);
      const part = randomPart(random);
      const frame = encodePart(part);
      const shift = random.below(9);
      const shifted = new Uint8Array(frame.length + shift);
      shifted.set(frame, shift);
      expect({ seed, part: decodePart(shifted.subarray(shift)) }).toEqual({ seed, part });
      expect(frame.length % 8).toBe(0);
    }
  });

  test("that is cut short is refused", async () => {
    const part = randomPart(new SeededRandom(5));
    const frame = encodePart(part);
    const bytes = HEAD_BYTES + 16 * part.stamp.length + 12 * part.pieceSize.length;
    for (let length = 0; length < bytes + part.literals.length; length++) {
      const { tag } = await faultOf(() => decodePart(frame.subarray(0, length)));
      expect({ length, tag }).toEqual({ length, tag: "frame-bad" });
    }
  });

  test.each([
    ["more units than there are", 0, 1],
    ["more pieces than there are", 1, 1],
    ["fewer pieces than its units have", 1, -1],
    ["more literals than there are", 2, 9],
    ["fewer literals than its pieces are of", 2, -1],
  ])("that says it has %s is refused", async (_, which, more) => {
    const part: Part = {
      ...randomPart(new SeededRandom(1)),
      stamp: BigUint64Array.of(1n, 2n),
      pieceCount: Uint32Array.of(1, 1),
      fragmentCount: Uint32Array.of(1, 0),
      pieceOffset: Float64Array.of(0, -1),
      pieceSize: Uint32Array.of(7, 3),
      literals: Uint8Array.of(1, 2, 3),
    };
    const frame = encodePart(part);
    const view = new DataView(frame.buffer);
    view.setUint32(COUNTS[which]!, view.getUint32(COUNTS[which]!, true) + more, true);
    expect((await faultOf(() => decodePart(frame))).tag).toBe("frame-bad");
  });

  test.each([
    ["more", [2, 1]],
    ["fewer", [1, 0]],
  ])("whose units have %s pieces than there are is refused", async (_, pieceCount) => {
    const frame = encodePart({
      ...randomPart(new SeededRandom(1)),
      stamp: BigUint64Array.of(1n, 2n),
      pieceCount: Uint32Array.from(pieceCount),
      fragmentCount: Uint32Array.of(0, 0),
      pieceOffset: Float64Array.of(0, 9),
      pieceSize: Uint32Array.of(7, 3),
    });
    expect((await faultOf(() => decodePart(frame))).tag).toBe("frame-bad");
  });

  test("of any bytes is one, or is refused with that sentence alone", () => {
    const random = new SeededRandom(77);
    let refused = 0;
    for (let k = 0; k < 5000; k++) {
      const frame = encodePart(randomPart(random));
      const at = random.below(4) === 0 ? random.below(frame.length) : random.below(24);
      frame[at] = random.below(256);
      try {
        decodePart(frame);
      } catch (thrown) {
        if (!isEvbError(thrown, "frame-bad")) throw new Error(String(k), { cause: thrown });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});

/** Leases whose events are parts of these lengths; as they come of a run that is rebuilt. */
const NO_SOURCES = { count: 0, chunksPerRow: undefined };

const leasesOf = (lengths: readonly (readonly number[])[]): Lease[] =>
  lengths.map((parts, i) => ({
    id: asLeaseId(i + 1),
    first: 10 * i,
    time: new BigUint64Array(parts.length),
    fragmentCount: new Uint16Array(parts.length),
    source: new Uint16Array(0),
    row: new Uint32Array(0),
    parts: parts.map((length, k) => new Uint8Array(length).fill(16 * i + k + 1)),
  }));

const roundTrip = (leases: readonly Lease[]): Lease[] => {
  const frame = encodeLeases({ ...HEAD, kind: "lease" }, leases);
  return decodeLeases(readHeader(frame), frame, NO_SOURCES);
};

describe("leases with parts", () => {
  test.each([
    ["of one part", [[8]]],
    ["of several", [[8, 16, 24]]],
    ["of nothing for some events", [[0, 8, 0], [0]]],
    ["one after another", [[8], [16, 16], [32]]],
  ])("%s come out as they went in", (_, lengths) => {
    const leases = leasesOf(lengths);
    expect(roundTrip(leases)).toEqual(leases);
  });

  test("hold parts that can be decoded in place", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const parts = Array.from({ length: 1 + random.below(5) }, () => randomPart(random));
      const [lease] = leasesOf([parts.map(() => 0)]);
      const [back] = roundTrip([{ ...lease!, parts: parts.map(encodePart) }]);
      expect({ seed, parts: back!.parts!.map(decodePart) }).toEqual({ seed, parts });
    }
  });

  test("that are cut short are refused", async () => {
    const frame = encodeLeases({ ...HEAD, kind: "lease" }, leasesOf([[8, 8], [16]]));
    // Cut where its parts begin it is the lease of another kind of run.
    const parts = 4 * Math.ceil(3 / 2) * 2 + 8 + 8 + 16;
    for (let length = frame.length - parts + 1; length < frame.length; length++) {
      const { tag } = await faultOf(() =>
        decodeLeases(readHeader(frame), frame.subarray(0, length), NO_SOURCES),
      );
      expect({ length, tag }).toEqual({ length, tag: "frame-bad" });
    }
  });
});
