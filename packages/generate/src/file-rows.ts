import { LATE_ROWS_MAX, type MockRun } from "./mock-run.ts";
import { randomOf, type Random } from "./random.ts";

/** How often the next time stamp is in a file. To be called once for each time stamp of the run, in time order. */
export type NextCopies = () => 0 | 1 | 2;

/**
 * How often each time stamp is in a file.
 *
 * Two draws for each, whatever comes of them, so that a longer run begins alike.
 *
 * @param file counted from 1
 */
export function copiesOf(run: MockRun, file: number): NextCopies {
  const random = randomOf(run.seed, "presence", file);
  const lacking = lackingShare(run, file);
  return () => {
    const isThere = !random.chance(lacking);
    const isTwice = random.chance(run.duplicateShare);
    return isThere ? (isTwice ? 2 : 1) : 0;
  };
}

/** Share of the run's time stamps that a file lacks. The seed's principal file has them all, LCLS's may lack some. */
function lackingShare(run: MockRun, file: number): number {
  if (file > 1) return run.dropShare;
  return run.layout === "seed" ? 0 : run.dropShare / 2;
}

/** Rows that a file has if the run has so many events. */
export function rowCount(run: MockRun, file: number, events: number): number {
  const nextCopies = copiesOf(run, file);
  let rows = 0;
  for (let event = 0; event < events; event++) rows += nextCopies();
  return rows;
}

/**
 * What a file's rows are, in file order, with late, double and swapped ones.
 *
 * @returns shape (rows), which event of the run each row holds
 */
export function rowsOf(run: MockRun, file: number, events: number): Uint32Array {
  const random = randomOf(run.seed, "order", file);
  const rows = withLateRows(run, copiesOf(run, file), random, {
    rows: rowCount(run, file, events),
    events,
  });
  swapNeighbours(rows, run.disorderShare, random);
  return rows;
}

/** Puts each copy at its place in time, or in a list of those that wait for a later place. */
function withLateRows(
  run: MockRun,
  nextCopies: NextCopies,
  random: Random,
  counts: { rows: number; events: number },
): Uint32Array {
  const rows = new Uint32Array(counts.rows);
  const waiting = new Map<number, number[]>();
  let row = 0;
  let place = 0;
  for (let event = 0; event < counts.events; event++) {
    const copies = nextCopies();
    if (copies === 0) continue;
    for (let copy = 0; copy < copies; copy++) {
      const lateRows = random.chance(copy === 0 ? run.lateShare : 0.5)
        ? 1 + random.below(LATE_ROWS_MAX)
        : 0;
      if (lateRows === 0) rows[row++] = event;
      else wait(waiting, place + lateRows, event);
    }
    row = release(waiting, place, rows, row);
    place++;
  }
  for (const end = place + LATE_ROWS_MAX; place < end; place++)
    row = release(waiting, place, rows, row);
  return rows;
}

function wait(waiting: Map<number, number[]>, place: number, event: number): void {
  const list = waiting.get(place);
  if (list === undefined) waiting.set(place, [event]);
  else list.push(event);
}

/** Writes the rows that waited for this place; returns how many rows there are now. */
function release(
  waiting: Map<number, number[]>,
  place: number,
  rows: Uint32Array,
  row: number,
): number {
  const list = waiting.get(place);
  if (list === undefined) return row;
  waiting.delete(place);
  rows.set(list, row);
  return row + list.length;
}

/** In pairs, so that a share of 1 is every row and no row moves twice. */
function swapNeighbours(rows: Uint32Array, share: number, random: Random): void {
  for (let row = 0; row + 1 < rows.length; row += 2) {
    if (!random.chance(share)) continue;
    const first = rows[row]!;
    rows[row] = rows[row + 1]!;
    rows[row + 1] = first;
  }
}
