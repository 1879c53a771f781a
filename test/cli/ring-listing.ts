import {
  type FragmentBytes,
  type Header,
  NO_STAMP,
  type RingBytes,
  TYPES,
} from "../support/ring-bytes.ts";

/**
 * Runs as people write them on a blackboard. `2@1000:b` is a raw event of source 2 with time stamp 1000 and
 * the text b in it; `[1@1000 2@1001]` the same two built; `scaler 2@1000`, `begin 1`, `pause 1@1000` run items.
 */
export function eventOf(ring: RingBytes, text: string): Buffer {
  const { source, stamp, label } = partsOf(text);
  const body = Buffer.from(label.length % 2 === 0 ? label : `${label} `);
  // Formatters put the number of 16-bit words in front, these two included.
  const words = ring.u32(2 + body.length / 2);
  return ring.physics({ stamp, source }, Buffer.concat([words, body]));
}

export const pieceOf = (ring: RingBytes, text: string): FragmentBytes => {
  const { source, stamp } = partsOf(text);
  return { stamp, source, payload: eventOf(ring, text) };
};

/** The built event's own stamp and source are of a builder called 99, to be seen if they come through. */
export const builtOf = (ring: RingBytes, texts: string): Buffer =>
  ring.built(
    { stamp: 1n, source: 99 },
    texts.split(" ").map((text) => pieceOf(ring, text)),
  );

/** Several raw events. */
export const rawOf = (ring: RingBytes, texts: string): Buffer[] =>
  texts.split(" ").map((text) => eventOf(ring, text));

export function headOf(text: string, barrier = 0): Header {
  const { stamp, source } = partsOf(text);
  return { stamp, source, barrier };
}

function partsOf(text: string): { source: number; stamp: bigint; label: string } {
  const found = /^(\d+)@(\d+|null)(?::(.*))?$/.exec(text);
  if (found === null) throw new Error(`not a fragment: ${text}`);
  const [, source, stamp, label = "data"] = found;
  return {
    source: Number(source),
    stamp: stamp === "null" ? NO_STAMP : BigInt(stamp!),
    label,
  };
}

const NAMES = new Map<number, string>(Object.entries(TYPES).map(([name, type]) => [type, name]));

/** What an output of version 11 or 12 says, one line an item; physics as `[stamp: source@stamp:text …]`. */
export function listingOf(items: readonly Buffer[]): string[] {
  return items.map((item) => {
    const type = item.readUInt32LE(4);
    if (type === TYPES.PHYSICS_EVENT) return eventLine(item);
    const name = NAMES.get(type) ?? String(type);
    if (item.length < 28 || item.readUInt32LE(8) < 20) return name;
    return `${name} ${String(item.readUInt32LE(20))}@${stampOf(item, 12)}`;
  });
}

function eventLine(item: Buffer): string {
  const body = 8 + item.readUInt32LE(8);
  const fragments: string[] = [];
  for (let at = body + 4; at < item.length; at += 20 + item.readUInt32LE(at + 12)) {
    const payload = item.subarray(at + 20, at + 20 + item.readUInt32LE(at + 12));
    fragments.push(`${String(item.readUInt32LE(at + 8))}@${stampOf(item, at)}${labelOf(payload)}`);
  }
  return `[${stampOf(item, 12)}: ${fragments.join(" ")}]`;
}

function labelOf(payload: Buffer): string {
  if (payload.readUInt32LE(4) !== TYPES.PHYSICS_EVENT)
    return `:type ${String(payload.readUInt32LE(4))}`;
  const word = payload.readUInt32LE(8);
  const text = payload
    .subarray(8 + Math.max(4, word) + 4)
    .toString("latin1")
    .trim();
  return text === "data" ? "" : `:${text}`;
}

function stampOf(item: Buffer, at: number): string {
  const stamp = item.readBigUInt64LE(at);
  return stamp === NO_STAMP ? "null" : String(stamp);
}
