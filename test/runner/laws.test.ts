import { beforeAll, describe, expect, test } from "@jest/globals";
import { sentenceOf } from "@evb/event";
import { sizes } from "../sizes.ts";
import { History, type HistoryOrder, type Played } from "../support/run-history.ts";

/** Each is one bug more often than not; the first few are enough to find it. */
const FAILURES_MAX = 5;
/** At least this share of the histories has each kind of fault. */
const FAULT_SHARE = 1 / 50;

/** Histories that were played, and what went wrong in them, with their seeds. */
class Histories {
  played = 0;
  readonly failures: string[] = [];
  readonly #with = new Map<string, number>();

  play(order: HistoryOrder, check: (history: Played) => string | undefined): void {
    if (this.failures.length === FAILURES_MAX) return;
    let failure: string | undefined;
    this.played++;
    try {
      const history = new History(order).play();
      for (const [fault, times] of Object.entries(history.counts))
        if (times > 0) this.#with.set(fault, this.with(fault) + 1);
      failure = check(history);
    } catch (thrown) {
      failure = sentenceOf(thrown);
    }
    if (failure !== undefined) this.failures.push(`${JSON.stringify(order)}: ${failure}`);
  }

  /** Histories that had it. */
  with(fault: string): number {
    return this.#with.get(fault) ?? 0;
  }
}

/** What run-laws.ts can't see: it doesn't know which events end clients. */
function unjust({ world, poison, deadly, setAside, counts, progress }: Played): string | undefined {
  const { refused, redone, doubled } = counts;
  if (world === "calm" && redone + setAside.length > 0)
    return "nothing went wrong, and something was done again";
  // What one of two brings later than the other counts for nothing.
  if (world === "calm" && refused > doubled)
    return "nothing went wrong, and more totals were refused than events were doubled";
  if (poison.some((event) => !setAside.includes(event)))
    return `${String(poison)} end every client, and ${String(setAside)} were set aside`;
  // One that ended a single client may have been there when its neighbour ended two others.
  if (world === "poisoned" && setAside.some((event) => !deadly.has(event)))
    return `only ${String([...deadly])} ended clients, and ${String(setAside)} were set aside`;
  if (progress.done !== progress.events) return "it ended before all was done";
  return undefined;
}

describe("in a random life of a run", () => {
  const histories = new Histories();

  beforeAll(() => {
    for (let seed = 1; seed <= sizes.scheduleHistories.runs; seed++)
      histories.play({ seed }, unjust);
  }, 600_000);

  test("every law holds: each event is committed once and counted once, and there is an end", () => {
    expect(histories.failures).toEqual([]);
  });

  test.each([
    "lost",
    "cameBack",
    "died",
    "left",
    "stuck",
    "late",
    "refused",
    "redone",
    "doubled",
    "revoked",
    "nonsense",
    "lives",
    "torn",
    "setAside",
  ])("there are faults enough to mean something: %s", (fault) => {
    expect(histories.with(fault)).toBeGreaterThan(FAULT_SHARE * histories.played);
  });

  test("the laws hold for every cap", () => {
    const capped = new Histories();
    for (let seed = 1; seed <= sizes.scheduleHistories.runs / 100; seed++)
      for (const cap of [1, 7, 1000]) capped.play({ seed, cap }, unjust);
    expect(capped.failures).toEqual([]);
  }, 60_000);
});
