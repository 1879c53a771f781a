import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "@jest/globals";
import { isEvbError } from "@evb/event";
import {
  decodeEpoch,
  decodeFailures,
  decodeFault,
  decodeJoin,
  decodeLeases,
  decodeResults,
  decodeRevoked,
  decodeSchema,
  decodeValue,
  decodeWelcome,
  encodeEpoch,
  encodeFault,
  encodeLeases,
  encodeValue,
  encodeWelcome,
  newFrame,
  openMessage,
  readHeader,
  seal,
  type Welcome,
} from "@evb/runner";
import { sizes } from "../sizes.ts";
import { faultOf } from "../support/faults.ts";
import { SeededRandom } from "../support/random.ts";
import {
  COLUMNS,
  epoch,
  FAILURES,
  FAULT,
  frames,
  GIVEN_BACK,
  HEAD,
  JOIN,
  LEASES,
  REFUSAL,
  RESULTS,
  SCHEMA,
  WELCOME,
} from "../support/run-frames.ts";

/** A welcome's fields as they are sent. */
const SENT = decodeValue("welcome", encodeWelcome(WELCOME), 2 ** 16) as Welcome;

const SOURCES = 2;

/** What its receiver does with a message's bytes. */
const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  beat: readHeader,
  settled: readHeader,
  revoke: readHeader,
  revoked: (bytes) => decodeRevoked(readHeader(bytes), bytes),
  lease: (bytes) =>
    decodeLeases(readHeader(bytes), bytes, { count: SOURCES, chunksPerRow: undefined }),
  double: (bytes) =>
    decodeLeases(readHeader(bytes), bytes, { count: SOURCES, chunksPerRow: undefined }),
  result: (bytes) => decodeResults(readHeader(bytes), bytes, COLUMNS),
  epoch: (bytes) => decodeEpoch(readHeader(bytes), bytes, SCHEMA.totals),
  join: decodeJoin,
  welcome: decodeWelcome,
  refusal: decodeWelcome,
  schema: decodeSchema,
  failures: decodeFailures,
  fault: decodeFault,
};
/** Those that are a header and no more, and those that begin with one. */
const HEADERS_ONLY: readonly string[] = ["beat", "settled", "revoke"];
const HEADED: ReadonlySet<string> = new Set([
  ...HEADERS_ONLY,
  "lease",
  "double",
  "result",
  "epoch",
  "revoked",
]);
const KINDS = Object.keys(DECODERS);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

describe("a frame's header", () => {
  const GOLDEN = `
    11          type: result
    05          version
    0203        sid 0x0302
    04050607    session
    08090a0b    seq
    0c0d0e0f    ack
    02000000    n
    7b05aa4c    crc: zlib.crc32 of Python, of the 20 bytes before`;
  const bytes = bytesOf(GOLDEN.replaceAll(/^ *([0-9a-f]+) .*$/gm, "$1"));

  test("has these bytes", () => {
    const { frame } = newFrame({ ...HEAD, kind: "result", n: 2 }, 0);
    seal([frame]);
    expect(hex(frame)).toBe(hex(bytes));
    expect(readHeader(bytes)).toEqual({ ...HEAD, kind: "result", n: 2 });
  });

  test.each([
    ["too short", (frame: Uint8Array) => frame.subarray(0, 23)],
    ["empty", () => new Uint8Array(0)],
    ["of an older version", (frame: Uint8Array) => with1(frame, 1, 1)],
    ["of a newer version", (frame: Uint8Array) => with1(frame, 1, 6)],
    ["of no kind", (frame: Uint8Array) => with1(frame, 0, 99)],
  ])("that is %s is refused", async (_, change) => {
    expect((await faultOf(() => readHeader(change(bytes)))).tag).toBe("frame-bad");
  });
});

function with1(frame: Uint8Array, at: number, value: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(frame);
  copy[at] = value;
  return copy;
}

describe("a message's checksum", () => {
  const sealed = (): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] => {
    const { frame } = newFrame({ ...HEAD, kind: "result", n: 2 }, 3);
    frame.set(Buffer.from("abc"), 24);
    const message = [frame, Uint8Array.from(Buffer.from("evb"))] as const;
    seal(message);
    return [...message];
  };

  test("is CRC-32 over all its frames, its own four bytes left out", () => {
    // zlib.crc32 of Python, of the first 20 bytes, "abc" and "evb": 0xde9d29e4
    expect(hex(sealed()[0].subarray(20, 24))).toBe("e4299dde");
    expect(openMessage(sealed())).toEqual({ ...HEAD, kind: "result", n: 2 });
  });

  test("is the same wherever in memory the frames begin", () => {
    const shifted = sealed().map((frame) => {
      const bytes = new Uint8Array(frame.byteLength + 5);
      bytes.set(frame, 5);
      return bytes.subarray(5);
    });
    expect(openMessage(shifted).kind).toBe("result");
  });

  test("tells any bit that has changed", async () => {
    const whole = sealed();
    for (const [number, frame] of whole.entries())
      for (let bit = 0; bit < 8 * frame.byteLength; bit++) {
        const changed = [...whole];
        changed[number] = with1(frame, bit >> 3, frame[bit >> 3]! ^ (1 << (bit & 7)));
        const { tag } = await faultOf(() => openMessage(changed));
        expect({ number, bit, tag }).toEqual({ number, bit, tag: "frame-bad" });
      }
  });

  test.each<[string, (first: Uint8Array, second: Uint8Array) => Uint8Array[]]>([
    ["no frame", () => []],
    ["one frame less", (first) => [first]],
    ["one frame more", (first, second) => [first, second, Uint8Array.of(0)]],
    ["its last frame twice", (first, second) => [first, second, second]],
    ["its frames in another order", (first, second) => [second, first]],
  ])("tells %s", async (_, change) => {
    expect((await faultOf(() => openMessage(change(...sealed())))).tag).toBe("frame-bad");
  });
});

describe("a lease", () => {
  test("has these bytes", () => {
    // Drawn by hand from the layout in lease-message.ts.
    const golden = `
      01 05 0203 04050607 08090a0b 0c0d0e0f 01000000 00000000
      07000000 05000000 02000000 03000000
      0d00 2a36 fe9c 9717  ffffffffffffffff
      03000000 04000000 ffffffff
      0100 0200
      0000 0000 0100`;
    const frame = encodeLeases({ ...HEAD, kind: "lease" }, LEASES.slice(0, 1));
    // 1,700,000,000,000,000,013 = 0x17979cfe362a000d
    expect(1_700_000_000_000_000_013n).toBe(0x1797_9cfe_362a_000dn);
    expect(hex(frame)).toBe(hex(bytesOf(golden)));
    // A double is the same with another type.
    const double = encodeLeases({ ...HEAD, kind: "double" }, LEASES.slice(0, 1));
    expect(hex(double)).toBe(hex(with1(frame, 0, 6)));
  });
});

describe("a message", () => {
  test("comes out as it went in", () => {
    const bytes = frames();
    expect(DECODERS["lease"]!(bytes["lease"]!)).toEqual(LEASES);
    expect(DECODERS["double"]!(bytes["double"]!)).toEqual(LEASES);
    expect(DECODERS["result"]!(bytes["result"]!)).toEqual(RESULTS);
    expect(DECODERS["revoked"]!(bytes["revoked"]!)).toEqual(GIVEN_BACK);
    expect(decodeJoin(bytes["join"]!)).toEqual(JOIN);
    expect(decodeWelcome(bytes["welcome"]!)).toEqual(WELCOME);
    expect(decodeSchema(bytes["schema"]!)).toEqual(SCHEMA);
    expect(decodeWelcome(bytes["refusal"]!)).toEqual(REFUSAL);
    expect(decodeFailures(bytes["failures"]!)).toEqual(FAILURES);
    expect(decodeFault(bytes["fault"]!)).toEqual({ reason: FAULT });
    const back = decodeEpoch(readHeader(bytes["epoch"]!), bytes["epoch"]!, SCHEMA.totals);
    expect(back.ranges).toEqual(epoch().ranges);
    expect(back.totals.integer(0)).toBe(-(2n ** 63n) - 5n);
    expect([...back.totals.floats(1)]).toEqual([0.5, -1, 2 ** 60]);
  });

  test("is read in place wherever its bytes begin", () => {
    for (const kind of KINDS) {
      const bytes = frames()[kind]!;
      const shifted = new Uint8Array(bytes.byteLength + 3);
      shifted.set(bytes, 3);
      expect(DECODERS[kind]!(shifted.subarray(3))).toEqual(DECODERS[kind]!(bytes));
    }
  });

  test("an analysis without a module has no sha-256, and that arrives", () => {
    const analysis = { ...WELCOME.analysis, sha256: undefined };
    const welcome = decodeWelcome(encodeValue({ ...SENT, analysis })) as Welcome;
    expect(welcome.analysis.sha256).toBeUndefined();
  });

  test("a fault's reason is cut short, not refused", () => {
    expect(decodeFault(encodeFault("x".repeat(5000))).reason).toBe("x".repeat(1000));
  });

  test.each(["a", "a/b.h5", "..a/b", "a..b", "a/...", "a/.b"])("names a file %s", (path) => {
    const files = [{ ...WELCOME.files[0], path }];
    expect(decodeWelcome(encodeValue({ ...SENT, files }))).toMatchObject({ files: [{ path }] });
  });

  test.each(KINDS)("%s: cut short anywhere, or longer, it is refused", async (kind) => {
    const bytes = frames()[kind]!;
    for (let length = 0; length < bytes.byteLength; length++) {
      const { tag } = await faultOf(() => DECODERS[kind]!(bytes.subarray(0, length)));
      expect({ length, tag }).toEqual({ length, tag: "frame-bad" });
    }
    if (HEADERS_ONLY.includes(kind)) return;
    const longer = new Uint8Array(bytes.byteLength + 1);
    longer.set(bytes);
    expect((await faultOf(() => DECODERS[kind]!(longer))).tag).toBe("frame-bad");
  });
});

describe("counts that no message can have", () => {
  const withU32 = (kind: string, at: number, value: number): Uint8Array => {
    const bytes = frames()[kind]!;
    new DataView(bytes.buffer).setUint32(at, value, true);
    return bytes;
  };

  test.each([
    ["leases of a frame", "lease", 16],
    ["events of a lease", "lease", 24 + 8],
    ["fragments of a lease", "lease", 24 + 12],
    ["ranges of a result", "result", 16],
    ["events of a result", "result", 24 + 8],
    ["fragments of a result", "result", 24 + 12],
    ["ranges of an epoch", "epoch", 16],
  ])("are refused: %s", async (_, kind, at) => {
    for (const count of [0, 1, 70_000, 2 ** 31, 2 ** 32 - 1]) {
      const bytes = withU32(kind, at, count);
      if (hex(bytes) === hex(frames()[kind]!)) continue;
      const { tag } = await faultOf(() => DECODERS[kind]!(bytes));
      expect({ count, tag }).toEqual({ count, tag: "frame-bad" });
    }
  });

  test("an epoch of no events is refused: its totals would count for nothing", async () => {
    const bytes = encodeEpoch(HEAD, { ...epoch(), ranges: [] });
    expect((await faultOf(() => DECODERS["epoch"]!(bytes))).tag).toBe("frame-bad");
  });

  test("totals that would take gigabytes are refused", async () => {
    const totals = Array.from({ length: 100 }, (_, i) => ({
      name: `t${String(i)}`,
      type: "f8",
      length: 2 ** 24,
    }));
    expect((await faultOf(() => decodeSchema(encodeValue({ ...SCHEMA, totals })))).tag).toBe(
      "frame-bad",
    );
  });

  test.each([
    ["a list of 2^25 items in five bytes", "dd01ffffff"],
    ["a list of 2^32 items", "ddffffffff"],
    ["a map of 2^24 entries", "df00ffffff"],
    ["a text of 4 GB", "dbffffffff61"],
    ["a list of 65,535 items", "dcffff"],
    ["lists in lists, 5000 deep", "91".repeat(5000)],
    ["bytes", "c4020000"],
    ["an extension", "c70105ff"],
    ["a regular expression", "d67800000000"],
    ["a reference", "d40500"],
    ["the code that never is", "c1"],
    ["nothing at all", ""],
  ])("are refused in msgpack: %s", async (_, text) => {
    const before = process.memoryUsage().heapTotal;
    expect((await faultOf(() => decodeValue("test", bytesOf(text), 2 ** 20))).tag).toBe(
      "frame-bad",
    );
    expect(process.memoryUsage().heapTotal - before).toBeLessThan(50e6);
  });

  test("msgpack of numbers, texts, lists and maps is taken", () => {
    const value = {
      small: [0, 127, 128, 65_535, 65_536, 2 ** 32, -1, -33, -129, -40_000, 1.5, -(2 ** 40)],
      texts: ["", "a".repeat(31), "b".repeat(40), "c".repeat(300), "ü".repeat(40_000)],
      many: Array.from({ length: 70_000 }, (_, i) => i),
      map: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${String(i)}`, i % 2 === 0])),
      nothing: null,
    };
    expect(decodeValue("test", encodeValue(value), 2 ** 20)).toEqual(value);
  });
});

const withStorage = (
  fields: { chunk?: readonly number[]; fill?: unknown; halves?: unknown },
  type = "i4",
): Uint8Array => {
  const [source] = SENT.sources;
  const storage = { ...source!.storage!, ...fields };
  return encodeValue({ ...SENT, sources: [{ ...source, type, storage }] });
};

/** A source whose rows have lengths of their own. */
const varying = (fields: object, welcome: object = {}): Uint8Array => {
  const source = { ...SENT.sources[0], itemShape: [], varies: true, storage: undefined };
  return encodeValue({ ...SENT, ...welcome, sources: [{ ...source, ...fields }] });
};

const EXTRACT = {
  ...{ outputs: [], host: "node17", buildings: 0, memoryBytes: 1 },
  extract: { gzip: 0, shuffle: false, strict: false },
};

const welcomeOf = (path: string): Uint8Array =>
  encodeValue({ ...SENT, files: [{ ...WELCOME.files[0], path }] });

describe("wrong fields", () => {
  test.each([
    ["a nonce that is none", () => decodeJoin(encodeValue({ ...JOIN, nonce: "no" }))],
    ["a host that is a number", () => decodeJoin(encodeValue({ ...JOIN, host: 5 }))],
    ["a negative pid", () => decodeJoin(encodeValue({ ...JOIN, pid: -1 }))],
    ["a join that is a list", () => decodeJoin(encodeValue([JOIN]))],
    ["a join of 5 kB", () => decodeJoin(encodeValue({ ...JOIN, more: "x".repeat(5000) }))],
    ["a join without a run", () => decodeJoin(encodeValue({ ...JOIN, run: undefined }))],
    ["a run of 65 characters", () => decodeJoin(encodeValue({ ...JOIN, run: "x".repeat(65) }))],
    ["a refusal of nobody", () => decodeWelcome(encodeValue({ refused: "no" }))],
    ["a refusal without a sentence", () => decodeWelcome(encodeValue({ ...REFUSAL, refused: 1 }))],
    ["a fault without a reason", () => decodeFault(encodeValue({}))],
    ["a fault of 2000 characters", () => decodeFault(encodeValue({ reason: "x".repeat(2000) }))],
    ["a file at /", () => decodeWelcome(welcomeOf("/etc/passwd"))],
    ["a file above its root", () => decodeWelcome(welcomeOf("../file1.h5"))],
    ["a file beside its root", () => decodeWelcome(welcomeOf("a/../../b/file1.h5"))],
    ["a file that is a folder's parent", () => decodeWelcome(welcomeOf("a/.."))],
    [
      "a time-out that no timer can wait",
      () => decodeWelcome(encodeValue({ ...SENT, eventTimeoutMs: 2 ** 31 })),
    ],
    [
      "a time-out that is negative",
      () => decodeWelcome(encodeValue({ ...SENT, eventTimeoutMs: -1 })),
    ],
    ["chunks of another shape than rows", () => decodeWelcome(withStorage({ chunk: [1, 250] }))],
    ["chunks without rows", () => decodeWelcome(withStorage({ chunk: [0, 250, 500] }))],
    ["a fill value of half an element", () => decodeWelcome(withStorage({ fill: "fffc" }))],
    ["a fill value that is no number", () => decodeWelcome(withStorage({ fill: "fffffcxy" }))],
    ["a fill value that is a list", () => decodeWelcome(withStorage({ fill: [1, 2, 3, 4] }))],
    [
      "16-bit floats that aren't f4",
      () => decodeWelcome(withStorage({ halves: true, fill: "ff00" })),
    ],
    ["16-bit floats, perhaps", () => decodeWelcome(withStorage({ halves: 1, fill: "ff00" }, "f4"))],
    ["a fill value of two halves", () => decodeWelcome(withStorage({ halves: true }, "f4"))],
    ["rows of variable length with a shape", () => decodeWelcome(varying({ itemShape: [2] }))],
    [
      "rows of variable length with a place",
      () => decodeWelcome(varying({ storage: SENT.sources[0]!.storage })),
    ],
    ["rows of a length that may vary", () => decodeWelcome(varying({ varies: "perhaps" }))],
    [
      "an extract of rows of variable length",
      () => decodeWelcome(varying({}, { rebuild: EXTRACT })),
    ],
    ["a sid beyond 16 bit", () => decodeWelcome(encodeValue({ ...SENT, sid: 65_536 }))],
    ["a source of no file", () => decodeWelcome(encodeValue({ ...SENT, files: [] }))],
    [
      "a shape of texts",
      () =>
        decodeWelcome(
          encodeValue({ ...SENT, sources: [{ ...SENT.sources[0], itemShape: ["x"] }] }),
        ),
    ],
    [
      "a negative dimension",
      () =>
        decodeWelcome(encodeValue({ ...SENT, sources: [{ ...SENT.sources[0], itemShape: [-1] }] })),
    ],
    [
      "an unknown type",
      () => decodeSchema(encodeValue({ ...SCHEMA, eventColumns: [{ name: "a", type: "i3" }] })),
    ],
    [
      "a total of an unknown type",
      () =>
        decodeSchema(encodeValue({ ...SCHEMA, totals: [{ name: "a", type: "u4", length: 1 }] })),
    ],
    [
      "a failure of a text event",
      () => decodeFailures(encodeValue({ failures: [{ event: "1", reason: "" }] })),
    ],
    [
      "a reason of 2000 characters",
      () => decodeFailures(encodeValue({ failures: [{ event: 1, reason: "x".repeat(2000) }] })),
    ],
  ])("are refused: %s", async (_, decode) => {
    expect((await faultOf(decode)).tag).toBe("frame-bad");
  });

  test("16-bit floats, and rows of variable length, are welcome", () => {
    const halves = decodeWelcome(withStorage({ halves: true, fill: "ff00" }, "f4"));
    expect(halves).toMatchObject({
      sources: [{ type: "f4", storage: { halves: true, fill: Uint8Array.of(0xff, 0) } }],
    });
    const source = { itemShape: [], varies: true, storage: undefined };
    expect(decodeWelcome(varying({}))).toMatchObject({ sources: [source] });
  });

  test("a lease that names an unknown source is refused", async () => {
    const bytes = frames()["lease"]!;
    const { tag } = await faultOf(() =>
      decodeLeases(readHeader(bytes), bytes, { count: 1, chunksPerRow: undefined }),
    );
    expect(tag).toBe("frame-bad");
  });

  test("times that are negative or no numbers are refused", async () => {
    for (const value of [-1, NaN, Infinity]) {
      const bytes = frames()["result"]!;
      new DataView(bytes.buffer).setFloat64(24 + 32, value, true);
      expect((await faultOf(() => DECODERS["result"]!(bytes))).tag).toBe("frame-bad");
    }
  });
});

/** Some bytes changed, cut, repeated or put in. */
function mutated(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  let frame = bytes.slice();
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(Math.max(1, frame.byteLength));
    switch (random.below(6)) {
      case 0:
        frame = frame.slice(0, at);
        break;
      case 1:
        frame = Uint8Array.from([...frame, ...frame.subarray(at)]);
        break;
      case 2:
        // Numbers that counts and lengths trip over.
        frame.set([0xff, 0xff, 0xff, random.below(2) * 0xff].slice(0, frame.byteLength - at), at);
        break;
      case 3:
        frame.set(
          [0xc1, 0xdd, 0xdf, 0xc9, 0xdb].slice(random.below(5)).slice(0, frame.byteLength - at),
          at,
        );
        break;
      default:
        if (frame.byteLength > 0) frame[at] = random.below(256);
    }
  }
  return frame;
}

/** What is in use after everything else was thrown away. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What comes of a message is of no interest; only that nothing worse does. */
function takes(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (thrown) {
    if (isEvbError(thrown, "frame-bad")) return false;
    throw thrown;
  }
}

describe("a mutated message", () => {
  test("is refused by its checksum; without one it is taken or refused as a bad frame, and takes no memory", () => {
    const random = new SeededRandom(20261120);
    const originals = Object.entries(frames());
    for (const [kind, bytes] of originals) if (HEADED.has(kind)) seal([bytes]);
    const counts = { changed: 0, byChecksum: 0, byDecoder: 0 };
    const rssBefore = process.memoryUsage().rss;
    let rssMax = 0;
    const before = usedBytes();
    for (let number = 0; number < sizes.fuzzFrames.frames; number++) {
      const [kind, bytes] = originals[number % originals.length]!;
      const changed = mutated(random, bytes);
      // A frame may come to any receiver.
      const decoder = random.below(4) === 0 ? KINDS[random.below(KINDS.length)]! : kind;
      try {
        if (HEADED.has(kind) && Buffer.compare(changed, bytes) !== 0) {
          counts.changed++;
          if (!takes(() => openMessage([changed]))) counts.byChecksum++;
        }
        if (!takes(() => DECODERS[decoder]!(changed))) counts.byDecoder++;
      } catch (thrown) {
        throw new Error(`frame ${String(number)} to ${decoder}: ${hex(changed)}`, {
          cause: thrown,
        });
      }
      if (number % 1000 === 0) rssMax = Math.max(rssMax, process.memoryUsage().rss);
    }
    // CRC-32 overlooks one of 4 × 10^9.
    expect(counts.byChecksum).toBe(counts.changed);
    expect(counts.changed).toBeGreaterThan(sizes.fuzzFrames.frames / 3);
    expect(counts.byDecoder).toBeGreaterThan(sizes.fuzzFrames.frames / 2);
    // Other tests may have run in this process.
    expect(rssMax - rssBefore).toBeLessThan(1e9);
    expect(usedBytes() - before).toBeLessThan(20e6);
  }, 600_000);
});
