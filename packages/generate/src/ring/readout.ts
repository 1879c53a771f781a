import { randomOf, type Random } from "../random.ts";
import { ArrivalQueue, type Arrival } from "./arrivals.ts";
import {
  BODY_HEAD_BYTES,
  fragmentHeadBytes,
  sourceIds,
  triggersMax,
  type MockRingRun,
  type Stall,
} from "./mock-ring-run.ts";
import { missesHeader, RunItems } from "./run-items.ts";
import { NO_STAMP } from "./stamps.ts";

/** Ticks before the first trigger, in periods: jitter goes both ways. */
const LEAD_PERIODS = 10;

/** One source's readout: its random numbers, and how far it is. */
interface Readout {
  readonly source: number;
  readonly stalls: readonly Stall[];
  readonly presence: Random;
  readonly stamps: Random;
  readonly order: Random;
  readonly sizes: Random;
  readonly isHeaderless: boolean;
  /** Ticks of its last stamp. */
  last: number;
}

/** Says before each trigger whether the run has enough of them. */
export type IsEnough = (triggers: number, queuedBytes: number) => boolean;

/** What the sources send, in the order in which it arrives. */
export function* readOut(run: MockRingRun, isEnough: IsEnough): Generator<Arrival> {
  const readouts = sourceIds(run).map((source) => readoutOf(run, source));
  const items = new RunItems(run);
  const queue = new ArrivalQueue();
  const next = fragmentsOf(run, queue);
  const triggers = triggersMax(run);
  const pauseEvery = Math.ceil(expectedTriggers(run) / (run.pauses + 1));
  yield* items.begin();
  let pauses = 0;
  let time = LEAD_PERIODS * run.periodTicks;
  for (let trigger = 1; !isEnough(trigger - 1, queue.bytes) && trigger <= triggers; trigger++) {
    time += run.periodTicks;
    for (const readout of readouts) next(readout, time);
    if (run.scalersEvery > 0 && trigger % run.scalersEvery === 0)
      for (const readout of readouts) pushScalers(queue, items, readout, time, trigger);
    if (trigger % pauseEvery === 0 && pauses < run.pauses)
      for (const item of items.pause(pauses++, trigger)) queue.push(item, time);
    yield* queue.popBefore(time + run.periodTicks - run.jitterTicks);
  }
  yield* queue.popBefore(Infinity);
  yield* items.end(time);
}

function readoutOf(run: MockRingRun, source: number): Readout {
  return {
    source,
    stalls: run.stalls.filter((stall) => stall.source === source),
    presence: randomOf(run.seed, "presence", source),
    stamps: randomOf(run.seed, "stamps", source),
    order: randomOf(run.seed, "order", source),
    sizes: randomOf(run.seed, "labels", source),
    isHeaderless: missesHeader(run, source, { isPhysics: true }),
    last: 0,
  };
}

/** Pauses are spread over as many triggers as there will be, more or less. */
const expectedTriggers = (run: MockRingRun): number =>
  run.size.kind === "events" ? run.size.events : Math.ceil(triggersMax(run) / 2);

/** Puts a source's fragment of a trigger into the queue, if it has one. The draws are the same whatever comes of them. */
function fragmentsOf(
  run: MockRingRun,
  queue: ArrivalQueue,
): (readout: Readout, time: number) => void {
  const drawBytes = payloadBytesOf(run);
  let number = 0;
  return (readout, time) => {
    const { presence, stamps, order, source } = readout;
    const isThere = !presence.chance(run.dropShare);
    const isRepeated = stamps.chance(run.duplicateShare);
    const isNull = stamps.chance(run.nullShare);
    const measured = time - run.jitterTicks + stamps.below(2 * run.jitterTicks + 1);
    const delay = order.chance(run.disorderShare) ? 1 + order.below(run.delayTicks) : 0;
    const bytes = drawBytes(readout);
    if (!isThere) return;
    // A source's clock doesn't go back; a stuck one repeats itself.
    const ticks = isRepeated && readout.last > 0 ? readout.last : Math.max(measured, readout.last);
    readout.last = ticks;
    const arrives = Math.max(measured, ticks) + delay;
    queue.push(
      {
        kind: "fragment",
        source,
        ticks,
        stamp: isNull ? NO_STAMP : ticks,
        isHeaderless: readout.isHeaderless,
        bytes,
        number: number++,
        arrives: 0,
        turn: 0,
      },
      Math.max(arrives, endOfStall(readout, ticks)),
    );
  };
}

/** Bodies are whole 16-bit words, from 3/4 to 5/4 of the mean. */
function payloadBytesOf(run: MockRingRun): (readout: Readout) => number {
  const wordsMean = Math.floor((run.eventBytes - fragmentHeadBytes(run)) / 2);
  const wordsMin = Math.max(BODY_HEAD_BYTES / 2, Math.floor((3 * wordsMean) / 4));
  const choices = 2 * (wordsMean - wordsMin) + 1;
  const headBytes = fragmentHeadBytes(run);
  const headerlessBytes = run.version === 10 ? headBytes : 12;
  return ({ sizes, isHeaderless }) =>
    (isHeaderless ? headerlessBytes : headBytes) + 2 * (wordsMin + sizes.below(choices));
}

/** Where a stamp falls into a stall, when that ends; else it holds nothing up. */
function endOfStall({ stalls }: Readout, ticks: number): number {
  for (const { startTicks, lengthTicks } of stalls)
    if (ticks >= startTicks && ticks < startTicks + lengthTicks) return startTicks + lengthTicks;
  return 0;
}

function pushScalers(
  queue: ArrivalQueue,
  items: RunItems,
  readout: Readout,
  time: number,
  trigger: number,
): void {
  readout.last = Math.max(readout.last, time);
  const arrives = Math.max(readout.last, endOfStall(readout, readout.last));
  for (const item of items.scalers(readout.source, readout.last, trigger))
    queue.push(item, arrives);
}
