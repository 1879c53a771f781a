import { asLeaseId, type Rank } from "@evb/event";
import { batchEvents } from "./batches.ts";
import {
  giveBack,
  hasLittle,
  leaseBytesOf,
  measure,
  newClient,
  secondsOf,
  settle,
  wantsMore,
  type ClientState,
} from "./client-state.ts";
import type { LeaseCuts } from "./lease-cuts.ts";
import { lengthOf, RangeSet, type Range } from "./range-set.ts";
import { Speeds } from "./speeds.ts";
import type { Action, Before, Progress, Stimulus } from "./stimulus.ts";
import { Suspects, type SuspectRanges } from "./suspects.ts";
import { tailMoves } from "./tail.ts";
import { Waiting } from "./waiting.ts";

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
  readonly #cuts: LeaseCuts | undefined;
  readonly #suspects: Suspects;
  readonly #waiting: Waiting;
  /** Events of late clients that another client is to have, too. */
  readonly #doubles = new RangeSet();
  readonly #done: RangeSet;
  readonly #counted: RangeSet;
  readonly #clients = new Map<Rank, ClientState>();
  /** Uncounted events of clients of an earlier life that have not come yet. */
  readonly #expected: Map<Rank, RangeSet>;
  #started = false;
  #finished = false;
  #leases = 0;
  #batches = 0;
  #redone = 0;
  #doubled = 0;
  #revoked = 0;
  #idles = false;
  #handedOut: number;
  readonly #speeds = new Speeds();
  readonly #eventBytes: number;

  /**
   * @param batchCap the most events of a batch; @param before of a run that goes on
   * @param how.cuts undefined: it is all the same where leases end
   * @param how.eventBytes what an event has that every source is in; 0: nothing is read
   */
  constructor(
    range: Range,
    batchCap: number,
    before?: Before,
    { cuts, eventBytes = 0 }: { cuts?: LeaseCuts | undefined; eventBytes?: number } = {},
  ) {
    this.#eventBytes = eventBytes;
    this.#events = range.end - range.first;
    this.#cap = batchCap;
    this.#cuts = cuts;
    this.#done = new RangeSet(before?.done);
    this.#counted = new RangeSet(before?.counted);
    this.#expected = new Map(
      [...(before?.uncounted ?? [])].map(([rank, ranges]) => [rank, new RangeSet(ranges)]),
    );
    this.#handedOut = before?.handedOut ?? range.first;
    this.#suspects = new Suspects(before?.suspects);
    this.#waiting = new Waiting(this.#suspects, cuts);
    this.#waiting.addLater(this.#done.missing({ first: range.first, end: this.#handedOut }));
    const fresh = this.#done.missing({ first: this.#handedOut, end: range.end });
    this.#waiting.add(fresh, { again: false });
    // Done, and of nobody who could still bring its totals.
    const lost = new RangeSet(this.#counted.missingOf(this.#done.ranges));
    for (const ranges of this.#expected.values()) lost.removeAll(ranges.ranges);
    this.#waiting.add(lost.ranges, { again: true });
  }

  get progress(): Progress {
    return {
      events: this.#events,
      done: this.#done.count,
      counted: this.#counted.count,
      batches: this.#batches,
      redone: this.#redone,
      doubled: this.#doubled,
      revoked: this.#revoked,
      handedOut: this.#handedOut,
    };
  }

  /** Whether a client has nothing to do, as nothing is left to give. */
  get idles(): boolean {
    return this.#idles;
  }

  get suspects(): SuspectRanges {
    return this.#suspects.ranges;
  }

  /** Events that are done, in order. */
  get done(): readonly Range[] {
    return this.#done.ranges;
  }

  /** Nothing is left to do. */
  get isComplete(): boolean {
    return this.#counted.count === this.#events;
  }

  handle(stimulus: Stimulus): Action[] {
    const actions = this.#react(stimulus);
    if (this.#started && !this.#finished) actions.push(...this.#endTogether());
    return actions;
  }

  #react(stimulus: Stimulus): Action[] {
    switch (stimulus.kind) {
      case "started":
        this.#started = true;
        return [...this.#leaseToAll(), ...this.#finishIfDone()];
      case "stopped":
        this.#started = false;
        return [];
      case "client-ready":
        return this.#ready(stimulus);
      case "results":
        return this.#results(stimulus);
      case "epoch":
        return [...this.#epoch(stimulus.rank, stimulus.ranges), ...this.#finishIfDone()];
      case "client-settled":
        return this.#settled(stimulus.rank);
      case "client-late":
        return this.#late(stimulus.rank);
      case "client-back":
        return this.#back(stimulus.rank);
      case "client-lost":
        return [...this.#lost(stimulus), ...this.#finishIfDone()];
      case "client-left":
        return this.#left(stimulus.rank);
      case "revoked":
        return this.#givenBack(stimulus);
      case "beat":
        for (const client of this.#clients.values()) client.silentBeats++;
        return [];
      case "waited":
        return this.#waited();
    }
  }

  get #isAllGiven(): boolean {
    return this.#waiting.count + this.#doubles.count === 0;
  }

  /** Nothing waits for a client, and some idle: they help the others. */
  #endTogether(): Action[] {
    this.#idles = false;
    if (!this.#isAllGiven) return [];
    const { idles, revoke, double } = tailMoves(this.#clients);
    this.#idles = idles;
    const asked = revoke.map((rank): Action => {
      const client = this.#clients.get(rank)!;
      client.revoking = true;
      client.givenSince = false;
      return { kind: "revoke", rank };
    });
    return [...asked, ...double.flatMap(({ to, of }) => this.#doubleFor(to, of))];
  }

  #doubleFor(rank: Rank, of: Rank): Action[] {
    const client = this.#clients.get(of)!;
    client.doubled = true;
    const [range] = this.#onlyOf(client);
    if (range === undefined) return [];
    const end = Math.min(range.end, range.first + this.#cap);
    const part = { first: range.first, end };
    return [this.#lease(rank, this.#clients.get(rank)!, { range: part, double: true })];
  }

  /** What it has left is begun, but for what was on its way to it when it answered. */
  #givenBack({ rank, ranges }: Extract<Stimulus, { kind: "revoked" }>): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    client.revoking = false;
    client.begunAll = !client.givenSince;
    const given = ranges.flatMap((range) => giveBack(client, range));
    this.#doubles.removeAll(given);
    this.#revoked += lengthOf(given);
    this.#giveBack(given, { again: false });
    return this.#leaseToAll({ last: rank });
  }

  #ready({ rank, returned, memoryBytes }: Extract<Stimulus, { kind: "client-ready" }>): Action[] {
    if (this.#clients.has(rank)) return [];
    if (returned) this.#suspects.returned(rank);
    const client = newClient({ returned, memoryBytes });
    this.#clients.set(rank, client);
    const expected = this.#expected.get(rank);
    this.#expected.delete(rank);
    // Others may have counted them while it was on its way.
    if (expected !== undefined) client.uncounted.addAll(this.#uncountedOf(expected.ranges));
    return this.#leaseTo(rank);
  }

  /** What it did before and has not sent the totals of: it no longer has them. */
  #settled(rank: Rank): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined || client.uncounted.count === 0) return [];
    this.#giveBack(client.uncounted.removeAll(client.uncounted.ranges), { again: true });
    return this.#leaseToAll();
  }

  #results(stimulus: Extract<Stimulus, { kind: "results" }>): Action[] {
    const { rank, ranges, busySeconds, waitSeconds } = stimulus;
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    const fresh: Range[] = [];
    for (const range of ranges) {
      settle(client, range);
      for (const part of this.#done.add(range)) fresh.push(part);
      for (const part of this.#counted.missing(range)) client.uncounted.add(part);
      // A client that was taken for lost and came back brings results of what was given back.
      this.#forget(range);
    }
    const before = client.secondsPerEvent;
    const events = lengthOf(ranges);
    measure(client, { events, busySeconds, waitSeconds }, { isWorkLeft: !this.#isAllGiven });
    this.#speeds.change(before, client.secondsPerEvent);
    return [{ kind: "commit", rank, ranges: fresh }, ...this.#leaseTo(rank)];
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

  /** What it has before it is given to others as well; whose result comes first, that one counts. */
  #late(rank: Rank): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined || client.late) return [];
    client.late = true;
    this.#waiting.release(rank);
    this.#doubles.addAll(this.#onlyOf(client));
    return this.#leaseToAll();
  }

  /** What it has to do and nobody else has; suspects are not given to two. */
  #onlyOf(client: ClientState): Range[] {
    let parts = client.ahead.ranges
      .flatMap((range) => this.#done.missing(range))
      .flatMap((range) => this.#suspects.parts(range).free);
    for (const other of this.#clients.values())
      if (other !== client) parts = other.ahead.missingOf(parts);
    return parts;
  }

  #back(rank: Rank): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    client.late = false;
    this.#doubles.removeAll(client.ahead.ranges);
    return this.#leaseTo(rank);
  }

  #lost({ rank, died }: Extract<Stimulus, { kind: "client-lost" }>): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    const undone = this.#undoneOf(client);
    const setAside = died
      ? this.#suspects.died(rank, undone, { several: client.alone && lengthOf(undone) > 1 })
      : [];
    const actions: Action[] = [];
    if (setAside.length > 0) {
      this.#done.addAll(setAside);
      this.#counted.addAll(setAside);
      actions.push({ kind: "set-aside", rank, ranges: setAside });
    }
    this.#remove(rank, client, { again: true });
    return [...actions, ...this.#leaseToAll()];
  }

  /** What it had in hand; what others have done meanwhile is no suspect. */
  #undoneOf({ ahead }: ClientState): Range[] {
    let parts = this.#uncountedOf(ahead.ranges);
    for (const { uncounted } of this.#clients.values())
      if (uncounted.count > 0) parts = uncounted.missingOf(parts);
    return parts;
  }

  #left(rank: Rank): Action[] {
    const client = this.#clients.get(rank);
    if (client === undefined) return [];
    this.#remove(rank, client, { again: false });
    return this.#leaseToAll();
  }

  #remove(rank: Rank, client: ClientState, how: { again: boolean }): void {
    this.#clients.delete(rank);
    this.#speeds.change(client.secondsPerEvent, undefined);
    this.#waiting.release(rank);
    this.#doubles.removeAll(client.ahead.ranges);
    this.#giveBack(client.ahead.ranges, how);
    // Done, but its totals went with the client: done again, and only counted the second time.
    this.#giveBack(client.uncounted.ranges, how);
    // What it had as doubles of a late client's is nobody else's again.
    for (const other of this.#clients.values()) other.doubled = false;
    for (const other of this.#clients.values())
      if (other.late) this.#doubles.addAll(this.#onlyOf(other));
  }

  #waited(): Action[] {
    const expected = [...this.#expected.values()].flatMap(({ ranges }) => ranges);
    this.#expected.clear();
    this.#giveBack(new RangeSet(expected).ranges, { again: true });
    return this.#leaseToAll();
  }

  /** What is not counted, and what nobody else can bring, waits for a client. */
  #giveBack(ranges: readonly Range[], how: { again: boolean }): void {
    let parts: Range[] = this.#uncountedOf(ranges);
    if (parts.length === 0) return;
    for (const { ahead, uncounted } of this.#clients.values())
      for (const held of [ahead, uncounted])
        if (parts.some((part) => held.touches(part))) parts = held.missingOf(parts);
    for (const expected of this.#expected.values()) parts = expected.missingOf(parts);
    this.#waiting.add(parts, how);
  }

  #uncountedOf(ranges: readonly Range[]): Range[] {
    return this.#counted.missingOf(ranges);
  }

  /** Somebody has the results of the range: nobody else need do it. */
  #forget(range: Range): void {
    if (this.#waiting.count > 0) this.#waiting.remove(range);
    if (this.#doubles.count > 0) this.#doubles.remove(range);
  }

  /** A lease to each that has nothing before anybody gets two; @param last it gave back what there is */
  #leaseToAll({ last }: { last?: Rank } = {}): Action[] {
    if (this.#isAllGiven) return [];
    const others = [...this.#clients.keys()].filter((rank) => rank !== last);
    const ranks = last === undefined ? others : [...others, last];
    const idle = ranks.filter((rank) => this.#clients.get(rank)!.leases.size === 0);
    // The fastest first; who gave something back is last among its equals.
    const seconds = (rank: Rank): number => secondsOf(this.#clients.get(rank)!);
    idle.sort((a, b) => seconds(a) - seconds(b));
    return [
      ...idle.flatMap((rank) => this.#leaseTo(rank, 1)),
      ...ranks.flatMap((rank) => this.#leaseTo(rank)),
    ];
  }

  #leaseTo(rank: Rank, most = Infinity): Action[] {
    const client = this.#clients.get(rank);
    const actions: Action[] = [];
    if (this.#isAllGiven || !this.#started || client === undefined || client.late) return actions;
    while (actions.length < most) {
      const action = this.#nextLease(rank, client);
      if (action === undefined) break;
      actions.push(action);
    }
    return actions;
  }

  #nextLease(rank: Rank, client: ClientState): Action | undefined {
    if (client.alone) return undefined;
    if (this.#waiting.hasSuspects) {
      // It finishes what it has first: then nothing else can be what ends it.
      if (client.leases.size > 0) return undefined;
      client.alone = true;
      return this.#lease(rank, client, { range: this.#waiting.takeSuspects()!, double: false });
    }
    const share = this.#shareOf(client);
    const eventBytes = this.#eventBytes;
    const clients = this.#clients.size;
    if (!wantsMore(client, { share, eventBytes, clients }) && !this.#wantsNextChunk(client))
      return undefined;
    const { secondsPerEvent, bytesAheadMax } = client;
    const leaseBytes = leaseBytesOf(bytesAheadMax);
    const max = batchEvents({ share, cap: this.#cap, secondsPerEvent, eventBytes, leaseBytes });
    const double = this.#doubles.takeFirst(max);
    if (double !== undefined) return this.#lease(rank, client, { range: double, double: true });
    const range = this.#waiting.take(rank, max, { idles: client.leases.size === 0 });
    return range && this.#lease(rank, client, { range, double: false });
  }

  /** It begins to decode a chunk when it has the first event in it, and should do so while it works on those before. */
  #wantsNextChunk(client: ClientState): boolean {
    if (this.#cuts === undefined) return false;
    const share = Math.floor(this.#waiting.count / (2 * this.#clients.size));
    return hasLittle(client, Math.min(this.#cuts.reach, share));
  }

  /** Events of those that wait that it would do if all ended together. */
  #shareOf(client: ClientState): number {
    const waiting = this.#waiting.count + this.#doubles.count;
    return waiting * this.#speeds.shareOf(client, this.#clients.size);
  }

  #lease(
    rank: Rank,
    client: ClientState,
    { range, double }: { range: Range; double: boolean },
  ): Action {
    const lease = asLeaseId(++this.#leases);
    this.#batches += Math.ceil((range.end - range.first) / this.#cap);
    const again = double ? 0 : this.#waiting.countAgain(range);
    this.#redone += again;
    if (double) this.#doubled += range.end - range.first;
    this.#handedOut = Math.max(this.#handedOut, range.end);
    client.begunAll = client.doubled = false;
    client.givenSince = true;
    // Who had nothing to do was silent by right.
    if (client.leases.size === 0) client.silentBeats = 0;
    client.leases.set(lease, range);
    client.ahead.add(range);
    return { kind: "lease", rank, lease, range, double, again };
  }

  #finishIfDone(): Action[] {
    if (this.#finished || !this.#started || !this.isComplete) return [];
    this.#finished = true;
    return [{ kind: "finish" }];
  }
}
