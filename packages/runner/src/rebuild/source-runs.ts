import { orderSources } from "@evb/event";
import type { RingRows } from "@evb/formats";
import type { RingRun } from "@evb/index";

/**
 * The run as each of its sources recorded it: its rows alone, by (stamp, arrival). Of PAUSE_RUN and
 * RESUME_RUN every source has its own; they stand where their own time stamps put them.
 *
 * @returns by the source's id
 */
export function sourceRuns(run: RingRun): Map<number, RingRun> {
  const rows = rowsBySource(run.rows, run.sources.length);
  return new Map(
    run.sources.map((source, s) => {
      const ofSource = (item: { readonly source: number }): boolean =>
        item.source === source.source;
      const own = {
        ...run,
        order: inTimeOrder(run.rows, rows[s]!),
        groups: new Map<number, readonly number[]>(),
        begins: run.begins.filter(ofSource),
        ends: run.ends.filter(ofSource),
        fragments: source.fragments,
        backwardSteps: source.outOfOrder,
        sources: [source],
      };
      return [source.source, own];
    }),
  );
}

/** In the order of their arrival. */
function rowsBySource({ source, count }: RingRows, sources: number): Uint32Array[] {
  const counts = new Uint32Array(sources);
  for (let row = 0; row < count; row++) counts[source[row]!]!++;
  const lists = Array.from(counts, (length) => new Uint32Array(length));
  counts.fill(0);
  for (let row = 0; row < count; row++) lists[source[row]!]![counts[source[row]!]!++] = row;
  return lists;
}

function inTimeOrder({ stamp }: RingRows, rows: Uint32Array): Uint32Array {
  const stamps = new BigUint64Array(rows.length);
  for (let k = 0; k < rows.length; k++) stamps[k] = stamp[rows[k]!]!;
  const order = orderSources({ stamp: stamps, source: new Uint16Array(rows.length) });
  return order.map((k) => rows[k]!);
}
