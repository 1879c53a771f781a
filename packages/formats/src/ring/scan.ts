import { FRAGMENT, RUN_ITEM } from "@evb/event";
import {
  BODY_HEADER_BYTES,
  FRAGMENT_HEADER_BYTES,
  HEADERLESS_BODY_OFFSET,
  isGlomsUnknownPayload,
  ITEM_HEADER_BYTES,
  NULL_STAMP,
} from "./head.ts";
import { ITEM_TYPE, isStateChange, itemTypeName } from "./item-type.ts";
import {
  beginsWithItem,
  COUNT_BYTES,
  countsItself,
  fragmentsUpTo,
  holdsItem,
} from "./built-body.ts";
import { originalSourceOf } from "./original-source.ts";
import { ROW, type RingRows } from "./rows.ts";
import type { ScanFound } from "./scan-found.ts";
import { stampIn, type StampPlace } from "./stamp-place.ts";
import { hasBadHeader, headOf } from "./version.ts";

type Head = ReturnType<typeof headOf>;

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
  #firstIsBigEndian: boolean | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Of the block, in the bytes of all inputs. */
  #base = 0;
  /** How much there was before the item that was looked at last. */
  readonly #before = { rows: 0, states: 0, headerless: 0, events: 0 };
  /** The same for the last one that was taken. */
  readonly #beforeLast = { rows: 0, states: 0, headerless: 0, events: 0 };
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

  /** Byte order of this file's first item; undefined where it has none. */
  get firstIsBigEndian(): boolean | undefined {
    return this.#firstIsBigEndian;
  }

  /** @param v10 the file is of NSCLDAQ 10, as far as an item doesn't tell for itself */
  beginFile(file: number, { v10 }: { v10: boolean }): void {
    this.#file = file;
    this.#v10 = v10;
    this.#item = 0;
    this.#firstIsBigEndian = undefined;
  }

  /** Forgets the last item that was taken. */
  takeBack(): void {
    const { rows, states, headerless, events } = this.#beforeLast;
    this.#rows.truncate(rows);
    this.#found.states.length = states;
    this.#found.headerless.length = headerless;
    this.#found.headerlessEvents.count = events;
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
      this.#before.events = this.#found.headerlessEvents.count;
      if (type === ITEM_TYPE.PHYSICS_EVENT) this.#event(at, size, little);
      else this.#other(at, size, little, type);
      if (this.#isSpoilt()) {
        this.#rows.truncate(this.#before.rows);
        break;
      }
      if (this.#item++ === 0) this.#firstIsBigEndian = !little;
      last = at;
      this.#beforeLast.rows = this.#before.rows;
      this.#beforeLast.states = this.#before.states;
      this.#beforeLast.headerless = this.#before.headerless;
      this.#beforeLast.events = this.#before.events;
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
    const view = this.#view;
    const body = this.#bodyOf(at, size, little);
    const end = at + size;
    const first = body + COUNT_BYTES;
    // Data whose first word is the body's size by chance are no fragments.
    const isBuilt =
      this.#depth > 0 &&
      countsItself(view, body, end, little) &&
      (first === end ||
        beginsWithItem(view, first, end, little) ||
        fragmentsUpTo(view, first, end, little) > 0);
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

  #bodyOf(at: number, size: number, little: boolean): number {
    if (this.#v10) return at + ITEM_HEADER_BYTES;
    const word = this.#view.getUint32(at + 8, little);
    return word < BODY_HEADER_BYTES || word > size - ITEM_HEADER_BYTES
      ? at + HEADERLESS_BODY_OFFSET
      : at + ITEM_HEADER_BYTES + word;
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
          view.getUint32(item, little) === next - item &&
          fragmentsUpTo(view, body + COUNT_BYTES, next, little) > 0
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

  /**
   * Whether an event that doesn't begin with its byte count is a raw one: else its count is wrong, as there
   * is a ring item where its first fragment would have one.
   */
  #isRaw(at: number, body: number, end: number, little: boolean): boolean {
    if (!holdsItem(this.#view, body + COUNT_BYTES, end, little)) return true;
    const count = this.#view.getUint32(body, little);
    const is = end - body;
    return this.#spoil(at, `its event has ${String(is)} bytes, and says ${String(count)}`);
  }

  #raw(at: number, size: number): void {
    const head = this.#headOf(at);
    const { header } = head;
    const row = this.#addItem(at, head, FRAGMENT);
    if (header !== undefined && header.barrier !== 0) this.#rows.barriers.set(row, header.barrier);
    if (header !== undefined) return;
    this.#found.headerlessEvents.add(row);
    if (this.#stampAt === undefined) return;
    const stamp = stampIn(this.#view, at + head.bodyOffset, at + size, this.#stampAt);
    if (stamp !== undefined) this.#rows.stamp[row] = stamp;
  }

  /** A body header that doesn't fit into its item is none, and the item stays as it is. */
  #headOf(at: number): Head {
    const head = headOf(this.#view, at, this.#v10);
    if (!this.#isBare(at, head) && hasBadHeader(this.#view, at, head)) this.#found.badHeaders++;
    return head;
  }

  /** Whether an item has no body header, and knows of such a thing. */
  #isBare(at: number, { littleEndian, header, type, v10 }: Head): boolean {
    if (header !== undefined || v10 || itemTypeName(type) === undefined) return false;
    // Fragments as glom wraps them have another header there, and what is too large for one is none.
    if (type === ITEM_TYPE.EVB_UNKNOWN_PAYLOAD) return false;
    return this.#view.getUint32(at + 8, littleEndian) < BODY_HEADER_BYTES;
  }

  #addItem(at: number, head: Head, what: number): number {
    const { size, littleEndian, header, v10 } = head;
    const bare = this.#isBare(at, head);
    const kind =
      what |
      ROW.item |
      (bare ? ROW.headerless : 0) |
      (littleEndian ? 0 : ROW.bigEndian) |
      (v10 ? ROW.v10 : 0);
    const [stamp, source] = header === undefined ? [NULL_STAMP, 0] : [header.stamp, header.source];
    return this.#rows.add({
      stamp,
      offset: this.#base + at,
      size,
      source: header === undefined ? 0 : this.#rows.sourceRow(source),
      kind,
    });
  }

  #headerless(row: number, at: number, head: Head): void {
    this.#rows.headerlessTypes.set(row, head.type);
    this.#found.headerless.push({
      row,
      type: head.type,
      file: this.#file,
      originalSource: this.#originalSource(at, head),
    });
  }

  #other(at: number, size: number, little: boolean, type: number): void {
    const head = this.#headOf(at);
    const inOrder = !STATE_TYPES.has(type);
    const row = inOrder || PAUSES.has(type) ? this.#addItem(at, head, RUN_ITEM) : undefined;
    if (row !== undefined && this.#isGloms(at, head)) {
      this.#rows.stamp[row] = this.#view.getBigUint64(at + 8, little);
      this.#rows.source[row] = this.#rows.sourceRow(this.#view.getUint32(at + 16, little));
      return;
    }
    if (row !== undefined && head.header === undefined) this.#headerless(row, at, head);
    if (!inOrder) this.#state(at, head, row);
  }

  /** An unknown payload as glom writes it, with a fragment header. */
  #isGloms(at: number, { type, size, header, littleEndian, v10 }: Head): boolean {
    if (type !== ITEM_TYPE.EVB_UNKNOWN_PAYLOAD || header !== undefined) return false;
    return !v10 && isGlomsUnknownPayload(this.#view, at, size, littleEndian);
  }

  #state(at: number, head: Head, row: number | undefined): void {
    const { type, size, littleEndian, header, bodyOffset, v10 } = head;
    const isBare = this.#isBare(at, head) && !NEVER_BARE.has(type);
    // Where the body begins behind a header that doesn't fit, nobody knows.
    const isKnown = v10 || isBare || header !== undefined;
    const change = isStateChange(type) && isKnown && bodyOffset + COUNT_BYTES <= size;
    this.#found.states.push({
      type,
      offset: this.#base + at,
      size,
      source: header?.source,
      stamp: header?.stamp ?? NULL_STAMP,
      barrier: header?.barrier ?? 0,
      bigEndian: !littleEndian,
      v10,
      isBare,
      rowsBefore: this.#rows.count,
      row,
      originalSource: header === undefined ? this.#originalSource(at, head) : undefined,
      version: this.#versionOf(at, head),
      runNumber: change ? this.#view.getUint32(at + bodyOffset, littleEndian) : undefined,
      item: this.#item,
      file: this.#file,
    });
  }

  #versionOf(at: number, { type, size, bodyOffset, littleEndian }: Head): number | undefined {
    if (isStateChange(type)) return size - bodyOffset > V11_STATE_BYTES_MAX ? 12 : 11;
    if (type !== ITEM_TYPE.RING_FORMAT || bodyOffset + 2 > size) return undefined;
    return this.#view.getUint16(at + bodyOffset, littleEndian);
  }

  #originalSource(at: number, { size, v10 }: Head): number | undefined {
    const item = new DataView(this.#view.buffer, this.#view.byteOffset + at, size);
    return originalSourceOf(item, v10);
  }
}
