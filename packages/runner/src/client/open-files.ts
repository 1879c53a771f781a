import { hostname } from "node:os";
import { DataFile, Hdf5File, type Hdf5, type Hdf5DataSet } from "@evb/formats";
import { checkFile, fileState, placeOf, type DataPlace, type FileState } from "@evb/index";
import { fault } from "../faults.ts";
import type { Welcome } from "../wire/join.ts";

/** Half of 4096 descriptors, which is what many hosts allow a process at most. */
const FILES_OPEN_MAX = 2048;

interface OpenFile {
  /** One of the two, or both. */
  data: DataFile | undefined;
  library: Hdf5File | undefined;
  /** Sources that are read through the library, by row. */
  readonly readers: Map<number, Hdf5DataSet>;
}

/**
 * The data files of a run, opened when they are first needed, and only if they are still the ones that were
 * indexed.
 */
export class OpenFiles {
  readonly #welcome: Welcome;
  readonly #places: readonly DataPlace[];
  readonly #hdf5: Hdf5 | undefined;
  /** By row of the welcome's files; the one used last is at the end, once there are many. */
  readonly #files = new Map<number, OpenFile>();
  /** By row of the welcome's files: what each was when it was first opened. */
  readonly #states = new Map<number, { readonly path: string; readonly state: FileState }>();
  /** Of files that are closed again. */
  #bytesReadBefore = 0;
  #last: { readonly file: number; readonly data: DataFile } | undefined;
  openSeconds = 0;

  /** @param hdf5 undefined where no source needs it */
  constructor(welcome: Welcome, places: readonly DataPlace[], hdf5: Hdf5 | undefined) {
    this.#welcome = welcome;
    this.#places = places;
    this.#hdf5 = hdf5;
  }

  get bytesRead(): number {
    let bytes = this.#bytesReadBefore;
    for (const file of this.#files.values()) bytes += bytesReadOf(file);
    return bytes;
  }

  /** The file with a source's rows, for reading where they lie. @throws EvbError "index-stale", "data-missing" */
  data(source: number): DataFile {
    return this.dataOf(this.#welcome.sources[source]!.payloadFile);
  }

  /** The same by the file's row. */
  dataOf(row: number): DataFile {
    if (this.#last?.file === row) return this.#last.data;
    const file = this.#file(row);
    file.data ??= this.#timed(() => new DataFile(this.#pathOf(row)));
    this.#last = { file: row, data: file.data };
    return file.data;
  }

  /** A source through the HDF5 library. @throws EvbError "index-stale", "data-missing"; what the library can't open */
  library(source: number): Hdf5DataSet {
    const { file: row, payload } = this.#welcome.sources[source]!;
    const file = this.#file(row);
    const known = file.readers.get(source);
    if (known !== undefined) return known;
    return this.#timed(() => {
      file.library ??= new Hdf5File(this.#hdf5!, this.#pathOf(row));
      const reader = file.library.dataSet(payload);
      file.readers.set(source, reader);
      return reader;
    });
  }

  /** @throws EvbError "data-changed" */
  checkUnchanged(): void {
    for (const { path, state } of this.#states.values())
      if (fileState(path) !== state) throw fault("data-changed", { host: hostname(), path });
  }

  close(): void {
    for (const file of this.#files.values()) closeFile(file);
  }

  #file(row: number): OpenFile {
    const known = this.#files.get(row);
    if (known !== undefined) {
      if (this.#files.size === FILES_OPEN_MAX) {
        this.#files.delete(row);
        this.#files.set(row, known);
      }
      return known;
    }
    if (this.#files.size === FILES_OPEN_MAX) this.#closeOldest();
    this.#timed(() => {
      this.#check(row);
    });
    const file: OpenFile = { data: undefined, library: undefined, readers: new Map() };
    this.#files.set(row, file);
    return file;
  }

  #check(row: number): void {
    const path = this.#pathOf(row);
    if (!this.#states.has(row)) this.#states.set(row, { path, state: fileState(path) });
    checkFile(this.#welcome.indexPath, path, { ...this.#welcome.files[row]!, mtimeNs: 0n });
  }

  #pathOf(row: number): string {
    return placeOf(this.#welcome.files[row]!.path, this.#welcome.root, this.#places);
  }

  /** …of those that nobody reads beside this thread. */
  #closeOldest(): void {
    for (const [row, file] of this.#files) {
      if (file.data?.isHeld === true) continue;
      this.#bytesReadBefore += bytesReadOf(file);
      closeFile(file);
      this.#files.delete(row);
      if (this.#last?.file === row) this.#last = undefined;
      return;
    }
  }

  #timed<Result>(open: () => Result): Result {
    const begun = performance.now();
    try {
      return open();
    } finally {
      this.openSeconds += (performance.now() - begun) / 1000;
    }
  }
}

function bytesReadOf({ data, readers }: OpenFile): number {
  let bytes = data?.bytesRead ?? 0;
  for (const reader of readers.values()) bytes += reader.bytesRead;
  return bytes;
}

function closeFile({ data, library }: OpenFile): void {
  data?.close();
  library?.close();
}
