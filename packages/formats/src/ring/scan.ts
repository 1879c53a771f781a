import { FRAGMENT, RUN_ITEM } from "@evb/event";
import {
  BODY_HEADER_BYTES,
  FRAGMENT_HEADER_BYTES,
  HEADERLESS_BODY_OFFSET,
  isGlomsUnknownPayload,
  ITEM_HEADER_BYTES,
  NULL_STAMP,
  readItemHead,
  type ItemHead,
} from "./head.ts";
import { ITEM_TYPE, isStateChange, itemTypeName } from "./item-type.ts";
import { originalSourceOf } from "./original-source.ts";
import { ROW, type RingRows } from "./rows.ts";
import { stampIn, type StampPlace } from "./stamp-place.ts";

/** An item that isn't a row like others: it says where the run begins, ends or pauses, or how the file is written. */
export interface StateItem {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** Undefined without body header. */
  readonly source: number | undefined;
  readonly stamp: bigint;
  readonly barrier: number;
  readonly bigEndian: boolean;
  readonly v10: boolean;
  /** Rows that came before it. */
  readonly rowsBefore: number;
  /** It has no body header, and knows of such a thing. */
  readonly isBare: boolean;
  /** PAUSE_RUN and RESUME_RUN are rows, too. */
  readonly row: number | undefined;
  /** What a v12 item without body header says of its own source. */
  readonly originalSource: number | undefined;
  /** Of a state change. */
  readonly runNumber: number | undefined;
  /** As the body shows: of a state change by its size, of RING_FORMAT the major number. Undefined of others. */
  readonly version: number | undefined;
  /** Item number in its file, from 0. */
  readonly item: number;
  /** Row of the inputs' files. */
  readonly file: number;
}

/** A row whose source is still to be found. */
export interface HeaderlessRow {
  readonly row: number;
  readonly type: number;
  readonly file: number;
  /** What a v12 item says of its own source; undefined where its layout doesn't. */
  readonly originalSource: number | undefined;
}

/** What a scan finds beside rows. */
export interface ScanFound {
  /** Built events at the outermost level, and how many had no fragment. */
  builtEvents: number;
  emptyEvents: number;
  /** Items whose body header doesn't fit into them. */
  badHeaders: number;
  /** BEGIN_RUN, END_RUN, PAUSE_RUN, RESUME_RUN, ABNORMAL_ENDRUN, RING_FORMAT, EVB_GLOM_INFO, in order. */
  readonly states: StateItem[];
  readonly headerless: HeaderlessRow[];
}

export const newFound = (): ScanFound => ({
  builtEvents: 0,
  emptyEvents: 0,
  badHeaders: 0,
  states: [],
  headerless: [],
});

/** As many rows a block of so many bytes can have: fragments without payload are the smallest. */
export const rowsMax = (bytes: number): number => Math.ceil(bytes / ITEM_HEADER_BYTES);

/** What is wrong with the bytes at a place. */
export interface Damage {
  /** Bytes from the beginning of the block. */
  readonly at: number;
  readonly reason: string;
}

const NESTING_MAX = 64;
/** Up to 11.3 a state change's body ends with its title; since then it has an original source, too. */
const V11_STATE_BYTES_MAX = 100;
/** Types have 16 bits. */
const TYPE_MAX = 0xffff;
/** Body of type size word with nothing behind it. */
const COUNT_BYTES = 4;

/** What became of a block. */
export interface Taken {
  /** Where the first item begins that isn't whole. */
  readonly used: number;
  /** What is wrong with that one, if it is known already. */
  readonly damage: Damage | undefined;
  /** Where the last item begins that was taken. */
  readonly last: number | undefined;
}

/** The types of {@link ScanFound.states}. */
const STATE_TYPES: ReadonlySet<number> = new Set([
  ITEM_TYPE.BEGIN_RUN,
  ITEM_TYPE.END_RUN,
  ITEM_TYPE.PAUSE_RUN,
  ITEM_TYPE.RESUME_RUN,
  ITEM_TYPE.ABNORMAL_ENDRUN,
  ITEM_TYPE.RING_FORMAT,
  ITEM_TYPE.EVB_GLOM_INFO,
]);

/** They never have a body header. */
const NEVER_BARE: ReadonlySet<number> = new Set([ITEM_TYPE.RING_FORMAT, ITEM_TYPE.EVB_GLOM_INFO]);
const PAUSES: ReadonlySet<number> = new Set([ITEM_TYPE.PAUSE_RUN, ITEM_TYPE.RESUME_RUN]);

/** Turns blocks of ring items into rows. It is the one place that sees every byte of a header, and is written for speed. */
export class BlockScanner {
  readonly #rows: RingRows;
  readonly #found: ScanFound;
  readonly #depth: number;
  readonly #stampAt: StampPlace | undefined;
  #v10 = false;
  #file = 0;
  #item = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Of the block, in the bytes of all inputs. */
  #base = 0;
  /** How much there was before the item that was looked at last. */
  readonly #before = { rows: 0, states: 0, headerless: 0 };
  /** The same for the last one that was taken. */
  readonly #beforeLast = { rows: 0, states: 0, headerless: 0 };
  /** Damage in the item that is looked at. */
  #damage: Damage | undefined;

  constructor(
    rows: RingRows,
    found: ScanFound,
    { depth, stampAt }: { readonly depth: number; readonly stampAt: StampPlace | undefined },
  ) {
    this.#rows = rows;
    this.#found = found;
    this.#depth = depth;
    this.#stampAt = stampAt;
  }

  /** Items counted so far in this file. */
  get item(): number {
    return this.#item;
  }

  beginFile(file: number, { v10 }: { v10: boolean }): void {
    this.#file = file;
    this.#v10 = v10;
    this.#item = 0;
  }

  /** Forgets the last item that was taken. */
  takeBack(): void {
    const { rows, states, headerless } = this.#beforeLast;
    this.#rows.truncate(rows);
    this.#found.states.length = states;
    this.#found.headerless.length = headerless;
    this.#item--;
  }

  /**
   * Takes all items that lie whole in a block; there must be room for as many rows as it can hold.
   *
   * @param base of its first byte, in the bytes of all inputs
   */
  take(view: DataView, base: number): Taken {
    const length = view.byteLength;
    this.#view = view;
    this.#base = base;
    this.#damage = undefined;
    let at = 0;
    let last: number | undefined;
    while (length - at >= ITEM_HEADER_BYTES) {
      const little = view.getUint16(at + 4, true) !== 0;
      const size = view.getUint32(at, little);
      if (size < ITEM_HEADER_BYTES || (size < HEADERLESS_BODY_OFFSET && !this.#v10)) {
        this.#spoil(at, `its size is ${String(size)}, which no item has`);
        break;
      }
      const type = view.getUint32(at + 4, little);
      if (type > TYPE_MAX || type === 0) {
        this.#spoil(at, `its type is ${String(type)}, which no item has`);
        break;
      }
      if (size > length - at) break;
      this.#before.rows = this.#rows.count;
      this.#before.states = this.#found.states.length;
      this.#before.headerless = this.#found.headerless.length;
      if (type === ITEM_TYPE.PHYSICS_EVENT) this.#event(at, size, little);
      else this.#other(at, size, little, type);
      if (this.#isSpoilt()) {
        this.#rows.truncate(this.#before.rows);
        break;
      }
      this.#item++;
      last = at;
      this.#beforeLast.rows = this.#before.rows;
      this.#beforeLast.states = this.#before.states;
      this.#beforeLast.headerless = this.#before.headerless;
      at += size;
    }
    return { used: at, damage: this.#damage, last };
  }

  #isSpoilt(): boolean {
    return this.#damage !== undefined;
  }

  #spoil(at: number, reason: string): false {
    this.#damage ??= { at, reason };
    return false;
  }

  #event(at: number, size: number, little: boolean): void {
    const body = this.#bodyOf(at, size, little);
    const end = at + size;
    const first = body + COUNT_BYTES;
    // Data whose first word is the body's size by chance are no fragments.
    const isBuilt =
      this.#depth > 0 &&
      this.#isBuilt(body, end, little) &&
      (this.#beginsWithItem(first, end, little) ||
        first === end ||
        this.#endsExactly(first, end, little) > 0);
    if (isBuilt) {
      const { count } = this.#rows;
      if (!this.#fragments(first, end, little, 1)) return;
      this.#found.builtEvents++;
      if (this.#rows.count === count) this.#found.emptyEvents++;
      return;
    }
    if (this.#depth > 0 && !this.#isRaw(at, body, end, little)) return;
    this.#raw(at, size);
  }

  /** Whether what would be the first fragment holds an item of a known type, though its size may not fit. */
  #beginsWithItem(at: number, end: number, little: boolean): boolean {
    const item = at + FRAGMENT_HEADER_BYTES;
    if (item + ITEM_HEADER_BYTES > end) return false;
    return itemTypeName(this.#view.getUint32(item + 4, little)) !== undefined;
  }

  #bodyOf(at: number, size: number, little: boolean): number {
    if (this.#v10) return at + ITEM_HEADER_BYTES;
    const word = this.#view.getUint32(at + 8, little);
    return word < BODY_HEADER_BYTES || word > size - ITEM_HEADER_BYTES
      ? at + HEADERLESS_BODY_OFFSET
      : at + ITEM_HEADER_BYTES + word;
  }

  /** A built body begins with its own byte count; of a raw one a count of 16-bit words does. */
  #isBuilt(body: number, end: number, little: boolean): boolean {
    return end - body >= COUNT_BYTES && this.#view.getUint32(body, little) === end - body;
  }

  /**
   * The hot loop: fragments from `at` to `end`, one behind the other. Returns whether they end there. What it
   * asks of each fragment is written out: a call costs as much as all else.
   */
  #fragments(at: number, end: number, little: boolean, level: number): boolean {
    const view = this.#view;
    const rows = this.#rows;
    const { stampWords, offset, size, source, kind, rowOfSmallId } = rows;
    const base = this.#base;
    const flags = little ? FRAGMENT : FRAGMENT | ROW.bigEndian;
    const opens = level < this.#depth && level < NESTING_MAX;
    let row = rows.count;
    while (at < end) {
      const item = at + FRAGMENT_HEADER_BYTES;
      const next = item > end ? Infinity : item + view.getUint32(at + 12, little);
      if (next > end) return this.#spoil(at, "a fragment is longer than the event that holds it");
      if (
        opens &&
        next - item >= HEADERLESS_BODY_OFFSET + COUNT_BYTES &&
        view.getUint32(item + 4, little) === ITEM_TYPE.PHYSICS_EVENT
      ) {
        const word = this.#v10 ? 0 : view.getUint32(item + 8, little);
        // Of a built event the byte count stands at the beginning of the body.
        const bare = item + (this.#v10 ? ITEM_HEADER_BYTES : HEADERLESS_BODY_OFFSET);
        const body =
          word < BODY_HEADER_BYTES || word > next - item - ITEM_HEADER_BYTES
            ? bare
            : item + ITEM_HEADER_BYTES + word;
        if (
          next - body >= COUNT_BYTES &&
          view.getUint32(body, little) === next - body &&
          this.#isNested(item, body, next, little)
        ) {
          rows.count = row;
          if (!this.#fragments(body + COUNT_BYTES, next, little, level + 1)) return false;
          row = rows.count;
          at = next;
          continue;
        }
      }
      stampWords[2 * row] = view.getUint32(little ? at : at + 4, little);
      stampWords[2 * row + 1] = view.getUint32(little ? at + 4 : at, little);
      offset[row] = base + at;
      size[row] = next - at;
      const id = view.getUint32(at + 8, little);
      const known = id < 2 ** 16 ? rowOfSmallId[id]! : -1;
      source[row] = known < 0 ? rows.sourceRow(id) : known;
      kind[row] = flags;
      const barrier = view.getUint32(at + 16, little);
      if (barrier !== 0) rows.barriers.set(row, barrier);
      row++;
      at = next;
    }
    rows.count = row;
    return true;
  }

  /** Whether a payload that begins with its body's byte count is a built event. */
  #isNested(item: number, body: number, next: number, little: boolean): boolean {
    if (this.#view.getUint32(item, little) !== next - item) return false;
    return this.#endsExactly(body + COUNT_BYTES, next, little) > 0;
  }

  /** How many fragments follow each other up to `end`; 0 where they don't end there. */
  #endsExactly(at: number, end: number, little: boolean): number {
    const view = this.#view;
    let fragments = 0;
    while (at < end) {
      if (end - at < FRAGMENT_HEADER_BYTES) return 0;
      const payloadBytes = view.getUint32(at + 12, little);
      const item = at + FRAGMENT_HEADER_BYTES;
      if (payloadBytes > end - item) return 0;
      at = item + payloadBytes;
      fragments++;
    }
    return at === end ? fragments : 0;
  }

  #isItem(at: number, bytes: number, little: boolean): boolean {
    if (bytes < ITEM_HEADER_BYTES || this.#view.getUint32(at, little) !== bytes) return false;
    return itemTypeName(this.#view.getUint32(at + 4, little)) !== undefined;
  }

  /** Whether what would be the first fragment holds a ring item beyond doubt. */
  #isFirstItem(at: number, end: number, little: boolean): boolean {
    const item = at + FRAGMENT_HEADER_BYTES;
    if (item + ITEM_HEADER_BYTES > end) return false;
    const bytes = this.#view.getUint32(at + 12, little);
    return bytes <= end - item && this.#isItem(item, bytes, little);
  }

  /**
   * Whether an event that doesn't begin with its byte count is a raw one: else its count is wrong, as there
   * is a ring item where its first fragment would have one.
   */
  #isRaw(at: number, body: number, end: number, little: boolean): boolean {
    if (!this.#isFirstItem(body + COUNT_BYTES, end, little)) return true;
    const count = this.#view.getUint32(body, little);
    const is = end - body;
    return this.#spoil(at, `its event has ${String(is)} bytes, and says ${String(count)}`);
  }

  #raw(at: number, size: number): void {
    const head = this.#headOf(at, size);
    const { header } = head;
    const row = this.#addItem(at, head, FRAGMENT);
    if (header !== undefined && header.barrier !== 0) this.#rows.barriers.set(row, header.barrier);
    if (header !== undefined) return;
    this.#headerless(row, at, size, head);
    if (this.#stampAt === undefined) return;
    const stamp = stampIn(this.#view, at + head.bodyOffset, at + size, this.#stampAt);
    if (stamp !== undefined) this.#rows.stamp[row] = stamp;
  }

  /** A body header that doesn't fit into its item is none, and the item stays as it is. */
  #headOf(at: number, size: number): ItemHead {
    const head = readItemHead(this.#view, at, this.#v10);
    if (head.bodyOffset <= size) return head;
    if (itemTypeName(head.type) !== undefined) this.#found.badHeaders++;
    return { ...head, header: undefined, bodyOffset: Math.min(size, HEADERLESS_BODY_OFFSET) };
  }

  /** Whether an item has no body header, and knows of such a thing. */
  #isBare(at: number, { littleEndian, header, type }: ItemHead): boolean {
    if (header !== undefined || this.#v10 || itemTypeName(type) === undefined) return false;
    // Fragments as glom wraps them have another header there, and what is too large for one is none.
    if (type === ITEM_TYPE.EVB_UNKNOWN_PAYLOAD) return false;
    return this.#view.getUint32(at + 8, littleEndian) < BODY_HEADER_BYTES;
  }

  #addItem(at: number, head: ItemHead, what: number): number {
    const { size, littleEndian, header } = head;
    const bare = this.#isBare(at, head);
    const kind =
      what |
      ROW.item |
      (bare ? ROW.headerless : 0) |
      (littleEndian ? 0 : ROW.bigEndian) |
      (this.#v10 ? ROW.v10 : 0);
    const [stamp, source] = header === undefined ? [NULL_STAMP, 0] : [header.stamp, header.source];
    return this.#rows.add({
      stamp,
      offset: this.#base + at,
      size,
      source: header === undefined ? 0 : this.#rows.sourceRow(source),
      kind,
    });
  }

  #headerless(row: number, at: number, size: number, { type }: ItemHead): void {
    this.#rows.headerlessTypes.set(row, type);
    this.#found.headerless.push({
      row,
      type,
      file: this.#file,
      originalSource: this.#originalSource(at, size),
    });
  }

  #other(at: number, size: number, little: boolean, type: number): void {
    const head = this.#headOf(at, size);
    const inOrder = !STATE_TYPES.has(type);
    const row = inOrder || PAUSES.has(type) ? this.#addItem(at, head, RUN_ITEM) : undefined;
    if (row !== undefined && this.#isGloms(at, head)) {
      this.#rows.stamp[row] = this.#view.getBigUint64(at + 8, little);
      this.#rows.source[row] = this.#rows.sourceRow(this.#view.getUint32(at + 16, little));
      return;
    }
    if (row !== undefined && head.header === undefined) this.#headerless(row, at, size, head);
    if (!inOrder) this.#state(at, head, row);
  }

  /** An unknown payload as glom writes it, with a fragment header. */
  #isGloms(at: number, { type, size, header, littleEndian }: ItemHead): boolean {
    if (type !== ITEM_TYPE.EVB_UNKNOWN_PAYLOAD || header !== undefined) return false;
    return !this.#v10 && isGlomsUnknownPayload(this.#view, at, size, littleEndian);
  }

  #state(at: number, head: ItemHead, row: number | undefined): void {
    const { type, size, littleEndian, header, bodyOffset } = head;
    const isBare = this.#isBare(at, head) && !NEVER_BARE.has(type);
    // Where the body begins behind a header that doesn't fit, nobody knows.
    const isKnown = this.#v10 || isBare || header !== undefined;
    const change = isStateChange(type) && isKnown && bodyOffset + COUNT_BYTES <= size;
    this.#found.states.push({
      type,
      offset: this.#base + at,
      size,
      source: header?.source,
      stamp: header?.stamp ?? NULL_STAMP,
      barrier: header?.barrier ?? 0,
      bigEndian: !littleEndian,
      v10: this.#v10,
      isBare,
      rowsBefore: this.#rows.count,
      row,
      originalSource: header === undefined ? this.#originalSource(at, size) : undefined,
      version: this.#versionOf(at, head),
      runNumber: change ? this.#view.getUint32(at + bodyOffset, littleEndian) : undefined,
      item: this.#item,
      file: this.#file,
    });
  }

  #versionOf(at: number, { type, size, bodyOffset, littleEndian }: ItemHead): number | undefined {
    if (isStateChange(type)) return size - bodyOffset > V11_STATE_BYTES_MAX ? 12 : 11;
    if (type !== ITEM_TYPE.RING_FORMAT || bodyOffset + 2 > size) return undefined;
    return this.#view.getUint16(at + bodyOffset, littleEndian);
  }

  #originalSource(at: number, size: number): number | undefined {
    const item = new DataView(this.#view.buffer, this.#view.byteOffset + at, size);
    return originalSourceOf(item, this.#v10);
  }
}
