import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import type { MockRun } from "@evb/generate";

/** A small run; cases change what they are about. */
export const SMALL: Omit<MockRun, "directory"> = {
  layout: "seed",
  files: 3,
  size: { kind: "events", events: 40 },
  eventBytes: 256,
  labels: ["red", "green", "blue"],
  dropShare: 0.5,
  eventsPerChunk: 1,
  seed: 1,
  lateShare: 0,
  duplicateShare: 0,
  disorderShare: 0,
};

/** Gives the test a folder and takes it away again. */
export async function inFolder<Result>(
  test: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "evb-generate-"));
  try {
    return await test(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A mock file, read back. */
export interface ReadFile {
  /** Shape (rows), in file order. */
  readonly times: BigUint64Array;
  /** Shape (rows, ints). */
  readonly images: Int32Array;
  readonly imageShape: readonly number[];
  readonly chunkRows: number | undefined;
  /** Label of each time stamp, where this file has them. */
  readonly labels: ReadonlyMap<bigint, string> | undefined;
  /** Stamps that the labels stand beside, in file order. */
  readonly labelledTimes: BigUint64Array | undefined;
}

export async function readMockFile(run: MockRun, file: number): Promise<ReadFile> {
  const n = String(file);
  const seed = run.layout === "seed";
  const open = new Hdf5File(await loadHdf5(), join(run.directory, `file${n}.h5`));
  try {
    const column = (path: string): BigUint64Array =>
      open.dataSet(path).readColumn() as BigUint64Array;
    const times = column(seed ? `timestamp${n}` : "small_data/time_stamp");
    const images = open.dataSet(seed ? `bigdata${n}` : "cspad_data/image_data");
    const strings =
      open.shapeOf(seed ? "smalldata" : "small_data/diode_values") === undefined
        ? undefined
        : open.dataSet(seed ? "smalldata" : "small_data/diode_values").readStrings();
    const labelledTimes = strings && (seed ? times : column("small_data/all_timestamps"));
    return {
      times,
      images: images.readColumn() as Int32Array,
      imageShape: images.shape.shape,
      chunkRows: images.shape.chunk?.[0],
      labels: strings && new Map(strings.map((label, row) => [labelledTimes![row]!, label])),
      labelledTimes,
    };
  } finally {
    open.close();
  }
}

/** Name → sha256 of everything in the folder. */
export function digestsOf(directory: string): Record<string, string> {
  const digest = (name: string): string =>
    createHash("sha256")
      .update(readFileSync(join(directory, name)))
      .digest("hex");
  return Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, digest(name)]),
  );
}
