import type { CellType } from "@evb/formats";
import { CHUNK_BYTES_MAX, type MockRun } from "./mock-run.ts";

/** One data set of a mock file. */
export interface MockTable {
  readonly path: string;
  /** What its rows hold: of the file's rows, or of the complete list of time stamps. */
  readonly content: "times" | "labels" | "images" | "all times" | "all labels";
  readonly type: CellType;
  /** Rows first. */
  readonly shape: readonly number[];
  readonly chunkRows: number;
  readonly rowBytes: number;
  readonly gzip: number | undefined;
}

/** Which file of a run is meant, and how long it is. */
export interface FileLength {
  /** Counted from 1. */
  readonly file: number;
  readonly rows: number;
  /** Time stamps of the whole run. */
  readonly events: number;
}

/** What a file is called. */
export const fileName = (file: number): string => `file${String(file)}.h5`;

/** The data sets of one file, in the order in which they are written: large ones last. */
export function tablesOf(run: MockRun, length: FileLength): MockTable[] {
  return run.layout === "seed" ? seedTables(run, length) : lclsTables(run, length);
}

/** file1.h5: `timestamp1` (rows), `smalldata` (rows), `bigdata1` (rows, ints). Others: `timestampN`, `bigdataN`. */
function seedTables(run: MockRun, { file, rows }: FileLength): MockTable[] {
  const n = String(file);
  const labels = column(`smalldata`, "labels", labelType(run), rows);
  return [
    column(`timestamp${n}`, "times", "u8", rows),
    ...(file === 1 ? [labels] : []),
    images(run, `bigdata${n}`, [rows, intCount(run)]),
  ];
}

/**
 * `small_data/time_stamp` (rows), `cspad_data/image_data` (rows, height, width); file1.h5 also
 * `small_data/all_timestamps` (events) and `small_data/diode_values` (events).
 */
function lclsTables(run: MockRun, { file, rows, events }: FileLength): MockTable[] {
  const ints = intCount(run);
  const height = ints % IMAGE_HEIGHT === 0 ? IMAGE_HEIGHT : 1;
  const complete = [
    column("small_data/all_timestamps", "all times", "u8", events),
    column("small_data/diode_values", "all labels", labelType(run), events),
  ];
  return [
    column("small_data/time_stamp", "times", "u8", rows),
    ...(file === 1 ? complete : []),
    images(run, "cspad_data/image_data", [rows, height, ints / height]),
  ];
}

/** Of a CSPAD section's 185 × 388 pixels only that it is two-dimensional matters here. */
const IMAGE_HEIGHT = 32;

/** As in the columns that evb writes itself: 8 MiB of u64. */
const COLUMN_CHUNK_ROWS_MAX = 2 ** 20;

/** Elements of one row. */
const intCount = (run: MockRun): number => Math.max(1, Math.floor(run.eventBytes / 4));

const labelType = (run: MockRun): CellType =>
  `S${String(Math.max(...run.labels.map((label) => Buffer.byteLength(label))))}` as CellType;

/** Chunks of a column are equally long, so that the last one isn't mostly empty. */
function column(
  path: string,
  content: MockTable["content"],
  type: CellType,
  rows: number,
): MockTable {
  const chunks = Math.max(1, Math.ceil(rows / COLUMN_CHUNK_ROWS_MAX));
  const chunkRows = Math.max(1, Math.ceil(rows / chunks));
  const rowBytes = type.startsWith("S") ? Number(type.slice(1)) : 8;
  return { path, content, type, shape: [rows], chunkRows, rowBytes, gzip: undefined };
}

function images(
  run: MockRun,
  path: string,
  shape: readonly [rows: number, ...row: number[]],
): MockTable {
  const rowBytes = 4 * intCount(run);
  const rowsThatFit = Math.max(1, Math.floor(CHUNK_BYTES_MAX / rowBytes));
  const chunkRows = Math.max(1, Math.min(run.eventsPerChunk, shape[0], rowsThatFit));
  return { path, content: "images", type: "i4", shape, chunkRows, rowBytes, gzip: run.gzip };
}
