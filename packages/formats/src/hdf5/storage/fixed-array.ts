import { sizeBytesOf, type ArrayIndex, type ElementRun } from "./array-index.ts";
import type { ChunkTable } from "./chunk-table.ts";
import type { Cursor } from "./cursor.ts";
import type { Metadata } from "./metadata.ts";
import { isPageWritten } from "./page-bitmap.ts";

interface Header {
  readonly elementBytes: number;
  readonly sizeBytes: number;
  readonly elements: number;
  readonly pageElements: number;
  readonly dataBlock: number;
}

/**
 * A fixed array, whose elements stand in one data block, or in pages behind it.
 *
 *     FAHD | 0 | client 1 | element bytes 1 | page bits 1 | elements: length | data block: address | checksum 4
 *     FADB | 0 | client 1 | header: address | elements | checksum 4
 *     FADB | 0 | client 1 | header: address | a bit for each page | checksum 4 || pages × (elements | checksum 4)
 *
 * Source: HDF5 File Format Specification 3.0, VII.C ("The Fixed Array Index").
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function openFixedArray(metadata: Metadata, address: number, table: ChunkTable): ArrayIndex {
  const header = readHeader(metadata, address, table);
  const { elementBytes, sizeBytes, elements, pageElements, dataBlock } = header;
  const whole = { first: 0, end: elements };
  const prefix = 6 + metadata.addressBytes;
  if (dataBlock < 0)
    return { elementBytes, sizeBytes, runAt: () => ({ ...whole, cursor: undefined }) };
  if (elements > pageElements)
    return { elementBytes, sizeBytes, runAt: pagesOf(metadata, header, prefix) };
  return {
    elementBytes,
    sizeBytes,
    runAt(position) {
      const bytes = prefix + elements * elementBytes + 4;
      const cursor = metadata.checkedBlock(dataBlock, bytes, "FADB");
      if (position >= elements) throw cursor.damaged("the fixed array is too short");
      cursor.skip(prefix - 4);
      return { ...whole, cursor };
    },
  };
}

function readHeader(metadata: Metadata, address: number, table: ChunkTable): Header {
  const { addressBytes, lengthBytes } = metadata;
  const cursor = metadata.checkedBlock(address, 12 + addressBytes + lengthBytes, "FAHD");
  cursor.skip(1);
  const client = cursor.u8();
  const elementBytes = cursor.u8();
  const pageElements = 2 ** cursor.u8();
  const elements = cursor.length();
  const dataBlock = cursor.address();
  const sizeBytes = sizeBytesOf(cursor, { elementBytes, client }, { metadata, table });
  return { elementBytes, sizeBytes, elements, pageElements, dataBlock };
}

function pagesOf(
  metadata: Metadata,
  { elementBytes, elements, pageElements, dataBlock }: Header,
  prefix: number,
): (position: number) => ElementRun {
  const bitmapBytes = Math.ceil(Math.ceil(elements / pageElements) / 8);
  const head = metadata.checkedBlock(dataBlock, prefix + bitmapBytes + 4, "FADB");
  head.skip(prefix - 4);
  const bitmap = head.part(bitmapBytes).bytes;
  const pages = dataBlock + prefix + bitmapBytes + 4;
  const runOf = (first: number, cursor: Cursor | undefined): ElementRun => {
    return { first, end: Math.min(first + pageElements, elements), cursor };
  };
  return (position) => {
    if (position >= elements) throw head.damaged("the fixed array is too short");
    const page = Math.floor(position / pageElements);
    const first = page * pageElements;
    if (!isPageWritten(bitmap, page)) return runOf(first, undefined);
    const count = Math.min(pageElements, elements - first);
    const address = pages + page * (pageElements * elementBytes + 4);
    const cursor = metadata.block(address, count * elementBytes + 4);
    cursor.verify();
    return runOf(first, cursor);
  };
}
