import type { ElementType } from "@evb/event";
import type { DataSetShape, Hdf5File } from "@evb/formats";
import { fault } from "./faults.ts";
import type { StoredType } from "./stored-type.ts";

export const LAYOUTS = ["seed", "lcls"] as const;
export type Layout = (typeof LAYOUTS)[number];

/** Where one file keeps what evb needs of it. */
export interface SourceLayout {
  readonly layout: Layout;
  /** Data set of the time stamps, shape (rows), u64. */
  readonly time: string;
  /** Data set of the fragments, shape (rows, …). */
  readonly payload: string;
  readonly rows: number;
  readonly type: ElementType;
  /** How they are stored: as they are given, or as 16-bit floats. */
  readonly storedType: StoredType;
  /** Dimensions of one fragment; none where its length varies. */
  readonly itemShape: readonly number[];
  /** Rows are sequences of numbers, each with a length of its own. */
  readonly varies: boolean;
  /** Present in the file that says which time stamps are of interest. */
  readonly labels?: LabelLayout;
}

interface LabelLayout {
  /** Data set of the stamps that the labels belong to, shape (labels), u64. */
  readonly time: string;
  /** Label name → data set, row-aligned with `time`. */
  readonly columns: ReadonlyMap<string, string>;
}

/** Layouts select this label by default, as the old system did. */
export const DEFAULT_SELECTION: Readonly<Record<Layout, string>> = {
  seed: 'smalldata == "red"',
  lcls: 'diode_values == "red"',
};

/** What a tick of the time stamps is. LCLS's have seconds in one half and nanoseconds in the other: no unit. */
export const TICK: Readonly<Record<Layout, "ns" | undefined>> = { seed: "ns", lcls: undefined };

/** A group with more entries is none of a layout that is found by names at its top. */
const NAMES_IN_MESSAGE = 8;

/**
 * Which layout the file has, and where its parts are.
 *
 * @param wanted the layout that the user named; undefined to find out
 * @throws EvbError "layout-unknown", "layout-mismatch"
 */
export function layoutOf(file: Hdf5File, wanted: Layout | undefined): SourceLayout {
  if (wanted !== "seed" && file.shapeOf("small_data/time_stamp") !== undefined) return lcls(file);
  const stamps =
    wanted === "lcls" ? [] : file.names("/").filter((name) => /^timestamp\d*$/.test(name));
  if (stamps.length === 1) return seed(file, stamps[0]!);
  const found = [...file.contents(NAMES_IN_MESSAGE)].map((node) => node.path);
  throw fault("layout-unknown", { path: file.path, found });
}

function seed(file: Hdf5File, time: string): SourceLayout {
  const number = time.slice("timestamp".length);
  const names = [`bigdata${number}`, `bigData${number}`, "bigdata", "bigData"];
  const payload = names.find((name) => file.shapeOf(name) !== undefined) ?? names[0]!;
  const source = sourceLayout(file, "seed", time, payload);
  if (file.shapeOf("smalldata") === undefined) return source;
  checkLabels(file, "seed", "smalldata", source.rows);
  return { ...source, labels: { time, columns: new Map([["smalldata", "smalldata"]]) } };
}

function lcls(file: Hdf5File): SourceLayout {
  const source = sourceLayout(file, "lcls", "small_data/time_stamp", "cspad_data/image_data");
  const time = "small_data/all_timestamps";
  if (file.shapeOf(time) === undefined) return source;
  const rows = checkTimes(file, "lcls", time);
  const label = "diode_values";
  checkLabels(file, "lcls", `small_data/${label}`, rows);
  return { ...source, labels: { time, columns: new Map([[label, `small_data/${label}`]]) } };
}

function sourceLayout(file: Hdf5File, layout: Layout, time: string, payload: string): SourceLayout {
  const rows = checkTimes(file, layout, time);
  const shape = file.shapeOf(payload);
  const element = shape && elementOf(shape);
  if (shape === undefined || element === undefined)
    throw mismatch(file, layout, payload, "rows of numbers, one per time stamp", shape);
  if (shape.shape[0] !== rows)
    throw mismatch(file, layout, payload, `as long as ${time} (${String(rows)} rows)`, shape);
  return {
    layout,
    time,
    payload,
    rows,
    type: element.type as ElementType,
    storedType: element.typeName.slice(1) as StoredType,
    itemShape: shape.shape.slice(1),
    varies: shape.sequenceOf !== undefined,
  };
}

/** What rows are made of; undefined where they are no rows of numbers. */
function elementOf(shape: DataSetShape): Pick<DataSetShape, "type" | "typeName"> | undefined {
  const { type, sequenceOf } = shape;
  if (sequenceOf !== undefined) return shape.shape.length === 1 ? sequenceOf : undefined;
  const isNumber = type !== undefined && !type.startsWith("S");
  return isNumber && shape.shape.length > 0 ? shape : undefined;
}

/** Returns how many there are. */
function checkTimes(file: Hdf5File, layout: Layout, time: string): number {
  const shape = file.shapeOf(time);
  if (shape?.type !== "u8" || shape.shape.length !== 1)
    throw mismatch(file, layout, time, "a column of unsigned 64 bit time stamps", shape);
  return shape.shape[0]!;
}

function checkLabels(file: Hdf5File, layout: Layout, labels: string, rows: number): void {
  const shape = file.shapeOf(labels);
  const wanted = `a column of ${String(rows)} labels (fixed-length strings or numbers)`;
  if (shape?.type === undefined || shape.shape.length !== 1 || shape.shape[0] !== rows)
    throw mismatch(file, layout, labels, wanted, shape);
}

function mismatch(
  file: Hdf5File,
  layout: Layout,
  dataSet: string,
  wanted: string,
  shape: DataSetShape | undefined,
): Error {
  const found =
    shape === undefined
      ? `missing: ${file.absence(dataSet)}`
      : `(${shape.shape.join(", ")}) of ${shape.typeName}`;
  return fault("layout-mismatch", { path: file.path, dataSet, layout, wanted, found });
}
