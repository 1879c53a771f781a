import type { Cursor } from "./cursor.ts";
import type { Metadata } from "./metadata.ts";

/** Messages of a data set's object header that say where its bytes are (IV.A.2 of the specification). */
export const MESSAGE = {
  FILL_VALUE_OLD: 0x04,
  FILL_VALUE: 0x05,
  EXTERNAL_FILES: 0x07,
  LAYOUT: 0x08,
  FILTER_PIPELINE: 0x0b,
} as const;
const CONTINUATION = 0x10;
const WANTED: ReadonlySet<number> = new Set([...Object.values(MESSAGE), CONTINUATION]);
/** All blocks of one object header: a message has 64 KiB at most, and attributes by the hundred stand elsewhere. */
const HEADER_BYTES_MAX = 16 * 2 ** 20;

export interface Message {
  /** Its body. */
  readonly cursor: Cursor;
  /** The body only says where in the file the message is. */
  readonly shared: boolean;
}

/** Where messages stand, and how each of them begins. */
interface MessageBlock {
  readonly cursor: Cursor;
  /** Behind the last message. */
  readonly end: number;
  readonly version: 1 | 2;
  /** Version 2 may number its messages. */
  readonly numbered: boolean;
}

/**
 * The messages of an object header by type, the first of each. Continuations are followed, each once.
 *
 *     version 1:  1 | 0 | messages 2 | references 4 | bytes 4 | 0 4 || messages
 *     version 2:  OHDR | 2 | flags 1 | times 16? | phase change 4? | bytes 1, 2, 4 or 8 || messages | checksum 4
 *     a message:  type 2 | bytes 2 | flags 1 | 0 3 || body          (version 1)
 *                 type 1 | bytes 2 | flags 1 | number 2? || body    (version 2)
 *
 * Source: HDF5 File Format Specification 3.0, IV.A ("Data Object Headers"), IV.A.2.q ("Continuation Message").
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function readMessages(metadata: Metadata, address: number): Map<number, Message> {
  const found = new Map<number, Message>();
  const first = firstBlock(metadata, address);
  const open = [first];
  const seen = new Set<number>();
  let bytes = 0;
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    bytes += block.end;
    if (bytes > HEADER_BYTES_MAX) throw block.cursor.damaged("the object header is too long");
    for (const { type, message } of messagesIn(block)) {
      if (type !== CONTINUATION) {
        if (!found.has(type)) found.set(type, message);
        continue;
      }
      const there = message.cursor.address();
      if (seen.has(there)) throw message.cursor.damaged("the object header continues in a circle");
      seen.add(there);
      open.push(continuation(metadata, first, there, message.cursor.length()));
    }
  }
  return found;
}

function firstBlock(metadata: Metadata, address: number): MessageBlock {
  const head = metadata.block(address, 16);
  if (head.u8() === 1) {
    head.skip(7);
    const bytes = head.u32();
    const cursor = metadata.block(address + 16, bytes);
    return { cursor, end: bytes, version: 1, numbered: false };
  }
  head.skip(4);
  const flags = head.u8();
  const prefix = 6 + ((flags & 0x20) === 0 ? 0 : 16) + ((flags & 0x10) === 0 ? 0 : 4);
  const width = 1 << (flags & 3);
  const bytes = metadata.block(address + prefix, width).uint(width);
  const cursor = metadata.checkedBlock(address, prefix + width + bytes + 4, "OHDR");
  cursor.at = prefix + width;
  return { cursor, end: cursor.at + bytes, version: 2, numbered: (flags & 4) !== 0 };
}

function continuation(
  metadata: Metadata,
  first: MessageBlock,
  address: number,
  bytes: number,
): MessageBlock {
  if (first.version === 1) return { ...first, cursor: metadata.block(address, bytes), end: bytes };
  if (bytes < 8) throw metadata.damaged(address, "the object header continues in too few bytes");
  return { ...first, cursor: metadata.checkedBlock(address, bytes, "OCHK"), end: bytes - 4 };
}

/** The wanted ones. */
function* messagesIn(block: MessageBlock): Generator<{ type: number; message: Message }> {
  const { cursor, end, version, numbered } = block;
  const prefix = version === 1 ? 8 : numbered ? 6 : 4;
  // What is left at the end and too small for a message is a gap.
  while (cursor.at + prefix <= end) {
    const behind = cursor.at + prefix;
    const type = version === 1 ? cursor.u16() : cursor.u8();
    const bytes = cursor.u16();
    const flags = cursor.u8();
    if (behind + bytes > end) throw cursor.damaged("a message is longer than its object header");
    cursor.at = behind;
    if (!WANTED.has(type)) cursor.skip(bytes);
    else yield { type, message: { cursor: cursor.part(bytes), shared: (flags & 2) !== 0 } };
  }
}
