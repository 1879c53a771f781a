import { hostname } from "node:os";
import { elementBytes, sentenceOf, viewElements } from "@evb/event";
import type { Fragment, SourceInfo } from "@evb/analysis";
import { Hdf5File, loadHdf5, type Hdf5, type RowReader } from "@evb/formats";
import { checkFile, fileState, placeOf, type DataPlace, type FileState } from "@evb/index";
import { fault } from "../faults.ts";
import type { Welcome } from "../wire/join.ts";

/** Typed arrays over the pool begin at multiples of this: no element straddles a cache line. */
const ALIGNMENT = 64;
/** Half of 4096 descriptors, which is what many hosts allow a process at most. */
const FILES_OPEN_MAX = 2048;

interface OpenSource {
  readonly info: SourceInfo;
  readonly rowBytes: number;
  /** Opened when it is first needed. */
  reader: RowReader | undefined;
}

/** Reads the fragments of an event into one buffer that is used again and again. */
export class Sources {
  readonly #welcome: Welcome;
  readonly #places: readonly DataPlace[];
  readonly #sources: readonly OpenSource[];
  /** By row of the welcome's files; the one used last is at the end, once there are many. */
  readonly #files = new Map<number, { readonly file: Hdf5File; readonly sources: number[] }>();
  /** By row of the welcome's files: what each was when it was first opened. */
  readonly #states = new Map<number, { readonly path: string; readonly state: FileState }>();
  /** From files that are closed again. */
  #bytesReadBefore = 0;
  #hdf5: Hdf5 | undefined;
  #pool = new Uint8Array(0);
  /** Decoded bytes handed over, and seconds of the clock. */
  bytes = 0;
  openSeconds = 0;
  readSeconds = 0;

  constructor(welcome: Welcome, places: readonly DataPlace[]) {
    this.#welcome = welcome;
    this.#places = places;
    this.#sources = welcome.sources.map(({ name, type, itemShape }) => ({
      info: { name, type, shape: itemShape },
      rowBytes: itemShape.reduce((product, n) => product * n, elementBytes(type)),
      reader: undefined,
    }));
  }

  get infos(): SourceInfo[] {
    return this.#sources.map((source) => source.info);
  }

  /** Bytes taken from files. */
  get bytesRead(): number {
    const open = this.#sources.reduce((sum, { reader }) => sum + (reader?.bytesRead ?? 0), 0);
    return this.#bytesReadBefore + open;
  }

  /** Loads what reading takes, before the clock starts. */
  async prepare(): Promise<void> {
    this.#hdf5 = await loadHdf5();
  }

  /**
   * The fragments of one event, in memory. They are gone with the next call.
   *
   * @param sources rows of the welcome's sources; @param rows of their payloads
   * @throws EvbError "fragment-failed", naming source, row and reason; or why a file can't be opened
   */
  read(sources: Uint16Array, rows: Uint32Array): Fragment[] {
    let end = 0;
    const offsets = Array.from(sources, (source) => {
      const offset = end;
      end += Math.ceil(this.#sources[source]!.rowBytes / ALIGNMENT) * ALIGNMENT;
      return offset;
    });
    if (this.#pool.byteLength < end) this.#pool = new Uint8Array(end);
    return offsets.map((offset, i) => this.#readOne(sources[i]!, rows[i]!, offset));
  }

  #readOne(source: number, row: number, offset: number): Fragment {
    const { info, rowBytes } = this.#sources[source]!;
    const reader = this.#reader(source);
    const target = this.#pool.subarray(offset, offset + rowBytes);
    const begun = performance.now();
    try {
      reader.readRows(row, 1, target);
    } catch (thrown) {
      const reason = sentenceOf(thrown);
      throw fault("fragment-failed", { source: info.name, row, reason }, { cause: thrown });
    } finally {
      this.readSeconds += (performance.now() - begun) / 1000;
    }
    this.bytes += rowBytes;
    return { source: info, row, data: viewElements(info.type, target) };
  }

  /** The fragments without their data. */
  withoutData(sources: Uint16Array, rows: Uint32Array): Fragment[] {
    const fragments: Fragment[] = [];
    for (let i = 0; i < sources.length; i++) {
      const { info } = this.#sources[sources[i]!]!;
      fragments.push({ source: info, row: rows[i]!, data: viewElements(info.type, NOTHING, 0) });
    }
    return fragments;
  }

  /**
   * Makes sure that no file changed since it was first opened: what was read before and what is read
   * after would not belong together.
   *
   * @throws EvbError "data-changed"
   */
  checkUnchanged(): void {
    for (const { path, state } of this.#states.values())
      if (fileState(path) !== state) throw fault("data-changed", { host: hostname(), path });
  }

  close(): void {
    for (const { file } of this.#files.values()) file.close();
  }

  #reader(row: number): RowReader {
    const { file } = this.#welcome.sources[row]!;
    const known = this.#sources[row]!.reader;
    const reader = known ?? this.#open(row);
    this.#sources[row]!.reader = reader;
    // The file used last is at the end.
    const open = this.#files.get(file)!;
    if (this.#files.size === FILES_OPEN_MAX) {
      this.#files.delete(file);
      this.#files.set(file, open);
    }
    return reader;
  }

  /** Only files of the index are opened, and only if they are still the ones that were indexed. */
  #open(row: number): RowReader {
    const begun = performance.now();
    const { file, payload } = this.#welcome.sources[row]!;
    const known = this.#welcome.files[file]!;
    const path = placeOf(known.path, this.#welcome.root, this.#places);
    let opened = this.#files.get(file);
    if (opened === undefined) {
      if (this.#files.size === FILES_OPEN_MAX) this.#closeOldest();
      if (!this.#states.has(file)) this.#states.set(file, { path, state: fileState(path) });
      checkFile(this.#welcome.indexPath, path, { ...known, mtimeNs: 0n });
      opened = { file: new Hdf5File(this.#hdf5!, path), sources: [] };
      this.#files.set(file, opened);
    }
    const reader = opened.file.dataSet(payload);
    opened.sources.push(row);
    this.openSeconds += (performance.now() - begun) / 1000;
    return reader;
  }

  #closeOldest(): void {
    const [number, { file, sources }] = this.#files.entries().next().value!;
    for (const row of sources) {
      this.#bytesReadBefore += this.#sources[row]!.reader?.bytesRead ?? 0;
      this.#sources[row]!.reader = undefined;
    }
    file.close();
    this.#files.delete(number);
  }
}

const NOTHING = new Uint8Array(0);
