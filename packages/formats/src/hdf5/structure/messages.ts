import { elementBytes, isFloat, isUnsigned, type ElementType } from "@evb/event";
import { cellBytes, type CellType } from "../data-set.ts";
import { ByteWriter } from "./byte-writer.ts";

/** A message of an object header: its type, and its body. */
export interface NewMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

/** A filter that chunks go through, by its number at The HDF Group, and its parameters. */
export interface NewFilter {
  readonly id: number;
  readonly clientData: readonly number[];
}

/** Where the bytes of a new data set lie. */
export type NewStorage =
  /** One piece; undefined: it has no byte. */
  | { readonly kind: "contiguous"; readonly address: number | undefined }
  | {
      readonly kind: "chunked";
      /** Elements along each dimension. */
      readonly chunk: readonly number[];
      readonly filters: readonly NewFilter[];
      /** Root of the tree of its chunks; undefined: none is there. */
      readonly treeAddress: number | undefined;
    };

/** By their numbers in the specification, IV.A.2. */
const TYPE = {
  DATA_SPACE: 0x01,
  LINK_INFO: 0x02,
  DATA_TYPE: 0x03,
  FILL_VALUE: 0x05,
  LINK: 0x06,
  LAYOUT: 0x08,
  GROUP_INFO: 0x0a,
  FILTER_PIPELINE: 0x0b,
  ATTRIBUTE: 0x0c,
  ATTRIBUTE_INFO: 0x15,
} as const;

const message = (type: number, body: ByteWriter): NewMessage => ({
  type,
  body: body.written.slice(),
});

/**
 * version 2 | dimensions 1 | flags: 0, no largest sizes | 1: simple, 0: one element || sizes, 8 bytes each
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.b ("Dataspace Message").
 */
function dataSpace(shape: readonly number[]): ByteWriter {
  const body = new ByteWriter().u8(2, shape.length, 0, shape.length === 0 ? 0 : 1);
  for (const size of shape) body.u64(size);
  return body;
}

/** Where sign, exponent and mantissa of IEEE 754's numbers stand, in bits; and the exponent's bias. */
const FLOATS = {
  4: { sign: 31, exponent: [23, 8], mantissa: [0, 23], bias: 127 },
  8: { sign: 63, exponent: [52, 11], mantissa: [0, 52], bias: 1023 },
} as const;

/**
 *     version 1 and class, 4 bits each | bits of the class 3 | bytes 4 || properties
 *     integers (0):  bits: 8 where signed || first bit 2 | bits 2
 *     floats (1):    bits: 0x20 (a leading 1 isn't stored), place of the sign || first bit 2 | bits 2 | exponent:
 *                    place 1, bits 1 | mantissa: place 1, bits 1 | bias 4
 *     strings (3):   bits: 0x11 (padded with zeros, UTF-8)
 *
 * All little-endian. Source: HDF5 File Format Specification 3.0, IV.A.2.d ("Datatype Message").
 */
function dataType(type: CellType): ByteWriter {
  const body = new ByteWriter();
  if (type.startsWith("S")) return body.u8(0x13, 0x11, 0, 0).u32(cellBytes(type));
  const element = type as ElementType;
  const bytes = elementBytes(element);
  if (!isFloat(element))
    return body
      .u8(0x10, isUnsigned(element) ? 0 : 8, 0, 0)
      .u32(bytes)
      .u16(0)
      .u16(8 * bytes);
  const { sign, exponent, mantissa, bias } = FLOATS[bytes as 4 | 8];
  body
    .u8(0x11, 0x20, sign, 0)
    .u32(bytes)
    .u16(0)
    .u16(8 * bytes);
  return body.u8(...exponent, ...mantissa).u32(bias);
}

/**
 * version 3 | flags: space is allocated late (2) or with each chunk (3), 8: the value is written if it was set, 0x20: it
 * is set || bytes 4 | value
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.f ("Fill Value Message").
 */
function fillValue(storage: NewStorage, value: Uint8Array | undefined): ByteWriter {
  const flags = (storage.kind === "chunked" ? 3 : 2) | 8;
  const body = new ByteWriter().u8(3, flags | (value === undefined ? 0 : 0x20));
  return value === undefined ? body : body.u32(value.length).bytes(value);
}

/**
 *     contiguous:  version 3 | 1 | address 8 | bytes 8
 *     chunked:     version 3 | 2 | dimensions + 1 1 | root of the tree 8 | elements 4 along each dimension | bytes 4
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.i ("Data Layout Message"). Version 3 is what HDF5 1.6 and later read.
 */
function layout(storage: NewStorage, bytes: number, cell: number): ByteWriter {
  const body = new ByteWriter().u8(3);
  if (storage.kind === "contiguous") return body.u8(1).address(storage.address).u64(bytes);
  body.u8(2, storage.chunk.length + 1).address(storage.treeAddress);
  for (const elements of [...storage.chunk, cell]) body.u32(elements);
  return body;
}

/**
 * version 2 | filters 1 || each, in the order of writing: id 2 | flags 2: 0, it must not be left out | values 2, 4 bytes each
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.l ("Data Storage - Filter Pipeline Message").
 */
function filterPipeline(filters: readonly NewFilter[]): ByteWriter {
  const body = new ByteWriter().u8(2, filters.length);
  for (const { id, clientData } of filters) {
    body.u16(id).u16(0).u16(clientData.length);
    for (const value of clientData) body.u32(value);
  }
  return body;
}

/** What says where a data set's elements are, and what they are. */
export function dataSetMessages(dataSet: {
  readonly type: CellType;
  readonly shape: readonly number[];
  readonly storage: NewStorage;
  readonly fill?: Uint8Array | undefined;
}): NewMessage[] {
  const { type, shape, storage, fill } = dataSet;
  const cell = cellBytes(type);
  const bytes = shape.reduce((product, n) => product * n, cell);
  const messages = [
    message(TYPE.DATA_SPACE, dataSpace(shape)),
    message(TYPE.DATA_TYPE, dataType(type)),
    message(TYPE.FILL_VALUE, fillValue(storage, fill)),
    message(TYPE.LAYOUT, layout(storage, bytes, cell)),
  ];
  if (storage.kind === "chunked" && storage.filters.length > 0)
    messages.push(message(TYPE.FILTER_PIPELINE, filterPipeline(storage.filters)));
  return messages;
}

/**
 * version 3 | 0 | bytes of name 2, type 2 and space 2 | 1: the name is UTF-8 || name, 0 | type | space | value
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.m ("Attribute Message").
 *
 * @param value text, or a whole number of 4 bytes with a sign
 */
export function attributeMessage(name: string, value: string | number): NewMessage {
  const isText = typeof value === "string";
  // A string of no byte is no type.
  const size = isText ? Math.max(1, Buffer.byteLength(value)) : 4;
  const type = dataType(isText ? (`S${String(size)}` as CellType) : "i4").written;
  const space = dataSpace([]).written;
  const body = new ByteWriter().u8(3, 0);
  body
    .u16(Buffer.byteLength(name) + 1)
    .u16(type.length)
    .u16(space.length)
    .u8(1);
  body.text(name).u8(0).bytes(type).bytes(space);
  if (!isText) body.u32(value >>> 0);
  else body.text(value).zeros(size - Buffer.byteLength(value));
  return message(TYPE.ATTRIBUTE, body);
}

/**
 * What stands before an object's attributes: without it the library counts none, though it finds them by name.
 *
 * version 0 | flags 0 | no heap 8 | no tree of names 8: they stand in the object header
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.v ("Attribute Info Message").
 */
export const attributeInfoMessage = (): NewMessage =>
  message(TYPE.ATTRIBUTE_INFO, new ByteWriter().u8(0, 0).address(undefined).address(undefined));

/**
 * What makes an object header one of a group whose links stand in it: nothing else says where they are, and how many
 * there may be.
 *
 *     link info:   version 0 | flags 0 | no heap 8 | no tree of names 8
 *     group info:  version 0 | flags 0
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.c ("Link Info Message"), IV.A.2.k ("Group Info Message").
 */
export const groupMessages = (): NewMessage[] => [
  message(TYPE.LINK_INFO, new ByteWriter().u8(0, 0).address(undefined).address(undefined)),
  message(TYPE.GROUP_INFO, new ByteWriter().u8(0, 0)),
];

/**
 * version 1 | flags: 1, the name's length takes 2 bytes, and 0x10, its character set is said | 1: UTF-8 | length 2 | name |
 * address of the object header 8
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.g ("Link Message").
 */
export const linkMessage = (name: string, address: number): NewMessage =>
  message(
    TYPE.LINK,
    new ByteWriter().u8(1, 0x11, 1).u16(Buffer.byteLength(name)).text(name).address(address),
  );
