import { hostname } from "node:os";
import { elementBytes, sentenceOf, viewElements, type Elements } from "@evb/event";
import { EventFragment, VARIES, type Fragment, type SourceInfo } from "@evb/analysis";
import {
  chunkBytesOf,
  DataFile,
  decoderOf,
  DirectRows,
  loadHdf5,
  rowBytesOf,
  type RowLayout,
  type TakeDecoded,
} from "@evb/formats";
import type { DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import type { Welcome } from "../wire/join.ts";
import type { Lease, LeaseSources } from "../wire/lease-message.ts";
import { ChunkCursor } from "./chunk-cursor.ts";
import { DECODED_BYTES_MAX, DecodesAhead, type WantedChunk } from "./decodes-ahead.ts";
import { layoutOf, leaseSourcesOf } from "./lease-sources.ts";
import { OpenFiles } from "./open-files.ts";
import { ReadsAhead } from "./reads-ahead.ts";
import type { ReadingOrder } from "./reading-order.ts";

/** Typed arrays over the pool begin at multiples of this: no element straddles a cache line. */
const ALIGNMENT = 64;
/** Smaller chunks are decoded by whoever needs them: telling another thread takes as long. */
const AHEAD_CHUNK_BYTES_MIN = 2 ** 14;
/** Larger rows are decoded where they are needed, one at a time: each thread takes some five chunks' memory. */
const AHEAD_ROW_BYTES_MAX = 2 ** 22;
/** More than half of the room for decoded chunks would leave none for the next one. */
const AHEAD_CHUNK_BYTES_MAX = DECODED_BYTES_MAX / 2;
/** Places of fragments in decoded chunks that are known by their views; the same come again and again. */
const VIEWS_MAX = 256;

interface Source {
  readonly info: SourceInfo;
  /** 0 where rows have lengths of their own, and no place in the pool. */
  readonly rowBytes: number;
  readonly varies: boolean;
  /** In the pool. */
  readonly room: number;
  /** Undefined: the HDF5 library reads it. */
  readonly direct: DirectRows | undefined;
  /** Bytes of its chunks where they are decoded ahead, else 0. */
  readonly aheadBytes: number;
  /** Rows of this group were begun last. */
  groupAhead: number;
  /** The same bytes of the pool twice: most events have the same sources, so their fragments lie at the same places. */
  place: { readonly offset: number; readonly bytes: Uint8Array; readonly data: Elements };
  /** By their beginning: of rows that were decoded elsewhere. */
  readonly views: Map<number, Elements>;
}

/** Reads the fragments of an event into one buffer that is used again and again. */
export class Sources {
  readonly leaseSources: LeaseSources;
  readonly #sources: readonly Source[];
  readonly #files: OpenFiles;
  #pool = new Uint8Array(0);
  readonly #ahead: ReadsAhead;
  readonly #decodes: DecodesAhead | undefined;
  /** Of the event that is worked on, and of the one that is looked at ahead. */
  readonly #chunks: ChunkCursor;
  readonly #chunksAhead: ChunkCursor;
  /** Those with filters. */
  readonly #decoding: readonly DirectRows[];
  #bytes = 0;

  private constructor(
    welcome: Welcome,
    sources: readonly Source[],
    parts: { files: OpenFiles; ahead: ReadsAhead; decodes: DecodesAhead | undefined },
  ) {
    this.leaseSources = leaseSourcesOf(welcome);
    const { chunksPerRow } = this.leaseSources;
    this.#chunks = new ChunkCursor(chunksPerRow);
    this.#chunksAhead = new ChunkCursor(chunksPerRow);
    this.#ahead = parts.ahead;
    this.#decodes = parts.decodes;
    this.#sources = sources;
    this.#decoding = sources.flatMap(({ direct }) => (direct?.decodes === true ? [direct] : []));
    this.#files = parts.files;
  }

  /**
   * Loads what reading takes, before the clock starts: the HDF5 library only where a source needs it.
   *
   * @param infos as the analysis has heard of them: an event's fragments have the same objects
   */
  static async open(
    welcome: Welcome,
    places: readonly DataPlace[],
    how: {
      readonly infos: readonly SourceInfo[];
      readonly reads: boolean;
      readonly reading: ReadingOrder;
    },
  ): Promise<Sources> {
    const { infos, reads, reading } = how;
    const { decodeThreads = 0 } = reading;
    const layouts = welcome.sources.map((source) => (reads ? aheadLayout(source) : undefined));
    const some = decodeThreads > 0 && layouts.some((layout) => layout !== undefined);
    const decodes = some ? await DecodesAhead.open(layouts, decodeThreads) : undefined;
    const take: TakeDecoded | undefined =
      decodes && ((file, address) => decodes.take(file, address));
    const sources: Source[] = [];
    for (const [row, info] of infos.entries()) {
      const layout = decodes && layouts[row];
      const source = welcome.sources[row]!;
      const direct = reads ? await directRows(source, layout && take) : undefined;
      const aheadBytes = layout === undefined ? 0 : chunkBytesOf(layout);
      sources.push(
        newSource({
          info,
          rowBytes: givenRowBytes(source),
          varies: source.varies === true,
          direct,
          aheadBytes,
        }),
      );
    }
    const isExotic = reads && sources.some(({ direct }) => direct === undefined);
    const hdf5 = isExotic ? await loadHdf5() : undefined;
    const files = new OpenFiles(welcome, places, hdf5);
    // Small rows are never read ahead: to look at each event for it would only take time.
    const isLarge = sources.some(({ direct }) => direct?.hasLargeReads === true);
    const ahead = new ReadsAhead(isLarge ? reading : { readAhead: 0 });
    return new Sources(welcome, sources, { files, ahead, decodes });
  }

  /** Bytes taken from files. */
  get bytesRead(): number {
    return this.#files.bytesRead + (this.#decodes?.bytesRead ?? 0);
  }

  /**
   * So far: decoded bytes handed over, and seconds of this thread's clock. The HDF5 library decodes while it reads;
   * waiting for a chunk of another thread is decoding, with all that it takes.
   */
  get counts(): {
    readonly bytes: number;
    readonly openSeconds: number;
    readonly decodeSeconds: number;
  } {
    let decodeSeconds = this.#decodes?.seconds ?? 0;
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
    this.#decodes?.enter(lease, from);
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
   * Begins to read or to decode fragments of an event that comes; false where enough is on its way, or nothing
   * need be.
   *
   * @throws EvbError why a file can't be opened
   */
  begin(lease: Lease, from: number, end: number): boolean {
    // Where reading waits many reads are on their way at once; threads would wait for one each.
    if (!this.#ahead.isOn) return this.#beginDecoding(lease, from, end);
    if (!this.#ahead.hasRoom) return false;
    this.#ahead.begin(eventKey(lease, from));
    for (let f = from; f < end; f++) {
      const number = lease.source[f]!;
      const source = this.#sources[number]!;
      const { direct } = source;
      if (direct === undefined || isBegun(source, lease.row[f]!)) continue;
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
    this.#ahead.took(seconds + (this.#decodes?.takeReadExcess() ?? 0), bytes);
    if (this.#ahead.isOn) this.#ahead.done(eventKey(lease, from));
    this.#decodes?.done(lease, from);
  }

  /** What was begun for events that come is of no use: they are somebody else's. */
  forgetAhead(): void {
    this.#ahead.forget();
    this.#decodes?.forget();
    for (const source of this.#sources) source.groupAhead = -1;
  }

  /** The fragments without their data. */
  withoutData(sources: Uint16Array, rows: Uint32Array): Fragment[] {
    const fragments: Fragment[] = [];
    for (let i = 0; i < sources.length; i++) {
      const { info } = this.#sources[sources[i]!]!;
      fragments.push(new EventFragment(info, rows[i]!, viewElements(info.type, NOTHING, 0)));
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
    await this.#decodes?.close();
    this.#files.close();
  }

  #beginDecoding(lease: Lease, from: number, end: number): boolean {
    const decodes = this.#decodes;
    if (decodes?.hasRoom !== true) return false;
    const wanted: WantedChunk[] = [];
    for (let f = from; f < end; f++) this.#addWanted(wanted, lease, f);
    if (wanted.length > 0 && !decodes.begin(lease, from, wanted)) return false;
    for (let f = from; f < end; f++) {
      const source = this.#sources[lease.source[f]!]!;
      if (source.aheadBytes > 0) source.groupAhead = source.direct!.groupOf(lease.row[f]!);
    }
    return true;
  }

  /** Chunks of a fragment that were begun for no event before it. */
  #addWanted(wanted: WantedChunk[], lease: Lease, fragment: number): void {
    const number = lease.source[fragment]!;
    const source = this.#sources[number]!;
    const { direct, aheadBytes } = source;
    if (aheadBytes === 0 || isBegun(source, lease.row[fragment]!)) return;
    const file = this.#files.data(number);
    const first = this.#chunksAhead.at(lease, fragment);
    const { address, stored, mask } = lease.places!;
    for (let k = 0; k < direct!.chunks; k++) {
      const at = first + k;
      if (address[at]! < 0 || direct!.hasDecoded(file, k, address[at]!)) continue;
      wanted.push({
        source: number,
        file,
        address: address[at]!,
        stored: stored?.[at] ?? aheadBytes,
        mask: mask?.[at] ?? 0,
        chunkBytes: aheadBytes,
      });
    }
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
    const place = this.#placeAt(source, offset);
    const { info, varies, direct } = source;
    // What keeps a file from being opened ends the run; what is wrong in it fails the event.
    const reader = direct === undefined ? this.#files.library(number) : this.#files.data(number);
    let bytes = place.bytes;
    try {
      if (reader instanceof DataFile)
        bytes = direct!.read(reader, row, lease.places, this.#chunks.at(lease, fragment), bytes);
      else if (varies) bytes = reader.readSequence(row);
      else reader.readRows(row, 1, bytes);
    } catch (thrown) {
      const reason = sentenceOf(thrown);
      throw fault("fragment-failed", { source: info.name, row, reason }, { cause: thrown });
    }
    this.#bytes += bytes.length;
    if (varies) return new EventFragment(info, row, viewElements(info.type, bytes));
    const data = bytes === place.bytes ? place.data : viewOf(source, bytes);
    return new EventFragment(info, row, data);
  }
}

/** What an analysis hears of the sources. */
export const sourceInfos = ({ sources }: Pick<Welcome, "sources">): SourceInfo[] =>
  sources.map(({ name, type, itemShape, varies, storage }) => {
    const isRing = storage?.ring !== undefined;
    const shape = isRing || varies === true ? [VARIES] : itemShape;
    return { name, type, shape, ...(isRing && { hasWords: true }) };
  });

export const eventKey = ({ id }: Lease, from: number): string => `${String(id)} ${String(from)}`;

function newSource(
  source: Pick<Source, "info" | "rowBytes" | "varies" | "direct" | "aheadBytes">,
): Source {
  const room = Math.ceil(source.rowBytes / ALIGNMENT) * ALIGNMENT;
  const views = new Map<number, Elements>();
  return { ...source, room, groupAhead: -1, place: NOWHERE_YET, views };
}

/** As the analysis gets them. */
const givenRowBytes = ({ itemShape, varies, type }: Welcome["sources"][number]): number =>
  varies === true ? 0 : rowBytesOf({ itemShape, elementBytes: elementBytes(type) });

/** Whether its chunks are being decoded for an event before. */
const isBegun = ({ direct, aheadBytes, groupAhead }: Source, row: number): boolean =>
  aheadBytes > 0 && direct!.groupOf(row) === groupAhead;

function viewOf({ info, views }: Source, bytes: Uint8Array): Elements {
  const known = views.get(bytes.byteOffset);
  if (known !== undefined) return known;
  if (views.size === VIEWS_MAX) views.clear();
  const view = viewElements(info.type, bytes);
  views.set(bytes.byteOffset, view);
  return view;
}

/** Undefined: its chunks are not worth another thread, or there are none. */
function aheadLayout(source: Welcome["sources"][number]): RowLayout | undefined {
  const layout = layoutOf(source);
  if (layout === undefined || layout.filters.length === 0) return undefined;
  const bytes = chunkBytesOf(layout);
  const isWorth = bytes >= AHEAD_CHUNK_BYTES_MIN && bytes <= AHEAD_CHUNK_BYTES_MAX;
  return isWorth && rowBytesOf(layout) <= AHEAD_ROW_BYTES_MAX ? layout : undefined;
}

async function directRows(
  source: Welcome["sources"][number],
  takeDecoded: TakeDecoded | undefined,
): Promise<DirectRows | undefined> {
  const layout = layoutOf(source);
  if (layout === undefined) return undefined;
  const decoder = await decoderOf(layout);
  if (decoder === undefined) {
    const reason = "it has no decoder for the filters that the index names: use the same evb";
    throw fault("source-unreadable", { host: hostname(), source: source.name, reason });
  }
  return new DirectRows(layout, decoder, takeDecoded);
}

const NOTHING = new Uint8Array(0);
const NOWHERE_YET = { offset: -1, bytes: NOTHING, data: NOTHING };
