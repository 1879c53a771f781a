import { asLeaseId, asRank, type Rank } from "@evb/event";
import { RangeSet, Schedule, type Action, type Progress, type Range } from "@evb/runner";
import { SeededRandom } from "./random.ts";

type Message =
  { kind: "results"; ranges: (Range & { lease: number })[] } | { kind: "epoch"; ranges: Range[] };

/** A client as the schedule can't see it: what it has to do, what it has said, and what arrived of that. */
interface Player {
  rank: Rank;
  alive: boolean;
  todo: { lease: number; next: number; end: number }[];
  /** Done, and not in a message yet. */
  unsaid: (Range & { lease: number })[];
  /** Said, and in no epoch yet. */
  uncounted: Range[];
  sent: Message[];
  arrived: number;
  busySeconds: number;
}

export interface HistoryOrder {
  readonly seed: number;
  /** Default: by the seed. */
  readonly cap?: number;
}

export interface Played {
  readonly events: number;
  readonly progress: Progress;
  /** Times that each event was committed, was counted, and was in a lease. */
  readonly committed: Uint32Array;
  readonly counted: Uint32Array;
  readonly leased: Uint32Array;
  readonly finishes: number;
  readonly refused: number;
  readonly left: number;
  readonly lost: number;
}

/** Rounds without a fault in which every history must end; each does all there is to do. */
const LAST_ROUNDS = 100;

/** A random life of a run: clients come, work, speak late and twice, die, come back, leave. Throws where a law is broken. */
export class History {
  readonly #random: SeededRandom;
  readonly #schedule: Schedule;
  readonly #range: Range;
  readonly #cap: number;
  readonly #players: Player[] = [];
  readonly #counts: {
    committed: Uint32Array;
    counted: Uint32Array;
    leased: Uint32Array;
  };
  #ranks = 0;
  #finishes = 0;
  #refused = 0;
  #left = 0;
  #lost = 0;
  /** The ranges of the epoch that the schedule is looking at. */
  #epoch: readonly Range[] = [];

  constructor({ seed, cap }: HistoryOrder) {
    this.#random = new SeededRandom(seed);
    const first = this.#random.below(50);
    const events = 1 + this.#random.below(80);
    const ownCap = 1 + this.#random.below(25);
    this.#range = { first, end: first + events };
    this.#cap = cap ?? ownCap;
    this.#schedule = new Schedule(this.#range, this.#cap);
    const zeros = (): Uint32Array => new Uint32Array(events);
    this.#counts = { committed: zeros(), counted: zeros(), leased: zeros() };
  }

  play(): Played {
    const steps = 20 + this.#random.below(200);
    const startAt = this.#random.below(10);
    for (let step = 0; step < steps; step++) {
      if (step === startAt) this.#perform(this.#schedule.handle({ kind: "started" }));
      this.#step();
    }
    this.#endInPeace();
    return {
      events: this.#range.end - this.#range.first,
      progress: this.#schedule.progress,
      ...this.#counts,
      finishes: this.#finishes,
      refused: this.#refused,
      left: this.#left,
      lost: this.#lost,
    };
  }

  #step(): void {
    const alive = this.#players.filter((player) => player.alive);
    const player = alive[this.#random.below(Math.max(1, alive.length))];
    if (player === undefined) {
      this.#join();
      return;
    }
    switch (this.#random.below(14)) {
      case 0:
        if (alive.length < 5) this.#join();
        break;
      case 1:
        this.#lose(player);
        break;
      case 2:
        this.#lose(player);
        this.#comeBack(player);
        break;
      case 3:
        if (this.#random.below(3) === 0) this.#leave(player);
        break;
      case 4:
        this.#sayNonsense(player);
        break;
      case 5:
      case 6:
        say(player);
        break;
      case 7:
        say(player);
        sayEpoch(player);
        break;
      case 8:
      case 9:
      case 10:
        this.#arrive(player, 1 + this.#random.below(3));
        break;
      default:
        this.#work(player, 1 + this.#random.below(2 * this.#cap));
    }
  }

  /** No more faults: then all must be done soon. */
  #endInPeace(): void {
    this.#perform(this.#schedule.handle({ kind: "started" }));
    for (let round = 0; round < LAST_ROUNDS && this.#finishes === 0; round++) {
      if (!this.#players.some((player) => player.alive)) this.#join();
      for (const player of this.#players) {
        if (!player.alive) continue;
        this.#work(player, Infinity);
        say(player);
        sayEpoch(player);
        this.#arrive(player, Infinity);
      }
    }
  }

  #join(): Player {
    const player: Player = {
      rank: asRank(++this.#ranks),
      alive: true,
      todo: [],
      unsaid: [],
      uncounted: [],
      sent: [],
      arrived: 0,
      busySeconds: 0,
    };
    this.#players.push(player);
    this.#ready(player);
    return player;
  }

  #ready(player: Player): void {
    this.#perform(this.#schedule.handle({ kind: "client-ready", rank: player.rank }));
    // A connection that broke and came back greets once more.
    if (this.#random.below(4) === 0)
      this.#perform(this.#schedule.handle({ kind: "client-ready", rank: player.rank }));
  }

  #lose(player: Player): void {
    player.alive = false;
    this.#lost++;
    this.#perform(this.#schedule.handle({ kind: "client-lost", rank: player.rank }));
  }

  /** As Client does: as another one, with all that was not acknowledged, arrived or not. */
  #comeBack(old: Player): void {
    const acknowledged = this.#random.below(old.arrived + 1);
    const player = this.#join();
    player.sent = old.sent.slice(acknowledged);
    player.unsaid = old.unsaid;
    player.uncounted = old.uncounted;
    player.busySeconds = old.busySeconds;
    // The lease in work is finished, though it is somebody else's now.
    if (old.todo[0] !== undefined && this.#random.below(2) === 0) player.todo.unshift(old.todo[0]);
  }

  #leave(player: Player): void {
    say(player);
    sayEpoch(player);
    this.#arrive(player, Infinity);
    player.alive = false;
    this.#left++;
    this.#perform(this.#schedule.handle({ kind: "client-left", rank: player.rank }));
  }

  /** Totals with an event twice, which may be another's: refused whole, whatever else is in them. */
  #sayNonsense(player: Player): void {
    const { first, end } = this.#range;
    const event = first + this.#random.below(end - first);
    const twice = { first: event, end: event + 1 };
    const before = this.#refused;
    // What it said before must not arrive after.
    this.#arrive(player, Infinity);
    this.#handleEpoch(player, [...player.uncounted.slice(0, 1), twice, twice], { nonsense: true });
    if (this.#refused === before) throw new Error("an epoch with an event twice was accepted");
  }

  #work(player: Player, events: number): void {
    let left = events;
    while (left > 0 && player.todo.length > 0) {
      const lease = player.todo[0]!;
      const end = Math.min(lease.end, lease.next + left);
      player.unsaid.push({ lease: lease.lease, first: lease.next, end });
      left -= end - lease.next;
      lease.next = end;
      player.busySeconds += this.#random.below(3) * 0.004;
      if (lease.next === lease.end) player.todo.shift();
    }
  }

  #arrive(player: Player, messages: number): void {
    for (let i = 0; i < messages && player.arrived < player.sent.length; i++) {
      const message = player.sent[player.arrived++]!;
      if (message.kind === "epoch") this.#handleEpoch(player, message.ranges, { nonsense: false });
      else
        for (let copy = 0; copy <= +(this.#random.below(5) === 0); copy++)
          this.#results(player, message);
    }
  }

  #results({ rank, busySeconds }: Player, message: Extract<Message, { kind: "results" }>): void {
    const ranges = message.ranges.map(({ lease, first, end }) => ({
      lease: asLeaseId(lease),
      first,
      end,
    }));
    this.#perform(this.#schedule.handle({ kind: "results", rank, ranges, busySeconds }));
  }

  #handleEpoch({ rank }: Player, ranges: Range[], { nonsense }: { nonsense: boolean }): void {
    this.#epoch = nonsense ? [] : ranges;
    this.#perform(this.#schedule.handle({ kind: "epoch", rank, ranges }));
  }

  #perform(actions: readonly Action[]): void {
    for (const action of actions)
      switch (action.kind) {
        case "lease":
          this.#lease(action);
          break;
        case "commit":
          this.#count("committed", action.ranges);
          break;
        case "accept-epoch":
          if (this.#epoch.length === 0) throw new Error("nonsense was accepted");
          this.#count("counted", this.#epoch);
          break;
        case "refuse-epoch":
          this.#refused++;
          break;
        case "finish":
          this.#finishes++;
      }
  }

  #lease({ rank, lease, range }: Extract<Action, { kind: "lease" }>): void {
    const events = range.end - range.first;
    if (events < 1 || events > this.#cap) throw new Error(`a lease has ${String(events)} events`);
    const player = this.#players.find((each) => each.rank === rank)!;
    if (!player.alive) throw new Error("a lease goes to a client that is gone");
    for (let event = range.first; event < range.end; event++)
      if (this.#counts.counted[event - this.#range.first] !== 0)
        throw new Error(`event ${String(event)} is leased though it is counted`);
    this.#count("leased", [range]);
    player.todo.push({ lease, next: range.first, end: range.end });
  }

  #count(what: "committed" | "counted" | "leased", ranges: readonly Range[]): void {
    const counts = this.#counts[what];
    for (const { first, end } of ranges)
      for (let event = first; event < end; event++) {
        const times = ++counts[event - this.#range.first]!;
        if (what !== "leased" && times > 1)
          throw new Error(`event ${String(event)} is ${what} ${String(times)} times`);
      }
  }
}

/** One message of some of what is done; a message holds pieces of leases. */
function say(player: Player): void {
  if (player.unsaid.length === 0) return;
  player.sent.push({ kind: "results", ranges: player.unsaid });
  player.uncounted = new RangeSet([...player.uncounted, ...player.unsaid]).ranges;
  player.unsaid = [];
}

function sayEpoch(player: Player): void {
  if (player.uncounted.length === 0) return;
  player.sent.push({ kind: "epoch", ranges: player.uncounted });
  player.uncounted = [];
}
