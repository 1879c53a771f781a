import type { MockRun } from "./mock-run.ts";
import { randomOf } from "./random.ts";

/** The time stamps of a run, in time order, whoever has them, as columns. */
export interface RunEvents {
  /** Shape (events), u64 ns, strictly ascending. */
  readonly times: BigUint64Array;
  /** Shape (events), rows of the run's labels. */
  readonly labels: Uint8Array;
}

/** 2023-11-14, in ns since 1970: 256 times beyond what a double holds exactly. */
const FIRST_TIME = 1_700_000_000_000_000_000n;

/** A kHz machine. */
const STEP_TICKS_MAX = 2_000_000;

/** Doubles near {@link FIRST_TIME} are 256 ns apart: one step in eight is too small for them. */
const SMALL_STEP_TICKS_MAX = 200;
const SMALL_STEP_SHARE = 1 / 8;

/** The first `count` time stamps of the run, and what is known of each. A longer run of the same seed begins alike. */
export function eventsOf(run: MockRun, count: number): RunEvents {
  return { times: timesOf(run.seed, count), labels: labelsOf(run, count) };
}

function timesOf(seed: number, count: number): BigUint64Array {
  const random = randomOf(seed, "stamps");
  const times = new BigUint64Array(count);
  // 1e8 steps of 2e6 ns are 2e14: the way from the first stamp is exact in a double, and only the sum needs BigInt.
  let ticks = 0;
  for (let event = 0; event < count; event++) {
    const longest = random.chance(SMALL_STEP_SHARE) ? SMALL_STEP_TICKS_MAX : STEP_TICKS_MAX;
    ticks += 1 + random.below(longest);
    times[event] = FIRST_TIME + BigInt(ticks);
  }
  return times;
}

function labelsOf(run: MockRun, count: number): Uint8Array {
  const random = randomOf(run.seed, "labels");
  const labels = new Uint8Array(count);
  for (let event = 0; event < count; event++) labels[event] = random.below(run.labels.length);
  return labels;
}

/** What the first element of a time stamp's rows is, in every file: its low 31 bits, so that an i4 isn't negative. */
export function firstElement(times: BigUint64Array, event: number): number {
  return Number(BigInt.asUintN(31, times[event]!));
}
