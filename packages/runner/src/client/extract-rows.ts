import { hostname } from "node:os";
import { isEvbError, sentenceOf } from "@evb/event";
import { decoderOf, DirectRows, loadHdf5, rowsPerChunk, type ChunkPlaces } from "@evb/formats";
import type { DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import { ABSENT, type ExtractPart } from "../wire/extract-message.ts";
import type { Welcome } from "../wire/join.ts";
import { layoutOf } from "./lease-sources.ts";
import { OpenFiles } from "./open-files.ts";

/** A source as it is read. */
interface OpenSource {
  /** Undefined: the HDF5 library reads it. */
  readonly direct: DirectRows | undefined;
  readonly rowsPerChunk: number;
}

/** A row that can't be read. */
export interface RowFailure {
  /** Of the output's rows. */
  readonly event: number;
  readonly reason: string;
}

/** What keeps every row of a file from being read: no part can be right then. */
const FATAL = ["index-stale", "data-missing", "hdf5-cannot-open", "hdf5-no-such-data-set"] as const;

/** Reads the rows of a part, one after another. */
export class ExtractRows {
  readonly #welcome: Welcome;
  readonly #files: OpenFiles;
  readonly #sources = new Map<number, OpenSource>();
  #bytes = 0;
  /** Of the part that is read. */
  #part: ExtractPart | undefined;
  #source: OpenSource | undefined;
  #failures: RowFailure[] = [];
  /** Entry of its places, and which of the source's chunks it is of. */
  #entry = 0;
  #group = -1;

  private constructor(welcome: Welcome, files: OpenFiles) {
    this.#welcome = welcome;
    this.#files = files;
  }

  /** Loads the HDF5 library only where a source needs it. */
  static async open(welcome: Welcome, places: readonly DataPlace[]): Promise<ExtractRows> {
    const isExotic = welcome.sources.some(({ storage }) => storage === undefined);
    const hdf5 = isExotic ? await loadHdf5() : undefined;
    return new ExtractRows(welcome, new OpenFiles(welcome, places, hdf5));
  }

  get counts(): {
    readonly bytes: number;
    readonly bytesRead: number;
    readonly openSeconds: number;
    readonly decodeSeconds: number;
  } {
    const { bytesRead, openSeconds } = this.#files;
    let decodeSeconds = 0;
    for (const { direct } of this.#sources.values()) decodeSeconds += direct?.decodeSeconds ?? 0;
    return { bytes: this.#bytes, bytesRead, openSeconds, decodeSeconds };
  }

  /** Comes when rows of the source can be read; undefined where they can already. @throws EvbError "source-unreadable" */
  ready(source: number): Promise<void> | undefined {
    return this.#sources.has(source) ? undefined : this.#open(source);
  }

  /** What is read from now on is of this part. */
  begin(part: ExtractPart): void {
    this.#part = part;
    this.#source = this.#sources.get(part.source)!;
    this.#failures = [];
    this.#entry = -(this.#source.direct?.chunks ?? 0);
    this.#group = -1;
  }

  /** Rows of the part that couldn't be read. */
  get failures(): readonly RowFailure[] {
    return this.#failures;
  }

  /**
   * Puts a row of the part into `target`, little-endian and in C order. Asked for in order, each that is there.
   *
   * @returns whether it is there; if not, why stands in {@link failures}, and `target` holds nothing of use
   * @throws EvbError why the file can't be opened
   */
  read(event: number, target: Uint8Array): boolean {
    const { source, first, row: rows, places } = this.#part!;
    const row = rows[event]!;
    this.#follow(row);
    try {
      this.#read(source, row, places, target);
      this.#bytes += target.length;
      return true;
    } catch (thrown) {
      if (!isEvbError(thrown) || isEvbError(thrown, ...FATAL)) throw thrown;
      const { name } = this.#welcome.sources[source]!;
      const failed = fault("fragment-failed", { source: name, row, reason: sentenceOf(thrown) });
      this.#failures.push({ event: first + event, reason: failed.message });
      return false;
    }
  }

  /** @throws EvbError "data-changed" */
  checkUnchanged(): void {
    this.#files.checkUnchanged();
  }

  close(): void {
    this.#files.close();
  }

  /** The places of a row's chunks: rows of the same chunks share them. */
  #follow(row: number): void {
    const { direct, rowsPerChunk } = this.#source!;
    const group = Math.floor(row / rowsPerChunk);
    if (group !== this.#group) this.#entry += direct?.chunks ?? 0;
    this.#group = group;
  }

  #read(source: number, row: number, places: ChunkPlaces | undefined, target: Uint8Array): void {
    const { direct } = this.#source!;
    if (direct === undefined) this.#files.library(source).readRows(row, 1, target);
    else direct.read(this.#files.data(source), row, places, this.#entry, target);
  }

  async #open(source: number): Promise<void> {
    const layout = layoutOf(this.#welcome.sources[source]!);
    if (layout === undefined) {
      this.#sources.set(source, { direct: undefined, rowsPerChunk: 1 });
      return;
    }
    const decoder = await decoderOf(layout);
    if (decoder === undefined) {
      const reason = "it has no decoder for the filters that the index names: use the same evb";
      const { name } = this.#welcome.sources[source]!;
      throw fault("source-unreadable", { host: hostname(), source: name, reason });
    }
    const direct = new DirectRows(layout, decoder);
    this.#sources.set(source, { direct, rowsPerChunk: rowsPerChunk(layout) });
  }
}

/** Whether the part's event has the source. */
export const isThere = ({ row }: ExtractPart, event: number): boolean => row[event] !== ABSENT;
