import { describe, expect, test } from "@jest/globals";
import { asLeaseId, asRank, type Rank } from "@evb/event";
import { Schedule, type Action } from "@evb/runner";
import {
  begun,
  died,
  FOUR,
  leasesOf,
  ONE,
  ready,
  results,
  returned,
  THREE,
  TWO,
} from "../support/run-stimuli.ts";

/** A client that does each lease as it comes, an event a second; returns the events of its leases. */
function doAll(schedule: Schedule, first: readonly Action[]): number[] {
  const waiting = [...first];
  const events: number[] = [];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (next.kind !== "lease") continue;
    const { rank, range } = next;
    for (let event = range.first; event < range.end; event++) events.push(event);
    const ranges = [{ lease: asLeaseId(next.lease), ...range }];
    const busySeconds = events.length;
    waiting.push(
      ...schedule.handle({ kind: "results", rank, ranges, busySeconds, waitSeconds: 0 }),
    );
  }
  return events.sort((a, b) => a - b);
}

const from = (first: number, end: number): number[] =>
  Array.from({ length: end - first }, (_, k) => first + k);

describe("leases", () => {
  test("go out for as long as there are events, however many were done before", () => {
    // More than a client may have at a time: one that were not given back would stop it there.
    const schedule = begun(5000, { cap: 1 });
    expect(doAll(schedule, schedule.handle(ready(ONE)))).toEqual(from(0, 5000));
    expect(schedule.progress).toMatchObject({ done: 5000, batches: 5000 });
  });

  /** Events that a client has before it when it has waited so often and so long; each takes it 10 ms. */
  function aheadAfter(...waits: readonly number[]): number {
    const schedule = begun(100_000, { cap: 1000 });
    const leases = schedule.handle(ready(ONE)).filter((action) => action.kind === "lease");
    const busy = { busySeconds: 0, waitSeconds: 0 };
    for (const wait of [0, 0, ...waits]) {
      const { lease, range } = leases.shift()!;
      busy.busySeconds += 0.01 * (range.end - range.first);
      busy.waitSeconds += wait;
      const done = results(ONE, lease, [range.first, range.end], busy);
      leases.push(...schedule.handle(done).filter((action) => action.kind === "lease"));
    }
    return leases.reduce((sum, { range }) => sum + range.end - range.first, 0);
  }

  test("are so much work as the way there and back takes, which is what a client waits again and again", () => {
    const usual = aheadAfter(0, 0, 0);
    expect(usual).toBeLessThan(20);
    expect(aheadAfter(0.4, 0.4)).toBeGreaterThanOrEqual(80);
    expect(aheadAfter(5, 5)).toBeLessThan(210);
    // Once, as for a coordinator that takes over from a dead one; and what no clock is exact to.
    expect(aheadAfter(0.4, 0, 0)).toBe(usual);
    expect(aheadAfter(0.4, 0.002, 0)).toBe(usual);
  });

  /** The most events of 1 MB that a client has before it, each of which takes it so long. */
  function megabytesAhead(secondsPerEvent: number, memoryBytes?: number): number {
    const how = { eventBytes: 1e6 };
    const schedule = new Schedule({ first: 0, end: 1e6 }, 10_000, undefined, how);
    schedule.handle({ kind: "started" });
    const leases = schedule.handle(ready(ONE, memoryBytes)).filter(({ kind }) => kind === "lease");
    let [most, busySeconds] = [0, 0];
    for (let done = 0; done < 20; done++) {
      const given = leases as Extract<Action, { kind: "lease" }>[];
      most = Math.max(
        most,
        given.reduce((sum, { range }) => sum + range.end - range.first, 0),
      );
      const { lease, range } = given.shift()!;
      busySeconds += secondsPerEvent * (range.end - range.first);
      const next = schedule.handle(results(ONE, lease, [range.first, range.end], { busySeconds }));
      given.push(...next.filter((action) => action.kind === "lease"));
    }
    return most;
  }

  test("have as many bytes together as the client may have, and one event each at least", () => {
    // 0.1 s of work would be 10,000 of them.
    expect(megabytesAhead(1e-5)).toBeGreaterThan(900);
    expect(megabytesAhead(1e-5)).toBeLessThanOrEqual(2 ** 30 / 1e6);
    expect(megabytesAhead(1e-5, 100e6)).toBe(100);
    expect(megabytesAhead(1e-5, 20e6)).toBe(20);
    // One that it works on, one that is there then.
    expect(megabytesAhead(1e-5, 1)).toBe(2);
    // Nobody has more than the work that there is for it.
    expect(megabytesAhead(1e-3, 2 ** 40)).toBeLessThan(200);
  });

  test("of many clients, each of which seems to take no time, hold no more events than a coordinator has memory for", () => {
    const schedule = begun(1e7, { cap: 1000 });
    const ahead = new Map<Rank, number>();
    const busy = new Map<Rank, number>();
    const todo: Extract<Action, { kind: "lease" }>[] = [];
    const take = (actions: readonly Action[]): void => {
      for (const action of actions) {
        if (action.kind !== "lease") continue;
        const { rank, range } = action;
        ahead.set(rank, (ahead.get(rank) ?? 0) + range.end - range.first);
        todo.push(action);
      }
    };
    for (let rank = 1; rank <= 64; rank++) take(schedule.handle(ready(asRank(rank))));
    let most = 0;
    for (let done = 0; done < 700; done++) {
      const { rank, lease, range } = todo.shift()!;
      const events = range.end - range.first;
      ahead.set(rank, ahead.get(rank)! - events);
      const busySeconds = (busy.get(rank) ?? 0) + 1e-6 * events;
      busy.set(rank, busySeconds);
      take(schedule.handle(results(rank, lease, [range.first, range.end], { busySeconds })));
      most = Math.max(
        most,
        [...ahead.values()].reduce((sum, each) => sum + each, 0),
      );
    }
    // Two leases of 5 ms each, where 2^18 / 64 events are less; 20 ms of work would be 1.3 million.
    expect(most).toBeLessThanOrEqual(64 * 2 * 5000);
    expect(most).toBeGreaterThan(64 * 2000);
  });

  test("don't go out any more once the run is stopped", () => {
    const schedule = begun(5000, { cap: 1 });
    const leases = schedule.handle(ready(ONE));
    schedule.handle({ kind: "stopped" });
    expect(doAll(schedule, leases)).toHaveLength(leases.length);
    expect(schedule.handle(ready(TWO))).toEqual([]);
  });

  test("have what an earlier life handed out and nobody brings, behind what nobody had", () => {
    const before = {
      done: [{ first: 0, end: 2 }],
      counted: [{ first: 0, end: 2 }],
      uncounted: new Map(),
      handedOut: 5,
    };
    const schedule = new Schedule({ first: 0, end: 8 }, 1, before);
    schedule.handle({ kind: "started" });
    const first = schedule.handle(returned(ONE));
    expect(leasesOf(first)).toEqual([
      [ONE, 5, 6],
      [ONE, 6, 7],
    ]);
    expect(doAll(schedule, first)).toEqual(from(2, 8));
  });

  test("of events that may have ended two clients of an earlier life are given out alone", () => {
    const suspects = { once: [{ first: 0, end: 4 }], twice: [{ first: 0, end: 1 }] };
    const before = { done: [], counted: [], uncounted: new Map(), handedOut: 4, suspects };
    const schedule = new Schedule({ first: 0, end: 100 }, 10, before);
    schedule.handle({ kind: "started" });
    expect(leasesOf(schedule.handle(ready(THREE)))).toEqual([[THREE, 0, 1]]);
    expect(schedule.handle(died(THREE))).toMatchObject([
      { kind: "set-aside", ranges: [{ first: 0, end: 1 }] },
    ]);
  });

  test("of an event whose first death was none are given out until its third", () => {
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle(died(ONE));
    schedule.handle(returned(ONE));
    schedule.handle({ kind: "client-left", rank: ONE });
    const ends = [TWO, THREE, FOUR].map((rank) => {
      expect(leasesOf(schedule.handle(ready(rank)))).toEqual([[rank, 0, 1]]);
      return schedule.handle(died(rank)).map(({ kind }) => kind);
    });
    expect(ends).toEqual([[], [], ["set-aside", "finish"]]);
  });
});
