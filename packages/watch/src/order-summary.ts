import { join } from "node:path";
import type { OrderedRun, OrderReport } from "@evb/runner";
import { bytesText, counted, secondsText } from "./units.ts";

/** More sources than this are not listed one by one; `--json` has them all. */
const SOURCES_SHOWN = 20;
const WARNINGS_SHOWN = 10;

/** What `evb order` prints. @param out the folder that paths in the report are below */
export function orderSummary(report: OrderReport, out: string): string {
  const runs = report.runs.map((run) => ({
    ...run,
    files: run.files.map((file) => join(out, file)),
    checksum: run.checksum === null ? null : join(out, run.checksum),
  }));
  return runs.flatMap(runLines).join("\n");
}

function runLines(run: OrderedRun, i: number, runs: readonly OrderedRun[]): string[] {
  if (run.source !== undefined) return splitLines(run, i, runs);
  const window =
    run.window === null ? "in order" : `${run.match} of ${run.window} ticks, ${run.policy}`;
  return [
    `run ${String(run.run)}, ${window}: ${counted(run.fragmentsOut, "fragment")} in ${counted(run.events, "event")}, ${bytesText(run.bytes)} in ${secondsText(run.seconds)}`,
    `  backward steps ${String(run.backwardStepsIn)} before, ${String(run.backwardStepsOut)} now; ${String(run.duplicates)} duplicates`,
    ...sourceLines(run),
    ...noteLines(run),
    ...run.files,
    ...(run.checksum === null ? [] : [run.checksum]),
  ];
}

/** One source's files. What is to be noted of the run stands with the first. */
function splitLines(run: OrderedRun, i: number, runs: readonly OrderedRun[]): string[] {
  const isFirst = runs.findIndex((each) => each.run === run.run) === i;
  return [
    `run ${String(run.run)}, source ${String(run.source)}: ${counted(run.fragmentsOut, "fragment")}, ${bytesText(run.bytes)}`,
    `  out of order ${String(run.backwardStepsIn)} before, ${String(run.backwardStepsOut)} now; ${String(run.duplicates)} duplicates`,
    ...(isFirst ? noteLines(run) : []),
    ...run.files,
    ...(run.checksum === null ? [] : [run.checksum]),
  ];
}

function noteLines({ warnings }: OrderedRun): string[] {
  const rest = warnings.length - WARNINGS_SHOWN;
  return [
    ...warnings.slice(0, WARNINGS_SHOWN).map((warning) => `  note: ${warning}`),
    ...(rest > 0 ? [`  … and ${String(rest)} more notes (--json lists all)`] : []),
  ];
}

function sourceLines({ sources }: OrderedRun): string[] {
  const columns = ["source", "fragments", "late", "at most by", "out of order", "duplicates"];
  const rows = sources
    .slice(0, SOURCES_SHOWN)
    .map((each) => [
      each.source,
      each.fragments,
      each.late,
      each.latenessMax,
      each.outOfOrder,
      each.duplicates,
    ]);
  const table = [columns, ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map(
    (row) => `  ${row.map((cell, column) => cell.padStart(widths[column]!)).join("  ")}`,
  );
  const more = sources.length - SOURCES_SHOWN;
  return more > 0 ? [...lines, `  … and ${String(more)} more sources (--json lists all)`] : lines;
}
