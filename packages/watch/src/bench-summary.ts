import {
  bottleneckOf,
  diskLimitOf,
  type Bottleneck,
  type DiskLimit,
  type Measured,
  type RawFigure,
  type RowFigures,
} from "@evb/runner";
import { table } from "./table.ts";
import { bytesText, counted, countText, secondsText } from "./units.ts";
import { wrapped } from "./wrap.ts";

/** Of sources and files that evb's reader wasn't measured on. */
const UNREAD_SHOWN = 4;
/** More than this by several reads in flight is worth having. */
const GAIN_MIN = 1.2;

/** What `evb bench` prints. */
export function benchSummary(measured: Measured): string {
  const { files, bytes, runs, runSeconds, raw, rows, cold, unread, cores, load } = measured;
  return [
    ...wrapped(
      `${bytesText(bytes)} of ${counted(files, "file")}; every figure is the median of ${String(runs)} runs of ${secondsText(runSeconds)}; ${counted(cores, "core")}, load ${load.toFixed(1)} before`,
    ),
    "",
    ...rawTable("in memory", raw),
    "",
    ...(cold.kind === "known"
      ? rawTable("from the disk", cold.figures)
      : wrapped(`from the disk: not measured: ${cold.reason}`)),
    "",
    ...(rows === undefined ? [] : rowLines(rows)),
    ...unread
      .slice(0, UNREAD_SHOWN)
      .flatMap(({ name, reason }) => wrapped(`evb's reader: not measured on ${name}: ${reason}`)),
    ...(unread.length > UNREAD_SHOWN
      ? [`… and on ${countText(unread.length - UNREAD_SHOWN)} more (--json lists all)`]
      : []),
    "",
    ...wrapped(bottleneckSentence(measured)),
  ].join("\n");
}

function rawTable(where: string, figures: readonly RawFigure[]): string[] {
  const names = figures.map(
    ({ bytes, readers, inFlight }) =>
      `reads of ${bytesText(bytes)}, ${inFlight > 0 ? `${String(inFlight)} in flight` : counted(readers, "reader")}`,
  );
  const cells = figures.map((each) => [
    rateText(each.bytesPerSecond),
    countText(Math.round(each.readsPerSecond)),
  ]);
  return table([where, ...names], [["", "reads a second"], ...cells]);
}

function rowLines(rows: RowFigures): string[] {
  const { evbRows, rawRows, decodeShare, filters } = rows;
  const cells = [
    [countText(Math.round(rawRows)), ""],
    [countText(Math.round(evbRows)), `${(evbRows / rawRows).toFixed(2)} x`],
  ];
  const heading = `${counted(rows.rows, "row")} of ${counted(rows.sources, "source")}, ${bytesText(rows.bytes)}`;
  const decoding =
    filters.length === 0
      ? []
      : [`decoding (${filters.join(", ")}) takes ${percent(decodeShare)} of evb's reader`];
  return [
    ...table(
      [heading, "plain reads of their ranges", "evb's reader"],
      [["rows a second", ""], ...cells],
    ),
    `evb's reader gives ${rateText(rows.evbBytesPerSecond)}`,
    ...decoding,
  ];
}

/** What keeps reading from being faster. */
export function bottleneckSentence(measured: Measured): string {
  const warm = warmClause(bottleneckOf(measured));
  const disk = diskLimitOf(measured);
  return disk === undefined
    ? `In memory the bottleneck is ${warm}.`
    : `The bottleneck is ${diskClause(disk)}; once the files are in memory, it is ${warm}.`;
}

function diskClause({ coldBytes, warmBytes, inFlight, gain }: DiskLimit): string {
  const several =
    gain >= GAIN_MIN
      ? `${String(inFlight)} reads in flight get ${gain.toFixed(1)} x that (--read-ahead ${String(inFlight)} of evb run, which finds out by itself without it)`
      : `${String(inFlight)} reads in flight don't get more`;
  return `the disk (${rateText(coldBytes)}, ${rateText(warmBytes)} from memory), and ${several}`;
}

function warmClause(bottleneck: Bottleneck): string {
  switch (bottleneck.kind) {
    case "filters":
      return `decoding (${bottleneck.filters.join(", ")}), which takes ${percent(bottleneck.share)} of a reader's time: more clients on more cores help, or a faster filter`;
    case "evb":
      return `evb's own reader, which reaches ${percent(bottleneck.ratio)} of plain reads of the same bytes`;
    case "memory":
      return `the bandwidth of memory, of what the files lie on, or too few free cores: four readers get ${bottleneck.ratio.toFixed(2)} x what one gets, so more clients read no faster`;
    case "readers":
      return `the number of readers: ${String(bottleneck.readers)} get ${bottleneck.ratio.toFixed(2)} x what one gets`;
  }
}

const rateText = (bytesPerSecond: number): string => `${bytesText(bytesPerSecond)}/s`;

const percent = (share: number): string => `${String(Math.round(100 * share))} %`;
