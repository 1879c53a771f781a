import type { LabelColumn } from "@evb/labels";
import { Hdf5File, type Hdf5 } from "@evb/formats";
import { disorderOf, sentenceOf, type Disorder, type ElementType } from "@evb/event";
import { checkColumn, findStorage, type SourceStorage } from "./direct-storage.ts";
import { fault } from "./faults.ts";
import { fingerprintOf, type Fingerprint } from "./fingerprint.ts";
import { layoutOf, type Layout, type SourceLayout } from "./layouts.ts";

/** What one reading of a file's small data gave; its payload is not touched. */
export interface Scan {
  readonly path: string;
  readonly fingerprint: Fingerprint;
  readonly source: SourceLayout;
  /** Shape (rows), u64 ticks in file order. */
  readonly times: BigUint64Array;
  readonly disorder: Disorder;
  readonly labels: LabelTable | undefined;
  readonly storage: SourceStorage;
}

/** Small data, by time stamp. */
export interface LabelTable {
  /** Shape (labels), u64 ticks. */
  readonly times: BigUint64Array;
  /** Each shape (labels). */
  readonly columns: ReadonlyMap<string, LabelColumn>;
  /** Types of number columns, for writing them again. */
  readonly types: ReadonlyMap<string, ElementType>;
}

/** What evb's own files, an index and the results of a run, call their format begins so. */
const OWN_FORMAT = /^evb-/;

export const isOwnFormat = (file: Hdf5File): boolean =>
  OWN_FORMAT.test(String(file.attribute("format")));

/**
 * Undefined for a file of evb's own, which may lie beside the run's.
 *
 * @throws EvbError "input-unreadable", "layout-unknown", "layout-mismatch", "hdf5-library-hangs", and others of formats
 */
export async function scanFile(
  hdf5: Hdf5,
  path: string,
  wanted: Layout | undefined,
): Promise<Scan | undefined> {
  const file = new Hdf5File(hdf5, path);
  try {
    if (isOwnFormat(file)) return undefined;
    const source = layoutOf(file, wanted);
    for (const column of columnsOf(source)) checkColumn(file, column);
    const times = file.dataSet(source.time).readColumn() as BigUint64Array;
    return {
      path,
      fingerprint: fingerprinted(path),
      source,
      times,
      disorder: disorderOf(times),
      labels: labelsOf(file, source, times),
      storage: await findStorage(file, source.payload),
    };
  } finally {
    file.close();
  }
}

const columnsOf = ({ time, labels }: SourceLayout): Set<string> =>
  new Set([time, ...(labels === undefined ? [] : [labels.time, ...labels.columns.values()])]);

/** @throws EvbError "input-unreadable" */
export function fingerprinted(path: string): Fingerprint {
  try {
    return fingerprintOf(path);
  } catch (thrown) {
    throw fault("input-unreadable", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

function labelsOf(
  file: Hdf5File,
  source: SourceLayout,
  times: BigUint64Array,
): LabelTable | undefined {
  const { labels } = source;
  if (labels === undefined) return undefined;
  const own = labels.time === source.time;
  const stamps = own ? times : (file.dataSet(labels.time).readColumn() as BigUint64Array);
  return { times: stamps, ...readLabels(file, labels.columns) };
}

/** @param paths label name → data set */
export function readLabels(
  file: Hdf5File,
  paths: ReadonlyMap<string, string>,
): Pick<LabelTable, "columns" | "types"> {
  const columns = new Map<string, LabelColumn>();
  const types = new Map<string, ElementType>();
  for (const [name, path] of paths) {
    const dataSet = file.dataSet(path);
    const type = dataSet.shape.type!;
    if (type.startsWith("S")) columns.set(name, dataSet.readStrings());
    else {
      columns.set(name, dataSet.readColumn());
      types.set(name, type as ElementType);
    }
  }
  return { columns, types };
}
