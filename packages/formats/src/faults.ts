import { faults } from "@evb/event";

export const fault = faults({
  "hdf5-cannot-open": [
    3,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be opened as an HDF5 file: ${at.reason}; check that it is the right file and that it was copied whole`,
  ],
  "hdf5-no-such-data-set": [
    3,
    (at: { path: string; dataSet: string; reason: string }) =>
      `${at.path} has no readable data set ${at.dataSet} (${at.reason}); \`evb inspect ${at.path}\` lists what it has`,
  ],
  "hdf5-read-failed": [
    3,
    (at: { path: string; dataSet: string; row: number; rows: number; reason: string }) =>
      `rows ${String(at.row)} to ${String(at.row + at.rows - 1)} of ${at.dataSet} in ${at.path} can't be read: ${at.reason}; the file may be damaged`,
  ],
  "hdf5-no-filter": [
    3,
    (at: { path: string; dataSet: string; filter: string }) =>
      `${at.dataSet} in ${at.path} is stored with the filter ${at.filter}, which this evb has not; store it anew with another, for example by \`h5repack -f GZIP=1\``,
  ],
  "hdf5-row-out-of-range": [
    3,
    (at: { path: string; dataSet: string; row: number; rows: number; length: number }) =>
      `rows ${String(at.row)} to ${String(at.row + at.rows - 1)} of ${at.dataSet} in ${at.path} were asked for, but it has ${String(at.length)}; if the file changed, run \`evb index\` again`,
  ],
  "hdf5-no-memory": [
    1,
    (at: { path: string; bytes: number }) =>
      `${String(at.bytes)} bytes for ${at.path} don't fit into HDF5's 2 GiB heap; use fewer rows at a time`,
  ],
  "hdf5-write-failed": [
    1,
    (at: { path: string; what: string; reason: string }) =>
      `${at.what} can't be written to ${at.path}: ${at.reason}; check that the folder is there and has room`,
  ],
});
