import { CLOSING_ITEM } from "@evb/event";
import { ROW, type RingRows, type StateItem } from "@evb/formats";

/**
 * Puts state changes together that are the same one of several sources: the k-th PAUSE_RUN of each
 * source, and the k-th RESUME_RUN. One row stands for the group, the last one by (stamp, source,
 * arrival); the others get no place of their own. A barrier among them ends the event that is open.
 *
 * @returns by the row that stands for it: the group's rows, by (source, arrival)
 */
export function pauseGroups(
  rows: RingRows,
  states: readonly StateItem[],
): Map<number, readonly number[]> {
  const byPlace = new Map<string, { rows: number[]; closes: boolean }>();
  const counts = new Map<string, number>();
  for (const { type, row, barrier, source } of states) {
    if (row === undefined) continue;
    const which = `${String(type)} ${String(rows.source[row])}`;
    const k = (counts.get(which) ?? 0) + 1;
    counts.set(which, k);
    const place = `${String(type)} ${String(k)}`;
    const group = byPlace.get(place) ?? { rows: [], closes: false };
    byPlace.set(place, group);
    group.rows.push(row);
    // What gets a header gets the barrier of its type with it.
    group.closes ||= barrier !== 0 || source === undefined;
  }
  return new Map(
    [...byPlace.values()].map(({ rows: members, closes }) => {
      const leader = members.reduce((one, other) => (isBefore(rows, one, other) ? other : one));
      for (const row of members) if (row !== leader) rows.kind[row]! |= ROW.absent;
      if (closes) rows.kind[leader]! |= CLOSING_ITEM;
      const { source } = rows;
      members.sort((one, other) => source[one]! - source[other]! || one - other);
      return [leader, members];
    }),
  );
}

function isBefore({ stamp, source }: RingRows, one: number, other: number): boolean {
  if (stamp[one]! !== stamp[other]!) return stamp[one]! < stamp[other]!;
  return source[one]! !== source[other]! ? source[one]! < source[other]! : one < other;
}
