// Holds a file open in single-writer-multiple-reader mode, and appends two rows at each line on stdin.
import { createInterface } from "node:readline";
import { loadHdf5 } from "@evb/formats";

const { h5 } = await loadHdf5();
const file = new h5.File(process.argv[2], "w", { libver: "latest" });
const stamps = file.create_dataset({
  name: "x",
  data: BigUint64Array.of(0n, 1n, 2n),
  maxshape: [null],
  chunks: [2],
});
file.start_swmr_write();
file.flush();
console.log("3");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") process.exit();
  const rows = stamps.shape[0];
  stamps.resize([rows + 2]);
  stamps.write_slice([[rows, rows + 2]], BigUint64Array.of(BigInt(rows), BigInt(rows + 1)));
  file.flush();
  console.log(rows + 2);
}
