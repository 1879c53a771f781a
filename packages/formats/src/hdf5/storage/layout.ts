import type { Cursor } from "./cursor.ts";

type IndexKind =
  "single chunk" | "implicit" | "fixed array" | "extensible array" | "B-tree 2" | "B-tree 1";

export interface ChunkedLayout {
  readonly kind: "chunked";
  readonly index: IndexKind;
  readonly indexAddress: number;
  /** Elements along each dimension, and the bytes of an element last. */
  readonly dimensions: readonly number[];
  /** Chunks that stick out of the data set are stored without its filters. */
  readonly partialUnfiltered: boolean;
  /** Of a single chunk that is filtered, as there is no index that could say it. */
  readonly single: { readonly storedBytes: number; readonly filterMask: number } | undefined;
}

/** What the layout message says. */
export type Layout =
  | { readonly kind: "compact" | "virtual" }
  /** Versions 1 and 2 don't say how many bytes. */
  | { readonly kind: "contiguous"; readonly address: number; readonly bytes: number | undefined }
  | ChunkedLayout;

/** Layout classes, and chunk index types from version 4 on, by their numbers in the file. */
const CLASSES = ["compact", "contiguous", "chunked", "virtual"] as const;
const INDEXES: readonly (IndexKind | undefined)[] = [
  undefined,
  "single chunk",
  "implicit",
  "fixed array",
  "extensible array",
  "B-tree 2",
];
/** What stands before an index's address: how it was made, which its own header repeats. */
const CREATION_BYTES: Partial<Record<IndexKind, number>> = {
  "fixed array": 1,
  "extensible array": 5,
  "B-tree 2": 6,
};

/**
 * Decodes a data layout message.
 *
 *     version 1, 2:  version 1 | dimensions 1 | class 1 | 0 5 | address (unless compact) | dimensions, 4 bytes each
 *     version 3:     version 1 | class 1 | compact: bytes 2, data;  contiguous: address, length;
 *                    chunked: dimensions 1, address, dimensions, 4 bytes each
 *     version 4, 5:  as 3, but chunked: flags 1 | dimensions 1 | width 1 | dimensions, width bytes each |
 *                    index type 1 | what made the index | address
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.i ("Data Layout Message"); version 5, of HDF5 2.0, is the same but for
 * wider sizes in the index.
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function decodeLayout(cursor: Cursor): Layout {
  const version = cursor.u8();
  if (version === 1 || version === 2) return oldLayout(cursor);
  if (version < 3 || version > 5)
    throw cursor.damaged(`${String(version)} is no version of a layout message`);
  const kind = CLASSES[cursor.u8()];
  if (kind === undefined) throw cursor.damaged("there is no layout of this class");
  switch (kind) {
    case "compact":
    case "virtual":
      return { kind };
    case "contiguous":
      return { kind, address: cursor.address(), bytes: cursor.length() };
    case "chunked":
      return version === 3 ? chunked3(cursor) : chunked4(cursor);
  }
}

function oldLayout(cursor: Cursor): Layout {
  const count = cursor.u8();
  const kind = CLASSES[cursor.u8()];
  cursor.skip(5);
  if (kind === "compact") return { kind };
  if (kind === "contiguous") return { kind, address: cursor.address(), bytes: undefined };
  if (kind !== "chunked") throw cursor.damaged("there is no layout of this class");
  const indexAddress = cursor.address();
  return ofBtree1(indexAddress, dimensionsOf(cursor, count, 4));
}

function chunked3(cursor: Cursor): Layout {
  const count = cursor.u8();
  const indexAddress = cursor.address();
  return ofBtree1(indexAddress, dimensionsOf(cursor, count, 4));
}

function chunked4(cursor: Cursor): Layout {
  const flags = cursor.u8();
  const count = cursor.u8();
  const width = cursor.u8();
  if (width < 1 || width > 8) throw cursor.damaged("sizes of chunks can't be as wide as it says");
  const dimensions = dimensionsOf(cursor, count, width);
  const index = INDEXES[cursor.u8()];
  if (index === undefined) throw cursor.damaged("there is no chunk index of this type");
  const single =
    index === "single chunk" && (flags & 2) !== 0
      ? { storedBytes: cursor.length(), filterMask: cursor.u32() }
      : undefined;
  cursor.skip(CREATION_BYTES[index] ?? 0);
  const partialUnfiltered = (flags & 1) !== 0;
  const indexAddress = cursor.address();
  return { kind: "chunked", index, indexAddress, dimensions, partialUnfiltered, single };
}

function ofBtree1(indexAddress: number, dimensions: readonly number[]): ChunkedLayout {
  const rest = { partialUnfiltered: false, single: undefined };
  return { kind: "chunked", index: "B-tree 1", indexAddress, dimensions, ...rest };
}

function dimensionsOf(cursor: Cursor, count: number, width: number): number[] {
  const dimensions = Array.from({ length: count }, () => cursor.uint(width));
  if (dimensions.includes(0)) throw cursor.damaged("a chunk has no elements");
  return dimensions;
}
