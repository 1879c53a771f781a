// Holds a run's file open in single-writer-multiple-reader mode, and appends two rows at each line on stdin. Row r has the
// numbers r and 10 r.
import { createInterface } from "node:readline";
import { loadHdf5 } from "@evb/formats";

const { h5 } = await loadHdf5();
const file = new h5.File(process.argv[2], "w", { libver: "latest" });
const from = (row, rows) => Array.from({ length: rows }, (_, k) => row + k);
const stampsOf = (row, rows) => BigUint64Array.from(from(row, rows), BigInt);
const cellsOf = (row, rows) => Int32Array.from(from(row, rows).flatMap((r) => [r, 10 * r]));
const stamps = file.create_dataset({
  name: "timestamp1",
  data: stampsOf(0, 3),
  maxshape: [null],
  chunks: [2],
});
const cells = file.create_dataset({
  name: "bigdata1",
  data: cellsOf(0, 3),
  shape: [3, 2],
  maxshape: [null, 2],
  chunks: [2, 2],
});
file.start_swmr_write();
file.flush();
console.log("3");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") process.exit();
  const rows = stamps.shape[0];
  stamps.resize([rows + 2]);
  stamps.write_slice([[rows, rows + 2]], stampsOf(rows, 2));
  cells.resize([rows + 2, 2]);
  cells.write_slice(
    [
      [rows, rows + 2],
      [0, 2],
    ],
    cellsOf(rows, 2),
  );
  file.flush();
  console.log(rows + 2);
}
