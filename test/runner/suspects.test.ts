import { describe, expect, test } from "@jest/globals";
import { asRank, type Rank } from "@evb/event";
import { Schedule, type Action } from "@evb/runner";
import {
  begun,
  cut,
  died,
  epoch,
  kindsOf,
  leasesOf,
  ONE,
  rangeOf,
  ready,
  results,
  returned,
  THREE,
  TWO,
  FOUR,
} from "../support/run-stimuli.ts";

/** Each comes, begins with what it gets, and ends as told. */
function lives(schedule: Schedule, ends: readonly ("died" | "cut")[]): Action[] {
  return ends
    .flatMap((end, i) => {
      const rank = asRank(i + 1);
      return [
        schedule.handle(ready(rank)),
        schedule.handle(end === "died" ? died(rank) : cut(rank)),
      ];
    })
    .flat();
}

const setAsideIn = (actions: readonly Action[]): number[] =>
  actions.flatMap((action) =>
    action.kind === "set-aside" ? action.ranges.map(({ first }) => first) : [],
  );

describe("an event that a client died with", () => {
  test("is given out alone: its client has no other until that one is done", () => {
    const schedule = begun(100, { cap: 10 });
    lives(schedule, ["died"]);
    expect(leasesOf(schedule.handle(ready(TWO)))).toEqual([[2, 0, 1]]);
    expect(leasesOf(schedule.handle(ready(THREE)))).toEqual([[3, 1, 2]]);
    const { batches } = schedule.progress;
    expect(leasesOf(schedule.handle(results(THREE, batches, [1, 2])))).toEqual([[3, 2, 3]]);
    expect(leasesOf(schedule.handle(results(TWO, batches - 1, [0, 1])))).toEqual([[2, 3, 4]]);
    // Those were all: what nobody had is given out as before.
    const after = leasesOf(schedule.handle(results(TWO, batches + 2, [3, 4])));
    expect(after.length).toBeGreaterThan(1);
  });

  test("waits until its client has finished what it has", () => {
    const schedule = begun(100, { cap: 1 });
    schedule.handle(ready(FOUR));
    lives(schedule, ["died"]);
    // Four has events 0 and 1; the other one died with 2 and 3.
    expect(leasesOf(schedule.handle(results(FOUR, 1, [0, 1])))).toEqual([]);
    expect(leasesOf(schedule.handle(results(FOUR, 2, [1, 2])))).toEqual([[4, 2, 3]]);
  });

  test("is set aside at the third death, done and counted, and all others are done", () => {
    const schedule = begun(2, { cap: 1 });
    // One had both in its hands, and the others event 0 alone.
    const actions = lives(schedule, ["died", "died", "died"]);
    expect(setAsideIn(actions)).toEqual([0]);
    expect(schedule.progress).toMatchObject({ done: 1, counted: 1 });
    expect(leasesOf(schedule.handle(ready(FOUR)))).toEqual([[4, 1, 2]]);
    schedule.handle(results(FOUR, schedule.progress.batches, [1, 2]));
    expect(kindsOf(schedule.handle(epoch(FOUR, [1, 2])))).toEqual(["accept-epoch", "finish"]);
  });

  test("ends the run where it was the last one", () => {
    const schedule = begun(1, { cap: 1 });
    expect(kindsOf(lives(schedule, ["died", "died", "died"])).slice(-2)).toEqual([
      "set-aside",
      "finish",
    ]);
  });

  test("is no suspect where another client has done it meanwhile", () => {
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "client-late", rank: ONE });
    schedule.handle(ready(TWO));
    schedule.handle(results(TWO, 2, [0, 1]));
    expect(schedule.handle(died(ONE))).toEqual([]);
    expect(kindsOf(schedule.handle(epoch(TWO, [0, 1])))).toEqual(["accept-epoch", "finish"]);
  });

  test("is one though it was done, where that was for nothing: its totals were lost", () => {
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(FOUR));
    schedule.handle(results(FOUR, 1, [0, 1]));
    schedule.handle(cut(FOUR));
    const actions = lives(schedule, ["died", "died", "died"]);
    expect(setAsideIn(actions)).toEqual([0]);
    expect(schedule.progress).toMatchObject({ done: 1, counted: 1 });
  });

  test("is remembered beyond the coordinator's own life", () => {
    const schedule = begun(3, { cap: 1 });
    lives(schedule, ["died", "died"]);
    const { suspects } = schedule;
    expect(suspects).toEqual({ once: [rangeOf([0, 2])], twice: [rangeOf([0, 1])] });
    const next = new Schedule({ first: 0, end: 3 }, 1, {
      done: [],
      counted: [],
      uncounted: new Map(),
      handedOut: 2,
      suspects,
    });
    next.handle({ kind: "started" });
    expect(leasesOf(next.handle(ready(THREE)))).toEqual([[3, 0, 1]]);
    expect(setAsideIn(next.handle(died(THREE)))).toEqual([0]);
  });
});

describe("a client that was only taken for dead", () => {
  const comeBack = (schedule: Schedule, rank: Rank): void => {
    schedule.handle(returned(rank));
    schedule.handle({ kind: "client-left", rank });
  };

  test("has ended for no event", () => {
    const schedule = begun(1, { cap: 1 });
    lives(schedule, ["died", "died"]);
    comeBack(schedule, TWO);
    expect(setAsideIn(lives(schedule, ["died"]))).toEqual([]);
  });

  test.each([
    ["the first", ONE],
    ["the second", TWO],
  ])("takes one death off its events: %s of two", (_, rank) => {
    const schedule = begun(1, { cap: 1 });
    lives(schedule, ["died", "died"]);
    comeBack(schedule, rank);
    schedule.handle(ready(THREE));
    expect(schedule.handle(died(THREE))).toEqual([]);
    schedule.handle(ready(FOUR));
    expect(setAsideIn(schedule.handle(died(FOUR)))).toEqual([0]);
  });

  test("may come back as often as it likes", () => {
    const schedule = begun(1, { cap: 1 });
    for (let times = 0; times < 10; times++) {
      schedule.handle(times === 0 ? ready(ONE) : returned(ONE));
      expect(schedule.handle(died(ONE))).toEqual([]);
    }
  });
});

test("a client whose connection broke ended for no event, however often", () => {
  const schedule = begun(4, { cap: 1 });
  const ends = Array.from({ length: 10 }, () => "cut" as const);
  expect(setAsideIn(lives(schedule, ends))).toEqual([]);
  expect(leasesOf(schedule.handle(ready(asRank(11))))).toEqual([
    [11, 0, 1],
    [11, 1, 2],
  ]);
});
