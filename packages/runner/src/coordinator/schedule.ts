import { asLeaseId, type LeaseId, type Rank } from "@evb/event";
import { batchEvents } from "./batches.ts";
import { lengthOf, RangeSet, type Range } from "./range-set.ts";

export type Stimulus =
  /** The barrier is open: leases may go out. */
  | { readonly kind: "started" }
  /** The run ends before its end: nothing more goes out. */
  | { readonly kind: "stopped" }
  | { readonly kind: "client-ready"; readonly rank: Rank }
  /** Columns of these events arrived. */
  | {
      readonly kind: "results";
      readonly rank: Rank;
      readonly ranges: readonly (Range & { readonly lease: LeaseId })[];
      /** Seconds that the client has spent on events since it joined. */
      readonly busySeconds: number;
    }
  /** Totals of exactly these events arrived. */
  | { readonly kind: "epoch"; readonly rank: Rank; readonly ranges: readonly Range[] }
  /** It died: what it had is done again. */
  | { readonly kind: "client-lost"; readonly rank: Rank }
  /** It gives back what it had, and goes. */
  | { readonly kind: "client-left"; readonly rank: Rank };

export type Action =
  | { readonly kind: "lease"; readonly rank: Rank; readonly lease: LeaseId; readonly range: Range }
  /** These results are the first of their events: they count. */
  | { readonly kind: "commit"; readonly rank: Rank; readonly ranges: readonly Range[] }
  | { readonly kind: "accept-epoch"; readonly rank: Rank }
  | { readonly kind: "refuse-epoch"; readonly rank: Rank }
  | { readonly kind: "finish" };

/** What the schedule has seen so far. */
export interface Progress {
  readonly events: number;
  /** Events whose columns are journalled. */
  readonly done: number;
  /** Events that are in an accepted epoch of totals. */
  readonly counted: number;
  /** Leases handed out. */
  readonly batches: number;
  /** Events handed out again because their client was lost, or their epoch was. */
  readonly redone: number;
}

/** A client has so much work before it, so that it never waits for an answer: 100 × the round trip of 0.17 ms. */
const WORK_AHEAD_SECONDS = 0.02;
/** While it works on one lease the next one is there. */
const LEASES_AHEAD_MIN = 2;
/** Leases of one tiny event each fill the time ahead with thousands; they are columns, but each is also an entry here. */
const LEASES_AHEAD_MAX = 1024;
/** A new measurement of a client's speed weighs so much against the old ones. */
const SPEED_WEIGHT = 0.3;

interface ClientState {
  readonly leases: Map<LeaseId, { readonly range: Range; left: number }>;
  /** Events in its leases that have no result yet. */
  readonly ahead: RangeSet;
  /** Events that it has done and not sent the totals of. */
  readonly uncounted: RangeSet;
  secondsPerEvent: number | undefined;
  busySeconds: number;
}

/**
 * Who works on what, once and only once. Only handle() changes it; it knows no clock, socket or file.
 *
 * An event is *done* when its columns are committed and *counted* when an epoch with it is accepted;
 * the run ends when every event is both. Laws: an event is committed once and counted once; what is
 * not both is waiting, leased, or done by a client whose epoch is still to come.
 */
export class Schedule {
  readonly #events: number;
  readonly #cap: number;
  readonly #waiting: RangeSet;
  /** Those of the waiting that a lost client had, or that were in a refused epoch. */
  readonly #again = new RangeSet();
  readonly #done = new RangeSet();
  readonly #counted = new RangeSet();
  readonly #clients = new Map<Rank, ClientState>();
  #started = false;
  #finished = false;
  #leases = 0;
  #redone = 0;

  /** @param batchCap the most events of a lease */
  constructor(range: Range, batchCap: number) {
    this.#events = range.end - range.first;
    this.#cap = batchCap;
    this.#waiting = new RangeSet([range]);
  }

  get progress(): Progress {
    return {
      events: this.#events,
      done: this.#done.count,
      counted: this.#counted.count,
      batches: this.#leases,
      redone: this.#redone,
    };
  }

  /** Events that are done, in order. */
  get done(): readonly Range[] {
    return this.#done.ranges;
  }

  handle(stimulus: Stimulus): Action[] {
    switch (stimulus.kind) {
      case "started":
        this.#started = true;
        return [...this.#leaseToAll(), ...this.#finishIfDone()];
      case "stopped":
        this.#started = false;
        return [];
      case "client-ready":
        if (this.#clients.has(stimulus.rank)) return [];
        this.#clients.set(stimulus.rank, newClient());
        return this.#leaseTo(stimulus.rank);
      case "results":
        return this.#results(stimulus);
      case "epoch":
        return [...this.#epoch(stimulus.rank, stimulus.ranges), ...this.#finishIfDone()];
      case "client-lost":
      case "client-left":
        return this.#lose(stimulus.rank, { again: stimulus.kind === "client-lost" });
    }
  }

  #results(stimulus: Extract<Stimulus, { kind: "results" }>): Action[] {
    const { rank, ranges, busySeconds } = stimulus;
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    const fresh: Range[] = [];
    for (const range of ranges) {
      this.#settle(client, range);
      for (const part of this.#done.add(range)) fresh.push(part);
      for (const part of this.#counted.missing(range)) client.uncounted.add(part);
      // A client that was taken for lost and came back brings results of what was given back.
      this.#forget(range);
    }
    measure(client, lengthOf(ranges), busySeconds);
    return [{ kind: "commit", rank, ranges: fresh }, ...this.#leaseTo(rank)];
  }

  /** The events of the range leave the lease that they were in, if it is this client's. */
  #settle(client: ClientState, range: Range & { readonly lease: LeaseId }): void {
    const lease = client.leases.get(range.lease);
    if (lease === undefined) return;
    const first = Math.max(range.first, lease.range.first);
    const end = Math.min(range.end, lease.range.end);
    // What came before doesn't count again, or a lease would be taken for done with events to do.
    lease.left -= lengthOf(client.ahead.remove({ first, end }));
    if (lease.left === 0) client.leases.delete(range.lease);
  }

  #epoch(rank: Rank, ranges: readonly Range[]): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    const parts = client.uncounted.removeAll(ranges);
    const own = lengthOf(parts) === lengthOf(ranges);
    if (own && !parts.some((part) => this.#counted.touches(part))) {
      this.#counted.addAll(parts);
      for (const part of parts) this.#forget(part);
      return [{ kind: "accept-epoch", rank }];
    }
    // Refused whole: what nobody has counted yet is done again.
    this.#giveBack(parts, { again: true });
    return [{ kind: "refuse-epoch", rank }, ...this.#leaseToAll()];
  }

  #lose(rank: Rank, how: { again: boolean }): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    this.#clients.delete(rank);
    this.#giveBack(client.ahead.ranges, how);
    // Done, but its totals went with the client: done again, and only counted the second time.
    this.#giveBack(client.uncounted.ranges, how);
    return this.#leaseToAll();
  }

  #giveBack(ranges: readonly Range[], { again }: { again: boolean }): void {
    const parts = ranges.flatMap((range) => this.#counted.missing(range));
    this.#waiting.addAll(parts);
    if (again) this.#again.addAll(parts);
  }

  /** Somebody has the results of the range: nobody else need do it. */
  #forget(range: Range): void {
    if (!this.#waiting.touches(range)) return;
    this.#waiting.remove(range);
    this.#again.remove(range);
  }

  #leaseToAll(): Action[] {
    return [...this.#clients.keys()].flatMap((rank) => this.#leaseTo(rank));
  }

  #leaseTo(rank: Rank): Action[] {
    const client = this.#clients.get(rank);
    const actions: Action[] = [];
    if (!this.#started || client === undefined) return actions;
    while (this.#waiting.count > 0 && wantsMore(client)) {
      const range = this.#waiting.takeFirst(
        batchEvents({
          waiting: this.#waiting.count,
          clients: this.#clients.size,
          cap: this.#cap,
          secondsPerEvent: client.secondsPerEvent,
        }),
      );
      if (range === undefined) break;
      const lease = asLeaseId(++this.#leases);
      if (this.#again.count > 0) this.#redone += lengthOf(this.#again.remove(range));
      client.leases.set(lease, { range, left: range.end - range.first });
      client.ahead.add(range);
      actions.push({ kind: "lease", rank, lease, range });
    }
    return actions;
  }

  #finishIfDone(): Action[] {
    if (this.#finished || !this.#started || this.#counted.count < this.#events) return [];
    this.#finished = true;
    return [{ kind: "finish" }];
  }
}

function newClient(): ClientState {
  return {
    leases: new Map(),
    ahead: new RangeSet(),
    uncounted: new RangeSet(),
    secondsPerEvent: undefined,
    busySeconds: 0,
  };
}

function wantsMore(client: ClientState): boolean {
  const leases = client.leases.size;
  if (leases < LEASES_AHEAD_MIN) return true;
  if (leases >= LEASES_AHEAD_MAX || client.secondsPerEvent === undefined) return false;
  return client.ahead.count * client.secondsPerEvent < WORK_AHEAD_SECONDS;
}

/** A microsecond: what an event costs that the client's clock can't see. */
const SECONDS_PER_EVENT_MIN = 1e-6;

function measure(client: ClientState, events: number, busySeconds: number): void {
  if (events === 0) return;
  const now = Math.max(SECONDS_PER_EVENT_MIN, (busySeconds - client.busySeconds) / events);
  client.busySeconds = busySeconds;
  const before = client.secondsPerEvent;
  client.secondsPerEvent = before === undefined ? now : before + SPEED_WEIGHT * (now - before);
}
