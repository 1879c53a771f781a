import { basename, dirname, join, resolve } from "node:path";
import { readdirSync } from "node:fs";
import {
  inNaturalOrder,
  proposeOrder,
  streamsOf,
  summariseRingFile,
  type OrderProposal,
  type RingSummary,
  type SourceSummary,
} from "@evb/index";
import { bytesText, counted, countText } from "@evb/watch";
import { alignColumns, wrapCommand, wrapList } from "../columns.ts";
import { fault } from "../faults.ts";
import { print, printJson } from "../terminal.ts";

/**
 * Shows what is in a ring-item file: its items, sources, and what `evb order` should be told.
 *
 * @throws EvbError "inspect-damaged" once everything is shown, if the file is damaged
 */
export function inspectRingFile(path: string, { json }: { readonly json: boolean }): void {
  const summary = summariseRingFile(path);
  const segments = segmentsBeside(path);
  const order = proposeOrder(summary);
  if (json) printJson(jsonOf(summary, segments, order));
  else for (const line of textOf(summary, segments, order)) print(line);
  const pieces = summary.damage.length;
  if (pieces > 0) throw fault("inspect-damaged", { path, pieces });
}

/** The names of the files that are segments of the same run, in order, this one included. */
function segmentsBeside(path: string): string[] {
  const folder = dirname(resolve(path));
  const beside = readdirSync(folder).filter((name) => name.endsWith(".evt"));
  const paths = beside.sort(inNaturalOrder).map((name) => join(folder, name));
  // A segment that is missing is for `evb order` to say.
  const streams = streamsOf(paths, () => undefined);
  const own = streams.find(({ files }) => files.includes(resolve(path)));
  return own?.files.map((file) => basename(file)) ?? [basename(path)];
}

function jsonOf(
  { path, sources, missingHeaders, ...summary }: RingSummary,
  segments: readonly string[],
  order: OrderProposal,
): object {
  return {
    file: path,
    ...summary,
    missingHeaders,
    sources: sources.map((source) => ({
      ...source,
      firstTime: source.firstTime ?? null,
      lastTime: source.lastTime ?? null,
      fragmentsPerMegatick: source.fragmentsPerMegatick ?? null,
    })),
    segments,
    order,
  };
}

function* textOf(
  summary: RingSummary,
  segments: readonly string[],
  order: OrderProposal,
): Generator<string> {
  const { byteOrders, formats, layouts, items, bytes, path } = summary;
  const layout = Object.keys(layouts).join(" and ") || "no layout to be told";
  const format = formats.length === 0 ? "" : ` (RING_FORMAT ${formats.join(", ")})`;
  yield `${path}: ${counted(items, "item")}, ${bytesText(bytes)}`;
  yield `${layout}${format}, ${byteOrders.join(" and ")}`;
  yield* runLines(summary, segments);
  yield* eventLines(summary);
  yield* wrapList("items:", countsOf(summary.itemsByType), "  ");
  yield* sourceTables(summary.sources);
  yield* missingLines(summary);
  for (const { sentence, skippedBytes } of summary.damage)
    yield `${sentence} (${bytesText(skippedBytes)} skipped)`;
  yield* orderLines(order, segments, path);
}

const countsOf = (counts: Readonly<Record<string, number>>): string[] =>
  Object.entries(counts).map(([type, count]) => `${type} ${countText(count)}`);

function* runLines(summary: RingSummary, segments: readonly string[]): Generator<string> {
  const { runs, begins, ends, abnormalEnds } = summary;
  const run = runs.length === 0 ? "no run number" : `run ${runs.join(", ")}`;
  const abnormal = abnormalEnds === 0 ? "" : `, ${countText(abnormalEnds)} ABNORMAL_ENDRUN`;
  yield `${run}: ${countText(begins)} BEGIN_RUN, ${countText(ends)} END_RUN${abnormal}`;
  if (segments.length > 1) yield* wrapList("segments:", segments, "  ");
}

function* eventLines(summary: RingSummary): Generator<string> {
  const { builtEvents, rawEvents, depth, windows, backwardSteps } = summary;
  const levels = depth > 1 ? ` of ${String(depth)} levels` : "";
  const window = windows.length === 0 ? "" : `, window ${windows.map(String).join(", ")} ticks`;
  yield `${counted(builtEvents, "built event")}${levels}, ${counted(rawEvents, "raw event")}${window}`;
  yield `${counted(backwardSteps, "backward step")} between fragments in file order`;
}

function* sourceTables(sources: readonly SourceSummary[]): Generator<string> {
  if (sources.length === 0) return;
  const [ids, stamp] = [
    sources.map(({ source }) => String(source)),
    (t?: bigint) => String(t ?? "-"),
  ];
  yield "";
  yield* alignColumns([
    ["source", "fragments", "first time", "last time", "per 10^6 ticks"],
    ...sources.map((source, i) => [
      ids[i]!,
      countText(source.fragments),
      stamp(source.firstTime),
      stamp(source.lastTime),
      source.fragmentsPerMegatick?.toPrecision(4) ?? "-",
    ]),
  ]);
  yield "";
  yield* alignColumns([
    ["source", "backward steps", "duplicates", "without stamp", "run items", "without stamp"],
    ...sources.map((source, i) => [
      ids[i]!,
      countText(source.backwardSteps),
      countText(source.duplicates),
      countText(source.nullFragments),
      countText(Object.values(source.runItems).reduce((sum, count) => sum + count, 0)),
      countText(source.nullRunItems),
    ]),
  ]);
  for (const { source, runItems } of sources)
    if (Object.keys(runItems).length > 0)
      yield* wrapList(`source ${String(source)}:`, countsOf(runItems), "  ");
  yield "";
}

function* missingLines({ missingHeaders, originalSources }: RingSummary): Generator<string> {
  const missing = countsOf(missingHeaders);
  if (missing.length === 0) return;
  yield* wrapList("without body header:", missing, "  ");
  if (originalSources > 0) yield `  ${countText(originalSources)} of them name their source (v12)`;
}

function* orderLines(
  order: OrderProposal,
  segments: readonly string[],
  path: string,
): Generator<string> {
  const { sources, endRuns, balanced, headerless, stampless } = order;
  yield* wrapList(
    "to order:",
    [`sources ${sources.join(" ") || "none"}`, `${String(endRuns)} END_RUN`],
    "  ",
  );
  if (!balanced)
    yield "  as many END_RUN as BEGIN_RUN would be right; evb order takes them as they are";
  const words = segments.map((name) => join(dirname(path), name));
  words.push("-o OUT", ...headerless.map((rule) => `--headerless ${rule}`));
  if (stampless) words.push("--timestamp-at OFFSET:u64le");
  yield* wrapCommand("  evb order", words);
}
