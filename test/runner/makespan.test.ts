import { describe, expect, test } from "@jest/globals";
import { SeededRandom } from "../support/random.ts";
import { simulate, type SimulatedRun } from "../support/simulation.ts";

const CAPS = [1, 10, 100, 1000, 10_000];
const RUNS = 10;

/** Exponential: most events take less than the mean, and a few five times as long. */
const costsOf = (random: SeededRandom, events: number, mean: number): number[] =>
  Array.from({ length: events }, () => -Math.log(1 - random.below(1e6) / 1e6) * mean);

const over = (run: SimulatedRun): number => {
  const { seconds, ideal } = simulate(run);
  return seconds / ideal;
};

describe("a run takes, whatever batch was typed", () => {
  test("at most 1.15 of the ideal for 100 events a client and more, of any cost", () => {
    const random = new SeededRandom(20261128);
    for (let n = 0; n < RUNS; n++) {
      const clients = 1 + random.below(32);
      const events = clients * (100 + random.below(200));
      const costs = costsOf(random, events, 10 ** -(1 + random.below(3)));
      for (const cap of CAPS) {
        expect(over({ clients, cap, costs, slowness: () => 1 })).toBeLessThan(1.15);
      }
    }
  });

  test("at most 1.3 of the ideal where clients are up to eight times slower than others", () => {
    const random = new SeededRandom(20261129);
    for (let n = 0; n < RUNS; n++) {
      const clients = 2 + random.below(31);
      const events = clients * (100 + random.below(200));
      const costs = costsOf(random, events, 10 ** -(1 + random.below(3)));
      const speeds = Array.from({ length: clients }, () => 1 + random.below(8));
      for (const cap of CAPS)
        expect(over({ clients, cap, costs, slowness: (k) => speeds[k]! })).toBeLessThan(1.3);
    }
  });

  test("at most 1.3 of the ideal where one of three is four times slower", () => {
    const costs = new Array<number>(4500).fill(0.002);
    for (const cap of CAPS)
      expect(over({ clients: 3, cap, costs, slowness: (k) => (k === 0 ? 4 : 1) })).toBeLessThan(
        1.1,
      );
  });

  test("at most 1.05 of 105 × 50 ms where 32 clients have 3,333 events of 50 ms", () => {
    const costs = new Array<number>(3333).fill(0.05);
    for (const cap of CAPS) {
      const { seconds } = simulate({ clients: 32, cap, costs, slowness: () => 1 });
      expect(seconds / (105 * 0.05)).toBeLessThan(1.05);
    }
  });

  test("at most 1.15 of the ideal and some ways there and back where those take 0.4 s", () => {
    const costs = costsOf(new SeededRandom(20261201), 20_000, 0.01);
    for (const cap of CAPS) {
      const run = { clients: 8, cap, costs, slowness: () => 1, tripSeconds: 0.2 };
      const { seconds, ideal } = simulate(run);
      expect(seconds).toBeLessThan(1.15 * ideal + 5 * 0.4);
    }
  });

  test("hardly more with a thousand clients", () => {
    const costs = costsOf(new SeededRandom(20261130), 100_000, 0.02);
    for (const cap of [10_000])
      expect(over({ clients: 1000, cap, costs, slowness: () => 1 })).toBeLessThan(1.15);
  }, 60_000);
});

test("events of 16 MB: a client never has more than 2 GB of them before it, whatever batch was typed", () => {
  const { aheadMax } = simulate({
    clients: 2,
    cap: 10_000,
    costs: new Array<number>(5000).fill(1e-4),
    slowness: () => 1,
    eventBytes: 16e6,
  });
  expect(aheadMax * 16e6).toBeLessThan(2 * 2 ** 30);
  expect(aheadMax).toBeGreaterThan(20);
});

test("what a slow client has not begun is taken back, and its last event is done twice", () => {
  const costs = new Array<number>(40).fill(0.05);
  const { revoked, doubled, seconds, ideal } = simulate({
    clients: 2,
    cap: 10_000,
    costs,
    slowness: (k) => (k === 0 ? 40 : 1),
  });
  expect(revoked + doubled).toBeGreaterThan(0);
  expect(doubled).toBeGreaterThan(0);
  // Alone the fast one would take 2 s; an event of the slow one takes 2 s as well.
  expect(seconds / ideal).toBeLessThan(1.15);
});
