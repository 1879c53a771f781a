import { HDF5_SIGNATURE } from "../signature.ts";
import { lookup3 } from "../storage/checksum.ts";
import type { CellType } from "../data-set.ts";
import { ByteWriter } from "./byte-writer.ts";
import {
  attributeInfoMessage,
  attributeMessage,
  dataSetMessages,
  groupMessages,
  linkMessage,
  type NewMessage,
  type NewStorage,
} from "./messages.ts";

/** Text is stored as UTF-8, a whole number in 4 bytes. */
export type NewAttributes = Readonly<Record<string, string | number>>;

export interface NewDataSet {
  readonly kind: "data set";
  readonly type: CellType;
  readonly shape: readonly number[];
  readonly storage: NewStorage;
  /** One element, for what isn't stored; undefined: zeros. */
  readonly fill?: Uint8Array | undefined;
  readonly attributes?: NewAttributes | undefined;
}

export interface NewGroup {
  readonly kind: "group";
  /** By name; a name has no slash. */
  readonly members: ReadonlyMap<string, NewNode>;
  readonly attributes?: NewAttributes | undefined;
}

export type NewNode = NewGroup | NewDataSet;

const SUPERBLOCK_BYTES = 48;
/** Headers begin at multiples of it: as the library itself has them. */
const ALIGNMENT = 8;
const MESSAGE_HEAD_BYTES = 4;

/**
 * The structure of a new file: superblock and object headers, at its very beginning. What the data sets hold is written by
 * whoever asks for it, at the addresses that it gave. How long the structure is doesn't depend on them.
 *
 *     superblock || object headers, members before their groups
 *
 * The subset of HDF5 that it knows: superblock 2, object headers 2 without times, links in their groups' headers,
 * contiguous data sets and chunked ones with a version 1 B-tree, fixed-point, floating-point and fixed-length string types,
 * filters, fill values, scalar attributes. HDF5 1.8 and later read it.
 *
 * Source: HDF5 File Format Specification 3.0, II.A ("Superblock"), IV.A.1.b ("Version 2 Data Object Header Prefix").
 *
 * @param fileBytes of the whole file
 */
export function encodeStructure(root: NewGroup, fileBytes: number): Uint8Array {
  const bytes = new ByteWriter().zeros(SUPERBLOCK_BYTES);
  const rootAddress = writeNode(bytes, root);
  const structure = bytes.written.slice();
  structure.set(superblock(fileBytes, rootAddress));
  return structure;
}

/** Returns where its object header lies. */
function writeNode(bytes: ByteWriter, node: NewNode): number {
  const messages = node.kind === "group" ? groupOf(bytes, node) : dataSetMessages(node);
  const attributes = Object.entries(node.attributes ?? {});
  if (attributes.length > 0) messages.push(attributeInfoMessage());
  for (const [name, value] of attributes) messages.push(attributeMessage(name, value));
  bytes.align(ALIGNMENT);
  const address = bytes.length;
  bytes.bytes(objectHeader(messages));
  return address;
}

function groupOf(bytes: ByteWriter, { members }: NewGroup): NewMessage[] {
  const links = [...members].map(([name, member]) => linkMessage(name, writeNode(bytes, member)));
  return [...groupMessages(), ...links];
}

/** OHDR | version 2 | flags: the size takes 4 bytes | size 4 || type 1, bytes 2, flags 0, body of each message || checksum 4 */
function objectHeader(messages: readonly NewMessage[]): Uint8Array {
  const size = messages.reduce((sum, { body }) => sum + MESSAGE_HEAD_BYTES + body.length, 0);
  const header = new ByteWriter().text("OHDR").u8(2, 2).u32(size);
  for (const { type, body } of messages) header.u8(type).u16(body.length).u8(0).bytes(body);
  return checked(header);
}

/** signature 8 | version 2 | widths 8, 8 | flags 0 | base 8 | no extension 8 | end of the file 8 | root 8 | checksum 4 */
function superblock(fileBytes: number, root: number): Uint8Array {
  const block = new ByteWriter().bytes(HDF5_SIGNATURE).u8(2, 8, 8, 0);
  block.address(0).address(undefined).address(fileBytes).address(root);
  return checked(block);
}

function checked(block: ByteWriter): Uint8Array {
  const { written } = block;
  const view = new DataView(written.buffer, written.byteOffset, written.byteLength);
  return block.u32(lookup3(view, written.length)).written;
}
