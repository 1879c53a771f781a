import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { decodeBody, RingReader, throwDamage, type ItemBody } from "@evb/formats";
import { inFolder } from "../support/folder.ts";
import { NO_STAMP, RingBytes, TYPES, WRITERS, type Header } from "../support/ring-bytes.ts";

/** The bodies of a file with these items, behind a BEGIN_RUN that shows its version. */
function bodies(ring: RingBytes, ...items: Buffer[]): Promise<ItemBody[]> {
  return inFolder((folder) => {
    const path = join(folder, "items.evt");
    writeFileSync(path, Buffer.concat([ring.state("BEGIN_RUN", { run: 1 }), ...items]));
    const file = new RingReader(path);
    try {
      const decoded = [...file.items(throwDamage)].map((item) =>
        decodeBody(item.bytes(), item.head, item.v10),
      );
      return decoded.slice(1);
    } finally {
      file.close();
    }
  });
}

const HEADERS: readonly (readonly [string, Header | undefined])[] = [
  ["with a body header", { stamp: 5n, source: 3 }],
  ["with an extended body header", { stamp: 5n, source: 3, extension: [1, 2, 3, 4, 5] }],
  ["without body header", undefined],
];

describe.each(WRITERS)("an item of version $version, little-endian $littleEndian,", (writer) => {
  const ring = new RingBytes(writer);
  const { version } = writer;
  /** What only some versions say. */
  const layout = `v${String(version)}`;
  const since11 = (value: number) => (version === 10 ? undefined : value);
  const since12 = (value: number) => (version === 12 ? value : undefined);

  describe.each(HEADERS)("%s", (_, header) => {
    test("a state change has run, times and title", async () => {
      const fields = { run: 77, offset: 12, time: 1_600_000_000, divisor: 4, original: 9 };
      const [body] = await bodies(
        ring,
        ring.state("END_RUN", { ...fields, title: "18O on ²⁴Mg" }, header),
      );
      expect(body).toEqual({
        kind: "state change",
        layout,
        run: 77,
        offset: 12,
        unixTime: 1_600_000_000,
        divisor: since11(4),
        originalSource: since12(9),
        title: "18O on ²⁴Mg",
      });
    });

    test.each([[["a", "", "second=2"]], [[]], [["x".repeat(500)]]])(
      "a text has its strings: %j",
      async (strings) => {
        const fields = { strings, offset: 3, time: 1_600_000_001, divisor: 2, original: 300 };
        const [body] = await bodies(ring, ring.text("MONITORED_VARIABLES", fields, header));
        expect(body).toEqual({
          kind: "text",
          layout,
          offset: 3,
          unixTime: 1_600_000_001,
          divisor: since11(2),
          originalSource: since12(300),
          strings,
        });
      },
    );

    test.each([0, 1, 32])("scalers are %i numbers", async (count) => {
      const values = Array.from({ length: count }, (_, i) => 0xffff_ffff - i);
      const fields = { values, begin: 10, end: 20, time: 1_600_000_002, divisor: 10, original: 5 };
      const [body] = await bodies(ring, ring.scalers({ ...fields, incremental: false }, header));
      expect(body).toEqual({
        kind: "scalers",
        layout,
        begin: 10,
        end: 20,
        unixTime: 1_600_000_002,
        divisor: since11(10),
        // v10 has no others.
        incremental: version === 10,
        originalSource: since12(5),
        stamp: undefined,
        values: Uint32Array.from(values),
      });
    });

    test("an event count is exact", async () => {
      const fields = { events: 2n ** 63n + 1n, offset: 6, divisor: 3, original: 8, time: 1 };
      const [body] = await bodies(ring, ring.eventCount(fields, header));
      expect(body).toEqual({
        kind: "event count",
        layout,
        offset: 6,
        divisor: since11(3),
        unixTime: 1,
        originalSource: since12(8),
        events: 9_223_372_036_854_775_809n,
      });
    });
  });

  test("an EVB_FRAGMENT has the fragment's header, and the payload behind it", async () => {
    const [body] = await bodies(
      ring,
      ring.evbFragment({ stamp: 99n, source: 4, barrier: 1, payload: Buffer.from([1, 2, 3]) }),
    );
    expect(body).toEqual({
      kind: "fragment",
      stamp: 99n,
      source: 4,
      barrier: 1,
      payloadOffset: 28,
    });
  });

  test.each(["library", "glom"] as const)(
    "an EVB_UNKNOWN_PAYLOAD as the %s writes it has the fragment's header",
    async (writtenBy) => {
      const fragment = { stamp: 2n ** 40n + 21n, source: 4, barrier: 2, payload: Buffer.alloc(7) };
      const [body] = await bodies(ring, ring.unknownPayload(fragment, writtenBy));
      const { stamp, source, barrier } = fragment;
      expect(body).toEqual({ kind: "fragment", stamp, source, barrier, payloadOffset: 28 });
    },
  );

  test("data and users' items are bytes", async () => {
    expect(
      await bodies(ring, ring.physics({ stamp: 1n }, [1, 2, 3]), ring.item(0x9000, undefined, [1])),
    ).toEqual([{ kind: "bytes" }, { kind: "bytes" }]);
  });

  test.each([0, 1, 2] as const)(
    "glom's settings are in EVB_GLOM_INFO: policy %i",
    async (policy) => {
      if (version === 10) return;
      const window = 2n ** 64n - 1n;
      const [format, glom] = await bodies(
        ring,
        ring.format(version, 3),
        ring.glomInfo({ window, building: false, policy }),
      );
      expect(format).toEqual({ kind: "format", major: version, minor: 3 });
      expect(glom).toEqual({
        kind: "glom",
        windowTicks: window,
        building: false,
        policy: ["earliest", "latest", "average"][policy],
      });
    },
  );
});

describe("what doesn't fit its type is said, and not guessed", () => {
  const ring = new RingBytes({ version: 11, littleEndian: true });
  test.each<readonly [what: string, item: Buffer, reason: string]>([
    [
      "a count of scalers that the item has no room for",
      ring.item(TYPES.PERIODIC_SCALERS, undefined, Buffer.alloc(24, 1)),
      "its scalers don't fit into a body of 24 bytes",
    ],
    [
      "text whose last string has no end",
      ring.item(TYPES.PACKET_TYPES, undefined, [
        ...Buffer.concat([0, 0, 1, 1].map(ring.u32)),
        0x61,
        0x62,
      ]),
      "its strings don't fit into a body of 18 bytes",
    ],
    [
      "a count without room for it",
      ring.item(TYPES.PHYSICS_EVENT_COUNT, undefined, Buffer.alloc(13)),
      "its counts don't fit into a body of 13 bytes",
    ],
    [
      "a fragment without header",
      ring.item(TYPES.EVB_FRAGMENT, undefined, Buffer.alloc(12)),
      "it has no fragment header",
    ],
  ])("%s", async (_, item, reason) => {
    expect(await bodies(ring, item)).toEqual([{ kind: "unreadable", reason }]);
  });
});

describe("v10's own scalers, type 21,", () => {
  test.each([true, false])("have a stamp: little-endian %s", async (littleEndian) => {
    const ring = new RingBytes({ version: 10, littleEndian });
    const fields = { stamp: NO_STAMP - 1n, values: [7, 8], begin: 1, end: 2, divisor: 3, time: 4 };
    expect(await bodies(ring, ring.stampedScalers(fields))).toEqual([
      {
        kind: "scalers",
        layout: "v10",
        begin: 1,
        end: 2,
        divisor: 3,
        unixTime: 4,
        incremental: false,
        originalSource: undefined,
        stamp: NO_STAMP - 1n,
        values: Uint32Array.of(7, 8),
      },
    ]);
  });
});

describe("a file's version", () => {
  const readVersion = (bytes: Uint8Array): Promise<boolean> =>
    inFolder((folder) => {
      writeFileSync(join(folder, "a.evt"), bytes);
      const file = new RingReader(join(folder, "a.evt"));
      file.close();
      return file.v10;
    });
  const v10 = new RingBytes({ version: 10, littleEndian: true });
  const v11 = new RingBytes({ version: 11, littleEndian: true });

  test.each<readonly [what: string, items: Buffer[], isV10: boolean]>([
    // Three scalers of source 10: v10 would have its count, 3, where the source stands: 24 + 4 × 10 = 64 bytes.
    [
      "later scalers that look like v10's, behind which a state change comes",
      [v11.scalers({ values: [1, 2, 3] }, { source: 10 }), v11.state("END_RUN", { run: 1 })],
      false,
    ],
    // A raw v10 event of 20 words: 20 stands where the body header's size would.
    [
      "a v10 event that begins with 20, behind which a state change comes",
      [
        v10.physics(undefined, [20, 0, 0, 0, ...Buffer.alloc(36)]),
        v10.state("END_RUN", { run: 1 }),
      ],
      true,
    ],
    ["a built event of v10 alone", [v10.built(undefined, [v10.hit(1n, 1, [1])])], true],
    ["an event with a body header alone", [v11.physics({ stamp: 1n }, [1, 2, 3])], false],
    ["a RING_FORMAT", [v11.format()], false],
    ["a count of v10", [v10.eventCount({ events: 3n })], true],
    ["nothing that would tell", [v11.item(0x8000, undefined, [1, 2, 3])], false],
  ])("%s", async (_, items, isV10) => {
    expect(await readVersion(Buffer.concat(items))).toBe(isV10);
  });
});
