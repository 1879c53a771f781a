export { makeFolder } from "./make-folder.ts";
export { HDF5_SIGNATURE, isHdf5 } from "./hdf5/signature.ts";
export { loadHdf5, type Hdf5 } from "./hdf5/library.ts";
export { Hdf5File, type AttributeValue, type Hdf5Node } from "./hdf5/file.ts";
export { Hdf5DataSet, type CellType, type DataSetShape } from "./hdf5/data-set.ts";
export { COLUMN_CHUNK_ROWS, Hdf5Writer, type Hdf5Column } from "./hdf5/writer.ts";
export type { RowReader } from "./row-reader.ts";
