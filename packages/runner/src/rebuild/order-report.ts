import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { sentenceOf } from "@evb/event";
import { makeFolder } from "@evb/formats";
import type { RingRun } from "@evb/index";
import { fault } from "../faults.ts";
import type { RebuiltOutput } from "./rebuild-run.ts";

/** One source of a run, as the report names its counts. */
interface SourceReport {
  readonly source: number;
  readonly fragments: number;
  readonly runItems: number;
  /** Without a time stamp of their own. */
  readonly nullStamps: number;
  /** With the stamp of the one before in their source. */
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Behind a larger stamp of any source. */
  readonly late: number;
  /** Ticks, decimal. */
  readonly latenessMax: string;
  readonly first: string;
  readonly last: string;
}

/** One output of one run: see CLI.md. */
export interface OrderedRun {
  readonly run: number;
  /** With --split: the one whose items these are; its counts are those below. */
  readonly source?: number;
  /** Ticks, decimal; null: order only. */
  readonly window: string | null;
  readonly match: "window" | "gap";
  readonly policy: string;
  readonly itemsIn: number;
  readonly fragmentsIn: number;
  readonly fragmentsOut: number;
  readonly events: number;
  readonly backwardStepsIn: number;
  readonly backwardStepsOut: number;
  readonly duplicates: number;
  readonly sources: readonly SourceReport[];
  /** Below the output's folder. */
  readonly files: readonly string[];
  readonly checksum: string | null;
  readonly sha512: string | null;
  readonly bytes: number;
  readonly seconds: number;
  readonly clients: number;
  readonly redone: number;
  /** Name, size and fingerprint of each. */
  readonly inputs: readonly string[];
  /** That the bytes depend on. */
  readonly options: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

export interface OrderReport {
  readonly evb: string;
  readonly runs: readonly OrderedRun[];
}

export function orderedRun(
  run: RingRun,
  output: RebuiltOutput,
  more: Pick<
    OrderedRun,
    "files" | "checksum" | "seconds" | "clients" | "redone" | "options" | "inputs"
  >,
): OrderedRun {
  const { building, events, fragmentsOut, backwardStepsOut, bytes, sha512 } = output;
  const { windowTicks, match, policy, sourceOnly } = building;
  const sources = run.sources.filter(({ source }) => source === (sourceOnly ?? source));
  return {
    run: run.number,
    ...(sourceOnly !== undefined && { source: sourceOnly }),
    window: windowTicks === undefined ? null : String(windowTicks),
    match,
    policy,
    itemsIn: run.itemsIn,
    fragmentsIn: sources.reduce((sum, { fragments }) => sum + fragments, 0),
    fragmentsOut,
    events,
    backwardStepsIn: sourceOnly === undefined ? run.backwardSteps : sources[0]!.outOfOrder,
    backwardStepsOut,
    duplicates: sources.reduce((sum, source) => sum + source.duplicates, 0),
    sources: sources.map(({ latenessMax, first, last, ...source }) => ({
      ...source,
      latenessMax: String(latenessMax),
      first: String(first),
      last: String(last),
    })),
    bytes,
    sha512: sha512 ?? null,
    warnings: run.warnings,
    ...more,
  };
}

/** Runs that an earlier life of the command finished. */
export function readOrderReport(path: string): OrderReport | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as OrderReport;
  } catch (thrown) {
    throw fault("report-damaged", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

/** Renamed when whole. @throws EvbError "out-unwritable" */
export function writeOrderReport(path: string, report: OrderReport): void {
  try {
    makeFolder(dirname(path));
    writeFileSync(`${path}.partial`, `${JSON.stringify(report, null, 2)}\n`);
    renameSync(`${path}.partial`, path);
  } catch (thrown) {
    rmSync(`${path}.partial`, { force: true });
    throw fault("out-unwritable", { out: path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}
