import { describe, expect, test } from "@jest/globals";
import { RingBytes, TYPES } from "../support/ring-bytes.ts";
import { builtOf, eventOf, headOf, listingOf, pieceOf, rawOf } from "./ring-listing.ts";
import { order, orderFiles } from "./ring-order.ts";

/** What happens to each item's bytes: sections 2, 3 and 4 of the specification, and its requirement 2. */
const ring = new RingBytes({ version: 11, littleEndian: true });
const begin = (source: number): Buffer =>
  ring.state("BEGIN_RUN", { run: 1 }, { source, barrier: 1 });
const end = (source: number): Buffer => ring.state("END_RUN", { run: 1 }, { source, barrier: 2 });

/** With the word that says that there is no body header replaced by one. */
const withHeader = (item: Buffer, source: number, barrier: number): Buffer =>
  ring.item(item.readUInt32LE(4), { source, barrier }, item.subarray(12));

describe.each([
  [11, "little"],
  [11, "big"],
  [12, "little"],
  [12, "big"],
] as const)("version %i, %s-endian", (version, endian) => {
  const items = new RingBytes({ version: version, littleEndian: endian === "little" });

  test("is written byte by byte as specified", async () => {
    const first = items.state("BEGIN_RUN", { run: 1 }, { source: 1, barrier: 1 });
    const last = items.state("END_RUN", { run: 1 }, { source: 1, barrier: 2 });
    expect(first).toHaveLength(version === 11 ? 125 : 129);
    const [early, late] = [pieceOf(items, "1@1000:ab"), pieceOf(items, "2@1040:cd")];
    const scaler = items.scalers({ values: [1, 2] }, headOf("2@1050"));
    const input = [items.format(), first, items.built(headOf("1@1"), [late]), scaler];
    const written = await orderRaw(
      [...input, items.built(headOf("1@1"), [early]), last],
      "--window 100 --policy average --source-id 77",
    );
    const expected = [
      items.format(),
      first,
      items.glomInfo({ window: 100n, building: true, policy: 2 }),
      items.built({ stamp: 1020n, source: 77 }, [early, late]),
      scaler,
      last,
    ];
    expect(written.toString("hex")).toBe(Buffer.concat(expected).toString("hex"));
  });
});

test.each(["little", "big"] as const)(
  "version 10, %s-endian, has no body headers, no RING_FORMAT and no GLOM_INFO",
  async (endian) => {
    const items = new RingBytes({ version: 10, littleEndian: endian === "little" });
    const [first, last] = [
      items.state("BEGIN_RUN", { run: 1 }),
      items.state("END_RUN", { run: 1 }),
    ];
    expect(first).toHaveLength(104);
    const [early, late] = [pieceOf(items, "1@1000:ab"), pieceOf(items, "2@1040:cd")];
    const input = [
      first,
      items.built(undefined, [late]),
      items.built(undefined, [early]),
      items.scalers({ values: [3] }),
      last,
    ];
    const written = await orderRaw(input, "--window 100");
    // The scalers are source 1's, and stand behind the largest stamp that it has shown.
    const expected = [
      first,
      items.built(undefined, [early, late]),
      items.scalers({ values: [3] }),
      last,
    ];
    expect(written.toString("hex")).toBe(Buffer.concat(expected).toString("hex"));
  },
);

async function orderRaw(items: readonly Buffer[], options: string): Promise<Buffer> {
  return Buffer.concat(await order(items, options));
}

describe("RING_FORMAT and GLOM_INFO", () => {
  test("are there once: the last RING_FORMAT before BEGIN, and the GLOM_INFO of this order", async () => {
    const other = ring.glomInfo({ window: 5n, building: true, policy: 1 });
    const input = [ring.format(12), ring.format(11), begin(1), other, ring.format(12), begin(2)];
    const written = await order([...input, other, eventOf(ring, "1@5"), end(1)], "--window 33");
    const info = ring.glomInfo({ window: 33n, building: true, policy: 0 });
    expect(written.slice(0, 4)).toEqual([ring.format(11), begin(1), begin(2), info]);
    expect(listingOf(written.slice(4))).toEqual(["[5: 1@5]", "END_RUN 1@null"]);
  });

  test.each([11, 12] as const)("of version %i: a missing RING_FORMAT is made", async (version) => {
    const items = new RingBytes({ version: version, littleEndian: true });
    const first = items.state("BEGIN_RUN", { run: 1 }, headOf("1@null", 1));
    const written = await order([first, eventOf(items, "1@5")]);
    expect(written[0]).toEqual(items.format());
    expect(written[1]).toEqual(first);
  });

  test("that is made is of the version of the run's items, also without BEGIN", async () => {
    const pause = ring.state("PAUSE_RUN", { run: 1 }, headOf("1@4", 3));
    const written = await order([pause, ...rawOf(ring, "1@5")]);
    expect(written[0]).toEqual(ring.format());
  });

  test("say that nothing was built where there is no window", async () => {
    const written = await order([ring.format(), begin(1), eventOf(ring, "1@5"), end(1)]);
    const info = written[2]!;
    expect([info.readUInt32LE(4), info.length]).toEqual([TYPES.EVB_GLOM_INFO, 24]);
    expect(info.readUInt16LE(20)).toBe(0);
  });

  test("keep their size: no body header is added to them", async () => {
    const input = [ring.format(), ring.state("BEGIN_RUN", { run: 1 }), eventOf(ring, "1@5")];
    const sizes = (await order(input)).map((item) => item.length);
    expect(sizes.slice(0, 3)).toEqual([16, 125, 24]);
  });
});

describe("an item that evb doesn't understand", () => {
  test.each([
    ["a user type with body header", ring.item(0x8001, headOf("1@15"), Buffer.from("abc"))],
    ["the largest type", ring.item(0xffff, headOf("1@15"), Buffer.alloc(0))],
    ["an unknown type", ring.item(77, headOf("1@15"), Buffer.from("what"))],
    ["an EVB_FRAGMENT", ring.item(TYPES.EVB_FRAGMENT, headOf("1@15"), eventOf(ring, "1@15"))],
    ["an unknown payload", ring.item(TYPES.EVB_UNKNOWN_PAYLOAD, headOf("1@15"), Buffer.from("x"))],
    [
      "an unknown payload as glom writes it",
      ring.unknownPayload({ stamp: 15n, source: 1, payload: Buffer.from("bytes") }, "glom"),
    ],
    [
      "a body header with extension",
      ring.item(31, { ...headOf("1@15"), extension: [7, 7, 7, 7] }, [1, 2, 3, 4, 5]),
    ],
  ])("passes byte for byte, in its place: %s", async (_, item) => {
    const written = await order([
      ring.format(),
      begin(1),
      item,
      ...rawOf(ring, "1@10 1@20"),
      end(1),
    ]);
    expect(written[4]!.toString("hex")).toBe(item.toString("hex"));
    expect(written).toHaveLength(7);
  });

  test.each([
    ["with nothing in it", ring.item(0x8000, undefined, [])],
    ["without body header", ring.item(0x8003, undefined, Buffer.from("abcdefgh"))],
  ])("gets no body header: a user type %s", async (_, item) => {
    const written = await order([ring.format(), begin(1), eventOf(ring, "1@10"), item, end(1)]);
    expect(written[4]!.toString("hex")).toBe(item.toString("hex"));
  });
});

describe("the layout of an item", () => {
  const old = new RingBytes({ version: 10, littleEndian: true });

  test("is what it shows itself: state changes of version 10 in a file of version 12", async () => {
    const items = [old.state("BEGIN_RUN", { run: 1 }), old.state("END_RUN", { run: 1 })];
    const [first, last] = items as [Buffer, Buffer];
    const written = await order([ring.format(), begin(1), first, ...rawOf(ring, "1@5"), last]);
    expect(written.map((item) => item.readUInt32LE(4))).toEqual([12, 1, 1, 42, 30, 2]);
    const bytes = written.map((item) => item.toString("hex"));
    expect(bytes).toEqual(expect.arrayContaining(items.map((item) => item.toString("hex"))));
  });
});

describe("raw and built events", () => {
  const flat = [ring.format(), begin(1)];

  test("may stand in one run, with and without extended headers", async () => {
    const raw = ring.item(
      TYPES.PHYSICS_EVENT,
      { ...headOf("3@12"), extension: [...Buffer.from("extended")] },
      ring.u32(2),
    );
    const built = builtOf(ring, "1@10 2@14");
    const written = await order([...flat, built, raw, end(1)], "--window 100");
    const event = ring.built({ stamp: 10n, source: 0 }, [
      pieceOf(ring, "1@10"),
      { stamp: 12n, source: 3, payload: raw },
      pieceOf(ring, "2@14"),
    ]);
    expect(written[3]!.toString("hex")).toBe(event.toString("hex"));
  });

  const inner = builtOf(ring, "1@10 2@11");
  const middle = ring.built(headOf("51@20"), [
    { stamp: 20n, source: 50, payload: inner },
    pieceOf(ring, "3@9"),
  ]);
  const outer = ring.built(headOf("61@40"), [{ stamp: 30n, source: 60, payload: middle }]);
  test.each([
    ["", ["[9: 3@9]", "[10: 1@10]", "[11: 2@11]"]],
    ["--depth 3", ["[9: 3@9]", "[10: 1@10]", "[11: 2@11]"]],
    ["--depth 2", ["[9: 3@9]", "[20: 50@20]"]],
    ["--depth 1", ["[30: 60@30]"]],
    ["--depth 0", ["[40: 61@40]"]],
  ])("nested three deep give the fragments of %j", async (options, expected) => {
    const written = await order([...flat, outer, end(1)], options);
    const heads = listingOf(written.slice(3, -1)).map((line) => line.replaceAll(/:[^ \]]+/g, ""));
    expect(heads).toEqual(expected);
  });

  test("that are not opened are payloads, byte for byte", async () => {
    const [, , , event] = await order([...flat, outer, end(1)], "--depth 0");
    expect(event!.subarray(32 + 20).toString("hex")).toBe(outer.toString("hex"));
  });

  test("are told apart by the byte count and by the fragments' sizes", async () => {
    // A raw event whose first word is its body's size by chance, but whose bytes are no fragments.
    const body = Buffer.concat([ring.u32(40), Buffer.alloc(36, 0x5a)]);
    const raw = ring.item(TYPES.PHYSICS_EVENT, headOf("1@10"), body);
    const written = await order([...flat, raw, end(1)]);
    expect(written[3]!.subarray(32 + 20).toString("hex")).toBe(raw.toString("hex"));
  });

  test("without body header are opened too", async () => {
    const built = ring.built(undefined, [pieceOf(ring, "1@10"), pieceOf(ring, "2@9")]);
    const written = await order([...flat, built, end(1)]);
    expect(listingOf(written.slice(3, -1))).toEqual(["[9: 2@9]", "[10: 1@10]"]);
  });

  test("keep a barrier in the fragment header", async () => {
    const piece = { ...pieceOf(ring, "1@10"), barrier: 3 };
    const written = await order([...flat, ring.built(headOf("9@1"), [piece]), end(1)]);
    expect(written[3]).toEqual(ring.built(headOf("0@10"), [piece]));
  });
});

describe("a missing body header", () => {
  const [bare, bareEnd] = [ring.state("BEGIN_RUN", { run: 1 }), ring.state("END_RUN", { run: 1 })];
  const raw = rawOf(ring, "4@10 6@11");

  test("is added, and grows an item by 16 bytes", async () => {
    const scaler = ring.scalers({ values: [1, 2] });
    expect(bare).toHaveLength(109);
    const written = await order([ring.format(), bare, eventOf(ring, "4@10"), scaler, bareEnd]);
    expect(written[1]).toEqual(withHeader(bare, 4, 1));
    expect(written.at(-2)).toEqual(withHeader(scaler, 4, 0));
    expect(written.at(-1)).toEqual(withHeader(bareEnd, 4, 2));
  });

  test("is dealt to several sources: the k-th BEGIN to the k-th source", async () => {
    const written = await order([ring.format(), bare, bare, ...raw, bareEnd, bareEnd]);
    expect(listingOf(written)).toEqual([
      "RING_FORMAT",
      "BEGIN_RUN 4@null",
      "BEGIN_RUN 6@null",
      "EVB_GLOM_INFO",
      "[10: 4@10]",
      "[11: 6@11]",
      "END_RUN 4@null",
      "END_RUN 6@null",
    ]);
  });

  test("goes to the sources that have none with a header", async () => {
    const written = await order([ring.format(), begin(4), bare, ...raw]);
    expect(listingOf(written.slice(1, 3))).toEqual(["BEGIN_RUN 4@null", "BEGIN_RUN 6@null"]);
  });

  test("of a scaler goes to the source with events and without BEGIN", async () => {
    const written = await order([ring.format(), begin(4), ...raw, ring.scalers({ values: [1] })]);
    expect(listingOf(written).at(-1)).toBe("PERIODIC_SCALERS 6@null");
  });

  test.each([
    ["3", "PERIODIC_SCALERS 3@null"],
    ["PERIODIC_SCALERS=8", "PERIODIC_SCALERS 8@null"],
    ["20=8", "PERIODIC_SCALERS 8@null"],
    ["position:1=5", "PERIODIC_SCALERS 5@null"],
    ["file:run-*.evt=12", "PERIODIC_SCALERS 12@null"],
    ["BEGIN_RUN=8 --headerless 9", "PERIODIC_SCALERS 9@null"],
  ])("follows the rule --headerless %s", async (rule, expected) => {
    const written = await order(
      [ring.format(), begin(4), ...raw, ring.scalers({ values: [1] })],
      `--headerless ${rule}`,
    );
    expect(listingOf(written)).toContain(expected);
  });

  test("is filled from the original source id of version 12", async () => {
    const items = new RingBytes({ version: 12, littleEndian: true });
    const state = (name: "BEGIN_RUN" | "END_RUN", original: number): Buffer =>
      items.state(name, { run: 1, original });
    const input = [
      items.format(),
      state("BEGIN_RUN", 6),
      state("BEGIN_RUN", 4),
      ...rawOf(items, "4@10 6@11"),
    ];
    const written = await order([
      ...input,
      items.scalers({ values: [1], original: 6 }),
      state("END_RUN", 4),
      state("END_RUN", 6),
    ]);
    expect(listingOf(written)).toEqual([
      "RING_FORMAT",
      "BEGIN_RUN 4@null",
      "BEGIN_RUN 6@null",
      "EVB_GLOM_INFO",
      "[10: 4@10]",
      "[11: 6@11]",
      "PERIODIC_SCALERS 6@null",
      "END_RUN 4@null",
      "END_RUN 6@null",
    ]);
    expect(written[1]).toEqual(
      items.state("BEGIN_RUN", { run: 1, original: 4 }, { source: 4, barrier: 1 }),
    );
  });

  test("of version 11's text is not filled from its first letters", async () => {
    const text = ring.text("PACKET_TYPES", { strings: ["letters"] });
    const written = await order([ring.format(), begin(4), ...rawOf(ring, "4@10"), text]);
    expect(listingOf(written).at(-1)).toBe("PACKET_TYPES 4@null");
  });

  test("is not filled from original source ids that are all the same", async () => {
    const items = new RingBytes({ version: 12, littleEndian: true });
    const state = items.state("BEGIN_RUN", { run: 1 });
    const written = await order([items.format(), state, state, ...rawOf(items, "4@10 6@11")]);
    expect(listingOf(written.slice(1, 3))).toEqual(["BEGIN_RUN 4@null", "BEGIN_RUN 6@null"]);
  });
});

describe("a raw event without body header", () => {
  const bare = (text: string): Buffer =>
    ring.item(TYPES.PHYSICS_EVENT, undefined, Buffer.from(text, "latin1"));
  const stamped = (time: bigint): Buffer =>
    ring.item(
      TYPES.PHYSICS_EVENT,
      undefined,
      Buffer.concat([ring.u32(0), ring.u64(time), Buffer.from("rest")]),
    );

  test("gets a header, and its source's largest stamp so far", async () => {
    const input = [ring.format(), begin(4), eventOf(ring, "4@10"), bare("12345678"), end(4)];
    const written = await order(input);
    const payload = withHeader(bare("12345678"), 4, 0);
    const event = ring.built({ stamp: 10n, source: 0 }, [{ stamp: 10n, source: 4, payload }]);
    expect(written[4]!.toString("hex")).toBe(event.toString("hex"));
  });

  test("is dated by --timestamp-at", async () => {
    const input = [ring.format(), begin(4), stamped(300n), stamped(200n), end(4)];
    const written = await order(input, "--timestamp-at 4:u64le");
    expect(written.slice(3, 5).map((item) => item.readBigUInt64LE(32))).toEqual([200n, 300n]);
  });
});

describe("streams", () => {
  test("of several files of one run are merged; equal stamps and sources go by the files' order", async () => {
    const file = (...items: readonly Buffer[]): Buffer[] => [ring.format(), ...items];
    const written = await orderFiles(
      {
        "a.evt": file(begin(2), ...rawOf(ring, "2@10:a 2@20:b"), end(2)),
        "b.evt": file(begin(1), ...rawOf(ring, "1@10:c 1@15:d 2@20:e"), end(1)),
      },
      "",
    );
    expect(listingOf(written)).toEqual([
      "RING_FORMAT",
      "BEGIN_RUN 1@null",
      "BEGIN_RUN 2@null",
      "EVB_GLOM_INFO",
      "[10: 1@10:c]",
      "[10: 2@10:a]",
      "[15: 1@15:d]",
      "[20: 2@20:b]",
      "[20: 2@20:e]",
      "END_RUN 1@null",
      "END_RUN 2@null",
    ]);
  });

  test("keep what a source has shown apart from each other", async () => {
    const written = await orderFiles(
      {
        "a.evt": [ring.format(), begin(1), ...rawOf(ring, "1@90")],
        "b.evt": [ring.format(), begin(1), builtOf(ring, "1@null:x 1@50")],
      },
      "",
    );
    expect(listingOf(written.slice(4))).toEqual(["[0: 1@0:x]", "[50: 1@50]", "[90: 1@90]"]);
  });

  test("in segments are read one after another, 2 before 10", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 11 }, (_, i) => [
        `run-0001-${String(i).padStart(2, "0")}.evt`,
        [...(i === 0 ? [ring.format(), begin(1)] : []), eventOf(ring, `1@10:s${String(i)}`)],
      ]),
    );
    const labels = listingOf(await orderFiles(files, "--window 0")).at(-1);
    expect(labels).toBe(
      `[10: ${Array.from({ length: 11 }, (_, i) => `1@10:s${String(i)}`).join(" ")}]`,
    );
  });
});
