import { realpathSync } from "node:fs";
import { disorderOf, rowsInOrder, type ElementType, type Elements } from "@evb/event";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import type { LabelColumn } from "@evb/labels";
import { checkColumn, findStorage } from "../direct-storage.ts";
import { fault } from "../faults.ts";
import { rootOf } from "../inputs.ts";
import type { SelectOrder } from "../order.ts";
import type { RunScan, ScannedFile, ScannedSource } from "../run-scan.ts";
import { fingerprinted, readLabels, type LabelTable } from "../scan.ts";
import { AlignedEvents } from "./aligned-events.ts";
import { EXTRACT_VERSION, ROW_STATUS } from "./extract-format.ts";

/** A source as an extract has it. */
interface AlignedSource extends ScannedSource {
  /** Its place among the sources of an event. */
  readonly number: number;
  /** Shape (events), {@link ROW_STATUS}. */
  readonly status: Uint8Array;
}

/** What an extract says of all its sources. */
interface Extract {
  readonly hdf5: Hdf5File;
  readonly file: ScannedFile;
  /** Shape (events), u64 ticks. */
  readonly times: BigUint64Array;
  /** How its events were found. */
  readonly match: string;
}

/**
 * Scans an extract, whose sources lie side by side in one file.
 *
 * @param path absolute
 * @throws EvbError "extract-version", "extract-damaged", "extract-no-labels", "input-unreadable", and others of formats
 */
export async function scanExtract(path: string, select: SelectOrder): Promise<RunScan> {
  const file = { path, fingerprint: fingerprinted(path) };
  const hdf5 = new Hdf5File(await loadHdf5(), path);
  try {
    const match = checkFormat(hdf5);
    const times = columnOf(hdf5, "events/time", "u8") as BigUint64Array;
    const extract = { hdf5, file, times, match };
    const sources = await sourcesOf(extract);
    const labels = labelsOf(extract);
    if (labels === undefined && select.kind === "expression")
      throw fault("extract-no-labels", { path });
    const status = new Map(sources.map((source) => [source.name, source.status]));
    return {
      layout: "extract",
      root: rootOf([path]),
      sources,
      labels,
      known: new AlignedEvents({ times, status, match }),
      tick: undefined,
      defaultSelection: undefined,
      options: {},
      warnings: failedRows(sources),
      filesOf: () => [file],
      rowsOf: rowsInOrder,
    };
  } finally {
    hdf5.close();
  }
}

/** Returns how its events were found. */
function checkFormat(hdf5: Hdf5File): string {
  const { path } = hdf5;
  const version = hdf5.attribute("version");
  if (version !== EXTRACT_VERSION)
    throw fault("extract-version", { path, version: String(version), known: EXTRACT_VERSION });
  const match = hdf5.attribute("match");
  if (typeof match !== "string") throw damaged(hdf5, "it doesn't say how its events were found");
  return match;
}

async function sourcesOf(extract: Extract): Promise<AlignedSource[]> {
  const { hdf5 } = extract;
  const sources: AlignedSource[] = [];
  for (const group of hdf5.names("sources"))
    sources.push(await sourceOf(extract, `sources/${group}`));
  sources.sort((a, b) => a.number - b.number);
  if (sources.length === 0) throw damaged(hdf5, "it has no sources");
  if (sources.some(({ number }, k) => number !== k))
    throw damaged(hdf5, "its sources aren't numbered one after the other");
  return sources;
}

async function sourceOf(extract: Extract, group: string): Promise<AlignedSource> {
  const { hdf5, file } = extract;
  const name = hdf5.attribute("source", group);
  const number = hdf5.attribute("number", group);
  if (typeof name !== "string" || number === undefined)
    throw damaged(hdf5, `${group} doesn't say which source it is`);
  const status = statusOf(extract, group);
  const stamps = stampsOf(extract, group, status);
  const payload = `${group}/data`;
  return {
    name,
    number: Number(number),
    file,
    payloadFile: file,
    payload,
    ...shapeOf(extract, payload),
    ...stamps,
    disorder: disorderOf(stamps.times),
    status,
    storage: await storageOf(extract, payload),
  };
}

function statusOf({ hdf5, times }: Extract, group: string): Uint8Array {
  const path = `${group}/status`;
  const status = columnOf(hdf5, path, "u1", times.length) as Uint8Array;
  if (status.some((each) => each > ROW_STATUS.absent))
    throw damaged(hdf5, `${path} has other numbers than 0, 1 and 2`);
  return status;
}

/** A row that holds nothing has its event's stamp. */
function stampsOf(
  { hdf5, times, match }: Extract,
  group: string,
  status: Uint8Array,
): Pick<ScannedSource, "time" | "times"> {
  if (match === "exact") return { time: "events/time", times };
  const time = `${group}/time`;
  const own = columnOf(hdf5, time, "u8", times.length) as BigUint64Array;
  for (let row = 0; row < own.length; row++)
    if (status[row] !== ROW_STATUS.there) own[row] = times[row]!;
  return { time, times: own };
}

function shapeOf(
  { hdf5, times }: Extract,
  payload: string,
): Pick<ScannedSource, "type" | "storedType" | "itemShape" | "varies"> {
  const shape = hdf5.shapeOf(payload);
  const type = shape?.type;
  const isPlain = type !== undefined && shape?.typeName === `<${type}`.replace("<|", "|");
  if (!isPlain || type.startsWith("S") || shape.shape[0] !== times.length)
    throw damaged(hdf5, `${payload} is no data set of ${String(times.length)} rows of numbers`);
  const element = type as ElementType;
  return { type: element, storedType: element, itemShape: shape.shape.slice(1), varies: false };
}

async function storageOf(
  { hdf5, file }: Extract,
  payload: string,
): Promise<ScannedSource["storage"]> {
  const storage = await findStorage(hdf5, payload);
  if (storage.kind === "direct" && storage.path !== realpathSync(file.path))
    throw damaged(hdf5, `${payload} lies in ${storage.path}`);
  return storage;
}

/** Stamps that have no label are left out, as they have no row in a run's own label table. */
function labelsOf({ hdf5, times }: Extract): LabelTable | undefined {
  const paths = new Map(hdf5.names("labels").map((name) => [name, `labels/${name}`]));
  if (paths.size === 0) {
    if (hdf5.names("/").includes("labels")) throw damaged(hdf5, "its labels can't be listed");
    return undefined;
  }
  for (const path of paths.values()) checkLength(hdf5, path, times.length);
  const { columns, types } = readLabels(hdf5, paths);
  const isThere = (_: unknown, row: number): boolean =>
    [...columns.values()].some((column) => !isMissing(column[row]!));
  const kept = [...columns].map(([name, column]): [string, LabelColumn] => [
    name,
    (column as Elements | string[]).filter(isThere) as LabelColumn,
  ]);
  return { times: times.filter(isThere), columns: new Map(kept), types };
}

/** Of whole numbers nobody can tell: they have no value that stands for none. */
const isMissing = (label: string | number | bigint): boolean => label === "" || Number.isNaN(label);

/** What is no fragment though the run had one. */
function failedRows(sources: readonly AlignedSource[]): string[] {
  return sources.flatMap(({ name, status }) => {
    const failed = status.reduce((sum, each) => sum + Number(each === ROW_STATUS.failed), 0);
    if (failed === 0) return [];
    const [rows, are] = failed === 1 ? ["row", "is no fragment"] : ["rows", "are no fragments"];
    return `${name}: ${String(failed)} ${rows} couldn't be read when the extract was written, and ${are} here`;
  });
}

function columnOf(hdf5: Hdf5File, path: string, type: "u8" | "u1", rows?: number): Elements {
  const shape = hdf5.shapeOf(path);
  if (shape?.type !== type || shape.shape.length !== 1)
    throw damaged(hdf5, `${path} is no column of ${type}`);
  checkLength(hdf5, path, rows ?? shape.shape[0]!);
  return hdf5.dataSet(path).readColumn();
}

/** Also that the library comes to an end with it. */
function checkLength(hdf5: Hdf5File, path: string, rows: number): void {
  const shape = hdf5.shapeOf(path);
  if (shape?.type === undefined || shape.shape.length !== 1 || shape.shape[0] !== rows)
    throw damaged(hdf5, `${path} is no column of ${String(rows)} rows`);
  checkColumn(hdf5, path);
}

const damaged = ({ path }: Hdf5File, reason: string): Error =>
  fault("extract-damaged", { path, reason });
