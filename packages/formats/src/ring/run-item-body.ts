/** Whose layout of the body an item has; items of other types are the same in all versions. */
type BodyLayout = "v10" | "v11" | "v12";

/** When something happened: `offset` / `divisor` seconds into the run (v10 has no divisor: seconds). */
interface Times {
  readonly layout: BodyLayout;
  readonly divisor: number | undefined;
  /** Seconds since 1970. */
  readonly unixTime: number;
  /** v12 only: the source before builders. */
  readonly originalSource: number | undefined;
}

export interface StateChange extends Times {
  readonly kind: "state change";
  readonly run: number;
  readonly offset: number;
  readonly title: string;
}

export interface Text extends Times {
  readonly kind: "text";
  readonly offset: number;
  readonly strings: readonly string[];
}

export interface Scalers extends Times {
  readonly kind: "scalers";
  /** The interval, in the units of {@link Times}. */
  readonly begin: number;
  readonly end: number;
  readonly incremental: boolean;
  /** Type 21 of v10 only. */
  readonly stamp: bigint | undefined;
  readonly values: Uint32Array;
}

export interface EventCount extends Times {
  readonly kind: "event count";
  readonly offset: number;
  readonly events: bigint;
}

/** A body's words, and what else its layout needs. */
export interface BodyView {
  readonly view: DataView;
  readonly little: boolean;
  readonly v10: boolean;
}

/** The smallest body of each layout, and of state changes without a title the fixed part. */
const STATE_BYTES = { v10: 93, v11: 97, v12: 101 };

/** BEGIN_RUN to RESUME_RUN; undefined where the body is too short. */
export function decodeStateChange(body: BodyView): StateChange | undefined {
  const { view, little, v10 } = body;
  const bytes = view.byteLength;
  const layout = v10 ? "v10" : bytes < STATE_BYTES.v12 ? "v11" : "v12";
  if (bytes < STATE_BYTES[layout]) return undefined;
  const word = (at: number): number => view.getUint32(at, little);
  return {
    kind: "state change",
    layout,
    run: word(0),
    offset: word(4),
    unixTime: word(8),
    divisor: v10 ? undefined : word(12),
    originalSource: layout === "v12" ? word(16) : undefined,
    title: stringAt(view, { v10: 12, v11: 16, v12: 20 }[layout]),
  };
}

/** Up to its NUL, or to the end. */
function stringAt(view: DataView, at: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + at, view.byteLength - at);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

/** Type 20; undefined where their number doesn't fit the body. */
export function decodeScalers(body: BodyView): Scalers | undefined {
  const { view, little, v10 } = body;
  const bytes = view.byteLength;
  const word = (at: number): number => view.getUint32(at, little);
  const count = bytes < (v10 ? 16 : 24) ? NaN : word(v10 ? 12 : 16);
  const offset = bytes - 4 * count;
  const layout = v10 ? "v10" : offset === 28 ? "v12" : "v11";
  // Up to three bytes may pad an item; v12 is told from v11 by the exact size.
  const fixed = { v10: 16, v11: 24, v12: 28 }[layout];
  if (!(offset >= fixed && offset < fixed + 4)) return undefined;
  return {
    kind: "scalers",
    layout,
    begin: word(0),
    end: word(4),
    unixTime: word(8),
    divisor: v10 ? undefined : word(12),
    incremental: v10 || word(20) !== 0,
    originalSource: layout === "v12" ? word(24) : undefined,
    stamp: undefined,
    values: wordsAt(body, fixed, count),
  };
}

/** Type 21: stamp u64 | begin | end | divisor | unix time | count | scalers; its writer leaves one word too many. */
export function decodeStampedScalers(body: BodyView): Scalers | undefined {
  const { view, little } = body;
  const bytes = view.byteLength;
  const count = bytes < 28 ? NaN : view.getUint32(24, little);
  if (!(28 + 4 * count <= bytes)) return undefined;
  const word = (at: number): number => view.getUint32(at, little);
  return {
    kind: "scalers",
    layout: "v10",
    begin: word(8),
    end: word(12),
    divisor: word(16),
    unixTime: word(20),
    incremental: false,
    originalSource: undefined,
    stamp: view.getBigUint64(0, little),
    values: wordsAt(body, 28, count),
  };
}

function wordsAt({ view, little }: BodyView, at: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(at + 4 * i, little));
}

/** Type 31; undefined where the body is too short. */
export function decodeEventCount(body: BodyView): EventCount | undefined {
  const { view, little, v10 } = body;
  const bytes = view.byteLength;
  if (bytes < (v10 ? 16 : 20)) return undefined;
  const word = (at: number): number => view.getUint32(at, little);
  const layout = v10 ? "v10" : bytes < 24 ? "v11" : "v12";
  return {
    kind: "event count",
    layout,
    offset: word(0),
    divisor: v10 ? undefined : word(4),
    unixTime: word(v10 ? 4 : 8),
    originalSource: layout === "v12" ? word(12) : undefined,
    events: view.getBigUint64({ v10: 8, v11: 12, v12: 16 }[layout], little),
  };
}

/** Where the strings of a text item begin in its body. */
const STRINGS_OFFSET = { v10: 12, v11: 16, v12: 20 };

/**
 * Decodes the body of a text item, undefined where its strings don't add up. Of v11 and v12 that one is
 * right in which they fill the body: v12's source id in v11's first string would make strings too many.
 */
export function decodeText(body: BodyView): Text | undefined {
  const { view, little, v10 } = body;
  const layouts: BodyLayout[] = v10 ? ["v10"] : ["v11", "v12"];
  for (const layout of layouts) {
    const at = STRINGS_OFFSET[layout];
    if (view.byteLength < at) continue;
    const strings = stringsFrom(view, at, view.getUint32(8, little));
    if (strings === undefined) continue;
    return {
      kind: "text",
      layout,
      offset: view.getUint32(0, little),
      unixTime: view.getUint32(4, little),
      divisor: v10 ? undefined : view.getUint32(12, little),
      originalSource: layout === "v12" ? view.getUint32(16, little) : undefined,
      strings,
    };
  }
  return undefined;
}

/** So many strings, each with its NUL, if they fill the view up to at most three zeros. */
function stringsFrom(view: DataView, from: number, count: number): string[] | undefined {
  const bytes = Buffer.from(view.buffer, view.byteOffset + from, view.byteLength - from);
  const strings: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    strings.push(bytes.toString("utf8", at, end));
    at = end + 1;
  }
  const rest = bytes.subarray(at);
  return rest.length < 4 && rest.every((byte) => byte === 0) ? strings : undefined;
}
