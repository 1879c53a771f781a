/**
 * Reads rows of one data set. Every way to the bytes (through the HDF5 library, by positioned reads, from ring
 * items) stands behind it, so that a client need not know which one a source takes.
 */
export interface RowReader {
  /** Rows there are. */
  readonly length: number;
  /** Decoded bytes of one row. */
  readonly rowBytes: number;
  /** Bytes taken from files so far; compressed data sets take fewer than they decode to. */
  readonly bytesRead: number;
  /**
   * Puts rows `row` … `row + rows − 1`, little-endian and in C order, into the front of `target`.
   *
   * @throws EvbError "hdf5-read-failed", "hdf5-row-out-of-range": `target` then holds nothing of use
   */
  readRows(row: number, rows: number, target: Uint8Array): void;
}
