import { describe, expect, test } from "@jest/globals";
import { asLeaseId, asRank } from "@evb/event";
import { Schedule, type Action } from "@evb/runner";
import { sizes } from "../sizes.ts";
import { History, type HistoryOrder, type Played } from "../support/run-history.ts";

const sum = (counts: Uint32Array): number => counts.reduce((total, n) => total + n, 0);

function play(order: HistoryOrder): Played {
  try {
    return new History(order).play();
  } catch (thrown) {
    throw new Error(`seed ${String(order.seed)}, cap ${String(order.cap)}`, { cause: thrown });
  }
}

describe("laws of the schedule, in random histories", () => {
  const played = Array.from({ length: sizes.scheduleHistories.runs }, (_, i) => ({
    seed: i + 1,
    ...play({ seed: i + 1 }),
  }));
  const broken = (law: (history: Played) => boolean): number[] =>
    played.filter((history) => !law(history)).map(({ seed }) => seed);

  test("there is always an end, and only one", () => {
    expect(broken(({ finishes }) => finishes === 1)).toEqual([]);
  });

  test("every event is committed exactly once", () => {
    expect(broken(({ committed }) => committed.every((times) => times === 1))).toEqual([]);
  });

  test("every event is counted exactly once", () => {
    expect(broken(({ counted }) => counted.every((times) => times === 1))).toEqual([]);
  });

  test("events leased again are redone, unless a client gave them back", () => {
    const again = ({ leased, events }: Played): number => sum(leased) - events;
    expect(
      broken((history) => history.left > 0 || again(history) === history.progress.redone),
    ).toEqual([]);
    expect(broken((history) => again(history) >= history.progress.redone)).toEqual([]);
    expect(
      broken(({ lost, refused, progress }) => lost + refused > 0 || progress.redone === 0),
    ).toEqual([]);
  });

  test("progress says what happened", () => {
    expect(
      broken(
        ({ events, progress }) =>
          progress.done === events && progress.counted === events && progress.events === events,
      ),
    ).toEqual([]);
  });

  test("the histories had faults enough to mean something", () => {
    expect(played.filter(({ refused }) => refused > 0).length).toBeGreaterThan(played.length / 4);
    expect(played.filter(({ progress }) => progress.redone > 0).length).toBeGreaterThan(
      played.length / 4,
    );
    expect(played.filter(({ left }) => left > 0).length).toBeGreaterThan(played.length / 10);
  });

  test("the same events are committed for any cap", () => {
    for (let seed = 1; seed <= sizes.scheduleHistories.runs / 10; seed++)
      for (const cap of [1, 7, 1000]) {
        const { committed, finishes } = play({ seed, cap });
        expect({ seed, cap, finishes, once: committed.every((times) => times === 1) }).toEqual({
          seed,
          cap,
          finishes: 1,
          once: true,
        });
      }
  });
});

describe("the schedule", () => {
  const [one, two] = [asRank(1), asRank(2)];
  const begun = (events: number, cap: number): { schedule: Schedule; leases: Action[] } => {
    const schedule = new Schedule({ first: 0, end: events }, cap);
    schedule.handle({ kind: "client-ready", rank: one });
    return { schedule, leases: schedule.handle({ kind: "started" }) };
  };
  const results = (rank: typeof one, lease: number, first: number, end: number) =>
    ({
      kind: "results",
      rank,
      ranges: [{ lease: asLeaseId(lease), first, end }],
      busySeconds: 0.001,
    }) as const;

  test("hands nothing out before the start", () => {
    const schedule = new Schedule({ first: 0, end: 10 }, 4);
    expect(schedule.handle({ kind: "client-ready", rank: one })).toEqual([]);
  });

  test("ends at once where there is no event", () => {
    const schedule = new Schedule({ first: 5, end: 5 }, 4);
    expect(schedule.handle({ kind: "started" })).toEqual([{ kind: "finish" }]);
  });

  test("a client that greets twice keeps its leases", () => {
    const { schedule } = begun(2, 1);
    expect(schedule.handle({ kind: "client-ready", rank: one })).toEqual([]);
    const lost = schedule.handle({ kind: "client-lost", rank: one });
    expect(lost).toEqual([]);
    const again = schedule.handle({ kind: "client-ready", rank: two });
    expect(again.filter((action) => action.kind === "lease")).toHaveLength(2);
  });

  test("events that are done again only to be counted survive the next loss", () => {
    // Done by one, whose totals went with it; leased to two, which goes as well.
    const { schedule } = begun(1, 1);
    schedule.handle(results(one, 1, 0, 1));
    schedule.handle({ kind: "client-lost", rank: one });
    schedule.handle({ kind: "client-ready", rank: two });
    schedule.handle({ kind: "client-lost", rank: two });
    const three = schedule.handle({ kind: "client-ready", rank: asRank(3) });
    expect(three).toMatchObject([{ kind: "lease", range: { first: 0, end: 1 } }]);
    expect(schedule.progress.redone).toBe(2);
  });

  test("a result that comes twice doesn't make its lease done", () => {
    const schedule = new Schedule({ first: 0, end: 20 }, 10);
    schedule.handle({ kind: "client-ready", rank: one });
    schedule.handle({ kind: "started" });
    schedule.handle(results(one, 1, 0, 1));
    schedule.handle(results(one, 1, 0, 1));
    schedule.handle({ kind: "client-lost", rank: one });
    const leases = schedule.handle({ kind: "client-ready", rank: two });
    // Event 1 was in the same lease as event 0.
    expect(
      leases.some(
        (action) => action.kind === "lease" && action.range.first <= 1 && action.range.end > 1,
      ),
    ).toBe(true);
  });

  test("a client that leaves gives its events back, and they aren't redone", () => {
    const { schedule } = begun(4, 1);
    schedule.handle({ kind: "client-left", rank: one });
    const leases = schedule.handle({ kind: "client-ready", rank: two });
    expect(leases).toMatchObject([{ range: { first: 0 } }, { range: { first: 1 } }]);
    expect(schedule.progress.redone).toBe(0);
  });

  test("a result of an event that waits to be done again is taken, and nobody does it again", () => {
    const { schedule } = begun(1, 1);
    schedule.handle({ kind: "client-lost", rank: one });
    // Two begins with a lease on the event, and is lost; one comes back as three, with its old result.
    schedule.handle({ kind: "client-ready", rank: two });
    schedule.handle({ kind: "client-lost", rank: two });
    const [three, four] = [asRank(3), asRank(4)];
    schedule.handle({ kind: "client-ready", rank: three });
    const [commit] = schedule.handle(results(three, 1, 0, 1));
    expect(commit).toEqual({ kind: "commit", rank: three, ranges: [{ first: 0, end: 1 }] });
    expect(schedule.handle({ kind: "client-ready", rank: four })).toEqual([]);
  });

  test("an epoch is refused whole if one of its events is not its client's", () => {
    const { schedule } = begun(4, 1);
    schedule.handle(results(one, 1, 0, 1));
    const ranges = [
      { first: 0, end: 1 },
      { first: 3, end: 4 },
    ];
    const actions = schedule.handle({ kind: "epoch", rank: one, ranges });
    expect(actions[0]).toEqual({ kind: "refuse-epoch", rank: one });
    expect(schedule.progress.counted).toBe(0);
  });
});
