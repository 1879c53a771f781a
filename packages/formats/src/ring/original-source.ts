import { HEADERLESS_BODY_OFFSET, isLittleEndian } from "./head.ts";
import { ITEM_TYPE, isStateChange } from "./item-type.ts";

/** Bodies of NSCLDAQ 12 are these sizes, or up to three padding bytes more. */
const STATE_BODY_BYTES = 101;
const COUNT_BODY_BYTES = 24;
const SCALERS_OFFSET = 28;
const TEXT_OFFSET = 20;

/**
 * What a v12 item without body header says of the source that it came from; undefined where its
 * layout has no such field.
 *
 * @param item the whole item
 */
export function originalSourceOf(item: DataView, v10: boolean): number | undefined {
  if (v10) return undefined;
  const little = isLittleEndian(item, 0);
  const body = HEADERLESS_BODY_OFFSET;
  const bytes = item.byteLength - body;
  const type = item.getUint32(4, little);
  const word = (at: number): number => item.getUint32(body + at, little);
  if (isStateChange(type)) return bytes >= STATE_BODY_BYTES ? word(16) : undefined;
  if (type === ITEM_TYPE.PHYSICS_EVENT_COUNT)
    return bytes >= COUNT_BODY_BYTES ? word(12) : undefined;
  if (type === ITEM_TYPE.PERIODIC_SCALERS)
    return bytes >= SCALERS_OFFSET && bytes === SCALERS_OFFSET + 4 * word(16)
      ? word(24)
      : undefined;
  if (type === ITEM_TYPE.PACKET_TYPES || type === ITEM_TYPE.MONITORED_VARIABLES)
    return bytes >= TEXT_OFFSET && stringsFit(item, body + TEXT_OFFSET, word(8))
      ? word(16)
      : undefined;
  return undefined;
}

/** Whether so many strings, each with its NUL, fill the rest of an item. */
function stringsFit(item: DataView, at: number, strings: number): boolean {
  let found = 0;
  for (let i = at; i < item.byteLength; i++) found += +(item.getUint8(i) === 0);
  const ends = at === item.byteLength || item.getUint8(item.byteLength - 1) === 0;
  return found === strings && ends;
}
