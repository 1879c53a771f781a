import { describe, expect, test } from "@jest/globals";
import { asLeaseId } from "@evb/event";
import { Speeds, type Action, type Stimulus } from "@evb/runner";
import {
  begun,
  epoch,
  kindsOf,
  leasesOf,
  ONE,
  ready,
  results,
  THREE,
  TWO,
} from "../support/run-stimuli.ts";

type Measured = Parameters<Speeds["shareOf"]>[0];

const BEAT: Stimulus = { kind: "beat" };
const revokesOf = (actions: readonly Action[]): number[] =>
  actions.flatMap((action) => (action.kind === "revoke" ? [action.rank] : []));

describe("a client that has nothing to do while another has", () => {
  test("gets what that one hasn't begun", () => {
    const schedule = begun(4, { cap: 2 });
    expect(leasesOf(schedule.handle(ready(ONE)))).toEqual([
      [1, 0, 2],
      [1, 2, 3],
    ]);
    schedule.handle(ready(TWO));
    const done = results(TWO, 3, [3, 4], { busySeconds: 0.01 });
    schedule.handle(results(ONE, 1, [0, 1], { busySeconds: 0.05 }));
    expect(revokesOf(schedule.handle(done))).toEqual([1]);
    const ranges = [{ lease: asLeaseId(2), first: 2, end: 3 }];
    const answer = schedule.handle({ kind: "revoked", rank: ONE, ranges });
    expect(leasesOf(answer)).toEqual([[2, 2, 3]]);
    expect(schedule.progress).toMatchObject({ revoked: 1, redone: 0 });
  });

  test("gets nothing twice of one that may not have begun it: what was on its way when it answered", () => {
    const schedule = begun(6, { cap: 1 });
    for (const rank of [ONE, TWO, THREE]) schedule.handle(ready(rank));
    schedule.handle(results(THREE, 5, [4, 5], { busySeconds: 0.001 }));
    schedule.handle(results(THREE, 6, [5, 6], { busySeconds: 0.002 }));
    expect(revokesOf(schedule.handle(BEAT))).toEqual([1]);
    schedule.handle(results(ONE, 1, [0, 1], { busySeconds: 0.5 }));
    // One of another client's events is on its way to it while it answers that it has begun all.
    expect(leasesOf(schedule.handle({ kind: "client-left", rank: TWO }))).toEqual([
      [3, 2, 3],
      [1, 3, 4],
    ]);
    schedule.handle({ kind: "revoked", rank: ONE, ranges: [] });
    const idle = schedule.handle(results(THREE, 7, [2, 3], { busySeconds: 0.003 }));
    expect(revokesOf(idle)).toEqual([1]);
    expect(leasesOf(idle)).toEqual([]);
  });

  test("gets nothing twice of a client while nobody knows that it is faster", () => {
    const schedule = begun(2, { cap: 1 });
    schedule.handle(ready(ONE));
    const second = schedule.handle(ready(TWO));
    expect(leasesOf(second)).toEqual([]);
    schedule.handle(results(ONE, 1, [0, 1], { busySeconds: 0.4 }));
    const beats = Array.from({ length: 20 }, () => schedule.handle(BEAT)).flat();
    expect(beats).toEqual([]);
    expect(schedule.progress.doubled).toBe(0);
  });

  test("is not given what takes its holder no longer than itself", () => {
    const schedule = begun(6, { cap: 1 });
    for (const rank of [ONE, TWO, THREE]) schedule.handle(ready(rank));
    schedule.handle(results(TWO, 3, [2, 3], { busySeconds: 0.5 }));
    schedule.handle(results(ONE, 1, [0, 1], { busySeconds: 0.5 }));
    // It has nothing left; the second has one event as it would take itself.
    const actions = [
      ...schedule.handle(results(ONE, 2, [1, 2], { busySeconds: 1 })),
      ...schedule.handle(epoch(ONE, [0, 2])),
    ];
    expect(schedule.idles).toBe(true);
    expect(kindsOf(actions)).toEqual(["commit", "accept-epoch"]);
  });

  test("gets what a silent client holds after some beats, once that has said what it hasn't begun", () => {
    const schedule = begun(3, { cap: 1 });
    schedule.handle(ready(ONE));
    schedule.handle(ready(TWO));
    const first = schedule.handle(results(TWO, 3, [2, 3], { busySeconds: 0.001 }));
    expect(revokesOf(first)).toEqual([]);
    const beats = Array.from({ length: 6 }, () => schedule.handle(BEAT)).flat();
    expect(revokesOf(beats)).toEqual([1]);
    const ranges = [{ lease: asLeaseId(2), first: 1, end: 2 }];
    const answer = schedule.handle({ kind: "revoked", rank: ONE, ranges });
    expect(leasesOf(answer)).toEqual([[2, 1, 2]]);
    const rest = schedule.handle(results(TWO, 4, [1, 2], { busySeconds: 0.002 }));
    expect(rest).toContainEqual(
      expect.objectContaining({ kind: "lease", rank: TWO, double: true }),
    );
    expect(leasesOf(rest)).toEqual([[2, 0, 1]]);
    expect(schedule.progress.doubled).toBe(1);
  });
});

test("a lease has half of its client's share of what is left, though no more than that is asked for", () => {
  const schedule = begun(100, { cap: 1000 });
  schedule.handle(ready(ONE));
  schedule.handle(ready(TWO));
  // Each has two leases of two events: 92 are left.
  const [[, first, end] = []] = leasesOf(
    schedule.handle(results(ONE, 1, [0, 1], { busySeconds: 1e-5 })),
  );
  expect(Math.abs(end! - first! - 92 / 2 / 2)).toBeLessThanOrEqual(1);
});

test("a client that is three times faster is to do three times as much; who wasn't measured, the mean", () => {
  const speeds = new Speeds();
  const client = (secondsPerEvent: number | undefined): Measured => ({ secondsPerEvent });
  expect(speeds.shareOf(client(undefined), 4)).toBe(1 / 4);
  speeds.change(undefined, 0.003);
  speeds.change(undefined, 0.1);
  speeds.change(0.1, 0.001);
  expect(speeds.shareOf(client(0.001), 2)).toBeCloseTo(3 / 4);
  expect(speeds.shareOf(client(0.003), 2)).toBeCloseTo(1 / 4);
  expect(speeds.shareOf(client(undefined), 3)).toBeCloseTo(1 / 3);
  speeds.change(0.001, undefined);
  expect(speeds.shareOf(client(0.003), 1)).toBeCloseTo(1);
});
