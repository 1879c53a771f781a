import { asRank, type LeaseId, type Rank } from "@evb/event";
import { Schedule, type Action, type Stimulus } from "@evb/runner";

export interface SimulatedRun {
  readonly clients: number;
  /** The most events of a lease. */
  readonly cap: number;
  /** Seconds of each event, for a client of speed 1. */
  readonly costs: readonly number[];
  /** How many times longer a client takes, by its number from 0. */
  readonly slowness: (client: number) => number;
  readonly eventBytes?: number;
  /** From a client to its coordinator. */
  readonly tripSeconds?: number;
}

export interface SimulatedEnd {
  /** From the start to the last total. */
  readonly seconds: number;
  /** All clients work to the end, as fast as they are, and nothing takes time but events. */
  readonly ideal: number;
  readonly revoked: number;
  readonly doubled: number;
  /** The most events that a client had before it at a time. */
  readonly aheadMax: number;
  readonly leases: number;
}

/** From a client to its coordinator, where both are near. */
const TRIP_SECONDS = 0.25e-3;
/** As lease-loop.ts. */
const PUBLISH_SECONDS_MIN = 0.005;
const PUBLISH_SECONDS_MAX = 0.05;
const BEAT_SECONDS = 0.1;

interface Entry {
  readonly lease: LeaseId;
  next: number;
  end: number;
}

/** A client as lease-loop.ts works: one event after the other, results when as many are done as are left. */
interface Worker {
  readonly rank: Rank;
  readonly slowness: number;
  readonly queue: Entry[];
  readonly unsaid: { lease: LeaseId; first: number; end: number }[];
  /** Events that it has and hasn't done. */
  ahead: number;
  doneUnsaid: number;
  saidAt: number;
  busySeconds: number;
  waitSeconds: number;
  /** Since when it has nothing to do; undefined: before its first lease. */
  idleAt: number | undefined;
  isWorking: boolean;
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly what: () => void;
}

/** A run whose clock is simulated: what a real {@link Schedule} makes of clients of given speeds. */
export function simulate({
  clients,
  cap,
  costs,
  slowness,
  eventBytes = 0,
  tripSeconds = TRIP_SECONDS,
}: SimulatedRun): SimulatedEnd {
  const agenda = new Agenda();
  const schedule = new Schedule({ first: 0, end: costs.length }, cap, undefined, { eventBytes });
  const workers = new Map<Rank, Worker>();
  let finishedAt: number | undefined;
  let leases = 0;
  let aheadMax = 0;
  for (let n = 0; n < clients; n++)
    workers.set(asRank(n + 1), newWorker(asRank(n + 1), slowness(n)));

  const tell = (stimulus: Stimulus): void => {
    for (const action of schedule.handle(stimulus)) perform(action);
  };
  const toCoordinator = (stimulus: Stimulus): void => {
    agenda.in(tripSeconds, () => {
      tell(stimulus);
    });
  };
  const perform = (action: Action): void => {
    if (action.kind === "finish") finishedAt = agenda.now;
    if (action.kind !== "lease" && action.kind !== "revoke") return;
    const worker = workers.get(action.rank)!;
    if (action.kind === "revoke") {
      agenda.in(tripSeconds, () => {
        giveBack(worker);
      });
      return;
    }
    leases++;
    const { lease, range } = action;
    agenda.in(tripSeconds, () => {
      worker.queue.push({ lease, next: range.first, end: range.end });
      worker.ahead += range.end - range.first;
      aheadMax = Math.max(aheadMax, worker.ahead);
      if (worker.isWorking) return;
      worker.waitSeconds += agenda.now - (worker.idleAt ?? agenda.now);
      begin(worker);
    });
  };
  const giveBack = (worker: Worker): void => {
    const ranges: { lease: LeaseId; first: number; end: number }[] = [];
    for (const [n, entry] of worker.queue.entries()) {
      const first = n === 0 && worker.isWorking ? entry.next + 1 : entry.next;
      if (first < entry.end) ranges.push({ lease: entry.lease, first, end: entry.end });
      worker.ahead -= entry.end - Math.min(entry.end, first);
      entry.end = Math.min(entry.end, first);
    }
    worker.queue.splice(worker.isWorking ? 1 : 0);
    toCoordinator({ kind: "revoked", rank: worker.rank, ranges });
  };
  const begin = (worker: Worker): void => {
    const [entry] = worker.queue;
    worker.isWorking = entry !== undefined;
    if (entry === undefined) {
      worker.idleAt = agenda.now;
      say(worker);
      return;
    }
    const seconds = costs[entry.next]! * worker.slowness;
    agenda.in(seconds, () => {
      worker.busySeconds += seconds;
      done(worker, entry);
      begin(worker);
    });
  };
  const done = (worker: Worker, entry: Entry): void => {
    const event = entry.next++;
    const last = worker.unsaid.at(-1);
    if (last?.lease === entry.lease && last.end === event) last.end++;
    else worker.unsaid.push({ lease: entry.lease, first: event, end: event + 1 });
    worker.ahead--;
    worker.doneUnsaid++;
    if (entry.next === entry.end) worker.queue.shift();
    const since = agenda.now - worker.saidAt;
    if (
      since >= PUBLISH_SECONDS_MAX ||
      (since >= PUBLISH_SECONDS_MIN && worker.ahead <= worker.doneUnsaid)
    )
      say(worker);
  };
  const say = (worker: Worker): void => {
    worker.saidAt = agenda.now;
    worker.doneUnsaid = 0;
    const { rank, busySeconds, waitSeconds } = worker;
    const ranges = worker.unsaid.splice(0);
    if (ranges.length === 0) return;
    toCoordinator({ kind: "results", rank, ranges, busySeconds, waitSeconds });
    // Totals of each message of results: none is refused whole because of another's double.
    for (const { first, end } of ranges)
      toCoordinator({ kind: "epoch", rank, ranges: [{ first, end }] });
  };
  const beat = (): void => {
    tell({ kind: "beat" });
    agenda.in(BEAT_SECONDS, beat);
  };

  for (const rank of workers.keys()) tell({ kind: "client-ready", rank, returned: false });
  tell({ kind: "started" });
  agenda.in(BEAT_SECONDS, beat);
  const work = costs.reduce((sum, cost) => sum + cost, 0);
  const speed = [...workers.values()].reduce((sum, worker) => sum + 1 / worker.slowness, 0);
  const ideal = work / speed;
  while (finishedAt === undefined) {
    agenda.step();
    if (agenda.now > 20 * ideal + 60) throw new Error("the run doesn't end");
  }
  const { revoked, doubled, counted } = schedule.progress;
  if (counted !== costs.length) throw new Error(`${String(counted)} events are counted`);
  return { seconds: finishedAt, ideal, revoked, doubled, aheadMax, leases };
}

const newWorker = (rank: Rank, slowness: number): Worker => ({
  rank,
  slowness,
  queue: [],
  unsaid: [],
  ahead: 0,
  doneUnsaid: 0,
  saidAt: 0,
  busySeconds: 0,
  waitSeconds: 0,
  idleAt: undefined,
  isWorking: false,
});

/** What is to happen, in the order of time: a binary heap. */
class Agenda {
  now = 0;
  #count = 0;
  readonly #heap: Happening[] = [];

  in(seconds: number, what: () => void): void {
    const heap = this.#heap;
    const happening = { at: this.now + seconds, order: this.#count++, what };
    let at = heap.length;
    heap.push(happening);
    while (at > 0 && isBefore(happening, heap[(at - 1) >> 1]!)) {
      heap[at] = heap[(at - 1) >> 1]!;
      at = (at - 1) >> 1;
    }
    heap[at] = happening;
  }

  step(): void {
    const heap = this.#heap;
    const next = heap[0];
    if (next === undefined) throw new Error("nothing more happens, and the run isn't over");
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    this.now = next.at;
    next.what();
  }

  #sink(happening: Happening): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(happening, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = happening;
  }
}

const isBefore = (a: Happening, b: Happening): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);
