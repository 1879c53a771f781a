import { describe, expect, test } from "@jest/globals";
import { Schedule } from "@evb/runner";
import {
  begun,
  cut,
  died,
  epoch,
  FOUR,
  kindsOf,
  leasesOf,
  ONE,
  rangeOf,
  ready,
  results,
  returned,
  THREE,
  TWO,
} from "../support/run-stimuli.ts";

describe("a schedule", () => {
  test("hands nothing out before the start", () => {
    const schedule = new Schedule({ first: 0, end: 10 }, 4);
    expect(schedule.handle(ready(ONE))).toEqual([]);
    expect(leasesOf(schedule.handle({ kind: "started" }))).toHaveLength(2);
  });

  test("ends at once where there is no event", () => {
    const schedule = new Schedule({ first: 5, end: 5 }, 4);
    expect(schedule.handle({ kind: "started" })).toEqual([{ kind: "finish" }]);
  });

  test("hands nothing out after it was stopped, and takes what comes", () => {
    const schedule = begun(4, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "stopped" });
    expect(kindsOf(schedule.handle(results(ONE, 1, [0, 1])))).toEqual(["commit"]);
    expect(kindsOf(schedule.handle(epoch(ONE, [0, 1])))).toEqual(["accept-epoch"]);
  });

  test("gives a client that greets twice nothing anew, and loses none of it", () => {
    const schedule = begun(2, { cap: 1 });
    expect(leasesOf(schedule.handle(ready(ONE)))).toHaveLength(2);
    expect(schedule.handle(ready(ONE))).toEqual([]);
    schedule.handle(cut(ONE));
    expect(leasesOf(schedule.handle(ready(TWO)))).toHaveLength(2);
  });

  test("takes nothing of a client that isn't there", () => {
    const schedule = begun(1, { cap: 1 });
    expect(schedule.handle(results(ONE, 1, [0, 1]))).toEqual([]);
    expect(schedule.handle(epoch(ONE, [0, 1]))).toEqual([]);
    expect(schedule.progress).toMatchObject({ done: 0, counted: 0 });
  });
});

describe("what a client had", () => {
  test("is leased again when its connection is lost", () => {
    const schedule = begun(100, { cap: 10 });
    schedule.handle(ready(ONE));
    schedule.handle(cut(ONE));
    expect(schedule.handle(ready(TWO))).toMatchObject([
      { range: { first: 0, end: 2 }, again: 2, double: false },
      { range: { first: 2, end: 4 }, again: 2, double: false },
    ]);
    expect(schedule.progress.redone).toBe(4);
  });

  test("goes to others when it leaves, as it was, and isn't redone", () => {
    const schedule = begun(100, { cap: 10 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "client-left", rank: ONE });
    expect(leasesOf(schedule.handle(ready(TWO)))).toEqual([
      [2, 0, 2],
      [2, 2, 4],
    ]);
    expect(schedule.progress.redone).toBe(0);
  });

  test("is done again only to be counted, and survives the next loss", () => {
    // Done by one, whose totals went with it; leased to two, which goes as well.
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle(results(ONE, 1, [0, 1]));
    schedule.handle(died(ONE));
    schedule.handle(ready(TWO));
    schedule.handle(died(TWO));
    expect(leasesOf(schedule.handle(ready(THREE)))).toEqual([[3, 0, 1]]);
    expect(schedule.progress.redone).toBe(2);
  });

  test("is done by nobody else where it comes back with the results", () => {
    const schedule = begun(2, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "stopped" });
    schedule.handle(cut(ONE));
    schedule.handle(returned(ONE));
    const ranges = [{ first: 0, end: 1 }];
    expect(schedule.handle(results(ONE, 1, [0, 1]))).toEqual([
      { kind: "commit", rank: ONE, ranges },
    ]);
    expect(leasesOf(schedule.handle({ kind: "started" }))).toEqual([[1, 1, 2]]);
  });

  test("is its own as long as not every event of a lease has a result", () => {
    const schedule = begun(20, { cap: 10 });
    schedule.handle(ready(ONE));
    schedule.handle(results(ONE, 1, [0, 1]));
    schedule.handle(results(ONE, 1, [0, 1]));
    schedule.handle(died(ONE));
    // Event 1 was in the same lease as event 0.
    expect(leasesOf(schedule.handle(ready(TWO)))).toContainEqual([2, 1, 2]);
  });

  test("and did without sending the totals is done again, once it has said that all are sent", () => {
    // As a client whose working thread ended, and then its connection, before it could leave.
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "stopped" });
    schedule.handle(cut(ONE));
    schedule.handle(returned(ONE));
    schedule.handle(results(ONE, 1, [0, 1]));
    schedule.handle({ kind: "client-settled", rank: ONE });
    expect(leasesOf(schedule.handle({ kind: "started" }))).toEqual([[1, 0, 1]]);
    expect(schedule.progress).toMatchObject({ done: 1, counted: 0, redone: 1 });
  });
});

describe("an epoch", () => {
  test("of all that a client did counts, and the last one ends the run", () => {
    const schedule = begun(2, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle(results(ONE, 1, [0, 1]));
    schedule.handle(results(ONE, 2, [1, 2]));
    expect(kindsOf(schedule.handle(epoch(ONE, [0, 1])))).toEqual(["accept-epoch"]);
    expect(schedule.isComplete).toBe(false);
    expect(kindsOf(schedule.handle(epoch(ONE, [1, 2])))).toEqual(["accept-epoch", "finish"]);
    expect(schedule.isComplete).toBe(true);
  });

  test.each<[string, [number, number][]]>([
    [
      "isn't its client's",
      [
        [0, 1],
        [3, 4],
      ],
    ],
    [
      "is in it twice",
      [
        [0, 1],
        [0, 1],
      ],
    ],
    [
      "is counted already",
      [
        [0, 1],
        [2, 3],
      ],
    ],
  ])("is refused whole if one of its events %s; the others are leased again", (_, ranges) => {
    const schedule = begun(8, { cap: 1 });
    schedule.handle(ready(ONE));
    // So slow that it gets no more than it must.
    for (const event of [0, 1, 2])
      schedule.handle(results(ONE, event + 1, [event, event + 1], { busySeconds: event }));
    schedule.handle(epoch(ONE, [2, 3]));
    expect(schedule.handle(epoch(ONE, ...ranges))).toEqual([{ kind: "refuse-epoch", rank: ONE }]);
    expect(schedule.progress).toMatchObject({ done: 3, counted: 1 });
    expect(schedule.handle(ready(TWO))[0]).toMatchObject({ range: { first: 0, end: 1 }, again: 1 });
  });
});

describe("what a late client has", () => {
  test("is given to another one, too, and the first result counts", () => {
    const schedule = begun(2, { cap: 1 });
    schedule.handle(ready(ONE));
    expect(schedule.handle({ kind: "client-late", rank: ONE })).toEqual([]);
    expect(schedule.handle(ready(TWO))).toMatchObject([
      { rank: TWO, range: { first: 0, end: 1 }, double: true, again: 0 },
      { rank: TWO, range: { first: 1, end: 2 }, double: true, again: 0 },
    ]);
    expect(schedule.progress).toMatchObject({ doubled: 2, redone: 0 });
    const ranges = [{ first: 0, end: 1 }];
    expect(schedule.handle(results(TWO, 3, [0, 1]))).toEqual([
      { kind: "commit", rank: TWO, ranges },
    ]);
    schedule.handle({ kind: "client-back", rank: ONE });
    expect(schedule.handle(results(ONE, 1, [0, 1]))).toEqual([
      { kind: "commit", rank: ONE, ranges: [] },
    ]);
  });

  test("counts once, whoever's totals come first", () => {
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "client-late", rank: ONE });
    schedule.handle(ready(TWO));
    schedule.handle({ kind: "client-back", rank: ONE });
    schedule.handle(results(ONE, 1, [0, 1]));
    schedule.handle(results(TWO, 2, [0, 1]));
    expect(kindsOf(schedule.handle(epoch(TWO, [0, 1])))).toEqual(["accept-epoch", "finish"]);
    expect(kindsOf(schedule.handle(epoch(ONE, [0, 1])))).toEqual(["refuse-epoch"]);
    expect(schedule.progress.counted).toBe(1);
  });

  test("is its own again when it is heard", () => {
    const schedule = begun(4, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "client-late", rank: ONE });
    schedule.handle({ kind: "client-back", rank: ONE });
    expect(leasesOf(schedule.handle(ready(TWO)))).toEqual([
      [2, 2, 3],
      [2, 3, 4],
    ]);
  });

  test("is not given to a third while one of two has it that is neither late nor lost", () => {
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "client-late", rank: ONE });
    schedule.handle(ready(TWO));
    expect(schedule.handle(ready(THREE))).toEqual([]);
    schedule.handle({ kind: "client-late", rank: TWO });
    expect(schedule.handle(cut(ONE))).toMatchObject([{ rank: THREE, double: true }]);
    expect(schedule.handle(cut(TWO))).toEqual([]);
    schedule.handle(ready(FOUR));
    expect(schedule.handle(cut(THREE))).toMatchObject([{ rank: FOUR, double: false }]);
  });

  test("stays with it alone if it may end its client", () => {
    const schedule = begun(1, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle(died(ONE));
    schedule.handle(ready(TWO));
    schedule.handle({ kind: "client-late", rank: TWO });
    expect(schedule.handle(ready(THREE))).toEqual([]);
  });

  test("is all that it has: it gets nothing more until it is heard", () => {
    const schedule = begun(8, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "client-late", rank: ONE });
    const done = results(ONE, 1, [0, 1], { busySeconds: 0.01 });
    expect(leasesOf(schedule.handle(done))).toEqual([]);
    const back = leasesOf(schedule.handle({ kind: "client-back", rank: ONE }));
    expect(back).toContainEqual([1, 2, 3]);
  });
});

describe("a run that goes on", () => {
  /** Of eight events four were handed out: 0 is counted; 1 and 2 are done, by clients 1 and 2. */
  const resumed = (): Schedule => {
    const uncounted = new Map([
      [ONE, [rangeOf([1, 2])]],
      [TWO, [rangeOf([2, 3])]],
    ]);
    const done = [rangeOf([0, 3])];
    const before = { done, counted: [rangeOf([0, 1])], uncounted, handedOut: 4 };
    const schedule = new Schedule({ first: 0, end: 8 }, 1, before);
    schedule.handle({ kind: "started" });
    return schedule;
  };

  test("knows what is done", () => {
    const { done, counted, handedOut, batches } = resumed().progress;
    expect({ done, counted, handedOut, batches }).toEqual({
      done: 3,
      counted: 1,
      handedOut: 4,
      batches: 0,
    });
  });

  test("first does what nobody had: the results of the rest may be on their way", () => {
    const schedule = resumed();
    const leases = schedule.handle(ready(THREE));
    expect(leasesOf(leases)).toEqual([
      [3, 4, 5],
      [3, 5, 6],
    ]);
    expect(leases).toMatchObject([{ again: 0 }, { again: 0 }]);
    schedule.handle(returned(ONE));
    schedule.handle(results(ONE, 99, [3, 4]));
    expect(schedule.progress).toMatchObject({ done: 4, redone: 0 });
  });

  test("takes totals of what an earlier life took the results of", () => {
    const schedule = resumed();
    schedule.handle(returned(ONE));
    expect(kindsOf(schedule.handle(epoch(ONE, [1, 2])))).toEqual(["accept-epoch"]);
    expect(schedule.progress.counted).toBe(2);
  });

  test("refuses totals of what another client did", () => {
    const schedule = resumed();
    schedule.handle(returned(ONE));
    expect(kindsOf(schedule.handle(epoch(ONE, [2, 3])))).toContain("refuse-epoch");
  });

  test.each([
    ["whose client came, and hasn't got its totals", "settled"],
    ["whose client doesn't come", "waited"],
  ])("does again what is done, and %s", (_, how) => {
    const schedule = resumed();
    schedule.handle(ready(THREE));
    if (how === "settled") {
      schedule.handle(returned(ONE));
      schedule.handle({ kind: "client-settled", rank: ONE });
      schedule.handle({ kind: "client-left", rank: ONE });
    } else schedule.handle({ kind: "waited" });
    const leased = new Set<number>();
    for (let lease = 1; lease <= 8; lease++)
      for (const action of schedule.handle(results(THREE, lease, [3 + lease, 4 + lease])))
        if (action.kind === "lease")
          for (let event = action.range.first; event < action.range.end; event++) leased.add(event);
    expect(leased.has(1)).toBe(true);
    expect(leased.has(2)).toBe(how === "waited");
  });

  test("is complete where only its end was lost", () => {
    const all = [rangeOf([0, 8])];
    const before = { done: all, counted: all, uncounted: new Map(), handedOut: 8 };
    const schedule = new Schedule({ first: 0, end: 8 }, 1, before);
    expect(schedule.isComplete).toBe(true);
    expect(schedule.handle({ kind: "started" })).toEqual([{ kind: "finish" }]);
  });
});
