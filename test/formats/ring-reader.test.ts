import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { RingReader, throwDamage, type Damage } from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { SeededRandom } from "../support/random.ts";
import { NO_STAMP, RingBytes, TYPES, WRITERS, type FragmentBytes } from "../support/ring-bytes.ts";

interface Seen {
  readonly number: number;
  readonly offset: number;
  readonly size: number;
  readonly type: number;
}

interface Reading {
  readonly items: Seen[];
  readonly damages: Damage[];
}

/** Reads a file of these bytes from its beginning to its end. */
function reading(bytes: Uint8Array, salvage = false): Promise<Reading> {
  return inFolder((folder) => {
    const path = join(folder, "run-0001-00.evt");
    writeFileSync(path, bytes);
    const file = new RingReader(path);
    try {
      const damages: Damage[] = [];
      const onDamage = salvage ? (damage: Damage) => void damages.push(damage) : throwDamage;
      const items = [...file.items(onDamage)].map(({ number, offset, head: { size, type } }) => ({
        number,
        offset,
        size,
        type,
      }));
      return { items, damages };
    } finally {
      file.close();
    }
  });
}

const v11 = new RingBytes({ version: 11, littleEndian: true });
/** 8 + 20 + 4 bytes. */
const hit = (stamp: bigint, source = 1): Buffer => v11.physics({ stamp, source }, [1, 2, 3, 4]);
const HIT_BYTES = 32;
const hits = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => hit(BigInt(1000 * i)));

describe("a ring-item file", () => {
  test.each(WRITERS)(
    "of version $version, little-endian $littleEndian, has its items in order",
    async (writer) => {
      const ring = new RingBytes(writer);
      const begin = ring.state("BEGIN_RUN", { run: 3 }, { source: 1, barrier: 1 });
      const scalers = ring.scalers({ values: [1, 2, 3] }, { stamp: 5n, source: 1 });
      const user = ring.item(0x8001, undefined, [1, 2, 3, 4, 5]);
      const { items } = await reading(Buffer.concat([begin, scalers, user]));
      // v10: 8 + 96, 8 + 16 + 12, 8 + 5; later: 8 + 20 + 97 (v12: 101), 8 + 20 + 24 (28) + 12, 12 + 5.
      const sizes = { 10: [104, 36, 13], 11: [125, 64, 17], 12: [129, 68, 17] }[writer.version];
      expect(items.map(({ size }) => size)).toEqual(sizes);
      expect(items.map(({ type }) => type)).toEqual([1, 20, 0x8001]);
      expect(items.map(({ number }) => number)).toEqual([0, 1, 2]);
      expect(items.map(({ offset }) => offset)).toEqual([0, sizes[0], sizes[0]! + sizes[1]!]);
    },
  );

  test("may have items larger than what is read at a time, whose bytes are there on demand", () =>
    inFolder((folder) => {
      const body = Buffer.alloc(3_000_000, "evb");
      const path = join(folder, "large.evt");
      writeFileSync(path, Buffer.concat([hit(1n), v11.physics({ stamp: 2n }, body), hit(3n)]));
      const file = new RingReader(path);
      const seen = [...file.items(throwDamage)].map((item) => {
        const view = item.bytes();
        const { bodyOffset, size } = item.head;
        return Buffer.from(view.buffer, view.byteOffset + bodyOffset, size - bodyOffset).equals(
          body,
        );
      });
      file.close();
      expect(seen).toEqual([false, true, false]);
    }));

  test("may have items of both byte orders", async () => {
    const big = new RingBytes({ version: 11, littleEndian: false });
    const { items } = await reading(Buffer.concat([hit(1n), big.physics({ stamp: 2n }, [5])]));
    expect(items.map(({ size }) => size)).toEqual([32, 29]);
  });
});

/** A physics item with a stamp, as its leaves show it: source and stamp of the fragment header, size of the payload. */
function eventOf(bytes: Uint8Array) {
  return inFolder((folder) => {
    const path = join(folder, "event.evt");
    writeFileSync(path, bytes);
    const file = new RingReader(path);
    const events = [...file.items(throwDamage)].map(({ event }) => event);
    file.close();
    return events;
  });
}

describe("a PHYSICS_EVENT", () => {
  test.each(WRITERS)(
    "of version $version, little-endian $littleEndian, is taken apart to the fragments that no builder made",
    async (writer) => {
      const ring = new RingBytes(writer);
      const inner = ring.built({ stamp: 10n, source: 9 }, [
        ring.hit(10n, 1, [1, 2]),
        ring.hit(11n, 2, [3]),
      ]);
      const outer = ring.built({ stamp: 10n, source: 0 }, [
        { stamp: 10n, source: 9, payload: inner },
        ring.hit(12n, 3, [4, 5, 6]),
      ]);
      // A state change shows the version: events alone can't.
      const begin = ring.state("BEGIN_RUN", { run: 1 });
      const [, event] = await eventOf(Buffer.concat([begin, outer]));
      if (event?.kind !== "built") throw new Error("the event is built");
      const item = writer.version === 10 ? 8 : 28;
      expect(event.fragments.map(({ source, size }) => [source, size])).toEqual([
        [9, item + 4 + 20 + item + 2 + 20 + item + 1],
        [3, item + 3],
      ]);
      expect(event.leaves.map(({ source, stamp, size }) => [source, stamp, size])).toEqual([
        [1, 10n, item + 2],
        [2, 11n, item + 1],
        [3, 12n, item + 3],
      ]);
      expect(event.depth).toBe(2);
    },
  );

  test("with an extended body header, or with none, is built all the same", async () => {
    const fragments = [v11.hit(1n, 1, [1])];
    const events = await eventOf(
      Buffer.concat([
        v11.built({ stamp: 1n, extension: [1, 2, 3, 4] }, fragments),
        v11.built(undefined, fragments),
      ]),
    );
    expect(events.map((event) => event?.kind)).toEqual(["built", "built"]);
  });

  test("of the byte count alone has no fragment", async () => {
    const [event] = await eventOf(v11.built({ stamp: 1n }, []));
    expect(event).toMatchObject({ kind: "built", leaves: [], fragments: [] });
  });

  test("whose data begin with their number of 16-bit words is raw", async () => {
    const words = Buffer.alloc(40, 0x1e);
    words.writeUInt32LE(20);
    expect(await eventOf(v11.physics({ stamp: 1n }, words))).toEqual([{ kind: "raw" }]);
  });

  test("whose data begin with their number of bytes, but hold no ring items, is raw", async () => {
    const words = Buffer.alloc(40, 0xff);
    words.writeUInt32LE(40);
    expect(await eventOf(v11.physics({ stamp: 1n }, words))).toEqual([{ kind: "raw" }]);
  });

  test.each([8, 10, 20, 28, 30, 31, 40])("of the word %i over and over is raw", async (word) => {
    const body = new Uint8Array(Uint32Array.from({ length: 64 }, () => word).buffer);
    expect(await eventOf(v11.physics({ stamp: 1n }, body))).toEqual([{ kind: "raw" }]);
  });

  test("may hold payloads that are no ring items, as those of 11.2", async () => {
    const [event] = await eventOf(
      v11.built({ stamp: 1n }, [
        { stamp: 1n, source: 4, payload: Buffer.from("not an item") },
        v11.hit(2n, 1, [1]),
      ]),
    );
    if (event?.kind !== "built") throw new Error("the event is built");
    expect(event.leaves.map(({ head }) => head?.type)).toEqual([undefined, 30]);
  });
});

describe("damage is named with file, byte and item", () => {
  const whole = hits(3);
  const put = (bytes: Uint8Array, at: number, value: number): Buffer => {
    const changed = Buffer.from(bytes);
    changed.writeUInt32LE(value, at);
    return changed;
  };
  const built = (fragments: FragmentBytes[], count?: number): Buffer =>
    v11.built({ stamp: 1n }, fragments, count === undefined ? {} : { count });
  const pair = [v11.hit(1n, 1, [1, 2, 3, 4]), v11.hit(2n, 2, [5, 6, 7, 8])];
  // An event of two: 28 + 4 + 2 × (20 + 32) = 136 bytes; its second fragment's size is at 32 + 52 + 12.
  const EVENT_BYTES = 136;
  const overrun = put(built(pair), 96, 33);

  test.each<
    readonly [
      what: string,
      bytes: Uint8Array,
      tag: string,
      reason: string,
      offset: number,
      item: number,
    ]
  >([
    [
      "cut off in a header",
      Buffer.concat([...whole, hit(1n).subarray(0, 5)]),
      "ring-truncated",
      "only 5 bytes of its header are there",
      96,
      3,
    ],
    [
      "cut off in a body",
      Buffer.concat([...whole, hit(1n).subarray(0, 31)]),
      "ring-truncated",
      "it says 32 bytes, and 31 bytes are left",
      96,
      3,
    ],
    [
      "cut off in its first item",
      hit(1n).subarray(0, 20),
      "ring-truncated",
      "it says 32 bytes, and 20 bytes are left",
      0,
      0,
    ],
    [
      "a size of 0",
      Buffer.concat([hit(1n), put(hit(2n), 0, 0), ...hits(4)]),
      "ring-bad-size",
      "its size is 0, which no item has",
      32,
      1,
    ],
    [
      "a size of 7",
      Buffer.concat([hit(1n), put(hit(2n), 0, 7), ...hits(4)]),
      "ring-bad-size",
      "its size is 7, which no item has",
      32,
      1,
    ],
    [
      "a size beyond the file",
      Buffer.concat([hit(1n), put(hit(2n), 0, 1_000_000), ...hits(4)]),
      "ring-bad-size",
      "it says 1000000 bytes, and 160 bytes are left",
      32,
      1,
    ],
    // Item 1 says 40: behind it lie the last 24 bytes of item 2, of which the first 8 are stamp 0 (0 and 1000 * i from byte 12 on).
    [
      "a size into the next item",
      Buffer.concat([hit(1n), put(hit(2n), 0, 40), ...hits(5)]),
      "ring-bad-size",
      "it says 40 bytes, but none follows there, and another begins at byte 64",
      32,
      1,
    ],
    [
      "a type of more than 16 bits",
      Buffer.concat([hit(1n), put(hit(2n), 4, 0x1001e), ...hits(4)]),
      "ring-bad-type",
      "its type is 65566, which no item has",
      32,
      1,
    ],
    [
      "a fragment longer than its event",
      Buffer.concat([hit(1n), overrun, ...hits(4)]),
      "ring-bad-event",
      "fragment 1 (at byte 84 of the item) is longer than the event that holds it",
      32,
      1,
    ],
    [
      "a byte count that is wrong",
      Buffer.concat([hit(1n), built(pair, 107), ...hits(4)]),
      "ring-bad-event",
      "its event has 108 bytes, and says 107",
      32,
      1,
    ],
  ])("%s", async (_, bytes, tag, reason, offset, item) => {
    const fault = await faultOf(() => reading(bytes));
    expect([fault.tag, fault.exitCode]).toEqual([tag, 1]);
    expect(fault.at).toMatchObject({ offset, item, reason });
    expect(fault.message).toMatch(
      `run-0001-00.evt is damaged at byte ${String(offset)} (item ${String(item)}): ${reason}; \`evb order --salvage\` keeps the rest`,
    );
  });

  test.each<readonly [what: string, bytes: Uint8Array, tag: string]>([
    ["empty", Buffer.alloc(0), "ring-empty"],
    ["text", Buffer.from("some text that is no ring item\n".repeat(20)), "ring-no-items"],
    ["five bytes", Buffer.from("five\n"), "ring-no-items"],
    ["zeros", Buffer.alloc(4096), "ring-no-items"],
  ])("a file of %s can't be read at all", async (_, bytes, tag) => {
    const fault = await faultOf(() => reading(bytes));
    expect([fault.tag, fault.exitCode]).toEqual([tag, 3]);
  });

  test("so do a file that is not there, and a folder", () =>
    inFolder(async (folder) => {
      const missing = await faultOf(() => new RingReader(join(folder, "nowhere.evt")));
      expect([missing.tag, missing.exitCode]).toEqual(["ring-unreadable", 3]);
      expect(missing.message).toContain("nowhere.evt can't be read: there is no such file");
      expect((await faultOf(() => new RingReader(folder))).message).toContain("it is a folder");
    }));

  describe("and what is left is kept on demand", () => {
    test.each<
      readonly [what: string, bytes: Uint8Array, skipped: [number, number][], offsets: number[]]
    >([
      [
        "behind a size of 0",
        Buffer.concat([hit(1n), put(hit(2n), 0, 0), ...hits(4)]),
        [[32, 32]],
        [0, 64, 96, 128, 160],
      ],
      [
        "behind a size that leads into the next item",
        Buffer.concat([hit(1n), put(hit(2n), 0, 40), ...hits(5)]),
        [[32, 32]],
        [0, 64, 96, 128, 160, 192],
      ],
      [
        "behind bytes that are nobody's",
        Buffer.concat([hit(1n), Buffer.alloc(1001, 0xab), ...hits(4)]),
        [[32, 1001]],
        [0, 1033, 1065, 1097, 1129],
      ],
      [
        "of a file that is cut off",
        Buffer.concat([...whole, hit(1n).subarray(0, 31)]),
        [[96, 31]],
        [0, 32, 64],
      ],
      [
        "before the end, where the last two are whole",
        Buffer.concat([hit(1n), Buffer.alloc(7, 1), ...hits(2)]),
        [[32, 7]],
        [0, 39, 71],
      ],
      [
        "behind a damaged event, as a whole",
        Buffer.concat([hit(1n), overrun, ...hits(4)]),
        [[32, EVENT_BYTES]],
        [0, 168, 200, 232, 264],
      ],
      [
        "twice",
        Buffer.concat([hit(1n), Buffer.alloc(9, 7), ...hits(5), Buffer.alloc(3, 9), ...hits(4)]),
        [
          [32, 9],
          [201, 3],
        ],
        [0, 41, 73, 105, 137, 169, 204, 236, 268, 300],
      ],
    ])("%s", async (_, bytes, skipped, offsets) => {
      const { items, damages } = await reading(bytes, true);
      expect(damages.map(({ offset, skippedBytes }) => [offset, skippedBytes])).toEqual(skipped);
      expect(items.map(({ offset }) => offset)).toEqual(offsets);
      expect(items.every(({ size }) => size === HIT_BYTES)).toBe(true);
    });
  });
});

/** A run of some twenty items, of any version and byte order, and where they begin. */
function randomRun(random: SeededRandom): { items: Buffer[]; writer: (typeof WRITERS)[number] } {
  const writer = WRITERS[random.below(WRITERS.length)]!;
  const ring = new RingBytes(writer);
  const stamp = (): bigint =>
    random.below(2) === 0 ? random.u64() : BigInt(random.below(100_000));
  const bytes = (): number[] => Array.from({ length: random.below(60) }, () => random.below(256));
  const makers = [
    () => ring.physics({ stamp: stamp(), source: random.below(9) }, bytes()),
    () =>
      ring.built({ stamp: stamp() }, [
        ring.hit(stamp(), 1, bytes()),
        ring.hit(stamp(), 2, bytes()),
      ]),
    () => ring.scalers({ values: bytes() }, { stamp: stamp(), source: 2 }),
    () => ring.text("PACKET_TYPES", { strings: ["one", "two"] }),
  ];
  const rest = Array.from({ length: 20 }, () => makers[random.below(makers.length)]!());
  return { items: [ring.state("BEGIN_RUN", { run: 1 }), ...rest], writer };
}

describe("laws of damage, for seeded random runs", () => {
  test("items and skipped pieces are the whole file, wherever bytes were changed or cut out", async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const file = Buffer.concat(randomRun(random).items);
      for (let k = random.below(4); k >= 0; k--)
        file[random.below(file.length)] = random.below(256);
      const cut = random.below(file.length);
      const damaged = Buffer.concat([file.subarray(0, cut), file.subarray(cut + random.below(30))]);
      const { items, damages } = await reading(damaged, true);
      const pieces = [
        ...items.map(({ offset, size }) => [offset, size] as const),
        ...damages.map(({ offset, skippedBytes }) => [offset, skippedBytes] as const),
      ].sort(([one], [other]) => one - other);
      let at = 0;
      for (const [offset, size] of pieces) {
        expect({ seed, offset }).toEqual({ seed, offset: at });
        at += size;
      }
      expect({ seed, bytes: at }).toEqual({ seed, bytes: damaged.length });
    }
  });

  test("of a run whose third item lost its header every item from the fourth on is kept", async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const { items } = randomRun(random);
      // Two words of ones are no header in either byte order.
      const damaged = Buffer.concat([
        ...items.slice(0, 2),
        Buffer.alloc(8, 0xff),
        items[2]!.subarray(8),
        ...items.slice(3),
      ]);
      const read = await reading(damaged, true);
      const ends = Math.max(
        ...read.damages.map(({ offset, skippedBytes }) => offset + skippedBytes),
      );
      const fourth = items.slice(0, 3).reduce((sum, item) => sum + item.length, 0);
      const kept = read.items.filter(({ offset }) => offset >= fourth).length;
      expect({ seed, kept }).toEqual({ seed, kept: items.length - 3 });
      expect({ seed, early: ends <= fourth }).toEqual({ seed, early: true });
    }
  });
});

describe("stamps and types", () => {
  test("a file of one run item and no more is whole", async () => {
    const { items } = await reading(v11.abnormalEnd());
    expect(items).toEqual([{ number: 0, offset: 0, size: 12, type: TYPES.ABNORMAL_ENDRUN }]);
  });

  test("no stamp is all ones", () => {
    expect(v11.physics({ source: 1 }, []).readBigUInt64LE(12)).toBe(NO_STAMP);
  });
});
