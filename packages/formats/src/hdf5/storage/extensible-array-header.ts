import { sizeBytesOf } from "./array-index.ts";
import type { ChunkTable } from "./chunk-table.ts";
import type { Cursor } from "./cursor.ts";
import type { Metadata } from "./metadata.ts";

/** How an extensible array is made. */
export interface ExtensibleArrayHeader {
  readonly elementBytes: number;
  /** Of a chunk's stored size; 0 where it is always that of a whole chunk. */
  readonly sizeBytes: number;
  /** Of an element's number, where a block repeats it. */
  readonly numberBytes: number;
  /** Elements in the index block itself. */
  readonly ownElements: number;
  readonly pageElements: number;
  /** The data blocks of so many super blocks are found through the index block, which then stands for these. */
  readonly superBlocksInIndex: number;
  readonly superBlocks: readonly SuperBlock[];
  readonly indexBlock: number;
}

/** The u-th group of data blocks: 2^⌊u/2⌋ of them, each of 2^⌈u/2⌉ × the minimum of elements. */
export interface SuperBlock {
  readonly number: number;
  readonly blocks: number;
  readonly blockElements: number;
  /** Data blocks of the super blocks before it. */
  readonly firstBlock: number;
  /** Elements before its own. */
  readonly firstElement: number;
}

/** Positions are exact up to here; the library makes arrays of 32. */
const MAX_BITS = 52;

/**
 * Reads the header of an extensible array:
 *
 *     EAHD | 0 | client 1 | element bytes 1 | max bits 1 | own elements 1 | block elements 1 | block pointers 1 |
 *          page bits 1 | 6 lengths | index block: address | checksum 4
 *
 * Source: HDF5 File Format Specification 3.0, VII.D ("The Extensible Array Index").
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function readExtensibleArrayHeader(
  metadata: Metadata,
  address: number,
  table: ChunkTable,
): ExtensibleArrayHeader {
  const { addressBytes, lengthBytes } = metadata;
  const cursor = metadata.checkedBlock(address, 16 + addressBytes + 6 * lengthBytes, "EAHD");
  cursor.skip(1);
  const client = cursor.u8();
  const elementBytes = cursor.u8();
  const maxBits = cursor.u8();
  const ownElements = cursor.u8();
  const blockBits = bitsOf(cursor, cursor.u8());
  const superBlocksInIndex = 2 * bitsOf(cursor, cursor.u8());
  const pageElements = 2 ** cursor.u8();
  cursor.skip(6 * lengthBytes);
  const indexBlock = cursor.address();
  const count = 1 + maxBits - blockBits;
  if (maxBits > MAX_BITS || count < 1 || superBlocksInIndex > count)
    throw cursor.damaged("no extensible array is made like this one");
  return {
    elementBytes,
    sizeBytes: sizeBytesOf(cursor, { elementBytes, client }, { metadata, table }),
    numberBytes: Math.ceil(maxBits / 8),
    ownElements,
    pageElements,
    superBlocksInIndex,
    superBlocks: superBlocksOf({ count, ownElements, blockElementsMin: 2 ** blockBits }),
    indexBlock,
  };
}

function bitsOf(cursor: Cursor, count: number): number {
  const bits = Math.log2(count);
  if (!Number.isInteger(bits)) throw cursor.damaged(`${String(count)} is no power of two`);
  return bits;
}

function superBlocksOf(made: {
  count: number;
  ownElements: number;
  blockElementsMin: number;
}): SuperBlock[] {
  let firstBlock = 0;
  let firstElement = made.ownElements;
  return Array.from({ length: made.count }, (_, number) => {
    const blocks = 2 ** Math.floor(number / 2);
    const blockElements = 2 ** Math.ceil(number / 2) * made.blockElementsMin;
    const superBlock = { number, blocks, blockElements, firstBlock, firstElement };
    firstBlock += blocks;
    firstElement += blocks * blockElements;
    return superBlock;
  });
}
