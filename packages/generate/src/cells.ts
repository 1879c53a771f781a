import type { Elements } from "@evb/event";
import type { MockRun } from "./mock-run.ts";
import { randomOf } from "./random.ts";
import { firstElement, type RunEvents } from "./run-events.ts";
import type { MockTable } from "./tables.ts";

/** What one file holds. */
export interface MockFile {
  /** Counted from 1. */
  readonly file: number;
  readonly events: RunEvents;
  /** Shape (rows), which event each row holds. */
  readonly rows: Uint32Array;
  readonly tables: readonly MockTable[];
}

/** Gives the cells of `count` rows from `row` on, in a buffer that the next call uses again. */
export type Cells = (row: number, count: number) => Elements | Uint8Array;

/** @param slabRows rows that are asked for at most */
export function cellsOf(
  table: MockTable,
  run: MockRun,
  content: MockFile,
  slabRows: number,
): Cells {
  const { rows, events } = content;
  switch (table.content) {
    case "times":
      return times(events.times, (row) => rows[row]!, slabRows);
    case "all times":
      return times(events.times, (event) => event, slabRows);
    case "labels":
      return labels(table, run, (row) => events.labels[rows[row]!]!, slabRows);
    case "all labels":
      return labels(table, run, (event) => events.labels[event]!, slabRows);
    case "images":
      return images(table, run, content, slabRows);
  }
}

function times(of: BigUint64Array, eventAt: (row: number) => number, slabRows: number): Cells {
  const slab = new BigUint64Array(slabRows);
  return (row, count) => {
    for (let i = 0; i < count; i++) slab[i] = of[eventAt(row + i)]!;
    return slab.subarray(0, count);
  };
}

function labels(
  table: MockTable,
  run: MockRun,
  labelAt: (row: number) => number,
  slabRows: number,
): Cells {
  const size = table.rowBytes;
  const padded = run.labels.map((label) =>
    Buffer.concat([Buffer.from(label), Buffer.alloc(size)], size),
  );
  const slab = new Uint8Array(slabRows * size);
  return (row, count) => {
    for (let i = 0; i < count; i++) slab.set(padded[labelAt(row + i)]!, i * size);
    return slab.subarray(0, count * size);
  };
}

/**
 * Rows of noise, the same in all rows of a file but for the first elements: [0] low 31 bits of the row's stamp, [1]
 * the file's number, where there is room. So a reader can prove that it read the right row of the right file, and a slab
 * is filled once: fresh noise for each row would take longer than writing it.
 */
function images(table: MockTable, run: MockRun, content: MockFile, slabRows: number): Cells {
  const ints = table.rowBytes / 4;
  const slab = new Int32Array(slabRows * ints);
  if (slabRows > 0) fillNoise(slab.subarray(0, ints), run.seed, content.file);
  for (let filled = 1; filled < slabRows; filled *= 2)
    slab.copyWithin(filled * ints, 0, filled * ints);
  return (row, count) => {
    for (let i = 0; i < count; i++)
      slab[i * ints] = firstElement(content.events.times, content.rows[row + i]!);
    return slab.subarray(0, count * ints);
  };
}

/** 16 bits, as a detector's ADC gives, so that sums of rows stay small and gzip finds something to do. */
function fillNoise(row: Int32Array, seed: number, file: number): void {
  const random = randomOf(seed, "noise", file);
  for (let i = 0; i < row.length; i++) row[i] = random.next() >>> 16;
  if (row.length > 1) row[1] = file;
}
