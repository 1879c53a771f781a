import type { Match, SourceMatch, SourceTimes } from "@evb/event";

export const stamps = (...values: (bigint | number)[]): BigUint64Array =>
  BigUint64Array.from(values, BigInt);

/** Sources as the index hands them over: their fragments are numbered through. */
export function sourcesOf(columns: readonly BigUint64Array[]): SourceTimes[] {
  let fragmentFirst = 0;
  return columns.map((times) => {
    const source = { times, fragmentFirst };
    fragmentFirst += times.length;
    return source;
  });
}

/** Events as people write them: the stamp, and the row in each source, or −1. */
export type PlainEvent = readonly [time: bigint, ...rows: number[]];

export function plainEvents(match: Match, sources: readonly SourceTimes[]): PlainEvent[] {
  return Array.from(match.time, (time, event) => {
    const rows = sources.map(() => -1);
    for (let f = match.start[event]!; f < match.start[event + 1]!; f++) {
      const fragment = match.fragment[f]!;
      const s = sources.findIndex(
        ({ fragmentFirst, times }) =>
          fragment >= fragmentFirst && fragment < fragmentFirst + times.length,
      );
      rows[s] = fragment - sources[s]!.fragmentFirst;
    }
    return [time, ...rows];
  });
}

/** What a matcher must find, however it does it. */
export interface PlainMatch {
  readonly events: PlainEvent[];
  readonly sources: SourceMatch[];
}

/** A Map of stamps: slow, and too short to be wrong. */
export function matchByMap(
  columns: readonly BigUint64Array[],
  wanted: BigUint64Array | undefined,
  needed: number,
): PlainMatch {
  const firsts = columns.map((times) => {
    const first = new Map<bigint, number>();
    times.forEach((time, row) => {
      if (!first.has(time)) first.set(time, row);
    });
    return first;
  });
  const stampsInOrder = Array.from(
    BigUint64Array.from(new Set(wanted ?? columns.flatMap((times) => [...times]))).sort(),
  );
  const events = stampsInOrder
    .map((time): PlainEvent => [time, ...firsts.map((first) => first.get(time) ?? -1)])
    .filter(([, ...rows]) => rows.filter((row) => row >= 0).length >= Math.max(1, needed));
  const sources = columns.map((times, s) => {
    const matched = events.filter((event) => Number(event[s + 1]) >= 0).length;
    const duplicates = times.length - firsts[s]!.size;
    const outOfOrder = [...times].filter((time, row) => row > 0 && time < times[row - 1]!).length;
    const unmatched = times.length - duplicates - matched;
    return { rows: times.length, matched, unmatched, duplicates, outOfOrder };
  });
  return { events, sources };
}
