import { isEvbError, sentenceOf } from "@evb/event";
import { Hdf5File, loadHdf5, RingRows, type Skipped } from "@evb/formats";
import { fault } from "../faults.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { belowRoot, rootOf } from "../inputs.ts";
import { checkFile, type RunFile } from "../run-index.ts";
import {
  END_COLUMNS,
  END_LISTS,
  RING_INDEX_FORMAT,
  RING_INDEX_VERSION,
  RUN_NUMBERS,
  SOURCE_COUNTS,
  SOURCE_TICKS,
} from "./ring-index-columns.ts";
import type { EndItem, RingFile, RingRun, RingSource } from "./ring-run.ts";

/** A scan that was kept, read whole. */
export interface RingIndex {
  readonly path: string;
  /** Version of the evb that wrote it. */
  readonly evb: string;
  /** Absolute path, on the host that made the index, of the folder that the files' paths are below. */
  readonly root: string;
  readonly files: readonly RunFile[];
  /** Options that the scan depends on, as text. */
  readonly options: Readonly<Record<string, string>>;
  /** With the files where they were. */
  readonly run: RingRun;
}

/** @throws EvbError "ring-index-foreign", "ring-index-version", "ring-index-damaged" */
export async function readRingIndex(path: string): Promise<RingIndex> {
  const file = await openRingIndex(path);
  try {
    checkFormat(file);
    return new Columns(file).index();
  } catch (thrown) {
    if (isEvbError(thrown, "ring-index-foreign", "ring-index-version")) throw thrown;
    const reason = sentenceOf(thrown);
    throw fault("ring-index-damaged", { path, reason }, { cause: thrown });
  } finally {
    file.close();
  }
}

async function openRingIndex(path: string): Promise<Hdf5File> {
  const hdf5 = await loadHdf5();
  try {
    return new Hdf5File(hdf5, path);
  } catch (thrown) {
    throw fault("ring-index-foreign", { path }, { cause: thrown });
  }
}

function checkFormat(file: Hdf5File): void {
  const { path } = file;
  if (file.attribute("format") !== RING_INDEX_FORMAT) throw fault("ring-index-foreign", { path });
  const version = String(file.attribute("version"));
  if (version !== String(RING_INDEX_VERSION))
    throw fault("ring-index-version", { path, version, known: RING_INDEX_VERSION });
}

/**
 * Makes sure that an index is what a scan of these files with these options would give.
 *
 * @param paths absolute, in the run's order
 * @throws EvbError "ring-index-stale", "data-missing", naming what is different
 */
export function checkRingIndex(
  index: RingIndex,
  paths: readonly string[],
  options: Readonly<Record<string, string>>,
): void {
  const { path } = index;
  const stale = (reason: string): Error => fault("ring-index-stale", { path, reason });
  for (const name of Object.keys({ ...index.options, ...options }))
    if (index.options[name] !== options[name])
      throw stale(
        `--${name} was ${index.options[name] ?? "unknown"} and is ${options[name] ?? "unknown"}`,
      );
  const root = rootOf(paths);
  const names = paths.map((each) => belowRoot(each, root));
  if (names.join("\n") !== index.files.map((file) => file.path).join("\n"))
    throw stale(`it is of ${index.files.map((file) => file.path).join(", ")}`);
  for (const [k, file] of index.files.entries())
    try {
      checkFile(path, paths[k]!, file);
    } catch (thrown) {
      if (!isEvbError(thrown, "index-stale")) throw thrown;
      throw stale(`${paths[k]!}: ${(thrown.at as { reason: string }).reason}`);
    }
}

/** The same run, where its files lie now. */
export const withPaths = (run: RingRun, paths: readonly string[]): RingRun => ({
  ...run,
  files: run.files.map((file, k) => ({ ...file, path: paths[k]! })),
  skipped: run.skipped.map((piece) => ({
    ...piece,
    path: paths[run.files.findIndex(({ path }) => path === piece.path)]!,
  })),
});

/** Reads each column once. */
class Columns {
  readonly #file: Hdf5File;

  constructor(file: Hdf5File) {
    this.#file = file;
  }

  index(): RingIndex {
    const root = String(this.#file.attribute("root"));
    const files = this.#files();
    return {
      path: this.#file.path,
      evb: String(this.#file.attribute("evb")),
      root,
      files,
      options: this.#options(),
      run: this.#run(root, files),
    };
  }

  #files(): RunFile[] {
    const sizes = this.#numbers("/files/size");
    const mtimes = this.#column("/files/mtime") as BigUint64Array;
    const ends = this.#strings("/files/fingerprint");
    return this.#strings("/files/path").map((path, k) => ({
      path,
      sizeBytes: sizes[k]!,
      mtimeNs: mtimes[k]!,
      ends: ends[k]!,
    }));
  }

  #options(): Record<string, string> {
    const values = this.#strings("/options/value");
    return Object.fromEntries(this.#strings("/options/name").map((name, k) => [name, values[k]!]));
  }

  #run(root: string, below: readonly RunFile[]): RingRun {
    let base = 0;
    const files = below.map(({ path, sizeBytes }): RingFile => {
      const file = { path: `${root === "/" ? "" : root}/${path}`, base, sizeBytes };
      base += sizeBytes;
      return file;
    });
    const numbers = RUN_NUMBERS.map(
      ([column, field]) => [field, this.#numbers(`/run/${column}`)[0]!] as const,
    );
    const version = this.#numbers("/run/version")[0] as RingRun["version"];
    return {
      ...(Object.fromEntries(numbers) as Record<(typeof numbers)[number][0], number>),
      files,
      rows: this.#rows(),
      order: this.#column("/order/row") as Uint32Array,
      groups: this.#groups(),
      ...this.#ends(),
      v10: version === 10,
      version,
      bigEndian: this.#numbers("/run/big_endian")[0] === 1,
      sources: this.#sources(),
      skipped: this.#skipped(files),
      warnings: this.#strings("/warnings/sentence"),
    };
  }

  #rows(): RingRows {
    const rows = new RingRows();
    rows.stamp = this.#column("/rows/stamp") as BigUint64Array<ArrayBuffer>;
    const { buffer, byteOffset } = rows.stamp;
    rows.stampWords = new Uint32Array(buffer, byteOffset, 2 * rows.stamp.length);
    rows.offset = this.#column("/rows/offset") as Float64Array<ArrayBuffer>;
    rows.size = this.#column("/rows/size") as Uint32Array<ArrayBuffer>;
    rows.source = this.#column("/rows/source") as Uint16Array<ArrayBuffer>;
    rows.kind = this.#column("/rows/kind") as Uint8Array<ArrayBuffer>;
    rows.count = rows.kind.length;
    for (const id of this.#numbers("/sources/id")) rows.sourceRow(id);
    this.#pairs("/barriers/row", "/barriers/barrier", rows.barriers);
    this.#pairs("/headerless/row", "/headerless/type", rows.headerlessTypes);
    return rows;
  }

  #pairs(keys: string, values: string, into: Map<number, number>): void {
    const found = this.#numbers(values);
    this.#numbers(keys).forEach((key, k) => into.set(key, found[k]!));
  }

  #groups(): Map<number, readonly number[]> {
    const start = this.#numbers("/groups/start");
    const members = this.#numbers("/groups/member");
    return new Map(
      this.#numbers("/groups/row").map((row, k) => [row, members.slice(start[k], start[k + 1])]),
    );
  }

  #ends(): Pick<RingRun, "begins" | "ends" | "format"> {
    const columns = END_COLUMNS.map(([column]) => this.#numbers(`/run_items/${column}`));
    const lists = this.#numbers("/run_items/list");
    const of = (list: number): EndItem[] =>
      lists.flatMap((each, k) => {
        if (each !== list) return [];
        const fields = END_COLUMNS.map(([, , field], c) => [field, columns[c]![k]!] as const);
        return [Object.fromEntries(fields) as Record<keyof EndItem, number>];
      });
    const { begins, ends, format } = END_LISTS;
    return { begins: of(begins), ends: of(ends), format: of(format)[0] };
  }

  #sources(): RingSource[] {
    const counts = SOURCE_COUNTS.map(([column]) => this.#numbers(`/sources/${column}`));
    const ticks = SOURCE_TICKS.map(
      ([column]) => this.#column(`/sources/${column}`) as BigUint64Array,
    );
    return this.#numbers("/sources/id").map((source, k) => {
      const own = SOURCE_COUNTS.map(([, field], c) => [field, counts[c]![k]!] as const);
      const times = SOURCE_TICKS.map(([, field], c) => [field, ticks[c]![k]!] as const);
      return {
        source,
        ...(Object.fromEntries(own) as Record<(typeof own)[number][0], number>),
        ...(Object.fromEntries(times) as Record<(typeof times)[number][0], bigint>),
      };
    });
  }

  #skipped(files: readonly RingFile[]): Skipped[] {
    const [offset, bytes, item] = ["offset", "bytes", "item"].map((column) =>
      this.#numbers(`/skipped/${column}`),
    );
    const reasons = this.#strings("/skipped/reason");
    return this.#numbers("/skipped/file").map((file, k) => ({
      path: files[file]!.path,
      offset: offset![k]!,
      bytes: bytes![k]!,
      item: item![k]!,
      reason: reasons[k]!,
    }));
  }

  #column(path: string): ReturnType<ReturnType<Hdf5File["dataSet"]>["readColumn"]> {
    return this.#file.dataSet(path).readColumn();
  }

  #numbers(path: string): number[] {
    return Array.from(this.#column(path) as ArrayLike<number | bigint>, Number);
  }

  #strings(path: string): string[] {
    return this.#file.dataSet(path).readStrings();
  }
}

/** Of a run's files, before they are scanned. */
export const fingerprintsOf = (paths: readonly string[]): ReturnType<typeof fingerprintOf>[] =>
  paths.map(fingerprintOf);
