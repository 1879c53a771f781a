import type { Cursor } from "./cursor.ts";
import { MESSAGE, type Message } from "./object-header.ts";

/**
 * Decodes what elements have that nobody wrote.
 *
 *     old message:   bytes 4 | value
 *     version 1, 2:  version 1 | when to allocate 1 | when to write 1 | defined 1 | bytes 4 | value
 *     version 3:     version 1 | flags 1 | bytes 4, value (where flag 0x20 is set)
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.e and IV.A.2.f ("Fill Value (Old) Message", "Fill Value Message").
 *
 * @returns (elementBytes), as stored; undefined for zeros, the default
 * @throws EvbError "hdf5-storage-damaged"
 */
export function decodeFillValue(
  messages: ReadonlyMap<number, Message>,
  elementBytes: number,
): Uint8Array | undefined {
  const message = messages.get(MESSAGE.FILL_VALUE);
  const old = messages.get(MESSAGE.FILL_VALUE_OLD)?.cursor;
  const cursor = message === undefined ? old : valueOf(message.cursor);
  if (cursor === undefined) return undefined;
  const bytes = cursor.u32();
  if (bytes === 0) return undefined;
  if (bytes !== elementBytes) throw cursor.damaged("the fill value is no element");
  return cursor.part(bytes).bytes.slice();
}

/** The message's cursor at its value's size, or undefined where it has no value. */
function valueOf(cursor: Cursor): Cursor | undefined {
  const version = cursor.u8();
  if (version < 1 || version > 3)
    throw cursor.damaged(`${String(version)} is no version of a fill value message`);
  if (version === 3) return (cursor.u8() & 0x20) === 0 ? undefined : cursor;
  cursor.skip(2);
  return cursor.u8() === 0 ? undefined : cursor;
}
