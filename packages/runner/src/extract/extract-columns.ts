import { ROW_STATUS, type IndexLabels, type RunEvents } from "@evb/index";
import type { Range } from "../coordinator/range-set.ts";
import type { ExtractShape } from "./extract-shape.ts";

/** What an extract is made from. */
export interface ExtractInput {
  readonly events: RunEvents;
  readonly range: Range;
  readonly labels: IndexLabels | undefined;
  /** The stamps of fragments; undefined: each has its event's. @param source rows of the events' sources */
  readonly stamps: ((source: Uint16Array, row: Uint32Array) => BigUint64Array) | undefined;
}

/** Events whose columns are put together at a time. */
const SLAB_EVENTS_MAX = 2 ** 16;
/** …and cells of all sources: 9 bytes each, 17 with their stamps. */
const SLAB_CELLS_MAX = 2 ** 22;

/** Some events, as columns of the output: cells of each, one behind the other. */
export interface ColumnSlab {
  /** Row of the first event in the output, and how many there are. */
  readonly at: number;
  readonly count: number;
  /** Fragments of an event that aren't the first one of their source: they have no place. */
  readonly leftOut: number;
  readonly event: Uint8Array;
  readonly time: Uint8Array;
  /** By path. */
  readonly labels: ReadonlyMap<string, Uint8Array>;
  columnsOf(source: number): SourceCells;
}

interface SourceCells {
  /** i64, −1 where the event lacks the source. */
  readonly row: Uint8Array;
  /** {@link ROW_STATUS} */
  readonly status: Uint8Array;
  /** u64, 0 where the event lacks the source; undefined: its fragments have their events'. */
  readonly time: Uint8Array | undefined;
}

/** The columns of an extract, slab by slab. Each holds until the next is asked for. */
export function* slabsOf(
  { events, range, labels, stamps }: ExtractInput,
  shape: ExtractShape,
): Generator<ColumnSlab> {
  const sources = shape.sources.length;
  const cells = Math.max(1, Math.min(SLAB_EVENTS_MAX, Math.floor(SLAB_CELLS_MAX / sources)));
  const slabEvents = Math.min(cells, shape.events);
  const rows = new BigInt64Array(sources * slabEvents);
  const status = new Uint8Array(sources * slabEvents);
  const times = stamps && new BigUint64Array(sources * slabEvents);
  for (let at = 0; at < shape.events; at += slabEvents) {
    const count = Math.min(slabEvents, shape.events - at);
    const slab = events.slab(range.first + at, count);
    const { time, start, source, row } = slab;
    rows.fill(-1n);
    status.fill(ROW_STATUS.absent);
    times?.fill(0n);
    const stamp = stamps?.(source, row);
    // Numbers as two halves: a BigInt for each would take longer than all else.
    const halves = new Uint32Array(rows.buffer);
    let leftOut = 0;
    for (let k = 0; k < count; k++)
      for (let f = start[k]!; f < start[k + 1]!; f++) {
        const cell = source[f]! * slabEvents + k;
        if (status[cell] === ROW_STATUS.there) {
          leftOut++;
          continue;
        }
        halves[2 * cell] = row[f]!;
        halves[2 * cell + 1] = 0;
        status[cell] = ROW_STATUS.there;
        if (times !== undefined) times[cell] = stamp![f]!;
      }
    const number = BigUint64Array.from({ length: count }, (_, k) => BigInt(range.first + at + k));
    yield {
      at,
      count,
      leftOut,
      event: bytesOf(number),
      time: bytesOf(time),
      labels: new Map(
        labels?.labels.map((label) => [`/labels/${label.name}`, labels.cellsAt(label, time)]),
      ),
      columnsOf: (of) => ({
        row: bytesOf(rows.subarray(of * slabEvents, of * slabEvents + count)),
        status: status.subarray(of * slabEvents, of * slabEvents + count),
        time: times && bytesOf(times.subarray(of * slabEvents, of * slabEvents + count)),
      }),
    };
  }
}

/** A stretch of the column `row`, as parts say it. @param cells i64, −1 where the event lacks the source */
export function rowsOf(cells: Uint8Array): Uint32Array {
  const halves = new Uint32Array(cells.buffer, cells.byteOffset, cells.byteLength / 4);
  // The lower half of −1 is ABSENT, what parts say of an event that lacks the source.
  return Uint32Array.from({ length: halves.length / 2 }, (_, k) => halves[2 * k]!);
}

const bytesOf = (column: BigUint64Array | BigInt64Array): Uint8Array =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
