import { existsSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isEvbError, sentenceOf } from "@evb/event";
import { Hdf5Writer, loadHdf5, type Hdf5 } from "@evb/formats";
import { fault } from "../faults.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { belowRoot, rootOf } from "../inputs.ts";
import {
  END_COLUMNS,
  END_LISTS,
  RING_INDEX_FORMAT,
  RING_INDEX_VERSION,
  RUN_NUMBERS,
  SOURCE_COUNTS,
  SOURCE_TICKS,
} from "./ring-index-columns.ts";
import type { EndItem, RingRun } from "./ring-run.ts";

/** What a scan is kept with, so that it can be told whether it still holds. */
export interface ScanOrigin {
  readonly evbVersion: string;
  /** By file of the run, taken before it was scanned. */
  readonly fingerprints: readonly Fingerprint[];
  /** Options that the scan depends on, as text. */
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Keeps what a scan found in a file: under a temporary name first, so that half of it is never taken
 * for all.
 *
 * @throws EvbError "out-unwritable"
 */
export async function writeRingIndex(
  path: string,
  run: RingRun,
  origin: ScanOrigin,
): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${String(process.pid)}.partial`);
  try {
    writeAll(await loadHdf5(), partial, run, origin);
    renameSync(partial, path);
  } catch (thrown) {
    if (existsSync(partial)) rmSync(partial);
    const failed = isEvbError(thrown, "hdf5-write-failed");
    const reason = failed ? (thrown.at as { reason: string }).reason : sentenceOf(thrown);
    throw fault("out-unwritable", { path, reason }, { cause: thrown });
  }
}

function writeAll(hdf5: Hdf5, path: string, run: RingRun, origin: ScanOrigin): void {
  const writer = new Hdf5Writer(hdf5, path);
  try {
    writeOrigin(writer, run, origin);
    for (const [column, field] of RUN_NUMBERS)
      writer.writeColumn(`/run/${column}`, "u8", u64([run[field]]));
    writer.writeColumn("/run/version", "u1", Uint8Array.of(run.version));
    writer.writeColumn("/run/big_endian", "u1", Uint8Array.of(+run.bigEndian));
    writeRows(writer, run);
    writeGroups(writer, run);
    writeEnds(writer, run);
    writeSources(writer, run);
    writer.writeStrings("/warnings/sentence", run.warnings);
  } finally {
    writer.close();
  }
}

function writeOrigin(writer: Hdf5Writer, run: RingRun, origin: ScanOrigin): void {
  const { evbVersion, fingerprints, options } = origin;
  const paths = run.files.map(({ path }) => path);
  const root = rootOf(paths);
  writer.attribute("format", RING_INDEX_FORMAT);
  writer.attribute("version", RING_INDEX_VERSION);
  writer.attribute("evb", evbVersion);
  writer.attribute("root", root);
  writer.writeStrings("/options/name", Object.keys(options));
  writer.writeStrings("/options/value", Object.values(options));
  const files = paths.map((file) => belowRoot(file, root));
  writer.writeStrings("/files/path", files);
  writer.writeColumn("/files/size", "u8", u64(fingerprints.map(({ sizeBytes }) => sizeBytes)));
  const times = BigUint64Array.from(fingerprints, ({ mtimeNs }) => mtimeNs);
  writer.writeColumn("/files/mtime", "u8", times);
  const ends = fingerprints.map((print) => print.ends);
  writer.writeStrings("/files/fingerprint", ends);
  const { skipped } = run;
  const skippedIn = Uint32Array.from(skipped, ({ path }) => paths.indexOf(path));
  writer.writeColumn("/skipped/file", "u4", skippedIn);
  for (const column of ["offset", "bytes", "item"] as const)
    writer.writeColumn(`/skipped/${column}`, "u8", u64(skipped.map((each) => each[column])));
  const reasons = skipped.map(({ reason }) => reason);
  writer.writeStrings("/skipped/reason", reasons);
}

function writeRows(writer: Hdf5Writer, { rows, order }: RingRun): void {
  const { count } = rows;
  writer.writeColumn("/rows/stamp", "u8", rows.stamp.subarray(0, count));
  writer.writeColumn("/rows/offset", "f8", rows.offset.subarray(0, count));
  writer.writeColumn("/rows/size", "u4", rows.size.subarray(0, count));
  writer.writeColumn("/rows/source", "u2", rows.source.subarray(0, count));
  writer.writeColumn("/rows/kind", "u1", rows.kind.subarray(0, count));
  writer.writeColumn("/order/row", "u4", order);
  writePairs(writer, "/barriers/row", "/barriers/barrier", rows.barriers);
  writePairs(writer, "/headerless/row", "/headerless/type", rows.headerlessTypes);
}

function writePairs(
  writer: Hdf5Writer,
  keys: string,
  values: string,
  pairs: ReadonlyMap<number, number>,
): void {
  writer.writeColumn(keys, "u4", Uint32Array.from(pairs.keys()));
  writer.writeColumn(values, "u4", Uint32Array.from(pairs.values()));
}

function writeGroups(writer: Hdf5Writer, { groups }: RingRun): void {
  const start = new Uint32Array(groups.size + 1);
  [...groups.values()].forEach((members, k) => {
    start[k + 1] = start[k]! + members.length;
  });
  writer.writeColumn("/groups/row", "u4", Uint32Array.from(groups.keys()));
  writer.writeColumn("/groups/start", "u4", start);
  writer.writeColumn("/groups/member", "u4", Uint32Array.from([...groups.values()].flat()));
}

function writeEnds(writer: Hdf5Writer, { begins, ends, format }: RingRun): void {
  const formats = format === undefined ? [] : [format];
  const items: readonly EndItem[] = [...begins, ...ends, ...formats];
  const lists = [
    ...begins.map(() => END_LISTS.begins),
    ...ends.map(() => END_LISTS.ends),
    ...formats.map(() => END_LISTS.format),
  ];
  writer.writeColumn("/run_items/list", "u1", Uint8Array.from(lists));
  for (const [column, type, field] of END_COLUMNS) {
    const numbers = items.map((item) => item[field]);
    const cells = type === "u8" ? u64(numbers) : Uint32Array.from(numbers);
    writer.writeColumn(`/run_items/${column}`, type, cells);
  }
}

function writeSources(writer: Hdf5Writer, { sources }: RingRun): void {
  const ids = Uint32Array.from(sources, ({ source }) => source);
  writer.writeColumn("/sources/id", "u4", ids);
  for (const [column, field] of SOURCE_COUNTS)
    writer.writeColumn(`/sources/${column}`, "u8", u64(sources.map((each) => each[field])));
  for (const [column, field] of SOURCE_TICKS) {
    const ticks = BigUint64Array.from(sources, (each) => each[field]);
    writer.writeColumn(`/sources/${column}`, "u8", ticks);
  }
}

const u64 = (numbers: readonly number[]): BigUint64Array => BigUint64Array.from(numbers, BigInt);
