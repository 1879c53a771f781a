import { faults } from "@evb/event";

/** What is wrong with one item of a ring-item file. */
const damagedItem = (at: { path: string; offset: number; item: number; reason: string }): string =>
  `${at.path} is damaged at byte ${String(at.offset)} (item ${String(at.item)}): ${at.reason}; \`evb order --salvage\` keeps the rest`;

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
  "hdf5-storage-damaged": [
    3,
    (at: { path: string; dataSet: string; offset: number; reason: string }) =>
      `${at.path} is damaged at byte ${String(at.offset)}, where ${at.dataSet} is described: ${at.reason}; check that it was copied whole, or see with \`h5dump -H -p\` what HDF5's own tools make of it`,
  ],
  "hdf5-library-hangs": [
    3,
    (at: { path: string; dataSet: string }) =>
      `${at.path} is damaged where ${at.dataSet} is described: the HDF5 library comes to no end with it; check that it was copied whole`,
  ],
  "chunk-damaged": [
    3,
    (at: { filter: string; reason: string }) =>
      `a chunk is damaged (filter ${at.filter}): ${at.reason}; copy the file again, or leave out its rows`,
  ],
  "chunk-unreadable": [
    3,
    (at: { path: string; offset: number; bytes: number; reason: string }) =>
      `the ${String(at.bytes)} bytes at byte ${String(at.offset)} of ${at.path} can't be decoded: ${at.reason}`,
  ],
  "chunk-misplaced": [
    3,
    (at: { path: string; offset: number }) =>
      `its bytes would be at byte ${String(at.offset)} of ${at.path}, where something else of that file lies, too; it is damaged: copy it again`,
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
  "bytes-missing": [
    1,
    (at: { path: string; offset: number; bytes: number }) =>
      `${at.path} ends before the ${String(at.bytes)} bytes at byte ${String(at.offset)} that its index says are there; it was cut off, or changed: run \`evb index\` again`,
  ],
  "bytes-unreadable": [
    1,
    (at: { path: string; offset: number; reason: string }) =>
      `${at.path} can't be read at byte ${String(at.offset)}: ${at.reason}; check the disk`,
  ],
  "ring-unreadable": [
    3,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be read: ${at.reason}; check its path and permissions`,
  ],
  "ring-scan-stopped": [
    4,
    (at: { path: string; at: number; of: number }) =>
      `stopped at byte ${String(at.at)} of ${String(at.of)} of ${at.path}, while the inputs were read: nothing is written yet; the same command begins anew`,
  ],
  "ring-damaged": [
    1,
    (at: { path: string; offset: number; item: number; reason: string }) =>
      `${at.path} is damaged at byte ${String(at.offset)} (item ${String(at.item)}): ${at.reason}; --salvage goes on behind it and lists what is skipped`,
  ],
  "ring-too-many": [
    1,
    (at: { rows: number }) =>
      `the run has ${String(at.rows)} fragments and more, and evb orders fewer than 2^32 at once; order its segments in parts`,
  ],
  "ring-too-many-sources": [
    1,
    (at: { sources: number }) =>
      `the run has more than ${String(at.sources)} sources; check that the files are whole and no other kind of file`,
  ],
  "ring-empty": [
    3,
    (at: { path: string }) => `${at.path} is empty; leave it out, or copy it again`,
  ],
  "ring-no-items": [
    3,
    (at: { path: string }) =>
      `${at.path} has no ring items; check that it is an event file (.evt) of NSCLDAQ`,
  ],
  "ring-truncated": [1, damagedItem],
  "ring-bad-size": [1, damagedItem],
  "ring-bad-type": [1, damagedItem],
  "ring-bad-event": [1, damagedItem],
});
