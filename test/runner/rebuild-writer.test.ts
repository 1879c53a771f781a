import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { InputPages, pageMemory, UnitWriter, type Part, type WrittenPart } from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { SeededRandom } from "../support/random.ts";

/** Files of a run as they are counted: one behind the other. More than all pages of the smallest memory hold. */
const FILE_BYTES = [300_000, 1, 65_537, 400_000];
const ALL_BYTES = FILE_BYTES.reduce((sum, bytes) => sum + bytes, 0);

let folder = "";
let inputs: Buffer;
let files: { path: string; base: number; sizeBytes: number }[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "evb-writer-"));
  const random = new SeededRandom(1);
  inputs = Buffer.from(Uint32Array.from({ length: ALL_BYTES / 4 + 1 }, () => random.u32()).buffer);
  inputs = inputs.subarray(0, ALL_BYTES);
  let base = 0;
  files = FILE_BYTES.map((sizeBytes, k) => {
    const path = join(folder, `file${String(k)}`);
    writeFileSync(path, inputs.subarray(base, base + sizeBytes));
    const file = { path, base, sizeBytes };
    base += sizeBytes;
    return file;
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A unit as it is written, and as it is told. */
interface Unit {
  readonly stamp: bigint;
  /** Stamps of its fragments; none: a run item. */
  readonly fragments: readonly bigint[];
  readonly pieces: readonly { readonly offset: number; readonly bytes: Buffer }[];
}

class PartMaking {
  readonly random: SeededRandom;
  readonly littleEndian: boolean;
  readonly v10: boolean;
  readonly units: Unit[] = [];
  readonly #literals: Buffer[] = [];
  #literalBytes = 0;

  constructor(random: SeededRandom) {
    this.random = random;
    this.littleEndian = random.below(2) === 0;
    this.v10 = random.below(4) === 0;
  }

  number(bytes: 4 | 8, value: number | bigint): Buffer {
    const view = new DataView(new ArrayBuffer(bytes));
    if (bytes === 8) view.setBigUint64(0, BigInt(value), this.littleEndian);
    else view.setUint32(0, Number(value), this.littleEndian);
    return Buffer.from(view.buffer);
  }

  literal(bytes: Buffer): Unit["pieces"][number] {
    const offset = -1 - this.#literalBytes;
    this.#literals.push(bytes);
    this.#literalBytes += bytes.length;
    return { offset, bytes };
  }

  /** Of any place in the files, and of any size, up to one that no page holds. */
  copy(): Unit["pieces"][number] {
    const { random } = this;
    const most = [8, 100, 5000, 33_000, 200_000][random.below(random.below(8) === 0 ? 5 : 3)]!;
    const size = Math.min(ALL_BYTES, random.below(most));
    // Now and then where one file ends and the next one begins, or at the very end.
    const edge = [300_000, 300_001, 365_538, ALL_BYTES][random.below(4)]! - random.below(size + 1);
    const from = random.below(3) === 0 ? edge : random.below(ALL_BYTES);
    const offset = Math.max(0, Math.min(ALL_BYTES - size, from));
    return { offset, bytes: inputs.subarray(offset, offset + size) };
  }

  fragment(stamp: bigint): Unit["pieces"] {
    const payload = this.copy();
    const header = [
      this.number(8, stamp),
      this.number(4, this.random.below(9)),
      this.number(4, payload.bytes.length),
      this.number(4, 0),
    ];
    return [this.literal(Buffer.concat(header)), payload];
  }

  part(offset: number, sourceId: number, before: bigint): { part: Part; bytes: Buffer } {
    const { units, littleEndian, v10 } = this;
    const pieces = units.flatMap((unit) => unit.pieces);
    const bytes = Buffer.concat(units.map((unit) => this.#bytesOf(unit, sourceId)));
    const part: Part = {
      output: 0,
      building: 0,
      offset,
      bytes: bytes.length,
      littleEndian,
      v10,
      sourceId,
      before: BigUint64Array.of(before),
      stamp: BigUint64Array.from(units, ({ stamp }) => stamp),
      pieceCount: Uint32Array.from(units, (unit) => unit.pieces.length),
      fragmentCount: Uint32Array.from(units, ({ fragments }) => fragments.length),
      pieceOffset: Float64Array.from(pieces, (piece) => piece.offset),
      pieceSize: Uint32Array.from(pieces, (piece) => piece.bytes.length),
      literals: Buffer.concat(this.#literals),
    };
    return { part, bytes };
  }

  /** size | type | 20 | stamp | source | barrier | byte count | fragments; of v10 without what is between. */
  #bytesOf({ fragments, stamp, pieces }: Unit, sourceId: number): Buffer {
    const body = Buffer.concat(pieces.map(({ bytes }) => bytes));
    if (fragments.length === 0) return body;
    const header = this.v10
      ? []
      : [this.number(4, 20), this.number(8, stamp), this.number(4, sourceId), this.number(4, 0)];
    const rest = Buffer.concat([...header, this.number(4, 4 + body.length), body]);
    return Buffer.concat([this.number(4, 8 + rest.length), this.number(4, 30), rest]);
  }
}

function randomPart(random: SeededRandom): PartMaking {
  const making = new PartMaking(random);
  for (let unit = random.below(12); unit > 0; unit--) {
    if (random.below(4) === 0) {
      const pieces = [making.copy(), making.literal(Buffer.from("an item")), making.copy()];
      making.units.push({ stamp: 0n, fragments: [], pieces: pieces.slice(random.below(3)) });
      continue;
    }
    const fragments = Array.from({ length: 1 + random.below(4) }, () => random.u64());
    const pieces = fragments.flatMap((stamp) => making.fragment(stamp));
    making.units.push({ stamp: random.u64(), fragments, pieces });
  }
  return making;
}

/** What comes of a part where a client has so many bytes for units, and so many for pages. */
function write(part: Part, unitBytes: number, pageBytes: number): WrittenPart & { bytes: string } {
  const memory = new Uint8Array(unitBytes + pageMemory(pageBytes));
  const pages = new InputPages(files, memory, unitBytes);
  const result = Buffer.alloc(part.bytes, 0xee);
  let next = part.offset;
  try {
    const written = new UnitWriter(memory, unitBytes, pages).write(part, (size, position) => {
      expect({ position, fits: size <= unitBytes }).toEqual({ position: next, fits: true });
      next += size;
      result.set(memory.subarray(0, size), position - part.offset);
    });
    return { ...written, bytes: result.toString("hex") };
  } finally {
    pages.close();
  }
}

describe("a unit writer", () => {
  test("writes the same bytes with any memory, of files in any order", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SeededRandom(seed);
      const making = randomPart(random);
      const { part, bytes } = making.part(random.below(1e9), random.u32(), 0n);
      const fragments = making.units.reduce((sum, unit) => sum + unit.fragments.length, 0);
      const events = making.units.filter((unit) => unit.fragments.length > 0).length;
      for (const [unitBytes, pageBytes] of [
        [64, 0],
        [1000, 0],
        [2 ** 15, 2 ** 20],
        [2 ** 21, 2 ** 21],
      ] as const) {
        const written = write(part, unitBytes, pageBytes);
        const same = written.bytes === bytes.toString("hex");
        expect({ seed, unitBytes, ...written, bytes: same }).toMatchObject({
          seed,
          unitBytes,
          fragments,
          events,
          bytes: true,
        });
      }
    }
  });

  test.each([64, 2 ** 21])(
    "counts stamps that go back as they stand in what it writes, from the part before on (%i bytes for units)",
    (unitBytes) => {
      for (let seed = 1; seed <= 200; seed++) {
        const random = new SeededRandom(seed);
        const making = new PartMaking(random);
        const near = [2n ** 32n - 4n, 2n ** 63n, 0n][random.below(3)]!;
        const stamps = Array.from(
          { length: random.below(12) },
          () => near + BigInt(random.below(8)),
        );
        for (const stamp of stamps)
          making.units.push({ stamp, fragments: [stamp], pieces: making.fragment(stamp) });
        const before = near + BigInt(random.below(8));
        const { part } = making.part(0, 0, before);
        const { backwardSteps } = write(part, unitBytes, 2 ** 20);
        const expected = stamps.filter((stamp, k) => stamp < (stamps[k - 1] ?? before)).length;
        expect({ seed, backwardSteps }).toEqual({ seed, backwardSteps: expected });
      }
    },
  );

  test.each([64, 2 ** 20])(
    "refuses a part whose fragments don't close their event, as the input is another one then (%i bytes for units)",
    async (unitBytes) => {
      const making = new PartMaking(new SeededRandom(3));
      making.units.push({ stamp: 1n, fragments: [1n, 2n], pieces: making.fragment(1n) });
      const { part } = making.part(0, 0, 0n);
      expect((await faultOf(() => write(part, unitBytes, 0))).tag).toBe("data-changed");
      const long = [making.literal(making.number(8, 1n)), making.literal(Buffer.alloc(100))];
      making.units[0] = { ...making.units[0]!, pieces: long };
      const { part: fewer } = making.part(0, 0, 0n);
      expect((await faultOf(() => write(fewer, unitBytes, 0))).tag).toBe("data-changed");
      making.units[0] = { ...making.units[0], fragments: [1n], pieces: [] };
      making.units[0] = { ...making.units[0], pieces: [making.literal(Buffer.alloc(21))] };
      const { part: longer } = making.part(0, 0, 0n);
      expect((await faultOf(() => write(longer, unitBytes, 0))).tag).toBe("data-changed");
    },
  );

  test("refuses a part that says it has another size", async () => {
    const { part } = randomPart(new SeededRandom(9)).part(0, 0, 0n);
    const wrong = { ...part, bytes: part.bytes + 1 };
    expect((await faultOf(() => write(wrong, 2 ** 21, 0))).tag).toBe("frame-bad");
  });

  test.each([64, 2 ** 20])(
    "refuses an input that has become shorter (%i bytes for units)",
    async (unitBytes) => {
      const making = new PartMaking(new SeededRandom(3));
      const bytes = inputs.subarray(ALL_BYTES - 10);
      making.units.push({
        stamp: 0n,
        fragments: [],
        pieces: [{ offset: ALL_BYTES - 10, bytes }],
      });
      const { part } = making.part(0, 0, 0n);
      const { path, sizeBytes } = files.at(-1)!;
      truncateSync(path, sizeBytes - 5);
      try {
        expect((await faultOf(() => write(part, unitBytes, 0))).tag).toBe("data-changed");
      } finally {
        writeFileSync(path, inputs.subarray(ALL_BYTES - sizeBytes));
      }
    },
  );
});
