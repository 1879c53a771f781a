import { fault } from "../faults.ts";

/** Ours are three deep. */
const DEPTH_MAX = 16;

/** Bytes of the value behind a first byte from 0xc0, where that byte says it all. */
const FIXED: Readonly<Record<number, number>> = {
  0xc0: 0, // nil
  0xc2: 0, // false
  0xc3: 0, // true
  0xca: 4, // float 32
  0xcb: 8,
  0xcc: 1, // unsigned 8 … 64
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1, // signed 8 … 64
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

/**
 * Makes sure, before anything is made of them, that bytes are one msgpack value of maps, lists,
 * texts and numbers, and that no length in it is longer than what follows. A decoder believes a list
 * of five bytes that says it has 2^25 items, and takes 256 MB for it; extensions can be anything.
 *
 * @throws EvbError "frame-bad"
 */
export function checkMsgpack(what: string, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const need = (count: number): number => {
    const begin = at;
    if (count > bytes.byteLength - at)
      throw fault("frame-bad", { what, reason: "it is shorter than it says" });
    at += count;
    return begin;
  };
  const value = (depth: number): void => {
    if (depth > DEPTH_MAX) throw fault("frame-bad", { what, reason: "it is nested too deep" });
    const items = itemsOf(view.getUint8(need(1)));
    if (items > bytes.byteLength - at)
      throw fault("frame-bad", { what, reason: "it is shorter than it says" });
    for (let item = 0; item < items; item++) value(depth + 1);
  };
  /** Values in the one that begins so; of a text or number none, and its bytes are passed. */
  const itemsOf = (code: number): number => {
    if (code <= 0x7f || code >= 0xe0) return 0;
    if (code <= 0x8f) return 2 * (code & 0x0f);
    if (code <= 0x9f) return code & 0x0f;
    if (code <= 0xbf) {
      need(code & 0x1f);
      return 0;
    }
    switch (code) {
      case 0xd9:
        need(view.getUint8(need(1)));
        return 0;
      case 0xda:
        need(view.getUint16(need(2)));
        return 0;
      case 0xdb:
        need(view.getUint32(need(4)));
        return 0;
      case 0xdc:
        return view.getUint16(need(2));
      case 0xdd:
        return view.getUint32(need(4));
      case 0xde:
        return 2 * view.getUint16(need(2));
      case 0xdf:
        return 2 * view.getUint32(need(4));
      case 0xd4:
        // msgpackr writes what is undefined as extension 0 of one byte.
        if (view.getUint16(need(2)) === 0) return 0;
        throw fault("frame-bad", { what, reason: "it has an extension" });
      default: {
        const fixed = FIXED[code];
        if (fixed === undefined)
          throw fault("frame-bad", { what, reason: "it is no map, list, text or number" });
        need(fixed);
        return 0;
      }
    }
  };
  value(0);
  if (at !== bytes.byteLength)
    throw fault("frame-bad", { what, reason: "it is longer than it says" });
}
