import { readArray } from "./array-index.ts";
import { readBtree1 } from "./btree1.ts";
import { readBtree2 } from "./btree2.ts";
import { gridOf, productOf, type DataSpace } from "./chunk-grid.ts";
import { ChunkTable } from "./chunk-table.ts";
import { openExtensibleArray } from "./extensible-array.ts";
import { decodeFillValue } from "./fill-value.ts";
import { decodeFilterPipeline, type StoredFilter } from "./filter-pipeline.ts";
import { openFixedArray } from "./fixed-array.ts";
import { readImplicit } from "./implicit.ts";
import { decodeLayout, type ChunkedLayout, type Layout } from "./layout.ts";
import { Metadata } from "./metadata.ts";
import { MESSAGE, readMessages, type Message } from "./object-header.ts";
import { markOverlaps } from "./overlaps.ts";
import { PositionedFile } from "./positioned-file.ts";

/** Where the bytes of a data set are. */
export type Storage = ContiguousStorage | ChunkedStorage | OtherStorage;

/** All elements stand in one piece, in C order. */
export interface ContiguousStorage {
  readonly kind: "contiguous";
  /** The file that holds them. */
  readonly path: string;
  /** Bytes from the beginning of the file; undefined where nothing was ever written; see {@link misplaced}. */
  readonly address: number | undefined;
  /** Of all elements. */
  readonly bytes: number;
  /** (elementBytes), as stored, for elements that nobody wrote; undefined for zeros. */
  readonly fill: Uint8Array | undefined;
}

/** The elements stand in chunks of one shape, those that stick out of the data set included. */
export interface ChunkedStorage {
  readonly kind: "chunked";
  /** The file that holds them. */
  readonly path: string;
  /** Elements along each dimension of a chunk. */
  readonly chunk: readonly number[];
  /** Chunks along each dimension of the data set; the columns have a row for each, in C order. */
  readonly grid: readonly number[];
  /** Of a whole chunk, decoded. */
  readonly chunkBytes: number;
  /** (chunks) bytes from the beginning of the file; −1 where nothing was ever written; see {@link misplaced}. */
  readonly address: Float64Array;
  /** (chunks) bytes there, 0 where there are none; undefined where no filter is used: all are `chunkBytes`. */
  readonly storedBytes: Uint32Array | undefined;
  /** (chunks) bit i is set where filter i was left out; undefined where none ever was. */
  readonly filterMask: Uint32Array | undefined;
  /** In the order of writing. */
  readonly filters: readonly StoredFilter[];
  /** (elementBytes), as stored, for elements that nobody wrote; undefined for zeros. */
  readonly fill: Uint8Array | undefined;
}

/** Only the HDF5 library can read it. */
export interface OtherStorage {
  readonly kind: "other";
  readonly reason: string;
}

/** 2^25: columns of 540 MB at most, where all have filters and masks. */
const CHUNKS_MAX = 2 ** 25;

/**
 * Reads where a data set's bytes are, from its object header on, without the HDF5 library.
 *
 * @param at file, data set (for messages), and address of the object header, as in an object reference: in bytes from
 *   the end of the user block
 * @param space what the library says of the data set
 * @throws EvbError "hdf5-storage-damaged" where the metadata can't be right, or leads out of the file; "hdf5-cannot-open"
 */
export function readStorage(
  at: { path: string; dataSet: string; headerAddress: number },
  space: DataSpace,
): Storage {
  const file = new PositionedFile(at);
  try {
    return storageAt(new Metadata(file), at.headerAddress, space);
  } finally {
    file.close();
  }
}

function storageAt(metadata: Metadata, headerAddress: number, space: DataSpace): Storage {
  const messages = readMessages(metadata, headerAddress);
  if (messages.has(MESSAGE.EXTERNAL_FILES)) return other("its data is in other files");
  const message = messages.get(MESSAGE.LAYOUT);
  if (message === undefined)
    throw metadata.damaged(headerAddress, "this object header is of no data set");
  if ([...messages.values()].some(({ shared }) => shared))
    return other("its object header shares messages with others");
  const layout = decodeLayout(message.cursor);
  switch (layout.kind) {
    case "compact":
      return other("it is stored in its object header");
    case "virtual":
      return other(
        "it is put together from other data sets, and where one isn't there HDF5 gives fill values",
      );
    case "contiguous":
      return contiguous(metadata, messages, layout, space);
    case "chunked":
      checkChunked(message, layout, space);
      return chunked(metadata, messages, layout, space);
  }
}

const other = (reason: string): OtherStorage => ({ kind: "other", reason });

function contiguous(
  metadata: Metadata,
  messages: ReadonlyMap<number, Message>,
  layout: Extract<Layout, { kind: "contiguous" }>,
  { shape, elementBytes }: DataSpace,
): Storage {
  const bytes = productOf(shape) * elementBytes;
  const there = layout.address >= 0;
  if (there && (!metadata.holds(layout.address, bytes) || bytes > (layout.bytes ?? bytes)))
    throw metadata.damaged(layout.address, `the data set's ${String(bytes)} bytes aren't there`);
  const address = there ? placeOf(metadata, layout.address, bytes) : undefined;
  const fill = decodeFillValue(messages, elementBytes);
  return { kind: "contiguous", path: metadata.path, address, bytes, fill };
}

/** Where so many bytes begin, which mustn't lie over what describes them. */
function placeOf({ baseOffset, spans }: Metadata, address: number, bytes: number): number {
  const place = Float64Array.of(baseOffset + address);
  markOverlaps({ address: place, bytesOf: () => bytes }, spans);
  return place[0]!;
}

/** The library gave the shape, and the layout message must fit it. */
function checkChunked({ cursor }: Message, layout: ChunkedLayout, space: DataSpace): void {
  const { shape, maxShape, elementBytes } = space;
  if (layout.dimensions.length !== shape.length + 1)
    throw cursor.damaged("chunks and data set have not the same number of dimensions");
  if (layout.dimensions.at(-1) !== elementBytes)
    throw cursor.damaged("elements of chunks and data set have not the same size");
  const unlimited = maxShape.filter((most) => most === undefined).length;
  if (unlimited !== (layout.index === "extensible array" ? 1 : 0) && POSITIONAL.has(layout.index))
    throw cursor.damaged(`a chunk index of this kind (${layout.index}) doesn't fit the data set`);
  if (shape.some((elements, d) => elements > (maxShape[d] ?? elements)))
    throw cursor.damaged("the data set is larger than it may become");
  if (layout.index === "single chunk" && productOf(gridOf(shape, layout.dimensions)) > 1)
    throw cursor.damaged("the data set has more than its single chunk");
}

/** These know a chunk by its number, for which all dimensions but one must have an end. */
const POSITIONAL: ReadonlySet<string> = new Set(["implicit", "fixed array", "extensible array"]);

function chunked(
  metadata: Metadata,
  messages: ReadonlyMap<number, Message>,
  layout: ChunkedLayout,
  { shape, maxShape, elementBytes }: DataSpace,
): Storage {
  if (productOf(layout.dimensions) >= 2 ** 32) return other("its chunks are of 4 GiB and more");
  const count = productOf(gridOf(shape, layout.dimensions.slice(0, -1)));
  const limits = maxShape.map((most, d) => most ?? shape[d]!);
  const numbers = productOf(gridOf(limits, layout.dimensions));
  if (POSITIONAL.has(layout.index) && numbers > Number.MAX_SAFE_INTEGER)
    return other("it may have more chunks than evb can number");
  if (count > CHUNKS_MAX) return other(`it has ${String(count)} chunks, which are too many`);
  const pipeline = messages.get(MESSAGE.FILTER_PIPELINE);
  const filters = pipeline === undefined ? [] : decodeFilterPipeline(pipeline.cursor);
  const table = new ChunkTable(metadata, layout, { shape, filtered: filters.length > 0 });
  if (layout.indexAddress >= 0 && count > 0)
    readIndex(metadata, layout, table, { shape, maxShape, elementBytes });
  if (layout.partialUnfiltered) table.unfilterPartial(shape);
  const { chunk, grid, chunkBytes, address, storedBytes, filterMask } = table;
  markOverlaps({ address, bytesOf: (row) => storedBytes?.[row] ?? chunkBytes }, metadata.spans);
  const columns = { address, storedBytes, filterMask };
  const fill = decodeFillValue(messages, elementBytes);
  return {
    kind: "chunked",
    path: metadata.path,
    chunk,
    grid,
    chunkBytes,
    ...columns,
    filters,
    fill,
  };
}

function readIndex(
  metadata: Metadata,
  layout: ChunkedLayout,
  table: ChunkTable,
  space: DataSpace,
): void {
  const { index, indexAddress, single } = layout;
  switch (index) {
    case "single chunk": {
      const { storedBytes, filterMask } = single ?? {
        storedBytes: table.chunkBytes,
        filterMask: 0,
      };
      table.put(metadata.block(indexAddress, 0), 0, indexAddress, storedBytes, filterMask);
      return;
    }
    case "implicit":
      readImplicit(metadata, indexAddress, table, space);
      return;
    case "fixed array":
      readArray(openFixedArray(metadata, indexAddress, table), table, { ...space, slowest: 0 });
      return;
    case "extensible array": {
      const slowest = space.maxShape.indexOf(undefined);
      readArray(openExtensibleArray(metadata, indexAddress, table), table, { ...space, slowest });
      return;
    }
    case "B-tree 1":
      readBtree1(metadata, indexAddress, table);
      return;
    case "B-tree 2":
      readBtree2(metadata, indexAddress, table);
  }
}
