import { hostname } from "node:os";
import { elementBytes, sentenceOf, viewElements, type Elements } from "@evb/event";
import { VARIES, type Fragment, type SourceInfo } from "@evb/analysis";
import { DataFile, decoderOf, DirectRows, loadHdf5, rowBytesOf } from "@evb/formats";
import type { DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import type { Welcome } from "../wire/join.ts";
import type { Lease, LeaseSources } from "../wire/lease-message.ts";
import { ChunkCursor } from "./chunk-cursor.ts";
import { layoutOf, leaseSourcesOf } from "./lease-sources.ts";
import { OpenFiles } from "./open-files.ts";
import { ReadsAhead } from "./reads-ahead.ts";

/** Typed arrays over the pool begin at multiples of this: no element straddles a cache line. */
const ALIGNMENT = 64;

interface Source {
  readonly info: SourceInfo;
  readonly rowBytes: number;
  /** In the pool. */
  readonly room: number;
  /** Undefined: the HDF5 library reads it. */
  readonly direct: DirectRows | undefined;
  /** The same bytes of the pool twice: most events have the same sources, so their fragments lie at the same places. */
  place: { readonly offset: number; readonly bytes: Uint8Array; readonly data: Elements };
}

/** Reads the fragments of an event into one buffer that is used again and again. */
export class Sources {
  readonly leaseSources: LeaseSources;
  readonly #sources: readonly Source[];
  readonly #files: OpenFiles;
  #pool = new Uint8Array(0);
  readonly #ahead: ReadsAhead;
  /** Of the event that is worked on, and of the one that is looked at ahead. */
  readonly #chunks: ChunkCursor;
  readonly #chunksAhead: ChunkCursor;
  /** Those with filters. */
  readonly #decoding: readonly DirectRows[];
  #bytes = 0;

  private constructor(
    welcome: Welcome,
    sources: readonly Source[],
    files: OpenFiles,
    ahead: ReadsAhead,
  ) {
    this.leaseSources = leaseSourcesOf(welcome);
    const { chunksPerRow } = this.leaseSources;
    this.#chunks = new ChunkCursor(chunksPerRow);
    this.#chunksAhead = new ChunkCursor(chunksPerRow);
    this.#ahead = ahead;
    this.#sources = sources;
    this.#decoding = sources.flatMap(({ direct }) => (direct?.decodes === true ? [direct] : []));
    this.#files = files;
  }

  /**
   * Loads what reading takes, before the clock starts: the HDF5 library only where a source needs it.
   *
   * @param infos as the analysis has heard of them: an event's fragments have the same objects
   */
  static async open(
    welcome: Welcome,
    places: readonly DataPlace[],
    {
      infos,
      reads,
      readAhead,
    }: {
      readonly infos: readonly SourceInfo[];
      readonly reads: boolean;
      readonly readAhead: number | undefined;
    },
  ): Promise<Sources> {
    const sources: Source[] = [];
    for (const [row, info] of infos.entries()) {
      const { shape: itemShape, type } = info;
      const rowBytes = rowBytesOf({ itemShape, elementBytes: elementBytes(type) });
      const direct = reads ? await directRows(welcome.sources[row]!) : undefined;
      const room = Math.ceil(rowBytes / ALIGNMENT) * ALIGNMENT;
      sources.push({ info, rowBytes, room, direct, place: NOWHERE_YET });
    }
    const isExotic = reads && sources.some(({ direct }) => direct === undefined);
    const hdf5 = isExotic ? await loadHdf5() : undefined;
    const files = new OpenFiles(welcome, places, hdf5);
    return new Sources(welcome, sources, files, new ReadsAhead(reads ? readAhead : 0));
  }

  /** Bytes taken from files. */
  get bytesRead(): number {
    return this.#files.bytesRead;
  }

  /** So far: decoded bytes handed over, and seconds of the clock. The HDF5 library decodes while it reads. */
  get counts(): {
    readonly bytes: number;
    readonly openSeconds: number;
    readonly decodeSeconds: number;
  } {
    let decodeSeconds = 0;
    for (const direct of this.#decoding) decodeSeconds += direct.decodeSeconds;
    return { bytes: this.#bytes, openSeconds: this.#files.openSeconds, decodeSeconds };
  }

  /**
   * The fragments of one event, in memory. They are gone with the next call. Fragments `from` … `end − 1` of
   * the lease; those of a lease are read in order, some may be left out.
   *
   * @throws EvbError "fragment-failed", naming source, row and reason; or why a file can't be opened
   */
  read(lease: Lease, from: number, end: number): Fragment[] {
    let room = 0;
    for (let f = from; f < end; f++) room += this.#sources[lease.source[f]!]!.room;
    if (this.#pool.byteLength < room) this.#grow(room);
    const fragments: Fragment[] = [];
    let offset = 0;
    for (let f = from; f < end; f++) {
      fragments.push(this.#readOne(lease, f, offset));
      offset += this.#sources[lease.source[f]!]!.room;
    }
    return fragments;
  }

  /** Whether reading means waiting, so that it is begun ahead of the work. */
  get readsAhead(): boolean {
    return this.#ahead.isOn;
  }

  /**
   * Begins to read fragments of an event that comes; false where enough is on its way, or nothing need be.
   *
   * @throws EvbError why a file can't be opened
   */
  begin(lease: Lease, from: number, end: number): boolean {
    if (!this.#ahead.isOn || !this.#ahead.hasRoom) return false;
    this.#ahead.begin(eventKey(lease, from));
    for (let f = from; f < end; f++) {
      const number = lease.source[f]!;
      const { direct } = this.#sources[number]!;
      if (direct === undefined) continue;
      const file = this.#files.data(number);
      const first = this.#chunksAhead.at(lease, f);
      direct.ranges(lease.row[f]!, lease.places, first, (position, bytes) => {
        this.#ahead.start(file, position, bytes);
      });
    }
    return true;
  }

  /** Comes when all that was begun for an event is here. */
  arrival(lease: Lease, from: number): Promise<void> {
    return this.#ahead.arrival(eventKey(lease, from));
  }

  /** An event is read: what it took, in seconds of the clock and bytes. */
  took(lease: Lease, from: number, { seconds, bytes }: { seconds: number; bytes: number }): void {
    this.#ahead.took(seconds, bytes);
    if (this.#ahead.isOn) this.#ahead.done(eventKey(lease, from));
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
    this.#files.checkUnchanged();
  }

  async close(): Promise<void> {
    await this.#ahead.close();
    this.#files.close();
  }

  #grow(bytes: number): void {
    this.#pool = new Uint8Array(bytes);
    for (const source of this.#sources) source.place = NOWHERE_YET;
  }

  #placeAt(source: Source, offset: number): Source["place"] {
    if (source.place.offset === offset) return source.place;
    const bytes = this.#pool.subarray(offset, offset + source.rowBytes);
    source.place = { offset, bytes, data: viewElements(source.info.type, bytes) };
    return source.place;
  }

  #readOne(lease: Lease, fragment: number, offset: number): Fragment {
    const number = lease.source[fragment]!;
    const row = lease.row[fragment]!;
    const source = this.#sources[number]!;
    const { bytes, data } = this.#placeAt(source, offset);
    const { info, direct } = source;
    // What keeps a file from being opened ends the run; what is wrong in it fails the event.
    const reader = direct === undefined ? this.#files.library(number) : this.#files.data(number);
    try {
      if (reader instanceof DataFile)
        direct!.read(reader, row, lease.places, this.#chunks.at(lease, fragment), bytes);
      else reader.readRows(row, 1, bytes);
    } catch (thrown) {
      const reason = sentenceOf(thrown);
      throw fault("fragment-failed", { source: info.name, row, reason }, { cause: thrown });
    }
    this.#bytes += bytes.length;
    return { source: info, row, data };
  }
}

/** What an analysis hears of the sources. */
export const sourceInfos = ({ sources }: Pick<Welcome, "sources">): SourceInfo[] =>
  sources.map(({ name, type, itemShape, storage }) => ({
    name,
    type,
    shape: storage?.ring === undefined ? itemShape : [VARIES],
  }));

export const eventKey = ({ id }: Lease, from: number): string => `${String(id)} ${String(from)}`;

async function directRows(source: Welcome["sources"][number]): Promise<DirectRows | undefined> {
  const layout = layoutOf(source);
  if (layout === undefined) return undefined;
  const decoder = await decoderOf(layout);
  if (decoder === undefined) {
    const reason = "it has no decoder for the filters that the index names: use the same evb";
    throw fault("source-unreadable", { host: hostname(), source: source.name, reason });
  }
  return new DirectRows(layout, decoder);
}

const NOTHING = new Uint8Array(0);
const NOWHERE_YET = { offset: -1, bytes: NOTHING, data: NOTHING };
