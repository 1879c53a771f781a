import { HDF5_SIGNATURE, lookup3 } from "@evb/formats";

// HDF5 metadata byte by byte, of the kinds that h5wasm doesn't write. Addresses and lengths have 4 bytes.

/** "Undefined address". */
export const NONE = 0xffffffff;

export const u8 = (...values: number[]): Buffer => Buffer.from(values);
export const u16 = (...values: number[]): Buffer => Buffer.from(Uint16Array.from(values).buffer);
export const u32 = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (...values: number[]): Buffer =>
  Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer);

/** A superblock of version 1: 64 bytes up to its root group's entry, which nobody looks at here. */
export const superblock1 = (): Buffer =>
  Buffer.concat([
    HDF5_SIGNATURE,
    u8(1, 0, 0, 0, 0, 4, 4, 0), // versions; addresses and lengths of 4 bytes
    u16(4, 16), // group leaves and nodes
    u32(0), // consistency flags
    u16(32, 0), // chunk B-tree nodes
    u32(0, NONE, 0, NONE), // base address, free space, end of file, driver
    Buffer.alloc(20),
  ]);

/** One message of a version 1 object header, padded to a multiple of 8. */
export function message(type: number, body: Buffer, flags = 0): Buffer {
  const padding = Buffer.alloc((8 - (body.length % 8)) % 8);
  const bytes = body.length + padding.length;
  return Buffer.concat([u16(type, bytes), u8(flags, 0, 0, 0), body, padding]);
}

/** An object header of version 1. */
export function objectHeader1(...messages: Buffer[]): Buffer {
  const body = Buffer.concat(messages);
  return Buffer.concat([u8(1, 0), u16(messages.length), u32(1, body.length, 0), body]);
}

/** One chunk of a version 1 B-tree: where it begins, in elements, and where it is. */
interface Entry {
  readonly at: readonly number[];
  readonly stored: number;
  readonly mask?: number;
  readonly address: number;
}

/** A node of a version 1 B-tree. */
export const btree1Node = (level: number, entries: readonly Entry[]): Buffer =>
  Buffer.concat([
    Buffer.from("TREE"),
    u8(1, level),
    u16(entries.length),
    u32(NONE, NONE),
    ...entries.flatMap(({ at, stored, mask, address }) => [
      u32(stored, mask ?? 0),
      u64(...at, 0),
      u32(address),
    ]),
    Buffer.alloc(8 + 8 * ((entries[0]?.at.length ?? 0) + 1)),
  ]);

/** The longest block that is looked for: HDF5's B-tree nodes have 2 kB. */
const BLOCK_BYTES_MAX = 3000;

/** Where a file has blocks with a checksum: from their signature to where the checksum begins. */
export const checkedBlocks = (file: Buffer): { start: number; end: number }[] =>
  SIGNATURES.flatMap((signature) => blocksOf(file, signature));

function blocksOf(file: Buffer, signature: Buffer): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  /** Most blocks of a kind have a length that another one has. */
  const lengths = new Set<number>();
  for (
    let start = file.indexOf(signature);
    start >= 0;
    start = file.indexOf(signature, start + 4)
  ) {
    const last = Math.min(file.length - 4, start + BLOCK_BYTES_MAX);
    const endsAt = (end: number): boolean =>
      end <= last && checksumOf(file, start, end) === file.readUInt32LE(end);
    const known = [...lengths].find((length) => endsAt(start + length));
    let end = start + (known ?? 8);
    if (known === undefined) while (end <= last && !endsAt(end)) end++;
    if (end > last) continue;
    lengths.add(end - start);
    found.push({ start, end });
  }
  return found;
}

const SIGNATURES = ["OHDR", "OCHK", "FAHD", "FADB", "EAHD", "EAIB", "EASB", "EADB", "BTHD"]
  .concat(["BTLF", "BTIN"])
  .map((letters) => Buffer.from(letters));

export const checksumOf = (file: Buffer, start: number, end: number): number =>
  lookup3(new DataView(file.buffer, file.byteOffset + start, end - start + 4), end - start);
