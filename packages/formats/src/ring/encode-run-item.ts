import assert from "node:assert/strict";
import { assertNotV10, emptyItem, type HeaderToWrite, type RingLayout } from "./encode.ts";
import { ITEM_TYPE } from "./item-type.ts";

/** When something was, in a run: offset / divisor = seconds since its begin. */
interface RunTime {
  readonly offset: number;
  /** From version 11 on. */
  readonly divisor: number;
  /** Seconds since 1970. */
  readonly unixTime: number;
}

export interface StateChange extends RunTime {
  readonly type: 1 | 2 | 3 | 4;
  readonly run: number;
  /** From version 12 on. */
  readonly originalSource: number;
  /** At most {@link TITLE_BYTES_MAX} bytes. */
  readonly title: string;
}

export interface TextItem extends RunTime {
  readonly type: typeof ITEM_TYPE.PACKET_TYPES | typeof ITEM_TYPE.MONITORED_VARIABLES;
  readonly originalSource: number;
  readonly strings: readonly string[];
}

export interface Scalers {
  /** Offsets of the interval's begin and end. */
  readonly start: number;
  readonly end: number;
  readonly divisor: number;
  readonly unixTime: number;
  /** From version 11 on; those of 10 always are. */
  readonly isIncremental: boolean;
  readonly originalSource: number;
  /** u32 each. */
  readonly values: readonly number[];
}

export interface EventCount extends RunTime {
  readonly originalSource: number;
  readonly events: bigint;
}

export interface GlomInfo {
  readonly windowTicks: bigint;
  readonly isBuilding: boolean;
  readonly policy: "first" | "last" | "average";
}

/** The field has one more, for the zero. */
const TITLE_BYTES_MAX = 80;
/** Of version 10, whose compiler aligned the structure. */
const V10_TITLE_PADDING_BYTES = 3;
const POLICIES: readonly GlomInfo["policy"][] = ["first", "last", "average"];

/** BEGIN_RUN, END_RUN, PAUSE_RUN, RESUME_RUN. */
export function encodeStateChange(
  layout: RingLayout,
  item: StateChange,
  header: HeaderToWrite | undefined,
): Uint8Array {
  const title = Buffer.from(item.title);
  assert.ok(title.byteLength <= TITLE_BYTES_MAX, "a title has at most 80 bytes");
  const { version } = layout;
  const words = [
    item.run,
    item.offset,
    item.unixTime,
    ...(version > 10 ? [item.divisor] : []),
    ...(version > 11 ? [item.originalSource] : []),
  ];
  const titleBytes = TITLE_BYTES_MAX + 1 + (version > 10 ? 0 : V10_TITLE_PADDING_BYTES);
  const { bytes, tailAt } = encodeWords(layout, item.type, header, words, titleBytes);
  bytes.set(title, tailAt);
  return bytes;
}

/** What glom ends a run with whose END_RUN it didn't see. */
export function encodeAbnormalEnd(layout: RingLayout): Uint8Array {
  assertNotV10(layout, "ABNORMAL_ENDRUN");
  return encodeWords(layout, ITEM_TYPE.ABNORMAL_ENDRUN, undefined, [], 0).bytes;
}

/** PACKET_TYPES, MONITORED_VARIABLES: strings back to back, each with a zero behind it. */
export function encodeText(
  layout: RingLayout,
  item: TextItem,
  header: HeaderToWrite | undefined,
): Uint8Array {
  const text = Buffer.from(item.strings.map((string) => `${string}\0`).join(""));
  const words = [
    item.offset,
    item.unixTime,
    item.strings.length,
    ...(layout.version > 10 ? [item.divisor] : []),
    ...(layout.version > 11 ? [item.originalSource] : []),
  ];
  const { bytes, tailAt } = encodeWords(layout, item.type, header, words, text.byteLength);
  bytes.set(text, tailAt);
  return bytes;
}

/** RING_FORMAT: the version of the writer. It never has a body header. */
export function encodeRingFormat(
  layout: RingLayout,
  { major, minor }: { major: number; minor: number },
): Uint8Array {
  assertNotV10(layout, "RING_FORMAT");
  const { bytes, view, bodyAt } = emptyItem(layout, ITEM_TYPE.RING_FORMAT, 4, undefined);
  view.setUint16(bodyAt, major, layout.littleEndian);
  view.setUint16(bodyAt + 2, minor, layout.littleEndian);
  return bytes;
}

/** PERIODIC_SCALERS; in version 10 they are called INCREMENTAL_SCALERS. */
export function encodeScalers(
  layout: RingLayout,
  item: Scalers,
  header: HeaderToWrite | undefined,
): Uint8Array {
  const { version } = layout;
  const words = [
    item.start,
    item.end,
    item.unixTime,
    ...(version > 10 ? [item.divisor] : []),
    item.values.length,
    ...(version > 10 ? [Number(item.isIncremental)] : []),
    ...(version > 11 ? [item.originalSource] : []),
    ...item.values,
  ];
  return encodeWords(layout, ITEM_TYPE.PERIODIC_SCALERS, header, words, 0).bytes;
}

/**
 * TIMESTAMPED_NONINCR_SCALERS of version 10:
 *
 *     stamp u64 | start | end | divisor | unix time | count | scalers | one u32 too many
 */
export function encodeStampedScalers(
  layout: RingLayout,
  item: Omit<Scalers, "isIncremental" | "originalSource"> & { readonly stamp: bigint },
): Uint8Array {
  assert.equal(layout.version, 10, "only NSCLDAQ 10 has TIMESTAMPED_NONINCR_SCALERS");
  const { start, end, divisor, unixTime, values } = item;
  // The writer's structure already holds one scaler when room for all of them is added.
  const words = [0, 0, start, end, divisor, unixTime, values.length, ...values, 0];
  const type = ITEM_TYPE.TIMESTAMPED_NONINCR_SCALERS;
  const { bytes, view, bodyAt } = encodeWords(layout, type, undefined, words, 0);
  view.setBigUint64(bodyAt, item.stamp, layout.littleEndian);
  return bytes;
}

/** PHYSICS_EVENT_COUNT: how many events there were so far. */
export function encodeEventCount(
  layout: RingLayout,
  item: EventCount,
  header: HeaderToWrite | undefined,
): Uint8Array {
  const words = [
    item.offset,
    ...(layout.version > 10 ? [item.divisor] : []),
    item.unixTime,
    ...(layout.version > 11 ? [item.originalSource] : []),
  ];
  const type = ITEM_TYPE.PHYSICS_EVENT_COUNT;
  const { bytes, view, tailAt } = encodeWords(layout, type, header, words, 8);
  view.setBigUint64(tailAt, item.events, layout.littleEndian);
  return bytes;
}

/** EVB_GLOM_INFO: how a run was built. It never has a body header. */
export function encodeGlomInfo(layout: RingLayout, item: GlomInfo): Uint8Array {
  assertNotV10(layout, "EVB_GLOM_INFO");
  const { bytes, view, bodyAt } = emptyItem(layout, ITEM_TYPE.EVB_GLOM_INFO, 12, undefined);
  view.setBigUint64(bodyAt, item.windowTicks, layout.littleEndian);
  view.setUint16(bodyAt + 8, Number(item.isBuilding), layout.littleEndian);
  view.setUint16(bodyAt + 10, POLICIES.indexOf(item.policy), layout.littleEndian);
  return bytes;
}

/** Most bodies are u32s, and a tail that the caller writes. */
function encodeWords(
  layout: RingLayout,
  type: number,
  header: HeaderToWrite | undefined,
  words: readonly number[],
  tailBytes: number,
): { bytes: Uint8Array; view: DataView; bodyAt: number; tailAt: number } {
  const tailOffset = 4 * words.length;
  const item = emptyItem(layout, type, tailOffset + tailBytes, header);
  for (const [row, word] of words.entries())
    item.view.setUint32(item.bodyAt + 4 * row, word, layout.littleEndian);
  return { ...item, tailAt: item.bodyAt + tailOffset };
}
