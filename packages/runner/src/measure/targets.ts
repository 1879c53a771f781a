import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { sentenceOf } from "@evb/event";
import {
  chunksPerRow,
  givenBytesOf,
  Hdf5File,
  isHdf5,
  loadHdf5,
  type ChunkPlaces,
} from "@evb/formats";
import { chunkOf, findStorage, INDEX_FORMAT, layoutOf, RunIndex, type DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import type { RowSample, SampleSource } from "./row-sample.ts";

/** What is measured: files, and rows of them if it is known where they lie. */
export interface Targets {
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly sample: RowSample | undefined;
  /** Why evb's own reader isn't measured, by source or file. */
  readonly unread: readonly { readonly name: string; readonly reason: string }[];
}

/** Decoded bytes of the rows that are read again and again: more than caches of processors hold. */
const SAMPLE_BYTES_MAX = 2 ** 28;
const SAMPLE_ROWS_MAX = 2 ** 16;
/** Events whose rows are looked up at a time. */
const SLAB_EVENTS = 1024;

/**
 * @param paths an index, or data files, or any files
 * @throws EvbError "bench-folder", "bench-unreadable", "bench-one-index"; what is wrong with an index or its data
 */
export async function findTargets(
  paths: readonly string[],
  places: readonly DataPlace[],
): Promise<Targets> {
  for (const path of paths) checkReadable(path);
  const formats = await Promise.all(paths.map(formatOf));
  const k = formats.indexOf(INDEX_FORMAT);
  if (k >= 0 && paths.length > 1) throw fault("bench-one-index", { path: paths[k]! });
  return k >= 0 ? targetsOfIndex(paths[k]!, places) : targetsOfFiles(paths);
}

function checkReadable(path: string): void {
  let stats: ReturnType<typeof statSync>;
  try {
    stats = statSync(path);
    accessSync(path, constants.R_OK);
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === "ENOENT";
    const reason = missing ? "there is no such file" : sentenceOf(thrown);
    throw fault("bench-unreadable", { path, reason }, { cause: thrown });
  }
  if (stats.isDirectory()) throw fault("bench-folder", { path });
  if (!stats.isFile()) throw fault("bench-unreadable", { path, reason: "it is no regular file" });
  if (stats.size === 0) throw fault("bench-unreadable", { path, reason: "it is empty" });
}

/** What kind of evb's own files it is; undefined: none. */
async function formatOf(path: string): Promise<unknown> {
  if (!isHdf5(path)) return undefined;
  try {
    const file = new Hdf5File(await loadHdf5(), path);
    try {
      return file.attribute("format");
    } finally {
      file.close();
    }
  } catch {
    // Any file can be read; why its rows can't is said where they are looked for.
    return undefined;
  }
}

async function targetsOfIndex(path: string, places: readonly DataPlace[]): Promise<Targets> {
  const index = await RunIndex.open(path);
  try {
    index.checkFresh(places);
    const isRing = index.sources.some(({ storage }) => storage?.ring !== undefined);
    const used = [...new Set(index.sources.map(({ payloadFile }) => payloadFile))];
    // Items of a source lie in any of a run's segments.
    const files = isRing ? index.files : used.map((k) => index.files[k]!);
    const paths = files.map((file) => resolve(index.placeOf(file, places)));
    const unread = index.report.sources.flatMap(({ source, library }) => {
      const reason = isRing ? "rows of ring items aren't measured" : library;
      return reason === null ? [] : [{ name: source, reason }];
    });
    return {
      files: files.map(({ sizeBytes }, k) => ({ path: paths[k]!, bytes: sizeBytes })),
      sample: isRing ? undefined : sampleOfIndex(index, places),
      unread,
    };
  } finally {
    index.close();
  }
}

/** The rows of the first events. */
function sampleOfIndex(index: RunIndex, dataPlaces: readonly DataPlace[]): RowSample | undefined {
  const list = new SampleList();
  const sources = index.sources.map(({ payloadFile, storage }) =>
    storage === undefined
      ? undefined
      : list.add({
          path: resolve(index.placeOf(index.files[payloadFile]!, dataPlaces)),
          layout: storage,
        }),
  );
  for (let first = 0; first < index.eventCount && list.hasRoom(); first += SLAB_EVENTS) {
    const slab = index.slab(first, Math.min(SLAB_EVENTS, index.eventCount - first));
    for (let f = 0; f < slab.row.length && list.hasRoom(); f++) {
      const source = sources[slab.source[f]!];
      if (source === undefined) continue;
      const places = index.places(slab.source.subarray(f, f + 1), slab.row.subarray(f, f + 1));
      list.addRow(source, slab.row[f]!, places, 0);
    }
  }
  return list.sample;
}

async function targetsOfFiles(paths: readonly string[]): Promise<Targets> {
  const list = new SampleList();
  const unread: { name: string; reason: string }[] = [];
  for (const path of paths) {
    const reason = isHdf5(path) ? await addRowsOf(list, path) : "it is no HDF5 file";
    if (reason !== undefined) unread.push({ name: path, reason });
  }
  const files = paths.map((path) => ({ path: resolve(path), bytes: statSync(path).size }));
  return { files, sample: list.sample, unread };
}

/** The first rows of a data file; why it has none that can be read where they lie. */
async function addRowsOf(list: SampleList, path: string): Promise<string | undefined> {
  try {
    const file = new Hdf5File(await loadHdf5(), path);
    try {
      const { payload, rows } = layoutOf(file, undefined);
      const storage = await findStorage(file, payload);
      if (storage.kind === "library") return storage.reason;
      const { layout, places } = storage;
      const source = list.add({ path: resolve(storage.path), layout });
      for (let row = 0; row < rows && list.hasRoom(); row++)
        list.addRow(source, row, places, chunkOf(layout, row));
      return undefined;
    } finally {
      file.close();
    }
  } catch (thrown) {
    return sentenceOf(thrown);
  }
}

/** Rows in the order in which they are read, up to a bound. */
class SampleList {
  readonly #sources: (SampleSource & { readonly chunks: number; readonly rowBytes: number })[] = [];
  readonly #source: number[] = [];
  readonly #row: number[] = [];
  readonly #first: number[] = [];
  readonly #address: number[] = [];
  readonly #stored: number[] = [];
  readonly #mask: number[] = [];
  #bytes = 0;

  hasRoom(): boolean {
    return this.#bytes < SAMPLE_BYTES_MAX && this.#row.length < SAMPLE_ROWS_MAX;
  }

  /** Its row among the sample's sources. */
  add(source: SampleSource): number {
    const chunks = chunksPerRow(source.layout);
    return this.#sources.push({ ...source, chunks, rowBytes: givenBytesOf(source.layout) }) - 1;
  }

  addRow(source: number, row: number, places: ChunkPlaces | undefined, at: number): void {
    const { chunks, rowBytes } = this.#sources[source]!;
    this.#source.push(source);
    this.#row.push(row);
    this.#first.push(this.#address.length);
    for (let k = at; k < at + chunks; k++) {
      this.#address.push(places!.address[k]!);
      this.#stored.push(places!.stored?.[k] ?? 0);
      this.#mask.push(places!.mask?.[k] ?? 0);
    }
    this.#bytes += rowBytes;
  }

  get sample(): RowSample | undefined {
    if (this.#row.length === 0) return undefined;
    return {
      sources: this.#sources.map(({ path, layout }) => ({ path, layout })),
      source: Uint16Array.from(this.#source),
      row: Uint32Array.from(this.#row),
      places: {
        address: Float64Array.from(this.#address),
        stored: Uint32Array.from(this.#stored),
        mask: Uint32Array.from(this.#mask),
      },
      placesFirst: Uint32Array.from(this.#first),
    };
  }
}
