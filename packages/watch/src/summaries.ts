import type { IndexOutcome, MatchReport } from "@evb/index";
import type { ClientShare, RunReport } from "@evb/runner";
import { table } from "./table.ts";
import { bytesText, counted, countText, secondsText } from "./units.ts";

/** More sources than this are not listed one by one; `--json` has them all. */
const SOURCES_SHOWN = 20;

/** What is said where nothing was selected, by layout. */
const EVERY: Readonly<Record<string, string>> = {
  ring: "every fragment taken",
  extract: "every event of the extract selected",
};

/** What `evb index` prints. */
export function matchSummary({ report, selected, layout }: IndexOutcome): string {
  const first =
    selected === undefined
      ? (EVERY[layout] ?? "every time stamp selected (--all)")
      : `${String(selected.stamps)} of ${String(selected.of)} time stamps selected by ${selected.text} (use --all for every event)`;
  return [
    first,
    `${counted(report.events, "event")}, ${counted(report.fragments, "fragment")}, in ${secondsText(report.seconds)}`,
    ...multiplicityLines(report),
    ...sourceLines(report),
  ].join("\n");
}

export function multiplicityLines(report: MatchReport): string[] {
  const entries = Object.entries(report.multiplicity);
  if (entries.length === 0) return [];
  const text = entries.map(([n, events]) => `${n}: ${countText(events)}`).join("  ");
  return [`events by fragments  ${text}`];
}

export function sourceLines(report: MatchReport): string[] {
  const shown = report.sources.slice(0, SOURCES_SHOWN);
  const rows = shown.map((source) =>
    [source.rows, source.matched, source.unmatched, source.duplicates, source.outOfOrder].map(
      countText,
    ),
  );
  const header = ["rows", "matched", "unmatched", "duplicates", "out of order"];
  const names = ["source", ...shown.map((source) => source.source)];
  const lines = table(names, [header, ...rows]);
  const more = report.sources.length - shown.length;
  return more > 0 ? [...lines, `… and ${String(more)} more sources (--json lists all)`] : lines;
}

/** What a run prints at its end: what the old system's rank 0 printed, and where the time went. */
export function runSummary(report: RunReport): string {
  const { events, fragments, bytes, seconds, failed, redone } = report;
  const rate = `${report.gigabytesPerSecond.toPrecision(3)} GB/s`;
  const lines = [
    `${counted(events, "event")} (${counted(fragments, "fragment")}), ${bytesText(bytes)} in ${secondsText(seconds)}: ${rate}`,
    `${counted(report.batches, "batch").replace("batchs", "batches")}, ${countText(redone)} events handed out again, ${countText(failed)} failed`,
    ...tailLines(report),
    "where the time went (seconds of each client)",
    ...timeLines(report.clients),
  ];
  if (report.digest !== undefined) lines.push(`digest ${report.digest}`);
  return lines.join("\n");
}

/** How well it went: one client alone has nobody to wait for. */
function tailLines({ clients, seconds, tailSeconds, idealSeconds, faults }: RunReport): string[] {
  if (clients.length < 2 || seconds === 0) return [];
  const worked = clients.reduce((sum, { workedShare }) => sum + workedShare, 0) / clients.length;
  const { revoked, doubled } = faults;
  const helped = `${counted(revoked, "event")} taken back from slower clients, ${countText(doubled)} done twice`;
  return [
    `clients worked ${(100 * worked).toFixed(0)} % of the time; tail ${secondsText(tailSeconds)}; ideal ${secondsText(idealSeconds)}`,
    ...(revoked + doubled > 0 ? [helped] : []),
  ];
}

function timeLines(clients: readonly ClientShare[]): string[] {
  // The HDF5 library decodes while it reads: then there is nothing to say of it.
  const decodes = clients.some(({ decodeSeconds }) => decodeSeconds > 0);
  const decoding = decodes ? ["decoding"] : [];
  const known = ["events", "total", "waiting", "opening", "reading", ...decoding, "analysis"];
  const header = [...known, "other"];
  const rows = clients.map((client) => {
    const { seconds, waitSeconds, openSeconds, readSeconds, decodeSeconds, analysisSeconds } =
      client;
    const spent = waitSeconds + openSeconds + readSeconds + decodeSeconds + analysisSeconds;
    const decode = decodes ? [decodeSeconds] : [];
    const times = [seconds, waitSeconds, openSeconds, readSeconds, ...decode, analysisSeconds];
    const other = Math.max(0, seconds - spent);
    return [countText(client.events), ...[...times, other].map((value) => value.toFixed(2))];
  });
  const names = clients.map(({ rank, host }) => `client ${String(rank)} on ${host}`);
  return table(["", ...names.map((name) => name.slice(0, 24))], [header, ...rows]);
}
