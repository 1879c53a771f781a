import { join } from "node:path";
import { Hdf5Writer, loadHdf5 } from "@evb/formats";
import { buildIndex, type IndexOrder, type IndexOutcome } from "@evb/index";

/** A file of layout `seed` (CLI.md, "generate"): `timestampN`, `bigdataN` of 3 i4 a row, and `smalldata` if it has labels. */
export interface SeedFile {
  readonly n: number;
  readonly times: readonly (bigint | number)[];
  readonly labels?: readonly string[];
  /** Another name than `fileN.h5`. */
  readonly name?: string;
}

/** A file of layout `lcls`: `small_data/time_stamp`, `cspad_data/image_data` of 2 × 2 i4; `complete` in file 1. */
export interface LclsFile {
  readonly name: string;
  readonly times: readonly (bigint | number)[];
  readonly complete?: readonly (readonly [time: bigint | number, label: string])[];
}

const u64 = (values: readonly (bigint | number)[]): BigUint64Array =>
  BigUint64Array.from(values, BigInt);

/** Row r of file n has the elements 1000 n + r, 0, 0. */
export async function writeSeedFile(folder: string, file: SeedFile): Promise<string> {
  const { n, times, labels, name = `file${String(n)}.h5` } = file;
  const path = join(folder, name);
  const writer = new Hdf5Writer(await loadHdf5(), path);
  writer.writeColumn(`/timestamp${String(n)}`, "u8", u64(times));
  const cells = new Int32Array(3 * times.length);
  times.forEach((_, row) => (cells[3 * row] = 1000 * n + row));
  writer
    .table({
      path: `/bigdata${String(n)}`,
      type: "i4",
      shape: [times.length, 3],
      chunkRows: Math.max(1, times.length),
    })
    .write(0, cells);
  if (labels !== undefined) writer.writeStrings("/smalldata", labels);
  writer.close();
  return path;
}

export async function writeLclsFile(folder: string, file: LclsFile): Promise<string> {
  const path = join(folder, file.name);
  const writer = new Hdf5Writer(await loadHdf5(), path);
  const rows = file.times.length;
  writer.writeColumn("/small_data/time_stamp", "u8", u64(file.times));
  writer
    .table({
      path: "/cspad_data/image_data",
      type: "i4",
      shape: [rows, 2, 2],
      chunkRows: Math.max(1, rows),
    })
    .write(0, new Int32Array(4 * rows));
  if (file.complete !== undefined) {
    writer.writeColumn("/small_data/all_timestamps", "u8", u64(file.complete.map(([t]) => t)));
    writer.writeStrings(
      "/small_data/diode_values",
      file.complete.map(([, label]) => label),
    );
  }
  writer.close();
  return path;
}

/** As `evb index` understands ring items where nothing is said. */
const PLAIN_RING: IndexOrder["ring"] = {
  scan: { depth: Infinity, salvage: false, stampAt: undefined, rules: [], runNumber: undefined },
  settings: {},
  typed: [],
};

/** Indexes with what the test is about; every time stamp if it says nothing else. */
export function index(
  inputs: readonly string[],
  out: string,
  order: Partial<IndexOrder> = {},
): Promise<IndexOutcome> {
  const whole: IndexOrder = {
    inputs,
    out,
    force: false,
    layout: undefined,
    match: undefined,
    ring: PLAIN_RING,
    select: { kind: "all" },
    require: "any",
    sources: undefined,
    evbVersion: "0.0.0-test",
    ...order,
  };
  return buildIndex(whole, () => undefined);
}
