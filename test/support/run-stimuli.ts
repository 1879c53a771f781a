import { asLeaseId, asRank, type Rank } from "@evb/event";
import { Schedule, type Action, type Range, type Stimulus } from "@evb/runner";

/** Short ways to say what happens to a schedule, and to read what it answers. */
export const [ONE, TWO, THREE, FOUR] = [asRank(1), asRank(2), asRank(3), asRank(4)];

type Bounds = readonly [first: number, end: number];

export const rangeOf = ([first, end]: Bounds): Range => ({ first, end });

/** A schedule of events 0 to `events`, that has begun. */
export function begun(events: number, { cap }: { cap: number }): Schedule {
  const schedule = new Schedule({ first: 0, end: events }, cap);
  schedule.handle({ kind: "started" });
  return schedule;
}

export const ready = (rank: Rank, memoryBytes?: number): Stimulus => ({
  kind: "client-ready",
  rank,
  returned: false,
  memoryBytes,
});

export const returned = (rank: Rank): Stimulus => ({ kind: "client-ready", rank, returned: true });

/** Its process ended, as far as can be told. */
export const died = (rank: Rank): Stimulus => ({ kind: "client-lost", rank, died: true });

/** Its connection ended. */
export const cut = (rank: Rank): Stimulus => ({ kind: "client-lost", rank, died: false });

export const results = (
  rank: Rank,
  lease: number,
  bounds: Bounds,
  { busySeconds, waitSeconds = 0 }: { busySeconds: number; waitSeconds?: number } = {
    busySeconds: 0.001,
  },
): Stimulus => ({
  kind: "results",
  rank,
  ranges: [{ lease: asLeaseId(lease), ...rangeOf(bounds) }],
  busySeconds,
  waitSeconds,
});

export const epoch = (rank: Rank, ...ranges: readonly Bounds[]): Stimulus => ({
  kind: "epoch",
  rank,
  ranges: ranges.map(rangeOf),
});

export type Leased = [rank: number, first: number, end: number];

/** What goes out: to whom, and which events. */
export const leasesOf = (actions: readonly Action[]): Leased[] =>
  actions.flatMap((action): Leased[] =>
    action.kind === "lease" ? [[action.rank, action.range.first, action.range.end]] : [],
  );

export const kindsOf = (actions: readonly Action[]): string[] => actions.map(({ kind }) => kind);
