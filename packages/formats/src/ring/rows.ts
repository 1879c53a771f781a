import { FRAGMENT, RUN_ITEM } from "@evb/event";
import { fault } from "../faults.ts";

/**
 * What a row is: `FRAGMENT`, `RUN_ITEM` or `CLOSING_ITEM` of @evb/event in the lowest two bits, and of
 * these what holds.
 */
export const ROW = {
  /** The bytes are a ring item; else a fragment as it lies in a built event, its 20-byte header first. */
  item: 4,
  /** The item has no body header, though its layout knows one. */
  headerless: 8,
  /** There was no time stamp; the one of the row was assigned. */
  assigned: 16,
  bigEndian: 32,
  /** Of NSCLDAQ 10, which knows no body headers. */
  v10: 64,
  /** Stands with another row, and has no place of its own. */
  absent: 128,
} as const;

/** Bytes of all columns of a row. */
const ROW_BYTES = 8 + 8 + 4 + 2 + 1;
/** So many rows show how many bytes a row takes. */
const ROWS_FIRST = 65_536;
/** Columns are made so much longer than what was read so far says. */
const MARGIN = 1.05;
const GROWTH = 1.25;
/** Rows are u32. */
const ROWS_MAX = 2 ** 32 - 1;
const SOURCES_MAX = 65_535;
const NO_ROW = -1;

/**
 * Fragments and run items in the order of their arrival, as columns. Memory that was never written is
 * none, so columns begin as long as they may have to be; they are moved when that was too short.
 */
export class RingRows {
  count = 0;
  stamp = new BigUint64Array(0);
  /** Two for each row, low word first: no BigInt is made where one is copied. */
  stampWords = new Uint32Array(0);
  /** Bytes from the beginning of the first file, as if all were one. */
  offset = new Float64Array(0);
  /** As stored: of a fragment with its header, of an item the whole. */
  size = new Uint32Array(0);
  /** Rows of {@link sourceIds}. */
  source = new Uint16Array(0);
  /** See {@link ROW}. */
  kind = new Uint8Array(0);
  readonly sourceIds: number[] = [];
  /** By row: of the few fragments that have one. */
  readonly barriers = new Map<number, number>();
  /** By row: the type of a run item without body header. */
  readonly headerlessTypes = new Map<number, number>();
  /** Row of {@link sourceIds} of each id below 2^16; -1: none. For hot loops; others ask {@link sourceRow}. */
  readonly rowOfSmallId = new Int32Array(2 ** 16).fill(NO_ROW);
  readonly #rowOfLargeId = new Map<number, number>();

  get capacity(): number {
    return this.kind.length;
  }

  /**
   * Makes room for `more` rows.
   *
   * @param bytes how many gave the rows that there are, and how many there are in all
   */
  reserve(more: number, bytes: { readonly read: number; readonly all: number }): void {
    const needed = this.count + more;
    if (needed <= this.capacity) return;
    if (needed > ROWS_MAX) throw fault("ring-too-many", { rows: needed });
    const guessed =
      this.count === 0 ? ROWS_FIRST : more + (MARGIN * bytes.all * this.count) / bytes.read;
    this.#move(Math.min(ROWS_MAX, Math.ceil(Math.max(ROWS_FIRST, GROWTH * needed, guessed))));
  }

  /** The row of {@link sourceIds} for a source's id. */
  sourceRow(id: number): number {
    const known = id < 2 ** 16 ? this.rowOfSmallId[id]! : (this.#rowOfLargeId.get(id) ?? NO_ROW);
    return known === NO_ROW ? this.#newSource(id) : known;
  }

  /** Adds one row that isn't in a hot loop; there must be room. */
  add(row: { stamp: bigint; offset: number; size: number; source: number; kind: number }): number {
    const at = this.count++;
    this.stamp[at] = row.stamp;
    this.offset[at] = row.offset;
    this.size[at] = row.size;
    this.source[at] = row.source;
    this.kind[at] = row.kind;
    return at;
  }

  /** Forgets rows from `count` on. */
  truncate(count: number): void {
    this.count = count;
    for (const row of this.barriers.keys()) if (row >= count) this.barriers.delete(row);
    for (const row of this.headerlessTypes.keys())
      if (row >= count) this.headerlessTypes.delete(row);
  }

  /** Numbers the sources anew, by ascending id: then rows of sources order as ids do. */
  sortSources(): void {
    const ids = [...this.sourceIds];
    if (ids.every((id, row) => row === 0 || ids[row - 1]! < id)) return;
    this.sourceIds.sort((one, other) => one - other);
    this.sourceIds.forEach((id, row) => {
      this.#note(id, row);
    });
    const rowOf = Uint16Array.from(ids, (id) => this.sourceRow(id));
    const { source, count } = this;
    for (let row = 0; row < count; row++) source[row] = rowOf[source[row]!]!;
  }

  /** Bytes that the rows take. */
  get bytes(): number {
    return ROW_BYTES * this.count;
  }

  #newSource(id: number): number {
    const row = this.sourceIds.length;
    if (row === SOURCES_MAX) throw fault("ring-too-many-sources", { sources: SOURCES_MAX });
    this.sourceIds.push(id);
    this.#note(id, row);
    return row;
  }

  #note(id: number, row: number): void {
    if (id < 2 ** 16) this.rowOfSmallId[id] = row;
    else this.#rowOfLargeId.set(id, row);
  }

  #move(capacity: number): void {
    const { stamp, offset, size, source, kind, count } = this;
    this.stamp = new BigUint64Array(capacity);
    this.stamp.set(stamp.subarray(0, count));
    this.stampWords = new Uint32Array(this.stamp.buffer);
    this.offset = new Float64Array(capacity);
    this.offset.set(offset.subarray(0, count));
    this.size = new Uint32Array(capacity);
    this.size.set(size.subarray(0, count));
    this.source = new Uint16Array(capacity);
    this.source.set(source.subarray(0, count));
    this.kind = new Uint8Array(capacity);
    this.kind.set(kind.subarray(0, count));
  }
}

export const isFragment = (kind: number): boolean => (kind & 3) === FRAGMENT;
export const isRunItem = (kind: number): boolean => (kind & RUN_ITEM) !== 0;
