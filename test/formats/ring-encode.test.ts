import { describe, expect, test } from "@jest/globals";
import {
  encodeAbnormalEnd,
  encodeBuiltEvent,
  encodeEventCount,
  encodeFragment,
  encodeFragmentItem,
  encodeGlomInfo,
  encodeGlomsUnknownPayload,
  encodeItem,
  encodeRingFormat,
  encodeScalers,
  encodeStampedScalers,
  encodeStateChange,
  encodeText,
  ITEM_TYPE,
  NULL_STAMP,
  ringLayout,
} from "@evb/formats";

// The bytes are written down from the tables of the specification, sections 2 and 3.

const V10 = ringLayout(10, true);
const V11 = ringLayout(11, true);
const V12 = ringLayout(12, true);
const V11_BIG = ringLayout(11, false);
const V12_BIG = ringLayout(12, false);

const HEADER = { stamp: 0x0102030405060708n, source: 5, barrier: 0 };
/** Body header of 20 bytes: stamp, source 5, no barrier. */
const HEADER_LE = "14000000 0807060504030201 05000000 00000000";
const HEADER_BE = "00000014 0102030405060708 00000005 00000000";
const BEGIN_HEADER = { stamp: NULL_STAMP, source: 5, barrier: 1 };
const BEGIN_HEADER_LE = "14000000 ffffffffffffffff 05000000 01000000";

/** Without the blanks that show the fields; `nn*k` is a byte k times. */
const bytes = (fields: string): string =>
  fields
    .replaceAll(/([0-9a-f]{2})\*(\d+)/g, (_, byte: string, times: string) =>
      byte.repeat(Number(times)),
    )
    .replaceAll(/\s/g, "");
const hex = (item: Uint8Array): string => Buffer.from(item).toString("hex");

// 1,700,000,000 s is 0x6553f100.
const TIME = { offset: 3, divisor: 2, unixTime: 1_700_000_000 };
const STATE = { ...TIME, type: ITEM_TYPE.BEGIN_RUN, run: 258, originalSource: 5, title: "hi" };
const SCALERS = {
  start: 1,
  end: 2,
  divisor: 4,
  unixTime: 1_700_000_000,
  isIncremental: true,
  originalSource: 5,
  values: [7, 0xffffffff],
};
const TEXT = {
  ...TIME,
  type: ITEM_TYPE.MONITORED_VARIABLES,
  originalSource: 5,
  strings: ["a=1", ""],
};
const COUNT = { ...TIME, originalSource: 5, events: 2n ** 32n + 1n };
const GLOM = { windowTicks: 2n ** 40n, isBuilding: true, policy: "average" } as const;

describe("state changes", () => {
  test.each([
    // 104 bytes: 81 of the title and 3 of padding.
    [
      "v10",
      encodeStateChange(V10, STATE, undefined),
      "68000000 01000000  02010000 03000000 00f15365 6869 00*82",
    ],
    [
      "v11, no header: 109",
      encodeStateChange(V11, STATE, undefined),
      "6d000000 01000000 00000000  02010000 03000000 00f15365 02000000 6869 00*79",
    ],
    [
      "v11, header: 125",
      encodeStateChange(V11, STATE, BEGIN_HEADER),
      `7d000000 01000000 ${BEGIN_HEADER_LE}  02010000 03000000 00f15365 02000000 6869 00*79`,
    ],
    [
      "v12, no header: 113",
      encodeStateChange(V12, STATE, undefined),
      "71000000 01000000 04000000  02010000 03000000 00f15365 02000000 05000000 6869 00*79",
    ],
    [
      "v12, header: 129",
      encodeStateChange(V12, STATE, BEGIN_HEADER),
      `81000000 01000000 ${BEGIN_HEADER_LE}  02010000 03000000 00f15365 02000000 05000000 6869 00*79`,
    ],
    [
      "v12, big-endian, END_RUN",
      encodeStateChange(V12_BIG, { ...STATE, type: 2 }, undefined),
      "00000071 00000002 00000004  00000102 00000003 6553f100 00000002 00000005 6869 00*79",
    ],
    [
      "PAUSE_RUN with the longest title",
      encodeStateChange(V11, { ...STATE, type: 3, title: "x".repeat(80) }, undefined),
      "6d000000 03000000 00000000  02010000 03000000 00f15365 02000000 78*80 00",
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });

  test("with a title of 81 bytes are a mistake of the caller", () => {
    expect(() => encodeStateChange(V12, { ...STATE, title: "x".repeat(81) }, undefined)).toThrow(
      "80 bytes",
    );
  });
});

describe("texts", () => {
  test.each([
    [
      "v10",
      encodeText(V10, TEXT, undefined),
      "19000000 0b000000  03000000 00f15365 02000000 613d3100 00",
    ],
    [
      "v11",
      encodeText(V11, TEXT, HEADER),
      `31000000 0b000000 ${HEADER_LE}  03000000 00f15365 02000000 02000000 613d3100 00`,
    ],
    [
      "v12",
      encodeText(V12, { ...TEXT, type: 10 }, undefined),
      "25000000 0a000000 04000000  03000000 00f15365 02000000 02000000 05000000 613d3100 00",
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });
});

describe("scalers", () => {
  test.each([
    [
      "v10",
      encodeScalers(V10, SCALERS, undefined),
      "20000000 14000000  01000000 02000000 00f15365 02000000 07000000 ffffffff",
    ],
    [
      "v11",
      encodeScalers(V11, SCALERS, undefined),
      "2c000000 14000000 00000000  01000000 02000000 00f15365 04000000 02000000 01000000 07000000 ffffffff",
    ],
    [
      "v12, not incremental",
      encodeScalers(V12, { ...SCALERS, isIncremental: false }, HEADER),
      `40000000 14000000 ${HEADER_LE}  01000000 02000000 00f15365 04000000 02000000 00000000 05000000 07000000 ffffffff`,
    ],
    [
      "v11, big-endian",
      encodeScalers(V11_BIG, SCALERS, HEADER),
      `0000003c 00000014 ${HEADER_BE}  00000001 00000002 6553f100 00000004 00000002 00000001 00000007 ffffffff`,
    ],
    [
      "v10's with a time stamp, one u32 too long",
      encodeStampedScalers(V10, { ...SCALERS, stamp: HEADER.stamp }),
      "30000000 15000000  0807060504030201 01000000 02000000 04000000 00f15365 02000000 07000000 ffffffff 00000000",
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });
});

describe("event counts", () => {
  test.each([
    [
      "v10",
      encodeEventCount(V10, COUNT, undefined),
      "18000000 1f000000  03000000 00f15365 0100000001000000",
    ],
    [
      "v11",
      encodeEventCount(V11, COUNT, undefined),
      "20000000 1f000000 00000000  03000000 02000000 00f15365 0100000001000000",
    ],
    [
      "v12",
      encodeEventCount(V12, COUNT, HEADER),
      `34000000 1f000000 ${HEADER_LE}  03000000 02000000 00f15365 05000000 0100000001000000`,
    ],
    [
      "v12, big-endian",
      encodeEventCount(V12_BIG, COUNT, undefined),
      "00000024 0000001f 00000004  00000003 00000002 6553f100 00000005 0000000100000001",
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });
});

describe("items that never have a body header", () => {
  test.each([
    ["ABNORMAL_ENDRUN", encodeAbnormalEnd(V12), "0c000000 05000000 04000000"],
    [
      "RING_FORMAT",
      encodeRingFormat(V12, { major: 12, minor: 0 }),
      "10000000 0c000000 04000000 0c00 0000",
    ],
    [
      "RING_FORMAT as glom 12 writes it",
      encodeRingFormat({ ...V12, headerlessWord: 0 }, { major: 12, minor: 0 }),
      "10000000 0c000000 00000000 0c00 0000",
    ],
    [
      "RING_FORMAT, big-endian",
      encodeRingFormat(V11_BIG, { major: 11, minor: 3 }),
      "00000010 0000000c 00000000 000b 0003",
    ],
    [
      "EVB_GLOM_INFO",
      encodeGlomInfo(V11, GLOM),
      "18000000 2a000000 00000000 0000000000010000 0100 0200",
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });

  test.each([
    ["ABNORMAL_ENDRUN", () => encodeAbnormalEnd(V10)],
    ["RING_FORMAT", () => encodeRingFormat(V10, { major: 10, minor: 0 })],
    ["EVB_GLOM_INFO", () => encodeGlomInfo(V10, GLOM)],
  ])("%s isn't there in version 10", (type, encode) => {
    expect(encode).toThrow(`NSCLDAQ 10 has no ${type}`);
  });

  test("scalers with a time stamp are there in version 10 alone", () => {
    expect(() => encodeStampedScalers(V11, { ...SCALERS, stamp: 0n })).toThrow("only NSCLDAQ 10");
  });
});

const BODY = Uint8Array.of(0xaa, 0xbb);

describe("bodies of any kind", () => {
  const extension = Uint8Array.of(1, 2, 3);
  test.each([
    ["v10", encodeItem(V10, 30, BODY, undefined), "0a000000 1e000000 aabb"],
    ["v10 has no body headers", encodeItem(V10, 30, BODY, HEADER), "0a000000 1e000000 aabb"],
    ["v11", encodeItem(V11, 30, BODY, undefined), "0e000000 1e000000 00000000 aabb"],
    ["v12", encodeItem(V12, 30, BODY, HEADER), `1e000000 1e000000 ${HEADER_LE} aabb`],
    [
      "an extension counts as the header's",
      encodeItem(V12, 0x8001, BODY, { ...HEADER, extension }),
      "21000000 01800000 17000000 0807060504030201 05000000 00000000 010203 aabb",
    ],
    [
      "big-endian",
      encodeItem(V12_BIG, 0x8001, BODY, { ...HEADER, extension }),
      "00000021 00008001 00000017 0102030405060708 00000005 00000000 010203 aabb",
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });
});

/** A raw event of 14 bytes, version 11. */
const RAW = "0e000000 1e000000 00000000 aabb";
const FRAGMENT = { ...HEADER, barrier: 3, payload: encodeItem(V11, 30, BODY, undefined) };
const FRAGMENT_LE = `0807060504030201 05000000 0e000000 03000000  ${RAW}`;

describe("fragments", () => {
  test.each([
    ["header and payload", encodeFragment(V11, FRAGMENT), FRAGMENT_LE],
    [
      "big-endian",
      encodeFragment(V11_BIG, { ...FRAGMENT, payload: BODY }),
      "0102030405060708 00000005 00000002 00000003 aabb",
    ],
    [
      "EVB_FRAGMENT of v10",
      encodeFragmentItem(V10, ITEM_TYPE.EVB_FRAGMENT, FRAGMENT),
      `2a000000 28000000 ${FRAGMENT_LE}`,
    ],
    [
      "EVB_FRAGMENT of v11",
      encodeFragmentItem(V11, ITEM_TYPE.EVB_FRAGMENT, FRAGMENT),
      `2a000000 28000000 14000000 0807060504030201 05000000 03000000 ${RAW}`,
    ],
    [
      "EVB_UNKNOWN_PAYLOAD of the library",
      encodeFragmentItem(V12, ITEM_TYPE.EVB_UNKNOWN_PAYLOAD, FRAGMENT),
      `2a000000 29000000 14000000 0807060504030201 05000000 03000000 ${RAW}`,
    ],
    [
      "EVB_UNKNOWN_PAYLOAD of glom",
      encodeGlomsUnknownPayload(V12, FRAGMENT),
      `2a000000 29000000 ${FRAGMENT_LE}`,
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });
});

describe("built events", () => {
  const second = { stamp: 9n, source: 6, barrier: 0, payload: FRAGMENT.payload };
  const SECOND_LE = `0900000000000000 06000000 0e000000 00000000  ${RAW}`;
  // Two fragments of 20 + 14 bytes and the count: 72 = 0x48; with 28 in front: 100 = 0x64.
  const BUILT = `64000000 1e000000 ${HEADER_LE}  48000000 ${FRAGMENT_LE} ${SECOND_LE}`;
  const built = encodeBuiltEvent(V11, [FRAGMENT, second], HEADER);

  test.each([
    ["two fragments", built, BUILT],
    ["none", encodeBuiltEvent(V12, [], HEADER), `20000000 1e000000 ${HEADER_LE}  04000000`],
    // 8 + 72 = 80 = 0x50.
    [
      "v10: no body header",
      encodeBuiltEvent(V10, [FRAGMENT, second], undefined),
      `50000000 1e000000  48000000 ${FRAGMENT_LE} ${SECOND_LE}`,
    ],
    [
      "v12 without body header",
      encodeBuiltEvent(V12, [second], undefined),
      `32000000 1e000000 04000000  26000000 ${SECOND_LE}`,
    ],
    // The inner event of 100 bytes as payload: 4 + 20 + 100 = 124 = 0x7c, 152 = 0x98.
    [
      "nested",
      encodeBuiltEvent(V11, [{ stamp: 8n, source: 1, barrier: 0, payload: built }], HEADER),
      `98000000 1e000000 ${HEADER_LE}  7c000000 0800000000000000 01000000 64000000 00000000  ${BUILT}`,
    ],
    [
      "big-endian",
      encodeBuiltEvent(V12_BIG, [{ ...second, payload: BODY }], HEADER),
      `00000036 0000001e ${HEADER_BE}  0000001a 0000000000000009 00000006 00000002 00000000 aabb`,
    ],
  ])("%s", (_, item, fields) => {
    expect(hex(item)).toBe(bytes(fields));
  });
});
