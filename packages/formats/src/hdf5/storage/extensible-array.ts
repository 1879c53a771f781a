import type { ArrayIndex, ElementRun } from "./array-index.ts";
import type { ChunkTable } from "./chunk-table.ts";
import { NOWHERE, type Cursor } from "./cursor.ts";
import {
  readExtensibleArrayHeader,
  type ExtensibleArrayHeader,
  type SuperBlock,
} from "./extensible-array-header.ts";
import type { Metadata } from "./metadata.ts";
import { isPageWritten } from "./page-bitmap.ts";

/**
 * An extensible array: some elements in its index block, the others in data blocks that become larger; the later of
 * these are found through super blocks, and the largest are cut into pages.
 *
 *     EAIB | 0 | client 1 | header: address | elements | data blocks: addresses | super blocks: addresses | checksum 4
 *     EASB | 0 | client 1 | header: address | first element | a bit for each page | data blocks: addresses | checksum 4
 *     EADB | 0 | client 1 | header: address | first element | elements | checksum 4
 *     EADB | 0 | client 1 | header: address | first element | checksum 4 || pages × (elements | checksum 4)
 *
 * Source: HDF5 File Format Specification 3.0, VII.D ("The Extensible Array Index").
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function openExtensibleArray(
  metadata: Metadata,
  address: number,
  table: ChunkTable,
): ArrayIndex {
  const header = readExtensibleArrayHeader(metadata, address, table);
  const { elementBytes, sizeBytes } = header;
  if (header.indexBlock >= 0)
    return { elementBytes, sizeBytes, runAt: runsOf(new Blocks(metadata, header)) };
  const none = { first: 0, end: Infinity, cursor: undefined };
  return { elementBytes, sizeBytes, runAt: () => none };
}

function runsOf(blocks: Blocks): (position: number) => ElementRun {
  const { header } = blocks;
  const own = blocks.readIndexBlock();
  let last: { superBlock: SuperBlock; group: Group | undefined } | undefined;
  return (position) => {
    if (position < header.ownElements)
      return { first: 0, end: header.ownElements, cursor: own.elements };
    const superBlock = header.superBlocks.findLast((each) => each.firstElement <= position)!;
    if (last?.superBlock !== superBlock)
      last = { superBlock, group: blocks.groupOf(own, superBlock) };
    const { firstElement, blockElements } = superBlock;
    const end = firstElement + superBlock.blocks * blockElements;
    if (position >= end) throw own.elements.damaged("the extensible array is too short");
    const { group } = last;
    if (group === undefined) return { first: firstElement, end, cursor: undefined };
    const number = Math.floor((position - firstElement) / blockElements);
    const first = firstElement + number * blockElements;
    const block = { address: group.addresses[number]!, first, elements: blockElements };
    if (blockElements <= header.pageElements) return blocks.wholeRun(block);
    const page = Math.floor((position - first) / header.pageElements);
    const bit = number * (blockElements / header.pageElements) + page;
    const written = isPageWritten(group.pagesWritten, bit);
    return blocks.pageRun(written ? block : { ...block, address: NOWHERE }, page);
  };
}

interface IndexBlock {
  readonly elements: Cursor;
  readonly dataBlocks: readonly number[];
  readonly superBlocks: readonly number[];
}

/** The data blocks of one super block. */
interface Group {
  readonly addresses: readonly number[];
  /** Bits, as {@link isPageWritten} reads them, block after block. */
  readonly pagesWritten: Uint8Array;
}

interface DataBlock {
  readonly address: number;
  /** Position of its first element. */
  readonly first: number;
  readonly elements: number;
}

/** Reads an array's blocks. */
class Blocks {
  readonly header: ExtensibleArrayHeader;
  readonly #metadata: Metadata;
  /** What each block begins with, up to the header's address. */
  readonly #prefixBytes: number;

  constructor(metadata: Metadata, header: ExtensibleArrayHeader) {
    this.header = header;
    this.#metadata = metadata;
    this.#prefixBytes = 6 + metadata.addressBytes;
  }

  readIndexBlock(): IndexBlock {
    const { superBlocks, superBlocksInIndex, ownElements, elementBytes } = this.header;
    const within = superBlocks.slice(0, superBlocksInIndex);
    const dataBlocks = within.reduce((sum, { blocks }) => sum + blocks, 0);
    const others = superBlocks.length - superBlocksInIndex;
    const elementsBytes = ownElements * elementBytes;
    const addressesBytes = (dataBlocks + others) * this.#metadata.addressBytes;
    const bytes = this.#prefixBytes + elementsBytes + addressesBytes + 4;
    const cursor = this.#metadata.checkedBlock(this.header.indexBlock, bytes, "EAIB");
    cursor.skip(this.#prefixBytes - 4);
    return {
      elements: cursor.part(elementsBytes),
      dataBlocks: addressesIn(cursor, dataBlocks),
      superBlocks: addressesIn(cursor, others),
    };
  }

  /** Undefined where none of them was ever written. */
  groupOf(own: IndexBlock, superBlock: SuperBlock): Group | undefined {
    const { number, firstBlock, blocks, blockElements } = superBlock;
    const { superBlocksInIndex, pageElements, numberBytes } = this.header;
    const pages = blockElements > pageElements ? blockElements / pageElements : 0;
    const bitmapBytes = blocks * Math.ceil(pages / 8);
    if (number < superBlocksInIndex) {
      if (pages > 0) throw own.elements.damaged("the array's first data blocks can't have pages");
      const addresses = own.dataBlocks.slice(firstBlock, firstBlock + blocks);
      return { addresses, pagesWritten: new Uint8Array(0) };
    }
    const address = own.superBlocks[number - superBlocksInIndex]!;
    if (address < 0) return undefined;
    const addressesBytes = blocks * this.#metadata.addressBytes;
    const bytes = this.#prefixBytes + numberBytes + bitmapBytes + addressesBytes + 4;
    const cursor = this.#metadata.checkedBlock(address, bytes, "EASB");
    cursor.skip(this.#prefixBytes - 4 + numberBytes);
    const pagesWritten = cursor.part(bitmapBytes).bytes;
    return { addresses: addressesIn(cursor, blocks), pagesWritten };
  }

  wholeRun({ address, first, elements }: DataBlock): ElementRun {
    const end = first + elements;
    if (address < 0) return { first, end, cursor: undefined };
    const prefix = this.#prefixBytes + this.header.numberBytes;
    const bytes = prefix + elements * this.header.elementBytes + 4;
    const cursor = this.#metadata.checkedBlock(address, bytes, "EADB");
    cursor.skip(prefix - 4);
    return { first, end, cursor };
  }

  pageRun(block: DataBlock, page: number): ElementRun {
    const { pageElements, elementBytes, numberBytes } = this.header;
    const first = block.first + page * pageElements;
    const end = first + pageElements;
    if (block.address < 0) return { first, end, cursor: undefined };
    const pages = block.address + this.#prefixBytes + numberBytes + 4;
    const bytes = pageElements * elementBytes + 4;
    const cursor = this.#metadata.block(pages + page * bytes, bytes);
    cursor.verify();
    return { first, end, cursor };
  }
}

const addressesIn = (cursor: Cursor, count: number): number[] =>
  Array.from({ length: count }, () => cursor.address());
