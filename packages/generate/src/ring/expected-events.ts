import type { ExpectedEvents } from "./ring-truth.ts";
import { isWithin } from "./stamps.ts";

/** 200 MB of memory. */
const FRAGMENTS_MAX = 1e7;

/** A group of PAUSE_RUNs or RESUME_RUNs that closes an open event, at the largest place of its members. */
interface BarrierGroup {
  ticks: number;
  source: number;
  arrival: number;
  isBarrier: boolean;
}

/**
 * Counts the events of a run as a physicist would with pencil and paper: sort by stamp, source, place in the file; then
 * take what is within the window of the first. It knows nothing of the code that it is to judge.
 */
export class ExpectedCount {
  #ticks = new Float64Array(1024);
  #sources = new Uint32Array(1024);
  #fragments = 0;
  /** Of each fragment: items and fragments before it in the file. */
  #arrivals = new Uint32Array(1024);
  #arrived = 0;
  readonly #groups = new Map<string, BarrierGroup>();

  addFragment(ticks: number, source: number): void {
    const row = this.#fragments++;
    if (row >= FRAGMENTS_MAX) return;
    if (row === this.#ticks.length) this.#grow();
    this.#ticks[row] = ticks;
    this.#sources[row] = source;
    this.#arrivals[row] = this.#arrived++;
  }

  /** @param group which of its type's groups the item belongs to */
  addPause(group: string, ticks: number, source: number, isBarrier: boolean): void {
    const member = { ticks, source, arrival: this.#arrived++, isBarrier };
    const last = this.#groups.get(group);
    if (last === undefined) this.#groups.set(group, member);
    else {
      const isAnyBarrier = last.isBarrier || isBarrier;
      if (compare(member, last) > 0) Object.assign(last, member);
      last.isBarrier = isAnyBarrier;
    }
  }

  /** Undefined where there are too many fragments. */
  count(windowTicks: number): ExpectedEvents | undefined {
    if (this.#fragments > FRAGMENTS_MAX) return undefined;
    const [ticks, sources, arrivals] = [this.#ticks, this.#sources, this.#arrivals];
    // An array's sort takes the runs as they are in the file; a typed array's doesn't.
    const rows = Array.from({ length: this.#fragments }, (_, row) => row).sort(
      (a, b) => difference(ticks[a]!, ticks[b]!) || sources[a]! - sources[b]! || a - b,
    );
    const barriers = [...this.#groups.values()].filter((group) => group.isBarrier).sort(compare);
    const multiplicity: Record<string, number> = {};
    let events = 0;
    let first = 0;
    let members = 0;
    const close = (): void => {
      if (members === 0) return;
      multiplicity[members] = (multiplicity[members] ?? 0) + 1;
      events++;
      members = 0;
    };
    for (const row of rows) {
      const here = { ticks: ticks[row]!, source: sources[row]!, arrival: arrivals[row]! };
      for (; barriers.length > 0 && compare(barriers[0]!, here) < 0; barriers.shift()) close();
      if (members > 0 && !isWithin(here.ticks, first, windowTicks)) close();
      if (members++ === 0) first = here.ticks;
    }
    close();
    return { window: String(windowTicks), events, fragments: this.#fragments, multiplicity };
  }

  #grow(): void {
    const rows = Math.min(FRAGMENTS_MAX, 2 * this.#ticks.length);
    this.#ticks = grown(this.#ticks, new Float64Array(rows));
    this.#sources = grown(this.#sources, new Uint32Array(rows));
    this.#arrivals = grown(this.#arrivals, new Uint32Array(rows));
  }
}

function grown<Column extends Float64Array | Uint32Array>(old: Column, column: Column): Column {
  column.set(old);
  return column;
}

type Place = Omit<BarrierGroup, "isBarrier">;

const compare = (a: Place, b: Place): number =>
  difference(a.ticks, b.ticks) || a.source - b.source || a.arrival - b.arrival;

/** Also of infinite ones. */
const difference = (a: number, b: number): number => (a === b ? 0 : a - b);
