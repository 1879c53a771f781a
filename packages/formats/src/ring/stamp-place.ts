/** Where events without body header keep their time stamp. */
export interface StampPlace {
  /** From the beginning of the event's body. */
  readonly offsetBytes: number;
  /** 2, 4, 6 or 8. */
  readonly bytes: number;
  readonly littleEndian: boolean;
}

/** `OFFSET:u64le`, also u16, u32, u48 and be; undefined where the text is none. */
export function parseStampPlace(text: string): StampPlace | undefined {
  const [, offset, bits, order] = /^(\d+):u(16|32|48|64)(le|be)$/.exec(text) ?? [];
  const offsetBytes = Number(offset);
  if (offset === undefined || offsetBytes > 2 ** 32) return undefined;
  return { offsetBytes, bytes: Number(bits) / 8, littleEndian: order === "le" };
}

/** The stamp in a body from `body` to `end`; undefined where that is too short. */
export function stampIn(
  view: DataView,
  body: number,
  end: number,
  { offsetBytes, bytes, littleEndian }: StampPlace,
): bigint | undefined {
  const at = body + offsetBytes;
  if (at + bytes > end) return undefined;
  let stamp = 0n;
  for (let i = 0; i < bytes; i++) {
    const byte = view.getUint8(littleEndian ? at + bytes - 1 - i : at + i);
    stamp = (stamp << 8n) | BigInt(byte);
  }
  return stamp;
}
