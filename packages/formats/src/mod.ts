export { builtUrl } from "./built-url.ts";
export { makeFolder } from "./make-folder.ts";
export { HDF5_SIGNATURE, isHdf5 } from "./hdf5/signature.ts";
export { loadHdf5, type Hdf5 } from "./hdf5/library.ts";
export { checkLibraryEnds } from "./hdf5/library-probe.ts";
export { Hdf5File, type AttributeValue, type Hdf5Node } from "./hdf5/file.ts";
export {
  cellBytes,
  Hdf5DataSet,
  stringType,
  type CellType,
  type DataSetShape,
} from "./hdf5/data-set.ts";
export {
  readStorage,
  type ChunkedStorage,
  type ContiguousStorage,
  type OtherStorage,
  type Storage,
} from "./hdf5/storage/storage.ts";
export { lookup3 } from "./hdf5/storage/checksum.ts";
export type { DataSpace } from "./hdf5/storage/chunk-grid.ts";
export type { StoredFilter } from "./hdf5/storage/filter-pipeline.ts";
export { chunkDecoder, type ChunkDecoder } from "./hdf5/filters/chunk-decoder.ts";
export {
  ChunkEncoder,
  compressionFilters,
  type ChunkCompression,
} from "./hdf5/filters/chunk-encoder.ts";
export type { ChunkFilter, ChunkShape } from "./hdf5/filters/stage.ts";
export {
  COLUMN_CHUNK_ROWS,
  COLUMN_CHUNK_STEP,
  columnChunkRows,
  Hdf5Writer,
  type Hdf5Column,
} from "./hdf5/writer.ts";
export { alignedTo } from "./hdf5/structure/byte-writer.ts";
export { encodeChunkTree, type NewChunks } from "./hdf5/structure/chunk-tree.ts";
export { missingElement } from "./hdf5/structure/missing-element.ts";
export type { NewFilter, NewStorage } from "./hdf5/structure/messages.ts";
export {
  encodeStructure,
  type NewAttributes,
  type NewDataSet,
  type NewGroup,
  type NewNode,
} from "./hdf5/structure/new-structure.ts";
export type { RowReader } from "./row-reader.ts";
export { DataFile } from "./hdf5/rows/data-file.ts";
export { DirectRows, type DecodedChunk, type TakeDecoded } from "./hdf5/rows/direct-rows.ts";
export { filterNameOf } from "./hdf5/rows/filter-name.ts";
export {
  JOINED_BYTES_MAX,
  JOINED_GAP_BYTES_MAX,
  SMALL_BYTES_MAX,
} from "./hdf5/rows/read-window.ts";
export { widenHalves } from "./hdf5/rows/halves.ts";
export { RowRanges } from "./hdf5/rows/row-ranges.ts";
export { piecesOf } from "./hdf5/rows/row-stretches.ts";
export {
  chunkBytesOf,
  chunksPerRow,
  givenBytesOf,
  isMisplaced,
  NO_PLACES,
  NOWHERE,
  rowBytesOf,
  rowsPerChunk,
  storedElementBytes,
  type ChunkPlaces,
  type RowLayout,
} from "./hdf5/rows/row-layout.ts";
export { decoderOf } from "./hdf5/rows/decoder-of.ts";
export {
  BODY_HEADER_BYTES,
  FRAGMENT_HEADER_BYTES,
  HEADERLESS_BODY_OFFSET,
  isLittleEndian,
  ITEM_HEADER_BYTES,
  NULL_STAMP,
} from "./ring/head.ts";
export { isStateChange, ITEM_TYPE, itemTypeName, type ItemTypeName } from "./ring/item-type.ts";
export { isFragment, isRunItem, RingRows, ROW } from "./ring/rows.ts";
export { newFound, type HeaderlessRow, type ScanFound, type StateItem } from "./ring/scan-found.ts";
export { BlockScanner } from "./ring/scan.ts";
export { parseStampPlace, type StampPlace } from "./ring/stamp-place.ts";
export { isRingFile } from "./ring/is-ring-file.ts";
export { dataOffset, isItem, RING_ROWS } from "./ring/payload.ts";
export { ReadWindows } from "./ring/read-windows.ts";
export { isV10 } from "./ring/version.ts";
export { firstBegin, scanRingFile, type ScannedFile, type Skipped } from "./ring/scan-file.ts";
export {
  bodyOffsetOf,
  encodeBuiltEvent,
  encodeFragment,
  encodeFragmentItem,
  encodeGlomsUnknownPayload,
  encodeItem,
  ringLayout,
  writeFragmentHeader,
  writeItemHead,
  type FragmentToWrite,
  type HeaderToWrite,
  type RingLayout,
} from "./ring/encode.ts";
export {
  encodeAbnormalEnd,
  encodeEventCount,
  encodeGlomInfo,
  encodeRingFormat,
  encodeScalers,
  encodeStampedScalers,
  encodeStateChange,
  encodeText,
} from "./ring/encode-run-item.ts";
export { RingReader, throwDamage, type Damage, type RingItem } from "./ring/reader.ts";
export type { Fragment } from "./ring/fragments.ts";
export { decodeBody, type ItemBody } from "./ring/item-body.ts";
