import { isEvbError, sentenceOf, type EvbError } from "@evb/event";
import {
  checkLibraryEnds,
  chunksPerRow,
  decoderOf,
  DataFile,
  DirectRows,
  isMisplaced,
  NO_PLACES,
  NOWHERE,
  rowsPerChunk,
  type ChunkPlaces,
  type DataSetShape,
  type Hdf5DataSet,
  type Hdf5File,
  type RowLayout,
  type Storage,
} from "@evb/formats";

/** Where a source's rows lie, so that they can be read without the HDF5 library. */
interface DirectStorage {
  readonly kind: "direct";
  /** The file that holds the rows: another one behind an external link. */
  readonly path: string;
  readonly layout: RowLayout;
  /** Of all chunks, in C order; none where rows lie one behind the other. */
  readonly places: ChunkPlaces;
}

/** Why they can't. */
interface LibraryStorage {
  readonly kind: "library";
  readonly reason: string;
}

export type SourceStorage = DirectStorage | LibraryStorage;

/** A lease has the place of each: so it stays small. */
const CHUNKS_PER_ROW_MAX = 256;

/**
 * Finds where a data set's rows lie, and reads some of them both ways: on any doubt it is the library that
 * will read it.
 *
 * @throws EvbError "hdf5-library-hangs" where it is damaged so that not even the library can
 */
export async function findStorage(file: Hdf5File, dataSet: string): Promise<SourceStorage> {
  try {
    const known = file.dataSet(dataSet);
    const found = directStorage(file.storageOf(dataSet), known.shape);
    if (found.kind === "direct") return await compared(found, known);
    return library(found.reason + unreadable(known));
  } catch (thrown) {
    if (!isEvbError(thrown)) throw thrown;
    if (isEvbError(thrown, "hdf5-storage-damaged")) checkLibraryEnds(file.path, dataSet);
    return library(sentenceOf(thrown));
  }
}

/**
 * Makes sure that a column can be read by the library, or fails.
 *
 * @throws EvbError "hdf5-library-hangs"
 */
export function checkColumn(file: Hdf5File, dataSet: string): void {
  try {
    file.storageOf(dataSet);
  } catch (thrown) {
    if (!isEvbError(thrown, "hdf5-storage-damaged")) throw thrown;
    checkLibraryEnds(file.path, dataSet);
  }
}

const library = (reason: string): LibraryStorage => ({ kind: "library", reason });

/** What is wrong with a data set that the library can't read either: better now than in the run. */
function unreadable(dataSet: Hdf5DataSet): string {
  if (dataSet.length === 0) return "";
  const read = attempted(() => {
    dataSet.checkRow(0);
  });
  return read === undefined ? "" : `, and that fails: ${read.message}`;
}

/** What was thrown, if it was one of our faults. */
function attempted(read: () => void): EvbError | undefined {
  try {
    read();
    return undefined;
  } catch (thrown) {
    if (isEvbError(thrown)) return thrown;
    throw thrown;
  }
}

function directStorage(storage: Storage, { shape, typeName }: DataSetShape): SourceStorage {
  if (storage.kind === "other") return library(storage.reason);
  const elementBytes = Number(typeName.slice(2));
  const common = {
    itemShape: shape.slice(1),
    elementBytes,
    ...(typeName.endsWith("f2") && { halves: true as const }),
    bigEndian: typeName.startsWith(">"),
    fill: storage.fill,
  };
  const { path } = storage;
  if (storage.kind === "contiguous") {
    const address = storage.address ?? NOWHERE;
    const layout = { ...common, chunk: undefined, address, filters: [] };
    return { kind: "direct", path, layout, places: NO_PLACES };
  }
  const { chunk, filters, address, storedBytes, filterMask } = storage;
  const layout = { ...common, chunk, address: NOWHERE, filters };
  const chunks = chunksPerRow(layout);
  if (chunks > CHUNKS_PER_ROW_MAX) return library(`each row lies in ${String(chunks)} chunks`);
  const places = { address, stored: storedBytes, mask: filterMask };
  return { kind: "direct", path, layout, places };
}

/** Compares the rows of the first, the middle and the last chunk that was written with what the library reads. */
async function compared(storage: DirectStorage, dataSet: Hdf5DataSet): Promise<SourceStorage> {
  const { layout, places, path } = storage;
  const decoder = await decoderOf(layout);
  if (decoder === undefined) {
    const filters = dataSet.shape.filters.join(", ");
    return library(`evb has no decoder for its filters (${filters})${unreadable(dataSet)}`);
  }
  const rows = new DirectRows(layout, decoder);
  const file = new DataFile(path);
  try {
    const [direct, known] = [new Uint8Array(rows.rowBytes), new Uint8Array(rows.rowBytes)];
    for (const row of canaries(rows, storage, dataSet.length)) {
      const ours = attempted(() => {
        rows.read(file, row, places, chunkOf(layout, row), direct);
      });
      const theirs = attempted(() => {
        dataSet.readRows(row, 1, known);
      });
      // A chunk that is damaged is so for both: its events will fail, with the place.
      if (ours !== undefined && theirs !== undefined) continue;
      if (ours !== undefined) return library(ours.message);
      // The library has fewer filters than evb, whose own lengths and checksums must do then.
      if (isEvbError(theirs, "hdf5-no-filter")) continue;
      if (theirs !== undefined)
        return library(`the library doesn't read what evb does: ${theirs.message}`);
      if (Buffer.compare(direct, known) !== 0)
        return library(`row ${String(row)} reads as something else in the HDF5 library`);
    }
    return storage;
  } finally {
    file.close();
  }
}

/** Number of a row's first chunk. */
export const chunkOf = (layout: RowLayout, row: number): number =>
  Math.floor(row / rowsPerChunk(layout)) * chunksPerRow(layout);

function canaries(
  { chunks }: DirectRows,
  { layout, places: { address } }: DirectStorage,
  length: number,
): number[] {
  if (length === 0) return [];
  if (chunks === 0 && isMisplaced(layout.address)) return [];
  if (chunks === 0) return [...new Set([0, Math.floor(length / 2), length - 1])];
  const rowOf = (chunk: number): number =>
    Math.min(length - 1, Math.floor(chunk / chunks) * rowsPerChunk(layout));
  const first = address.findIndex((at) => at >= 0);
  if (first < 0) return address.some(isMisplaced) ? [] : [0];
  const last = address.findLastIndex((at) => at >= 0);
  const middle = Math.floor((first + last) / 2);
  const isWhole = (row: number): boolean => {
    const begin = chunkOf(layout, row);
    return !address.subarray(begin, begin + chunks).some(isMisplaced);
  };
  return [first, middle, last].map(rowOf).filter(isWhole);
}

/** What can't be read of a source, as it can't be where the file says; undefined where there is nothing. */
export function misplacedIn(storage: SourceStorage): string | undefined {
  if (storage.kind === "library") return undefined;
  if (isMisplaced(storage.layout.address)) return "all of it";
  const chunks = storage.places.address.reduce((sum, at) => sum + Number(isMisplaced(at)), 0);
  return chunks === 0
    ? undefined
    : `${String(chunks)} of ${String(storage.places.address.length)} chunks`;
}
