import { statSync } from "node:fs";
import { isEvbError, sentenceOf, sourceOfFragment, type ElementType } from "@evb/event";
import {
  DataFile,
  Hdf5File,
  loadHdf5,
  storedElementBytes,
  type ChunkPlaces,
  type Hdf5DataSet,
  type RowLayout,
} from "@evb/formats";
import { fault } from "./faults.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { FragmentPlaces } from "./fragment-places.ts";
import { placeOf, type DataPlace } from "./inputs.ts";
import { columnPlace, PagedColumn } from "./paged-column.ts";
import type { MatchReport } from "./report.ts";
import { RING_INDEX_FORMAT } from "./ring/ring-index-columns.ts";
import { parseShape } from "./shape-text.ts";
import { libraryReasonIn, parseStorage } from "./storage-text.ts";
import { givenType } from "./stored-type.ts";
import { INDEX_FORMAT, INDEX_VERSION } from "./write.ts";

/** One input file, as the index remembers it. */
export interface RunFile {
  /** Below the index's root. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ends: string;
}

/** One source, as the index remembers it. */
export interface RunSource {
  readonly name: string;
  /** Row of {@link RunIndex.files}. */
  readonly file: number;
  readonly time: string;
  readonly payload: string;
  readonly type: ElementType;
  /** Dimensions of one fragment; none where its length varies. */
  readonly itemShape: readonly number[];
  /** Rows are sequences of numbers, each with a length of its own. */
  readonly varies: boolean;
  /** Number of its first row among the fragments of all sources. */
  readonly fragmentFirst: number;
  readonly rows: number;
  /** Row of the files that has its payload: another one behind an external link. */
  readonly payloadFile: number;
  /** How its rows lie there; undefined: the HDF5 library reads them. */
  readonly storage: RowLayout | undefined;
}

/** Some events, as columns. */
export interface EventSlab {
  /** Number of the first event. */
  readonly first: number;
  /** Shape (events), u64 ticks. */
  readonly time: BigUint64Array;
  /** Shape (events + 1), counted from 0 in this slab. */
  readonly start: Uint32Array;
  /** Shape (fragments): rows of {@link RunIndex.sources}; an event's fragments are by (time, source, row). */
  readonly source: Uint16Array;
  /** Shape (fragments): rows of the source's payload. */
  readonly row: Uint32Array;
}

/** The events of an index, or of some of its sources. */
export interface RunEvents {
  /** The index's file. */
  readonly path: string;
  /** Absolute path, on the host that made the index, of the folder that the files' paths are below. */
  readonly root: string;
  readonly files: readonly RunFile[];
  readonly sources: readonly RunSource[];
  readonly eventCount: number;
  /** Events `first` … `first + count − 1`. */
  slab(first: number, count: number): EventSlab;
  /**
   * Where the chunks of some fragments lie, those of each fragment one behind the other. Undefined where no
   * source has chunks.
   *
   * @param source rows of the sources; @param row rows of their payloads
   */
  places(source: Uint16Array, row: Uint32Array): ChunkPlaces | undefined;
}

/** 8 MB: the first fragments of events that follow each other lie side by side, source by source. */
const FIRST_STAMP_PAGES = 256;

/** An index, open for reading slab by slab. Whoever opens it closes it. */
export class RunIndex implements RunEvents {
  readonly path: string;
  readonly root: string;
  readonly files: readonly RunFile[];
  readonly sources: readonly RunSource[];
  readonly report: MatchReport;
  /** The options that it was made with, and by which evb. */
  readonly made: Readonly<Record<string, string>>;
  readonly eventCount: number;
  readonly fragmentCount: number;
  readonly #file: Hdf5File;
  /** The same file. */
  readonly #data: DataFile;
  readonly #starts: Float64Array;
  /** Undefined: each event has the stamp of its first fragment. */
  readonly #time: Hdf5DataSet | undefined;
  readonly #start: Hdf5DataSet;
  readonly #fragment: Hdf5DataSet;
  readonly #places: FragmentPlaces | undefined;
  readonly #stamps: PagedColumn<BigUint64Array>;
  /** The same; events in order need few pages of it at a time. */
  readonly #firstStamps: PagedColumn<BigUint64Array>;
  /** By file: where it begins, in the bytes of all files. */
  readonly #bases: readonly number[];

  private constructor(file: Hdf5File) {
    this.#file = file;
    this.path = file.path;
    this.root = String(file.attribute("root"));
    this.files = readFiles(file);
    this.sources = readSources(file);
    this.#starts = Float64Array.from(this.sources, (source) => source.fragmentFirst);
    this.#time = file.shapeOf("/events/time") && file.dataSet("/events/time");
    this.#start = file.dataSet("/events/start");
    this.#fragment = file.dataSet("/events/fragment");
    this.eventCount = this.#start.length - 1;
    if (this.eventCount < 0) throw this.#damaged("/events/start is empty");
    this.fragmentCount = this.#fragment.length;
    this.#data = new DataFile(file.path);
    this.#places = FragmentPlaces.of(file, this.#data, this.sources);
    const stamps = columnPlace(file, "/fragments/time", "u8");
    this.#stamps = new PagedColumn(stamps, this.#data);
    this.#firstStamps = new PagedColumn(stamps, this.#data, FIRST_STAMP_PAGES);
    this.#bases = basesOf(this.files);
    this.report = readReport(file, this);
    const names = [
      "evb",
      "layout",
      "match",
      "window",
      "reference",
      "select",
      "require",
      "sources",
    ].concat(this.sources.some(({ storage }) => storage?.ring) ? RING_OPTIONS : []);
    this.made = Object.fromEntries(
      names.flatMap((name) => {
        const value = file.attribute(name);
        return value === undefined ? [] : [[name, String(value)]];
      }),
    );
  }

  /** @throws EvbError "not-an-index", "index-missing", "index-version", "index-damaged" */
  static async open(path: string): Promise<RunIndex> {
    const file = await openFile(path);
    try {
      checkFormat(file);
      return new RunIndex(file);
    } catch (thrown) {
      file.close();
      if (isEvbError(thrown, "not-an-index", "index-version", "index-damaged")) throw thrown;
      throw fault("index-damaged", { path, reason: sentenceOf(thrown) }, { cause: thrown });
    }
  }

  /** Is another one whenever the index is. */
  get identity(): string {
    return fingerprintOf(this.path).ends;
  }

  /** @throws EvbError "index-damaged" */
  slab(first: number, count: number): EventSlab {
    const absolute = this.#start.readSlab(first, count + 1) as Uint32Array;
    // An event without fragments has no stamp but its own.
    const least = this.#time === undefined ? 1 : 0;
    for (let k = 0; k < count; k++)
      if (absolute[k + 1]! < absolute[k]! + least)
        throw this.#damaged(`no fragments are said to be of event ${String(first + k)}`);
    const begin = absolute[0]!;
    const fragment = this.#fragment.readSlab(begin, absolute[count]! - begin) as Uint32Array;
    const source = new Uint16Array(fragment.length);
    const row = new Uint32Array(fragment.length);
    for (let i = 0; i < fragment.length; i++) {
      const s = sourceOfFragment(this.#starts, fragment[i]!);
      source[i] = s;
      row[i] = fragment[i]! - this.#starts[s]!;
      if (row[i]! >= this.sources[s]!.rows)
        throw this.#damaged(`there is no fragment ${String(fragment[i])}`);
    }
    const start = absolute.map((each) => each - begin);
    const time =
      (this.#time?.readSlab(first, count) as BigUint64Array | undefined) ??
      BigUint64Array.from({ length: count }, (_, k) => this.#firstStamps.at(fragment[start[k]!]!));
    return { first, time, start, source, row };
  }

  places(source: Uint16Array, row: Uint32Array): ChunkPlaces | undefined {
    return this.#places?.of(source, row);
  }

  /** Shape (fragments), u64 ticks: each fragment's own stamp. @param source rows of the sources */
  stamps(source: Uint16Array, row: Uint32Array): BigUint64Array {
    return BigUint64Array.from(source, (s, k) => this.#stamps.at(this.#starts[s]! + row[k]!));
  }

  /** Shape (fragments): rows of the files that they lie in. @param source rows of the sources */
  filesOf(source: Uint16Array, row: Uint32Array): Uint32Array {
    // Of ring items all are: one fragment has one place.
    const isRing = this.sources[source[0] ?? 0]?.storage?.ring !== undefined;
    const places = isRing ? this.places(source, row) : undefined;
    return Uint32Array.from(source, (s, k) =>
      places === undefined ? this.sources[s]!.file : fileAt(this.#bases, places.address[k]!),
    );
  }

  /** Where the file lies on this host. */
  placeOf(file: RunFile, places: readonly DataPlace[]): string {
    return placeOf(file.path, this.root, places);
  }

  /**
   * Makes sure that every input file is the one that was indexed.
   *
   * @throws EvbError "index-stale", "data-missing", naming the file
   */
  checkFresh(places: readonly DataPlace[]): void {
    for (const file of this.files) checkFile(this.path, this.placeOf(file, places), file);
  }

  close(): void {
    this.#file.close();
    this.#data.close();
  }

  #damaged(reason: string): Error {
    return fault("index-damaged", { path: this.path, reason });
  }
}

/** Of a run of ring items: how they were read. */
const RING_OPTIONS = ["run", "depth", "timestamp_at", "headerless", "salvage"];

/** By file: where its bytes begin, counted through all files. */
export function basesOf(files: readonly { readonly sizeBytes: number }[]): number[] {
  let base = 0;
  return files.map(({ sizeBytes }) => {
    base += sizeBytes;
    return base - sizeBytes;
  });
}

/** The file that a byte lies in. @param bases see {@link basesOf} */
export const fileAt = (bases: readonly number[], address: number): number =>
  Math.max(
    0,
    bases.findLastIndex((base) => base <= address),
  );

/** @throws EvbError "index-stale", "data-missing" */
export function checkFile(indexPath: string, dataPath: string, file: RunFile): void {
  const at = { path: indexPath, dataPath };
  let now: ReturnType<typeof fingerprintOf>;
  try {
    now = fingerprintOf(dataPath);
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === "ENOENT";
    const reason = missing ? "there is no such file" : sentenceOf(thrown);
    throw fault("data-missing", { ...at, reason }, { cause: thrown });
  }
  if (now.sizeBytes !== file.sizeBytes) {
    const reason = `it has ${String(now.sizeBytes)} bytes and had ${String(file.sizeBytes)}`;
    throw fault("index-stale", { ...at, reason });
  }
  if (now.ends !== file.ends)
    throw fault("index-stale", { ...at, reason: "its first or last 64 kB changed" });
}

async function openFile(path: string): Promise<Hdf5File> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw fault("index-missing", { path });
  const advice = `make one with \`evb index ${path} -o run.index.h5\` and give that`;
  if (stats.isDirectory()) throw fault("not-an-index", { path, is: "a folder", advice });
  const hdf5 = await loadHdf5();
  try {
    return new Hdf5File(hdf5, path);
  } catch (thrown) {
    throw fault("index-damaged", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

function checkFormat(file: Hdf5File): void {
  const path = file.path;
  const format = file.attribute("format");
  if (format !== INDEX_FORMAT) {
    if (format === RING_INDEX_FORMAT)
      throw fault("not-an-index", {
        path,
        is: "the index of ring items that `evb order --index` keeps",
        advice: "`evb order` and `evb inspect` read it",
      });
    const results = format === "evb-results";
    const is = results ? "the results of a run" : "a data file";
    const advice = results
      ? "give the index that the run was made from"
      : `make one with \`evb index ${path} -o run.index.h5\` and give that`;
    throw fault("not-an-index", { path, is, advice });
  }
  const version = file.attribute("version");
  if (version !== INDEX_VERSION)
    throw fault("index-version", { path, version: String(version), known: INDEX_VERSION });
}

function readFiles(file: Hdf5File): RunFile[] {
  const sizes = numbersOf(file, "/files/size");
  const mtimes = file.dataSet("/files/mtime").readColumn() as BigUint64Array;
  const ends = file.dataSet("/files/fingerprint").readStrings();
  return file
    .dataSet("/files/path")
    .readStrings()
    .map((path, i) => ({ path, sizeBytes: sizes[i]!, mtimeNs: mtimes[i]!, ends: ends[i]! }));
}

function readSources(file: Hdf5File): RunSource[] {
  const text = (name: string): string[] => file.dataSet(`/sources/${name}`).readStrings();
  const number = (name: string): number[] => numbersOf(file, `/sources/${name}`);
  const [names, times, payloads, types, shapes, storages] = [
    "name",
    "time",
    "payload",
    "type",
    "item_shape",
    "storage",
  ].map(text);
  const [files, firsts, rows, payloadFiles] = ["file", "first", "rows", "payload_file"].map(number);
  return names!.map((name, i) => {
    const { type, ...halves } = givenType(types![i]!) ?? unknownType(file.path, types![i]!);
    const { itemShape, varies } = parseShape(shapes![i]!);
    return {
      name,
      file: files![i]!,
      time: times![i]!,
      payload: payloads![i]!,
      type,
      itemShape,
      varies,
      fragmentFirst: firsts![i]!,
      rows: rows![i]!,
      payloadFile: payloadFiles![i]!,
      storage: parseStorage(storages![i]!, {
        itemShape,
        ...halves,
        elementBytes: storedElementBytes(type, halves),
      }),
    };
  });
}

function unknownType(path: string, type: string): never {
  throw fault("index-damaged", { path, reason: `${type} is no element type` });
}

function readReport(file: Hdf5File, index: RunIndex): MatchReport {
  const counts = ["rows", "matched", "unmatched", "duplicates", "out_of_order"].map((name) =>
    numbersOf(file, `/sources/${name}`),
  );
  const storages = file.dataSet("/sources/storage").readStrings();
  const multiplicities = numbersOf(file, "/multiplicity/fragments");
  const events = numbersOf(file, "/multiplicity/events");
  return {
    events: index.eventCount,
    fragments: index.fragmentCount,
    multiplicity: Object.fromEntries(multiplicities.map((n, i) => [String(n), events[i]!])),
    sources: index.sources.map((source, i) => {
      const [rows, matched, unmatched, duplicates, outOfOrder] = counts.map((column) => column[i]!);
      return {
        source: source.name,
        file: index.files[source.file]!.path,
        rows: rows!,
        matched: matched!,
        unmatched: unmatched!,
        duplicates: duplicates!,
        outOfOrder: outOfOrder!,
        library: libraryReasonIn(storages[i]!) ?? null,
      };
    }),
    seconds: 0,
  };
}

function numbersOf(file: Hdf5File, path: string): number[] {
  return Array.from(file.dataSet(path).readColumn() as ArrayLike<number | bigint>, Number);
}
