import { describe, expect, test } from "@jest/globals";
import { asLeaseId, asRank } from "@evb/event";
import { Schedule, SharedChunks, type Action, type LeaseCuts } from "@evb/runner";
import { leasesOf, ONE, ready, TWO } from "../support/run-stimuli.ts";

/** Chunks of so many events, the first of which begins at event 0. */
const everyEvents = (events: number): LeaseCuts => ({
  cost: (event) => (event % events === 0 ? 0 : 1),
  reach: events,
});

/** Clients that do each lease as it comes, an event in a millisecond; who decodes which chunk of so many events. */
function decodersOf(
  schedule: Schedule,
  ranks: readonly ReturnType<typeof asRank>[],
  events: number,
): Map<number, Set<number>> {
  const decoders = new Map<number, Set<number>>();
  const busy = new Map<number, number>();
  const waiting: Action[] = ranks.flatMap((rank) => schedule.handle(ready(rank)));
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (next.kind !== "lease") continue;
    const { rank, range } = next;
    for (let event = range.first; event < range.end; event++) {
      const chunk = Math.floor(event / events);
      decoders.set(chunk, (decoders.get(chunk) ?? new Set()).add(rank));
    }
    const busySeconds = (busy.get(rank) ?? 0) + (range.end - range.first) / 1000;
    busy.set(rank, busySeconds);
    const ranges = [{ lease: asLeaseId(next.lease), ...range }];
    waiting.push(
      ...schedule.handle({ kind: "results", rank, ranges, busySeconds, waitSeconds: 0 }),
    );
  }
  return decoders;
}

describe("a lease whose chunks hold several events", () => {
  function started(cap: number, cuts: LeaseCuts, events = 6400): Schedule {
    const schedule = new Schedule({ first: 0, end: events }, cap, undefined, { cuts });
    schedule.handle({ kind: "started" });
    return schedule;
  }

  test.each([
    // events a chunk, cap
    [16, 1],
    [16, 10],
    [16, 1000],
    [64, 1],
    [64, 10],
    [64, 100],
    [64, 1000],
  ])("of %i events shares few of them with others, up to %i events a lease", (events, cap) => {
    const ranks = [1, 2, 3].map(asRank);
    const decoders = decodersOf(started(cap, everyEvents(events)), ranks, events);
    expect(decoders.size).toBe(6400 / events);
    const decodes = [...decoders.values()].reduce((sum, { size }) => sum + size, 0);
    // At the end a client that has nothing else to do takes what another one would come to.
    expect(decodes - decoders.size).toBeLessThanOrEqual(2 * ranks.length);
  });

  test("begins where another client's chunk ends, and goes on with its own", () => {
    const schedule = started(4, everyEvents(10), 1000);
    expect(leasesOf(schedule.handle(ready(ONE)))).toEqual([
      [ONE, 0, 2],
      [ONE, 2, 4],
    ]);
    expect(leasesOf(schedule.handle(ready(TWO)))).toEqual([
      [TWO, 10, 12],
      [TWO, 12, 14],
    ]);
  });

  test("leaves a client that goes away nothing: the next one has it all", () => {
    const schedule = started(4, everyEvents(10), 1000);
    schedule.handle(ready(ONE));
    schedule.handle({ kind: "client-left", rank: ONE });
    // Events 4 to 9 were kept for the first one.
    const decoders = decodersOf(schedule, [TWO], 10);
    expect([...decoders.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, k) => k),
    );
    expect(schedule.progress.done).toBe(1000);
  });

  test("ends where the fewest bytes are decoded twice, if every border shares some", () => {
    // Two sources whose chunks of four begin one event apart: 5 bytes at one's borders, 3 at the other's, else both.
    const cost = (event: number): number => (event % 4 === 0 ? 5 : event % 4 === 1 ? 3 : 8);
    const schedule = started(6, { cost, reach: 4 }, 1000);
    const results = { lease: asLeaseId(1), first: 0, end: 1 };
    schedule.handle(ready(ONE));
    const actions = schedule.handle({
      kind: "results",
      rank: ONE,
      ranges: [results],
      busySeconds: 0.001,
      waitSeconds: 0,
    });
    const ends = leasesOf(actions).map(([, , end]) => end);
    expect(ends.filter((end) => end > 5).every((end) => end % 4 === 1)).toBe(true);
  });
});

describe("a border between two events", () => {
  /** Rows of 4 elements of 2 bytes; gzip. */
  const storage = (rows: number, filters = [{ id: 1, clientData: [4] }]) => ({
    storage: {
      itemShape: [4],
      elementBytes: 2,
      bigEndian: false,
      chunk: [rows, 4],
      address: -1,
      filters,
      fill: undefined,
    },
  });

  test("costs the chunks that have events on both sides", () => {
    const chunks = SharedChunks.of([storage(2), storage(3), storage(4, [])])!;
    expect(chunks.reach).toBe(3);
    // Event:      0     1     2     3     4     5
    // source 0:   0     1     2     3           5     chunks of 2 rows: 0 0 1 1   2
    // source 1:         0     1     2     3     4     chunks of 3 rows:   0 0 0 1 1
    // source 2 isn't filtered.
    const costs = chunks.costs({
      start: Uint32Array.of(0, 2, 5, 8, 10, 11, 13),
      source: Uint16Array.of(0, 2, 0, 1, 2, 0, 1, 2, 0, 1, 1, 0, 1),
      row: Uint32Array.of(0, 0, 1, 0, 1, 2, 1, 2, 3, 2, 3, 5, 4),
    });
    const [two, three] = [2 * 8, 3 * 8];
    expect([...costs]).toEqual([0, two, three, two + three, 0, three]);
  });

  test("costs them, too, where an event between has none of the source", () => {
    const costs = SharedChunks.of([storage(8)])!.costs({
      start: Uint32Array.of(0, 1, 1, 1, 2),
      source: Uint16Array.of(0, 0),
      row: Uint32Array.of(2, 5),
    });
    expect([...costs]).toEqual([0, 64, 64, 64]);
  });

  test("costs nothing where no source shares any", () => {
    expect(SharedChunks.of([storage(1), storage(4, []), { storage: undefined }])).toBeUndefined();
  });
});
