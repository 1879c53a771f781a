import type { Fragment, SourceInfo } from "@evb/analysis";
import { sentenceOf } from "@evb/event";
import {
  dataOffset,
  isItem,
  isLittleEndian,
  ReadWindows,
  SMALL_BYTES_MAX,
  type DataFile,
} from "@evb/formats";
import { basesOf, fileAt, type DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import type { Welcome } from "../wire/join.ts";
import type { Lease, LeaseSources } from "../wire/lease-message.ts";
import { leaseSourcesOf } from "./lease-sources.ts";
import { OpenFiles } from "./open-files.ts";
import { ReadsAhead } from "./reads-ahead.ts";
import { ITEM_LEAD_BYTES, RingFragment, RingPool, roomOf } from "./ring-pool.ts";
import { eventKey, type Sources } from "./sources.ts";
import type { ReadingOrder } from "./reading-order.ts";

/** What hands the fragments of events over. */
export type EventReader = Pick<Sources, keyof Sources>;

/** Whether a run's sources are ring items; those of an index are alike in that. */
export const isRingRun = ({ sources }: Pick<Welcome, "sources">): boolean =>
  sources.some(({ storage }) => storage?.ring !== undefined);

interface Source {
  readonly info: SourceInfo;
  readonly v10: boolean;
  /** Of payloads that are no ring items. */
  readonly bigEndian: boolean;
}

/** Reads the ring items of an event into one buffer that is used again and again. */
export class RingSources implements EventReader {
  readonly leaseSources: LeaseSources;
  readonly #sources: readonly Source[];
  readonly #files: OpenFiles;
  /** By file: where it begins, in the bytes of all files, and where the last one ends. */
  readonly #bases: readonly number[];
  readonly #windows = new ReadWindows();
  readonly #ahead: ReadsAhead;
  #pool = new RingPool(0);
  /** Row of the file that was read last. */
  #last = 0;
  #bytes = 0;

  /** @param how.infos as the analysis has heard of them: an event's fragments have the same objects */
  constructor(
    welcome: Welcome,
    places: readonly DataPlace[],
    how: {
      readonly infos: readonly SourceInfo[];
      readonly reads: boolean;
      readonly reading: ReadingOrder;
    },
  ) {
    this.leaseSources = leaseSourcesOf(welcome);
    this.#sources = welcome.sources.map(({ storage }, row) => ({
      info: how.infos[row]!,
      v10: storage!.ring!.v10,
      bigEndian: storage!.bigEndian,
    }));
    const ends = welcome.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#bases = [...basesOf(welcome.files), ends];
    this.#files = new OpenFiles(welcome, places, undefined);
    this.#ahead = new ReadsAhead(how.reads ? how.reading : { readAhead: 0 });
  }

  get bytesRead(): number {
    return this.#files.bytesRead;
  }

  get counts(): EventReader["counts"] {
    return { bytes: this.#bytes, openSeconds: this.#files.openSeconds, decodeSeconds: 0 };
  }

  /** As {@link Sources.read}. */
  read(lease: Lease, from: number, end: number): Fragment[] {
    // A fragment has one place, so places are counted as fragments are.
    const stored = lease.places!.stored!;
    let room = 0;
    for (let f = from; f < end; f++) room += roomOf(stored[f]!);
    if (this.#pool.bytes.length < room) this.#pool = new RingPool(room);
    const fragments: Fragment[] = [];
    let at = ITEM_LEAD_BYTES;
    for (let f = from; f < end; f++) {
      fragments.push(this.#readOne(lease, f, at));
      at += roomOf(stored[f]!);
    }
    return fragments;
  }

  get readsAhead(): boolean {
    return this.#ahead.isOn;
  }

  /** Of small items none: they follow each other, and the system reads ahead of those by itself. */
  begin(lease: Lease, from: number, end: number): boolean {
    if (!this.#ahead.isOn || !this.#ahead.hasRoom) return false;
    this.#ahead.begin(eventKey(lease, from));
    const { address, stored } = lease.places!;
    for (let f = from; f < end; f++) {
      const size = stored![f]!;
      if (size <= SMALL_BYTES_MAX) continue;
      const [file, position] = this.#placeOf(address[f]!);
      this.#ahead.start(file, position, size);
    }
    return true;
  }

  arrival(lease: Lease, from: number): Promise<void> {
    return this.#ahead.arrival(eventKey(lease, from));
  }

  took(lease: Lease, from: number, { seconds, bytes }: { seconds: number; bytes: number }): void {
    this.#ahead.took(seconds, bytes);
    if (this.#ahead.isOn) this.#ahead.done(eventKey(lease, from));
  }

  forgetAhead(): void {
    this.#ahead.forget();
  }

  withoutData(sources: Uint16Array, rows: Uint32Array): Fragment[] {
    return Array.from(sources, (source, k) => {
      const item = { source: this.#sources[source]!.info, row: rows[k]!, data: NO_BYTES };
      return new RingFragment(this.#pool, { ...item, swapped: false });
    });
  }

  checkUnchanged(): void {
    this.#files.checkUnchanged();
  }

  async close(): Promise<void> {
    await this.#ahead.close();
    this.#files.close();
  }

  /** @param at where the item goes in the pool */
  #readOne(lease: Lease, fragment: number, at: number): Fragment {
    const { info, v10, bigEndian } = this.#sources[lease.source[fragment]!]!;
    const row = lease.row[fragment]!;
    const address = lease.places!.address[fragment]!;
    const size = lease.places!.stored![fragment]!;
    const pool = this.#pool;
    // What keeps a file from being opened ends the run; what is wrong in it fails the event.
    const [file, position] = this.#placeOf(address);
    try {
      if (size > SMALL_BYTES_MAX) file.read(pool.bytes.subarray(at, at + size), position);
      else this.#windows.read(file, position, size, pool.bytes, at);
    } catch (thrown) {
      const reason = sentenceOf(thrown);
      throw fault("fragment-failed", { source: info.name, row, reason }, { cause: thrown });
    }
    const from = at + dataOffset(pool.view, at, size, v10);
    const data = pool.bytes.subarray(from, at + size);
    this.#bytes += data.length;
    const swapped = isItem(pool.view, at, size) ? !isLittleEndian(pool.view, at) : bigEndian;
    return new RingFragment(pool, { source: info, row, data, swapped });
  }

  /** The file, and the byte in it. */
  #placeOf(address: number): readonly [file: DataFile, position: number] {
    const bases = this.#bases;
    if (address < bases[this.#last]! || address >= bases[this.#last + 1]!)
      this.#last = Math.min(fileAt(bases, address), bases.length - 2);
    return [this.#files.dataOf(this.#last), address - bases[this.#last]!];
  }
}

const NO_BYTES = new Uint8Array(0);
