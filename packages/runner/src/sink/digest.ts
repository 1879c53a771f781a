import { createHash } from "node:crypto";
import { Hdf5File, type Hdf5, type Hdf5DataSet } from "@evb/formats";

/** Bytes that are hashed at a time. */
const SLAB_BYTES = 8 * 2 ** 20;
/** A results file has a few columns per source. */
const NODES_MAX = 10_000_000;

/**
 * What a run found, in 64 hexadecimal digits: sha-256 over the data sets below /events and
 * /fragments, as docs/results-format.md says. The same for any number of clients and any batch size.
 */
export function digestOf(hdf5: Hdf5, path: string): string {
  const file = new Hdf5File(hdf5, path);
  try {
    const paths = [...file.contents(NODES_MAX)]
      .filter((node) => node.kind === "data set" && /^\/(events|fragments)\//.test(node.path))
      .map((node) => Buffer.from(node.path, "utf8"))
      .sort((a, b) => Buffer.compare(a, b));
    const hash = createHash("sha256");
    for (const path of paths) {
      const dataSet = file.dataSet(path.toString("utf8"));
      const { typeName, shape } = dataSet.shape;
      hash.update(path).update("\0").update(typeName).update("\0");
      hash.update(shape.join(",")).update("\0");
      hashCells(dataSet, (bytes) => hash.update(bytes));
    }
    return hash.digest("hex");
  } finally {
    file.close();
  }
}

function hashCells(dataSet: Hdf5DataSet, update: (bytes: Uint8Array) => void): void {
  const rows = Math.max(1, Math.floor(SLAB_BYTES / dataSet.rowBytes));
  const slab = new Uint8Array(Math.min(rows, dataSet.length) * dataSet.rowBytes);
  for (let row = 0; row < dataSet.length; row += rows) {
    const count = Math.min(rows, dataSet.length - row);
    const bytes = slab.subarray(0, count * dataSet.rowBytes);
    dataSet.readRows(row, count, bytes);
    if (dataSet.shape.type === "f8")
      makeCanonical(new Float64Array(bytes.buffer, 0, bytes.byteLength / 8));
    if (dataSet.shape.type === "f4")
      makeCanonical(new Float32Array(bytes.buffer, 0, bytes.byteLength / 4));
    update(bytes);
  }
}

/** Not-a-number has many bit patterns; one stands for all (JavaScript's own: 0x7ff8…, 0x7fc00000). */
function makeCanonical(values: Float64Array | Float32Array): void {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) values[i] = NaN;
}
