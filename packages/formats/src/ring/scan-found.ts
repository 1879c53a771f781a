/** Rows, ascending, as a column that grows. */
class RowList {
  count = 0;
  #rows = new Uint32Array(1024);

  add(row: number): void {
    if (this.count === this.#rows.length) {
      const twice = new Uint32Array(2 * this.count);
      twice.set(this.#rows);
      this.#rows = twice;
    }
    this.#rows[this.count++] = row;
  }

  /** A view, good until the next one is added. */
  get rows(): Uint32Array {
    return this.#rows.subarray(0, this.count);
  }
}

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

/** A run item whose source is still to be found. */
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
  /** Events whose source is still to be found: a run may have nothing else. */
  readonly headerlessEvents: RowList;
}

export const newFound = (): ScanFound => ({
  builtEvents: 0,
  emptyEvents: 0,
  badHeaders: 0,
  states: [],
  headerless: [],
  headerlessEvents: new RowList(),
});
