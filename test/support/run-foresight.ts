import { asRank, type Rank } from "@evb/event";
import type { Action, Range, Schedule, Stimulus } from "@evb/runner";

/** What an earlier life of the coordinator did. */
export type Before = NonNullable<ConstructorParameters<typeof Schedule>[2]>;

type Stimuli<Kind extends Stimulus["kind"]> = Extract<Stimulus, { kind: Kind }>;
export type Lease = Extract<Action, { kind: "lease" }>;
/** What the schedule has to answer, but for leases. */
export type Answer =
  | { readonly kind: "accept-epoch" | "refuse-epoch" }
  | { readonly kind: "commit" | "set-aside"; readonly events: readonly number[] };

/** One connection of a client. */
export interface Connection {
  late: boolean;
  /** It has shown how fast it is. */
  isMeasured: boolean;
  readonly leases: Map<number, Range>;
  /** For each event the lease that it is in, while no result of it has come; 0: none. */
  readonly ahead: number[];
  aheadCount: number;
  /** For each event whether its results have come, and its totals haven't. */
  readonly uncounted: number[];
  /** What it holds alone: it may have ended a client. */
  alone: number | undefined;
}

/** Who died in an earlier life of the coordinator. */
const SOMEBODY = asRank(0);

/** Clients that died with an event in their hands, until it is set aside. */
const DEATHS_MAX = 3;

/**
 * Event by event, and with nothing but counters, who has what: so it can be foreseen what a schedule
 * answers. Events are counted from the run's first one; 1 is yes, and 0 no.
 */
export class Foresight {
  readonly first: number;
  readonly done: number[];
  readonly counted: number[];
  /** How many have it before them, or may still bring its totals. */
  readonly holders: number[];
  /** Whose deaths were laid to it. */
  readonly deaths: (Rank[] | undefined)[];
  /** Nobody ever had it, or who had it last gave it back politely. */
  readonly fresh: number[];
  /** Only a late client has it, and another is to have it, too. */
  readonly toDouble: number[];
  readonly connections = new Map<Rank, Connection>();
  /** They were asked to give back what they haven't begun. */
  readonly asked = new Set<Connection>();
  started = false;
  stopped = false;
  doneCount = 0;
  countedCount = 0;
  handedOut: number;
  /** Clients of an earlier life that may still bring totals of these events. */
  readonly #expected = new Map<Rank, number[]>();

  constructor(range: Range, before?: Before) {
    this.first = range.first;
    const zeros = (): number[] => new Array<number>(range.end - range.first).fill(0);
    this.done = zeros();
    this.counted = zeros();
    this.holders = zeros();
    this.deaths = new Array<undefined>(this.done.length).fill(undefined);
    this.fresh = zeros();
    this.toDouble = zeros();
    this.handedOut = before?.handedOut ?? range.first;
    for (const event of this.eventsOf(before?.done ?? [])) this.#finish(event);
    for (const event of this.eventsOf(before?.counted ?? [])) this.#count(event);
    for (const [rank, ranges] of before?.uncounted ?? []) {
      const events = this.eventsOf(ranges);
      this.#expected.set(rank, events);
      for (const event of events) this.holders[event]!++;
    }
    const { once = [], twice = [] } = before?.suspects ?? {};
    for (const event of [...this.eventsOf(once), ...this.eventsOf(twice)])
      (this.deaths[event] ??= []).push(SOMEBODY);
    for (let event = this.handedOut - range.first; event < this.done.length; event++)
      this.fresh[event] = 1 - this.done[event]!;
  }

  #finish(event: number): boolean {
    if (this.done[event] === 1) return false;
    this.done[event] = 1;
    this.doneCount++;
    return true;
  }

  #count(event: number): void {
    this.counted[event] = 1;
    this.countedCount++;
  }

  get isComplete(): boolean {
    return this.countedCount === this.counted.length;
  }

  /** What comes of it, and what is answered. */
  foresee(stimulus: Stimulus): Answer | undefined {
    switch (stimulus.kind) {
      case "started":
        this.started = true;
        return undefined;
      case "stopped":
        this.stopped = true;
        return undefined;
      case "client-ready":
        this.#ready(stimulus);
        return undefined;
      case "results":
        return this.#results(stimulus);
      case "epoch":
        return this.#epoch(stimulus);
      case "client-late":
        this.#late(this.#connection(stimulus.rank));
        return undefined;
      case "client-back":
        this.#connection(stimulus.rank).late = false;
        for (const [event, lease] of this.#connection(stimulus.rank).ahead.entries())
          if (lease !== 0) this.toDouble[event] = 0;
        return undefined;
      case "client-lost":
        return this.#lost(stimulus);
      case "client-settled":
        this.#settled(this.#connection(stimulus.rank));
        return undefined;
      case "revoked":
        this.#givenBack(stimulus);
        return undefined;
      case "beat":
        return undefined;
      case "client-left":
        this.#forget(stimulus.rank, { politely: true });
        return undefined;
      case "waited":
        for (const events of this.#expected.values())
          for (const event of events) this.#release(event);
        this.#expected.clear();
        return undefined;
    }
  }

  /** Somebody has every event that isn't counted. */
  get isAtEnd(): boolean {
    return this.holders.every((holders, event) => holders > 0 || this.counted[event] === 1);
  }

  #givenBack({ rank, ranges }: Stimuli<"revoked">): void {
    const connection = this.#connection(rank);
    this.asked.delete(connection);
    for (const { lease, first, end } of ranges) {
      for (const event of this.eventsOf([{ first, end }]))
        if (connection.ahead[event] === lease)
          this.#takeFrom(connection, event, { politely: true });
      const range = connection.leases.get(lease);
      if (range === undefined) continue;
      const left = { first: range.first, end: Math.min(range.end, first) };
      if (this.eventsOf([left]).some((event) => connection.ahead[event] === lease))
        connection.leases.set(lease, left);
      else connection.leases.delete(lease);
    }
  }

  #ready({ rank, returned }: Stimuli<"client-ready">): void {
    const zeros = (): number[] => new Array<number>(this.done.length).fill(0);
    const connection: Connection = {
      late: false,
      isMeasured: false,
      leases: new Map(),
      ahead: zeros(),
      aheadCount: 0,
      uncounted: zeros(),
      alone: undefined,
    };
    this.connections.set(rank, connection);
    if (returned)
      for (const [event, ranks] of this.deaths.entries())
        if (ranks?.includes(rank) === true)
          this.deaths[event] = ranks.filter((each) => each !== rank);
    for (const event of this.#expected.get(rank) ?? [])
      // Others may have counted it meanwhile.
      if (this.counted[event] === 0) connection.uncounted[event] = 1;
      else this.#release(event);
    this.#expected.delete(rank);
  }

  #results({ rank, ranges }: Stimuli<"results">): Answer {
    const connection = this.#connection(rank);
    const fresh: number[] = [];
    if (ranges.length > 0) connection.isMeasured = true;
    for (const range of ranges) {
      const lease = connection.leases.get(range.lease);
      for (const event of this.eventsOf([range])) {
        const at = event + this.first;
        // A lease of an earlier life may have had this number, and be of these events, too, or of others.
        const ours = lease !== undefined && lease.first <= at && at < lease.end;
        if (ours && connection.ahead[event] !== 0) this.#takeFrom(connection, event);
        if (this.#finish(event)) fresh.push(event);
        this.fresh[event] = 0;
        this.toDouble[event] = 0;
        if (this.counted[event] === 0 && connection.uncounted[event] === 0) {
          connection.uncounted[event] = 1;
          this.holders[event]!++;
        }
      }
      if (lease !== undefined && !this.eventsOf([lease]).some((event) => connection.ahead[event]))
        connection.leases.delete(range.lease);
    }
    return { kind: "commit", events: fresh };
  }

  #late(connection: Connection): void {
    connection.late = true;
    this.#double(connection);
  }

  /** What it has and nobody else, another is to have, too; but nothing that may end both. */
  #double({ ahead }: Connection): void {
    for (const [event, lease] of ahead.entries())
      if (lease !== 0 && this.holders[event] === 1 && this.done[event] === 0)
        this.toDouble[event] = +!this.isSuspect(event);
  }

  /** One less has it. */
  #release(event: number, { politely } = { politely: false }): void {
    if (--this.holders[event]! === 0) this.fresh[event] = +politely;
  }

  #takeFrom(connection: Connection, event: number, how = { politely: false }): void {
    connection.ahead[event] = 0;
    connection.aheadCount--;
    this.#release(event, how);
    if (connection.alone === event) connection.alone = undefined;
  }

  /** It counts if it is of events that this client has done, each once, and that nobody has counted. */
  #epoch({ rank, ranges }: Stimuli<"epoch">): Answer {
    const connection = this.#connection(rank);
    const events = this.eventsOf(ranges);
    let counts = true;
    for (const event of events) {
      if (connection.uncounted[event] === 0 || this.counted[event] === 1) counts = false;
      if (connection.uncounted[event] === 1) this.#release(event);
      connection.uncounted[event] = 0;
    }
    if (counts) for (const event of events) this.#count(event);
    return { kind: counts ? "accept-epoch" : "refuse-epoch" };
  }

  /** All totals of what it did before it connected have come: others it hasn't got. */
  #settled({ uncounted }: Connection): void {
    for (const [event, is] of uncounted.entries())
      if (is === 1) {
        uncounted[event] = 0;
        this.#release(event);
      }
  }

  #lost({ rank, died }: Stimuli<"client-lost">): Answer | undefined {
    const { ahead } = this.#connection(rank);
    const setAside: number[] = [];
    for (const [event, lease] of ahead.entries()) {
      if (!died || lease === 0) continue;
      if (this.counted[event] === 1 || this.#isTotalled(event)) continue;
      const deaths = (this.deaths[event] ??= []);
      deaths.push(rank);
      if (deaths.length < DEATHS_MAX) continue;
      setAside.push(event);
      this.#finish(event);
      this.#count(event);
    }
    this.#forget(rank, { politely: false });
    return setAside.length === 0 ? undefined : { kind: "set-aside", events: setAside };
  }

  /** Somebody who is there has done it, and may bring its totals. */
  #isTotalled(event: number): boolean {
    for (const { uncounted } of this.connections.values()) if (uncounted[event] === 1) return true;
    return false;
  }

  #forget(rank: Rank, how: { politely: boolean }): void {
    const { ahead, uncounted } = this.#connection(rank);
    this.connections.delete(rank);
    for (const [event, lease] of ahead.entries()) {
      if (lease !== 0) this.toDouble[event] = 0;
      if (lease !== 0) this.#release(event, how);
      if (uncounted[event] === 1) this.#release(event, how);
    }
    // What it had as doubles is again only a late client's.
    for (const other of this.connections.values()) if (other.late) this.#double(other);
  }

  /** A client has more before it. */
  lease({ rank, lease, range }: Lease): void {
    const to = this.#connection(rank);
    to.leases.set(lease, range);
    for (const event of this.eventsOf([range])) {
      to.ahead[event] = lease;
      to.aheadCount++;
      this.toDouble[event] = 0;
      this.fresh[event] = 0;
      this.holders[event]!++;
      if (this.isSuspect(event)) to.alone = event;
    }
    this.handedOut = Math.max(this.handedOut, range.end);
  }

  isSuspect(event: number): boolean {
    return (this.deaths[event]?.length ?? 0) > 0;
  }

  #connection(rank: Rank): Connection {
    return this.connections.get(rank)!;
  }

  eventsOf(ranges: readonly Range[]): number[] {
    const events: number[] = [];
    for (const { first, end } of ranges)
      for (let event = first; event < end; event++) events.push(event - this.first);
    return events;
  }
}
