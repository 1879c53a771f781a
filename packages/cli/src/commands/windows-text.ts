import { binsOf, quantile, type Distances, type WindowOutcome } from "@evb/event";
import { counted, countText } from "@evb/watch";
import { alignColumns, COLUMNS } from "../columns.ts";

/** What can be said of a run's windows. */
export interface TriedWindows {
  readonly run: number;
  readonly match: "window" | "gap";
  readonly fragments: number;
  /** With their fragments, ascending: those alone that have some. */
  readonly sources: readonly { readonly source: number; readonly fragments: number }[];
  readonly windows: readonly WindowOutcome[];
  /** Between fragments that follow each other, whatever their source. */
  readonly gaps: Distances;
  /** Undefined where no source has fragments. */
  readonly reference: number | undefined;
  /** Of the other sources' fragments from the nearest one of the reference. */
  readonly distances: readonly { readonly source: number; readonly distances: Distances }[];
}

/** More sources than this have no histogram of their own; --json has all. */
const HISTOGRAMS_MAX = 7;
const SHARES = [0, 0.01, 0.5, 0.99, 1] as const;
const SHARE_NAMES = ["least", "1 %", "50 %", "99 %", "most"];

/** What windows would give, for people: what to look for is in the headings. */
export function* windowsText(tried: TriedWindows): Generator<string> {
  const { run, match, fragments, sources, windows, gaps, distances } = tried;
  const since = match === "window" ? "the first fragment" : "the fragment before";
  yield `run ${String(run)}: ${counted(fragments, "fragment")} of ${counted(sources.length, "source")}`;
  if (windows.length === 0) return;
  yield `window: ticks from ${since}; change: of events, since the line above`;
  yield "";
  yield* windowTable(windows, fragments);
  yield "";
  yield "share of events with so many fragments:";
  yield* multiplicityTable(windows, sources.length);
  yield "";
  yield "ticks from each fragment to the next of any source (bars are logarithmic):";
  yield* oneSided(gaps);
  if (distances.length > 0) yield* distanceText(tried);
}

function* windowTable(windows: readonly WindowOutcome[], fragments: number): Generator<string> {
  yield* alignColumns([
    ["window", "events", "change", "mean", "all sources", "one twice"],
    ...windows.map(({ windowTicks, events, complete, repeated }, i) => {
      const before = windows[i - 1]?.events;
      return [
        String(windowTicks),
        countText(events),
        before === undefined ? "" : shareText((events - before) / before),
        (fragments / events).toFixed(2),
        shareText(complete / events),
        shareText(repeated / events),
      ];
    }),
  ]);
}

function* multiplicityTable(windows: readonly WindowOutcome[], sources: number): Generator<string> {
  const most = Math.max(...windows.flatMap(({ multiplicity }) => [...multiplicity.keys()]));
  const ends = multiplicityEnds(sources).filter((end, i, all) => i === 0 || all[i - 1]! < most);
  yield* alignColumns([
    ["window", ...ends.map((end, i) => rangeText((ends[i - 1] ?? 0) + 1, Math.min(end, most)))],
    ...windows.map(({ windowTicks, events, multiplicity }) => [
      String(windowTicks),
      ...ends.map((end, i) => {
        const from = ends[i - 1] ?? 0;
        let count = 0;
        for (const [n, times] of multiplicity) if (n > from && n <= end) count += times;
        return shareText(count / events);
      }),
    ]),
  ]);
}

/** Each up to the number of sources where these are few; then twice as many, and all others. */
function multiplicityEnds(sources: number): number[] {
  const few = Array.from({ length: sources }, (_, i) => i + 1);
  const half = Math.ceil(sources / 2);
  const upToAll = sources <= 5 ? few : [1, half, sources - 1, sources];
  return [...upToAll, 2 * sources, Infinity];
}

function* distanceText({ reference, distances }: TriedWindows): Generator<string> {
  yield "";
  yield `ticks from the nearest fragment of source ${String(reference)} (behind it: positive):`;
  yield* alignColumns([
    ["source", "fragments", ...SHARE_NAMES],
    ...distances.map(({ source, distances: { before, behind } }) => [
      String(source),
      countText(before.length + behind.length),
      ...SHARES.map((share) => ticksText(quantile({ before, behind }, share))),
    ]),
  ]);
  for (const { source, distances: of } of distances.slice(0, HISTOGRAMS_MAX)) {
    yield "";
    yield* twoSided(of, `source ${String(source)}`);
  }
  const rest = distances.length - HISTOGRAMS_MAX;
  if (rest > 0) yield `… and ${counted(rest, "more source")} (--json lists all)`;
}

/** One line a bin: where it begins, how many, and a bar. */
function* oneSided(distances: Distances): Generator<string> {
  const bins = binsOf(distances);
  const most = Math.max(...bins.map(({ behind }) => behind));
  const starts = columnOf(bins.map(({ from }) => String(from)));
  const counts = columnOf(bins.map(({ behind }) => countText(behind)));
  const width = COLUMNS - starts[0]!.length - counts[0]!.length - "  from    ".length;
  for (const [i, { behind }] of bins.entries())
    yield `  from ${starts[i]!}  ${counts[i]!} ${bar(behind, most, width)}`.trimEnd();
}

/** Those before to the left, those behind to the right. */
function* twoSided(distances: Distances, name: string): Generator<string> {
  const bins = binsOf(distances);
  const most = Math.max(...bins.flatMap(({ before, behind }) => [before, behind]));
  const starts = columnOf(["ticks", ...bins.map(({ from }) => String(from))]);
  const counts = columnOf(bins.flatMap(({ before, behind }) => [before, behind].map(countText)));
  const [start, count] = [starts[0]!.length, counts[0]!.length];
  const width = Math.floor((COLUMNS - start - 2 * count - 6) / 2);
  yield `${`${name} before`.padStart(count + 1 + width)}  ${starts[0]!}  behind`;
  for (const [i, { before, behind }] of bins.entries()) {
    const [left, right] = [bar(before, most, width), bar(behind, most, width)];
    const [earlier, later] = [counts[2 * i]!, counts[2 * i + 1]!];
    yield `${earlier} ${left.padStart(width)}  ${starts[i + 1]!}  ${right.padEnd(width)} ${later}`;
  }
}

/** As wide as the widest, flush right. */
function columnOf(cells: readonly string[]): string[] {
  const width = Math.max(...cells.map((cell) => cell.length));
  return cells.map((cell) => cell.padStart(width));
}

/** Its length goes with the logarithm: a thousandth is seen beside the peak. */
const bar = (count: number, most: number, width: number): string =>
  "#".repeat(Math.ceil((width * Math.log1p(count)) / Math.log1p(Math.max(1, most))));

const DIGITS_MAX = 9;

/** Exact up to a second in nanoseconds, so that a line fits. */
function ticksText(ticks: bigint | undefined): string {
  if (ticks === undefined) return "";
  const text = String(ticks);
  return text.replace("-", "").length <= DIGITS_MAX ? text : Number(ticks).toExponential(3);
}

/** `12.3 %`; small ones are not called none. */
function shareText(share: number): string {
  const percent = 100 * share;
  if (percent === 0) return "0 %";
  if (Math.abs(percent) < 0.01) return percent < 0 ? "> -0.01 %" : "< 0.01 %";
  return `${percent.toFixed(Math.abs(percent) < 10 ? 2 : 1)} %`;
}

function rangeText(from: number, end: number): string {
  if (from === end) return String(from);
  return end === Infinity ? `${String(from)} or more` : `${String(from)} to ${String(end)}`;
}

/** The same as JSON: exact, every source. */
export function windowsJson(tried: TriedWindows): object {
  const { windows, gaps, distances, fragments, reference, sources, ...rest } = tried;
  return {
    ...rest,
    fragments,
    sources: sources.map((of) => ({ source: of.source, fragments: of.fragments })),
    windows: windows.map(({ windowTicks, events, multiplicity, complete, repeated }) => ({
      window: windowTicks,
      events,
      meanMultiplicity: events === 0 ? null : fragments / events,
      multiplicity: Object.fromEntries(multiplicity),
      allSources: complete,
      sourceTwice: repeated,
    })),
    gaps: distancesJson(gaps),
    reference: reference ?? null,
    distances: distances.map((of) => ({ source: of.source, ...distancesJson(of.distances) })),
  };
}

function distancesJson(distances: Distances): object {
  const [least, low, middle, high, most] = SHARES.map(
    (share) => quantile(distances, share) ?? null,
  );
  return {
    count: distances.before.length + distances.behind.length,
    quantiles: { "0": least, "0.01": low, "0.5": middle, "0.99": high, "1": most },
    histogram: binsOf(distances),
  };
}
