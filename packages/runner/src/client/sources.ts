import { elementBytes, sentenceOf, viewElements } from "@evb/event";
import type { Fragment, SourceInfo } from "@evb/analysis";
import { Hdf5File, loadHdf5, type Hdf5, type RowReader } from "@evb/formats";
import { checkFile, placeOf, type DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import type { Welcome } from "../wire/join.ts";

/** Typed arrays over the pool begin at multiples of this: no element straddles a cache line. */
const ALIGNMENT = 64;

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
  readonly #files = new Map<number, Hdf5File>();
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
    return this.#sources.reduce((sum, { reader }) => sum + (reader?.bytesRead ?? 0), 0);
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
    const readers = Array.from(sources, (source) => this.#reader(source));
    const begun = performance.now();
    let end = 0;
    const offsets = Array.from(sources, (source) => {
      const offset = end;
      end += Math.ceil(this.#sources[source]!.rowBytes / ALIGNMENT) * ALIGNMENT;
      return offset;
    });
    if (this.#pool.byteLength < end) this.#pool = new Uint8Array(end);
    const fragments = offsets.map((offset, i) => {
      const { info, rowBytes } = this.#sources[sources[i]!]!;
      const target = this.#pool.subarray(offset, offset + rowBytes);
      const row = rows[i]!;
      try {
        readers[i]!.readRows(row, 1, target);
      } catch (thrown) {
        throw fault(
          "fragment-failed",
          { source: info.name, row, reason: sentenceOf(thrown) },
          { cause: thrown },
        );
      }
      this.bytes += rowBytes;
      return { source: info, row, data: viewElements(info.type, target) };
    });
    this.readSeconds += (performance.now() - begun) / 1000;
    return fragments;
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

  close(): void {
    for (const file of this.#files.values()) file.close();
  }

  #reader(row: number): RowReader {
    const source = this.#sources[row]!;
    source.reader ??= this.#open(row);
    return source.reader;
  }

  /** Only files of the index are opened, and only if they are still the ones that were indexed. */
  #open(row: number): RowReader {
    const begun = performance.now();
    const { file, payload } = this.#welcome.sources[row]!;
    const known = this.#welcome.files[file]!;
    const path = placeOf(known.path, this.#welcome.root, this.#places);
    let opened = this.#files.get(file);
    if (opened === undefined) {
      checkFile(this.#welcome.indexPath, path, { ...known, mtimeNs: 0n });
      opened = new Hdf5File(this.#hdf5!, path);
      this.#files.set(file, opened);
    }
    const reader = opened.dataSet(payload);
    this.openSeconds += (performance.now() - begun) / 1000;
    return reader;
  }
}

const NOTHING = new Uint8Array(0);
