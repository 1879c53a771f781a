import { Multiplicity, sortedStamps, type SourceMatch } from "@evb/event";
import type { FoundEvents, IndexedSource, KnownEvents } from "../run-scan.ts";
import { ROW_STATUS } from "./extract-format.ts";

/** What a file says of its events, whose number k is row k of every source that has it. */
export interface AlignedColumns {
  /** Shape (events), u64 ticks. */
  readonly times: BigUint64Array;
  /** By source: shape (events), {@link ROW_STATUS}. */
  readonly status: ReadonlyMap<string, Uint8Array>;
  /** How they were found. */
  readonly match: string;
}

/** Events that stand side by side: in each, rows are by (time, source). */
export class AlignedEvents implements KnownEvents {
  readonly #columns: AlignedColumns;

  constructor(columns: AlignedColumns) {
    this.#columns = columns;
  }

  of(
    sources: readonly IndexedSource[],
    wanted: BigUint64Array | undefined,
    needed: number,
  ): FoundEvents {
    const { times, match } = this.#columns;
    const status = sources.map(({ name }) => this.#columns.status.get(name)!);
    const selected = wanted && sortedStamps(wanted);
    const time = new BigUint64Array(times.length);
    const start = new Uint32Array(times.length + 1);
    const fragment = new Uint32Array(status.reduce((sum, each) => sum + countThere(each), 0));
    const matched = new Uint32Array(sources.length);
    const multiplicity = new Multiplicity();
    let [events, end] = [0, 0];
    for (let row = 0; row < times.length; row++) {
      if (selected !== undefined && !isAmong(selected, times[row]!)) continue;
      const there = this.#sourcesAt(row, sources, status);
      if (there.length < needed) continue;
      for (const s of there) {
        fragment[end++] = sources[s]!.fragmentFirst + row;
        matched[s]!++;
      }
      multiplicity.add(there.length);
      time[events] = times[row]!;
      start[++events] = end;
    }
    return {
      match: {
        time: time.subarray(0, events),
        start: start.subarray(0, events + 1),
        fragment: fragment.subarray(0, end),
        sources: sources.map((source, s) => countsOf(source, matched[s]!)),
        multiplicity: multiplicity.counts,
      },
      matched: { match },
    };
  }

  #sourcesAt(
    row: number,
    sources: readonly IndexedSource[],
    status: readonly Uint8Array[],
  ): number[] {
    const there: number[] = [];
    for (let s = 0; s < status.length; s++) if (status[s]![row] === ROW_STATUS.there) there.push(s);
    if (this.#columns.match === "exact") return there;
    // Sorting is stable: of equal stamps the source that comes first stays so.
    return there.sort((one, other) => {
      const [a, b] = [sources[one]!.times[row]!, sources[other]!.times[row]!];
      return a < b ? -1 : Number(a > b);
    });
  }
}

const countThere = (status: Uint8Array): number =>
  status.reduce((sum, each) => sum + Number(each === ROW_STATUS.there), 0);

/** Rows that hold nothing count as unmatched: the file has them. */
function countsOf({ times, disorder }: IndexedSource, matched: number): SourceMatch {
  const rows = times.length;
  const outOfOrder = disorder.descents;
  return { rows, matched, unmatched: rows - matched, duplicates: 0, outOfOrder };
}

/** @param stamps ascending */
function isAmong(stamps: BigUint64Array, stamp: bigint): boolean {
  let [low, high] = [0, stamps.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (stamps[middle]! < stamp) low = middle + 1;
    else high = middle;
  }
  return stamps[low] === stamp;
}
