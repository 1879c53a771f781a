import { rowsOf } from "./file-rows.ts";
import type { MockRun } from "./mock-run.ts";
import { firstElement, type RunEvents } from "./run-events.ts";
import { fileName } from "./tables.ts";

/**
 * What is in a mock run, as the generator decided it: truth.json. A match report must say the same.
 *
 * A new field doesn't change the version; a field with another meaning does.
 */
export interface Truth {
  readonly format: "evb-truth";
  readonly version: 1;
  readonly layout: MockRun["layout"];
  readonly seed: number;
  /** Time stamps of the run. In layout lcls some may be in no file's rows: they are no events. */
  readonly events: number;
  /** Label → time stamps that have it. */
  readonly labels: Readonly<Record<string, number>>;
  /** The exact match of all time stamps. */
  readonly all: TrueMatch;
  /** Label → the exact match of the time stamps that have it. */
  readonly selected: Readonly<Record<string, TrueMatch>>;
  /** In order of their numbers. */
  readonly files: readonly TrueFile[];
}

/** Events of a match without a demand on the number of fragments. */
export interface TrueMatch {
  readonly events: number;
  /** Rows that belong to an event; of equal stamps in one file only the first. */
  readonly fragments: number;
  /** Fragments per event → events. */
  readonly multiplicity: Readonly<Record<string, number>>;
  /** Sum of the first elements of all fragments' images, a decimal string: what analysis `read` totals as `first`. */
  readonly first: string;
}

export interface TrueFile {
  /** Its name in the run's folder. */
  readonly file: string;
  readonly rows: number;
  /** Rows whose stamp an earlier row of the file has. */
  readonly duplicates: number;
  /** Rows whose stamp is smaller than that of the row before them. */
  readonly outOfOrder: number;
  /** Rows that belong to an event, if all time stamps are taken: rows − duplicates. */
  readonly matched: number;
  /** Label → rows that belong to an event, if only this label's time stamps are taken. */
  readonly selected: Readonly<Record<string, number>>;
}

/** Counts what the generator's decisions come to. It knows no matcher and reads no file. */
export function truthOf(run: MockRun, events: RunEvents): Truth {
  const count = events.times.length;
  const fragments = new Uint16Array(count);
  const files: TrueFile[] = [];
  for (let file = 1; file <= run.files; file++) {
    const rows = rowsOf(run, file, count);
    files.push(trueFile(run, events, fileName(file), rows));
    const isThere = new Uint8Array(count);
    for (const event of rows) isThere[event] = 1;
    for (let event = 0; event < count; event++) fragments[event]! += isThere[event]!;
  }
  return {
    format: "evb-truth",
    version: 1,
    layout: run.layout,
    seed: run.seed,
    events: count,
    labels: byLabel(run, labelCounts(run, events.labels)),
    all: trueMatch(events, fragments, undefined),
    selected: byLabel(
      run,
      run.labels.map((_, label) => trueMatch(events, fragments, label)),
    ),
    files,
  };
}

function trueFile(run: MockRun, events: RunEvents, file: string, rows: Uint32Array): TrueFile {
  const seen = new Uint8Array(events.times.length);
  const selected = run.labels.map(() => 0);
  let matched = 0;
  let outOfOrder = 0;
  for (let row = 0; row < rows.length; row++) {
    const event = rows[row]!;
    // Events are numbered in time order, and no two have the same stamp.
    if (row > 0 && event < rows[row - 1]!) outOfOrder++;
    if (seen[event] === 1) continue;
    seen[event] = 1;
    matched++;
    selected[events.labels[event]!]!++;
  }
  const duplicates = rows.length - matched;
  return {
    file,
    rows: rows.length,
    duplicates,
    outOfOrder,
    matched,
    selected: byLabel(run, selected),
  };
}

/** @param label row of the run's labels, or undefined for every time stamp */
function trueMatch(
  events: RunEvents,
  fragments: Uint16Array,
  label: number | undefined,
): TrueMatch {
  const multiplicity: Record<string, number> = {};
  let count = 0;
  let sum = 0;
  // 2^31 × 1e8 events × 1e4 files is beyond a double: whole sums are put aside before they get inexact.
  let first = 0n;
  let pending = 0;
  for (let event = 0; event < fragments.length; event++) {
    const number = fragments[event]!;
    if (number === 0 || (label !== undefined && events.labels[event] !== label)) continue;
    multiplicity[number] = (multiplicity[number] ?? 0) + 1;
    count++;
    sum += number;
    pending += number * firstElement(events.times, event);
    if (pending < 2 ** 52) continue;
    first += BigInt(pending);
    pending = 0;
  }
  return { events: count, fragments: sum, multiplicity, first: String(first + BigInt(pending)) };
}

function labelCounts(run: MockRun, labels: Uint8Array): number[] {
  const counts = run.labels.map(() => 0);
  for (const label of labels) counts[label]!++;
  return counts;
}

const byLabel = <Value>(run: MockRun, values: readonly Value[]): Record<string, Value> =>
  Object.fromEntries(run.labels.map((label, row) => [label, values[row]!]));
