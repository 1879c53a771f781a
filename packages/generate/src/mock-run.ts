import { fault } from "./faults.ts";

/** What a mock run is to be; see CLI.md, "generate". */
export interface MockRun {
  /** Where `file1.h5` … and `truth.json` go. It is made if it isn't there. */
  readonly directory: string;
  readonly layout: "seed" | "lcls";
  readonly files: number;
  /** So many time stamps, or as many as make the first file this large before compression. */
  readonly size:
    | { readonly kind: "events"; readonly events: number }
    | { readonly kind: "file-size"; readonly bytes: number };
  /** Bytes of one event's row; rounded down to whole i4, at least one. */
  readonly eventBytes: number;
  /** Each time stamp gets one of these, all equally likely. */
  readonly labels: readonly string[];
  /** Share of the time stamps that each file but the first lacks; layout lcls: the first lacks half that share. */
  readonly dropShare: number;
  /** Rows of a chunk, if these fit {@link CHUNK_BYTES_MAX}; fewer where the file has fewer. */
  readonly eventsPerChunk: number;
  /** 1 … 9; undefined for no compression. */
  readonly gzip?: number | undefined;
  /** 0 … 2^53 − 1. The same run with the same seed has the same bytes. */
  readonly seed: number;
  /** Share of rows that are written up to {@link LATE_ROWS_MAX} rows later than their time stamp says. */
  readonly lateShare: number;
  /** Share of rows that are written twice; the second copy right after the first or later. */
  readonly duplicateShare: number;
  /** Share of rows that have changed places with a neighbour. */
  readonly disorderShare: number;
}

/** Farther than any batch, nearer than a small file is long. */
export const LATE_ROWS_MAX = 1000;

/**
 * The library holds a new chunk in memory as a whole, and with gzip three copies more. A run of 1 MB events peaks at
 * 141 MB with chunks of 32 MiB (gzip: 213), 174 with 64 (gzip: 328), 398 with 300 (gzip: 793), of 300 MB allowed
 * (2026-11-20, docs/decisions/0006-generate.md).
 */
export const CHUNK_BYTES_MAX = 32 * 2 ** 20;

/** A row is written at once, and is three times in memory then; the library's heap ends at 2 GiB. */
const EVENT_BYTES_MAX = 512 * 2 ** 20;
/** About 20 bytes of memory each: 2 GB. */
export const EVENTS_MAX = 1e8;
/** 100 times a large experiment's; each file is open only while it is written. */
const FILES_MAX = 10_000;
/** A label's number is one byte. */
const LABELS_MAX = 255;
const LABEL_BYTES_MAX = 64;

/** @throws EvbError "mock-run-unusable", which lists every problem */
export function checkMockRun(run: MockRun): void {
  const size: Limit =
    run.size.kind === "events"
      ? ["--events", run.size.events, 0, EVENTS_MAX]
      : ["--file-size", run.size.bytes, 1, Number.MAX_SAFE_INTEGER];
  const wholes: Limit[] = [
    size,
    ["--files", run.files, 1, FILES_MAX],
    ["--event-size", run.eventBytes, 1, EVENT_BYTES_MAX],
    ["--events-per-chunk", run.eventsPerChunk, 1, Number.MAX_SAFE_INTEGER],
    ["--compression gzip", run.gzip ?? 1, 1, 9],
    ["--seed", run.seed, 0, Number.MAX_SAFE_INTEGER],
  ];
  const shares: Limit[] = [
    ["--drop", run.dropShare, 0, 1],
    ["--late", run.lateShare, 0, 1],
    ["--duplicate", run.duplicateShare, 0, 1],
    ["--disorder", run.disorderShare, 0, 1],
  ];
  const problems = [
    ...wholes.filter((limit) => !Number.isInteger(limit[1]) || !isWithin(limit)).map(wholeProblem),
    ...shares.filter((limit) => !isWithin(limit)).map(shareProblem),
    ...labelProblems(run.labels),
  ];
  if (problems.length > 0) throw fault("mock-run-unusable", { problems });
}

/** Lowest and highest are allowed. */
type Limit = readonly [option: string, value: number, lowest: number, highest: number];

const isWithin = ([, value, lowest, highest]: Limit): boolean =>
  value >= lowest && value <= highest;

const wholeProblem = ([option, value, lowest, highest]: Limit): string =>
  `${option} is ${String(value)}, and must be a whole number from ${String(lowest)} to ${String(highest)}`;

const shareProblem = ([option, value]: Limit): string =>
  `${option} is ${String(value)}, and must be a share from 0 to 1`;

function labelProblems(labels: readonly string[]): string[] {
  const problems: string[] = [];
  if (labels.length === 0 || labels.length > LABELS_MAX)
    problems.push(
      `--labels has ${String(labels.length)} labels, and must have 1 to ${String(LABELS_MAX)}`,
    );
  if (new Set(labels).size < labels.length) problems.push("--labels has the same label twice");
  for (const label of labels) {
    const bytes = Buffer.byteLength(label);
    if (bytes === 0 || bytes > LABEL_BYTES_MAX)
      problems.push(
        `label "${label}" has ${String(bytes)} bytes, and must have 1 to ${String(LABEL_BYTES_MAX)}`,
      );
    // Readers take zero bytes and blanks at the end of a fixed-length string for padding.
    if (label.includes("\0") || label !== label.trimEnd())
      problems.push(
        `label "${label}" ends in a blank or has a zero byte, which a reader takes for padding`,
      );
  }
  return problems;
}
