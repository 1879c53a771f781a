import { cellBytes, Hdf5File, loadHdf5, missingElement, type CellType } from "@evb/formats";
import type { ElementType } from "@evb/event";

/** One label of all stamps that have one. */
export interface IndexLabel {
  readonly name: string;
  readonly type: CellType;
  /** Shape (labels), cells one behind the other. */
  readonly cells: Uint8Array;
}

/** The labels of an index, found by time stamp. */
export class IndexLabels {
  readonly labels: readonly IndexLabel[];
  /** Shape (labels), u64 ticks. */
  readonly #times: BigUint64Array;
  /** Rows by time, of equal ones the first row first; undefined: as they are. */
  readonly #order: Uint32Array | undefined;

  constructor(times: BigUint64Array, labels: readonly IndexLabel[]) {
    this.#times = times;
    this.labels = labels;
    this.#order = isAscending(times) ? undefined : orderOf(times);
  }

  /** Undefined where the index has none. @throws EvbError "hdf5-cannot-open" */
  static async read(indexPath: string): Promise<IndexLabels | undefined> {
    const file = new Hdf5File(await loadHdf5(), indexPath);
    try {
      if (file.shapeOf("/labels/time") === undefined) return undefined;
      const times = file.dataSet("/labels/time").readColumn() as BigUint64Array;
      const names = file.names("/labels").filter((name) => name !== "time");
      const labels = names.map((name) => {
        const dataSet = file.dataSet(`/labels/${name}`);
        const cells = new Uint8Array(dataSet.length * dataSet.rowBytes);
        dataSet.readRows(0, dataSet.length, cells);
        return { name, type: dataSet.shape.type!, cells };
      });
      return new IndexLabels(times, labels);
    } finally {
      file.close();
    }
  }

  /**
   * The cells of a label at some stamps: of several rows with one stamp the first in file order; where there is none no
   * text, 0, or not-a-number.
   */
  cellsAt({ type, cells }: IndexLabel, stamps: BigUint64Array): Uint8Array {
    const size = cellBytes(type);
    const missing = type.startsWith("S") ? undefined : missingElement(type as ElementType);
    const found = new Uint8Array(size * stamps.length);
    stamps.forEach((stamp, k) => {
      const row = this.#rowAt(stamp);
      if (row >= 0) found.set(cells.subarray(row * size, (row + 1) * size), k * size);
      else if (missing !== undefined) found.set(missing, k * size);
    });
    return found;
  }

  #rowAt(stamp: bigint): number {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#times[this.#row(middle)]! < stamp) low = middle + 1;
      else high = middle;
    }
    const row = this.#row(low);
    return this.#times[row] === stamp ? row : -1;
  }

  #row(place: number): number {
    return this.#order === undefined ? place : this.#order[place]!;
  }
}

function isAscending(times: BigUint64Array): boolean {
  for (let i = 1; i < times.length; i++) if (times[i]! < times[i - 1]!) return false;
  return true;
}

/** Sorting is stable: rows of one stamp stay in file order. */
const orderOf = (times: BigUint64Array): Uint32Array =>
  Uint32Array.from(times, (_, row) => row).sort((a, b) => {
    if (times[a] === times[b]) return a - b;
    return times[a]! < times[b]! ? -1 : 1;
  });
