import { FRAGMENT, gap, glom, type OrderedRows, type Units } from "./glom.ts";
import { Multiplicity } from "./multiplicity.ts";

/** Rows of a run in time order, and which source each is of. */
export interface SourcedRows extends OrderedRows {
  /** By row: ascending with the sources' ids. */
  readonly source: Uint16Array;
}

/** What a window would give. */
export interface WindowOutcome {
  /** u64; inclusive. */
  readonly windowTicks: bigint;
  readonly events: number;
  /** Events by the number of their fragments, ascending. */
  readonly multiplicity: ReadonlyMap<number, number>;
  /** Events with a fragment of every source that has fragments at all. */
  readonly complete: number;
  /** Events with more than one fragment of a source: many of them say that the window is too long. */
  readonly repeated: number;
}

/** Finds the events for each of some windows, and counts what is in them. */
export function tryWindows(
  rows: SourcedRows,
  order: { readonly windows: readonly bigint[]; readonly match: "window" | "gap" },
): WindowOutcome[] {
  const find = order.match === "window" ? glom : gap;
  const sources = sourcesOf(rows);
  return order.windows.map((windowTicks) => {
    const units = find(rows, { windowTicks, fragmentsMax: Infinity });
    return { windowTicks, events: units.events, ...countIn(rows, units, sources) };
  });
}

/** How many sources have fragments, and how large the row of one can be. */
function sourcesOf({ order, source, kind }: SourcedRows): { rows: number; present: number } {
  const has = new Uint8Array(2 ** 16);
  for (const row of order) if ((kind[row]! & 3) === FRAGMENT) has[source[row]!] = 1;
  return {
    rows: has.lastIndexOf(1) + 1,
    present: has.reduce((sum, one) => sum + one, 0),
  };
}

function countIn(
  { order, source, kind }: SourcedRows,
  { begins, events }: Units,
  sources: { readonly rows: number; readonly present: number },
): Pick<WindowOutcome, "multiplicity" | "complete" | "repeated"> {
  const multiplicity = new Multiplicity();
  /** By source: the last event that it was seen in, from 1. */
  const seen = new Float64Array(sources.rows);
  let [event, fragments, distinct, complete, repeated] = [0, 0, 0, 0, 0];
  const endEvent = (): void => {
    multiplicity.add(fragments);
    if (distinct === sources.present) complete++;
    if (distinct < fragments) repeated++;
  };
  for (let place = 0; place < order.length; place++) {
    const row = order[place]!;
    if ((kind[row]! & 3) !== FRAGMENT) continue;
    if (begins[place] === 1) {
      if (event > 0) endEvent();
      event++;
      fragments = distinct = 0;
    }
    fragments++;
    if (seen[source[row]!] === event) continue;
    seen[source[row]!] = event;
    distinct++;
  }
  if (events > 0) endEvent();
  return { multiplicity: multiplicity.counts, complete, repeated };
}

const TICKS_MAX = 2n ** 64n - 1n;

/**
 * Windows worth trying: 1, 2, 5, 10 … from the shortest gaps between fragments to the longest, a
 * hundredth of them left out at either end; powers of ten where there would be more than `most`.
 *
 * @param gaps ascending, as of {@link gapsOf}
 */
export function windowsToTry(gaps: BigUint64Array, most: number): bigint[] {
  if (gaps.length === 0) return [];
  const shortest = gaps[Math.floor(gaps.length / 100)]!;
  const longest = gaps[gaps.length - 1 - Math.floor(gaps.length / 100)]!;
  const fine = seriesOf([1n, 2n, 5n], shortest, longest);
  return fine.length <= most ? fine : seriesOf([1n], shortest, longest);
}

/** Steps of each decade from the last that is at most `shortest` to the first that is at least `longest`; 0 before 1. */
function seriesOf(steps: readonly bigint[], shortest: bigint, longest: bigint): bigint[] {
  const all = [0n];
  for (let decade = 1n; decade <= TICKS_MAX; decade *= 10n)
    all.push(...steps.map((step) => step * decade));
  const within = all.filter((window) => window <= TICKS_MAX);
  const from = within.findLastIndex((window) => window <= shortest);
  const end = within.findIndex((window) => window >= longest);
  return within.slice(from, end === -1 ? within.length : end + 1);
}
