import type { Hdf5DataSet } from "@evb/formats";

/** Entries that are read together: a call of the library takes as long as copying some thousand. */
const PAGE_ENTRIES = 4096;
/** 64 MB of addresses: rows of many sources ascend side by side, each on a page of its own. */
const PAGES_MAX = 2048;

/** A long column of numbers in a file, some pages in memory at a time. */
export class PagedColumn {
  readonly #dataSet: Hdf5DataSet;
  /** By number; the one used last is at the end. */
  readonly #pages = new Map<number, Float64Array | Uint32Array>();
  #last: Float64Array | Uint32Array = new Uint32Array(0);
  #lastNumber = -1;

  constructor(dataSet: Hdf5DataSet) {
    this.#dataSet = dataSet;
  }

  at(entry: number): number {
    const number = Math.floor(entry / PAGE_ENTRIES);
    if (number !== this.#lastNumber) {
      this.#last = this.#page(number);
      this.#lastNumber = number;
    }
    return this.#last[entry - number * PAGE_ENTRIES]!;
  }

  #page(number: number): Float64Array | Uint32Array {
    const first = number * PAGE_ENTRIES;
    const known = this.#pages.get(number);
    const count = Math.min(PAGE_ENTRIES, this.#dataSet.length - first);
    const page = known ?? (this.#dataSet.readSlab(first, count) as Float64Array | Uint32Array);
    this.#pages.delete(number);
    this.#pages.set(number, page);
    if (this.#pages.size > PAGES_MAX) this.#pages.delete(this.#pages.keys().next().value!);
    return page;
  }
}
