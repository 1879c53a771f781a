import { asRank, type Rank } from "@evb/event";
import type { Action, LeaseCuts, Progress, Range, Stimulus } from "@evb/runner";
import { SeededRandom } from "./random.ts";
import { ModelJournal } from "./run-journal.ts";
import { Laws } from "./run-laws.ts";
import { Player, type Message } from "./run-player.ts";

export interface HistoryOrder {
  readonly seed: number;
  /** Default: by the seed. */
  readonly cap?: number;
}

/** What may happen besides work. */
type World =
  /** Nothing. */
  | "calm"
  /** Connections break, messages are late, and events end clients; nobody dies of anything else. */
  | "poisoned"
  /** Clients and the coordinator die, leave and get stuck as well. */
  | "wild";

/** What happened in a history. */
export interface Played {
  readonly world: World;
  readonly progress: Progress;
  /** Events that end every client which begins them. */
  readonly poison: readonly number[];
  /** Events that ended at least one. */
  readonly deadly: ReadonlySet<number>;
  readonly setAside: readonly number[];
  readonly counts: Readonly<Record<Count, number>>;
}

const COUNTS = [
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
] as const;
type Count = (typeof COUNTS)[number];

/** Rounds without a fault in which every history must end, and for each event; each round does all there is to do. */
const LAST_ROUNDS = 30;
const LAST_ROUNDS_PER_EVENT = 2;
const PLAYERS_MAX = 5;

/** A random life of a run: clients come, work, speak late, die, come back, leave; coordinators die. Throws where a law is broken. */
export class History {
  readonly #random: SeededRandom;
  readonly #world: World;
  readonly #range: Range;
  readonly #cap: number;
  /** Of every other history. */
  readonly #cuts: LeaseCuts | undefined;
  readonly #poison = new Set<number>();
  /** These end one client only; those are done once, and end every client from then on. */
  readonly #mines = new Set<number>();
  readonly #turning = new Set<number>();
  readonly #deadly = new Set<number>();
  readonly #journal: ModelJournal;
  #laws: Laws;
  #players: Player[] = [];
  readonly #byRank = new Map<Rank, Player>();
  #ranks = 0;
  #expecting = false;
  readonly #counts = Object.fromEntries(COUNTS.map((name) => [name, 0])) as Record<Count, number>;

  constructor({ seed, cap }: HistoryOrder) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#world = (["calm", "poisoned", "poisoned"] as const)[random.below(12)] ?? "wild";
    const first = random.below(50);
    // Mostly so few that the faults are at every one of them.
    const events = 1 + random.below(random.below(16) === 0 ? 80 : 12);
    const ownCap = 1 + random.below(10);
    this.#range = { first, end: first + events };
    this.#cap = cap ?? ownCap;
    this.#cuts = seed % 2 === 0 ? undefined : randomCuts(seed, this.#range);
    this.#journal = new ModelJournal(first);
    this.#laws = new Laws(this.#range, this.#cap, undefined, this.#cuts);
    if (this.#world === "calm") return;
    for (let left = random.below(3); left > 0; left--)
      this.#poison.add(first + random.below(events));
    for (let left = random.below(3); left > 0; left--)
      this.#mines.add(first + random.below(events));
    if (random.below(4) === 0) this.#turning.add(first + random.below(events));
  }

  play(): Played {
    const poison = [...this.#poison];
    const events = this.#range.end - this.#range.first;
    const steps = 10 + this.#random.below(3 * events);
    const startAt = this.#random.below(5);
    for (let step = 0; step < steps && !this.#laws.isFinished; step++) {
      if (step === startAt) this.#start();
      this.#step();
    }
    // The end itself may be lost.
    if (this.#laws.isFinished && this.#world === "wild" && this.#oneIn(4)) this.#crash();
    this.#endInPeace();
    const { done, counted } = this.#journal.state();
    const whole = JSON.stringify([this.#range]);
    for (const ranges of [done, counted])
      if (JSON.stringify(ranges) !== whole)
        throw new Error("a law is broken: the journal is not whole");
    this.#count("redone", this.#laws.progress.redone);
    this.#count("doubled", this.#laws.progress.doubled);
    this.#count("revoked", this.#laws.progress.revoked);
    return {
      world: this.#world,
      progress: this.#laws.progress,
      poison,
      deadly: this.#deadly,
      setAside: this.#journal.setAside,
      counts: this.#counts,
    };
  }

  #step(): void {
    if (this.#oneIn(4)) this.#handle({ kind: "beat" });
    const player = this.#players[this.#random.below(Math.max(1, this.#players.length))];
    if (player === undefined) {
      this.#join();
      return;
    }
    const dice = this.#random.below(32);
    if (dice < 9)
      this.#work(player, 1 + this.#random.below(2 * this.#cap), { died: !this.#oneIn(4) });
    else if (dice < 11) player.say();
    else if (dice < 14) player.sayEpoch();
    else if (dice < 20) this.#arrive(player, 1 + this.#random.below(3));
    else if (dice < 24) this.#flush({ sync: this.#oneIn(4) });
    else if (dice === 24) this.#join();
    else if (this.#world === "calm") this.#work(player, 1, { died: true });
    else this.#stumble(player, dice);
  }

  /** Something goes wrong. */
  #stumble(player: Player, dice: number): void {
    const { state } = player;
    const wild = this.#world === "wild";
    if (state === "cut") this.#comeBack(player);
    else if (dice === 25) this.#cut(player, { died: wild && this.#oneIn(2) });
    else if (dice === 26) this.#late(player);
    else if (dice === 27) {
      this.#cut(player, { died: wild && this.#oneIn(2) });
      this.#comeBack(player);
    } else if (!wild) this.#wait();
    else if (dice === 28) this.#die(player, { died: !this.#oneIn(4) });
    else if (dice === 29) this.#goAway(player);
    else if (dice === 30) this.#sayNonsense(player);
    else if (this.#oneIn(3)) this.#crash();
    else this.#wait();
  }

  /** No more faults: then all must be done soon. */
  #endInPeace(): void {
    const rounds = LAST_ROUNDS + LAST_ROUNDS_PER_EVENT * this.#laws.progress.events;
    for (let round = 0; !this.#laws.isFinished; round++) {
      if (round === rounds) throw new Error("a law is broken: the run doesn't end");
      if (this.#players.length === 0) this.#join();
      for (const player of [...this.#players]) if (player.state === "cut") this.#comeBack(player);
      this.#start();
      if (round > 0) this.#wait();
      this.#flush({ sync: true });
      for (const player of [...this.#players]) {
        this.#work(player, Infinity, { died: true });
        player.sayEpoch();
        if (player.late && this.#oneIn(2)) this.#cut(player, { died: false });
        this.#arrive(player, Infinity);
      }
    }
  }

  #start(): void {
    if (!this.#laws.isStarted) this.#handle({ kind: "started" });
  }

  #join(): void {
    if (this.#players.length >= PLAYERS_MAX) return;
    const player = new Player();
    this.#players.push(player);
    this.#connect(player);
    player.kept.push({ kind: "settled" });
  }

  #connect(player: Player): void {
    const known = this.#journal.ranks.get(player);
    const rank = known ?? asRank(++this.#ranks);
    if (known === undefined) this.#journal.append({ kind: "client", player, rank });
    player.connect(rank);
    this.#byRank.set(rank, player);
    this.#handle({ kind: "client-ready", rank, returned: known !== undefined });
    // A life after the first one waits for nobody.
    if (this.#counts.lives > 0) this.#start();
  }

  /** Under a new connection, or to a new life of the coordinator. */
  #comeBack(player: Player): void {
    if (player.leaving) {
      this.#remove(player);
      return;
    }
    this.#count("cameBack");
    this.#connect(player);
    const inWork = this.#oneIn(2) ? "before" : "after";
    const lives = player.takeBack(inWork, (event) => this.#survives(event));
    if (lives === "died") this.#die(player, { died: true });
  }

  #work(player: Player, events: number, { died }: { died: boolean }): void {
    player.busySeconds += this.#random.below(3) * 0.004;
    player.waitSeconds += this.#random.below(3) * 0.01;
    const lives = player.work(events, (event) => this.#survives(event));
    if (lives === "died") this.#die(player, { died });
    else if (player.queue.length === 0 && this.#oneIn(2)) player.say();
  }

  #survives(event: number): boolean {
    if (!this.#poison.has(event) && !this.#mines.delete(event)) {
      if (this.#turning.delete(event)) this.#poison.add(event);
      return true;
    }
    this.#deadly.add(event);
    return false;
  }

  /** kill -9: what it had sent may still arrive. */
  #die(player: Player, how: { died: boolean }): void {
    this.#count("died");
    if (player.state === "connected") {
      this.#arrive(player, this.#random.below(3));
      this.#cut(player, how);
    }
    this.#remove(player);
  }

  #remove(player: Player): void {
    player.state = "gone";
    this.#players = this.#players.filter((each) => each !== player);
  }

  /** Its connection breaks; it doesn't know yet. */
  #cut(player: Player, { died }: { died: boolean }): void {
    if (player.state !== "connected") return;
    this.#count("lost");
    const rank = player.rank!;
    this.#disconnect(player);
    this.#handle({ kind: "client-lost", rank, died });
  }

  #disconnect(player: Player): void {
    player.state = "cut";
    this.#byRank.delete(player.rank!);
  }

  #late(player: Player): void {
    if (player.late) {
      this.#hear(player);
      return;
    }
    this.#count("late");
    player.late = true;
    this.#handle({ kind: "client-late", rank: player.rank! });
  }

  #hear(player: Player): void {
    if (!player.late) return;
    player.late = false;
    this.#handle({ kind: "client-back", rank: player.rank! });
  }

  /** By a signal, or because its thread ended. */
  #goAway(player: Player): void {
    if (player.leaving || player.restarting) return;
    const [entry] = player.queue;
    if (entry === undefined || this.#oneIn(4)) player.leave();
    else if (!this.#survives(entry.next)) this.#die(player, { died: true });
    else {
      this.#count("stuck");
      player.getStuck(entry);
      // Its last words may be lost with the connection.
      if (this.#oneIn(3)) this.#cut(player, { died: false });
    }
  }

  /** Totals of events that may be another's, or there twice. */
  #sayNonsense(player: Player): void {
    const { first, end } = this.#range;
    this.#count("nonsense");
    const ranges = Array.from({ length: 1 + this.#random.below(3) }, () => {
      const event = first + this.#random.below(end - first);
      return { first: event, end: event + 1 };
    });
    player.kept.push({ kind: "epoch", ranges });
  }

  #arrive(player: Player, messages: number): void {
    for (let left = messages; left > 0 && player.state === "connected"; left--) {
      const message = player.kept[player.arrived];
      if (message === undefined) return;
      player.arrived++;
      this.#hear(player);
      this.#take(player, message);
    }
  }

  #take(player: Player, message: Message): void {
    const rank = player.rank!;
    switch (message.kind) {
      case "results":
        this.#journal.append({ kind: "results", rank, ranges: message.ranges });
        this.#handle({ ...message, rank });
        return;
      case "epoch":
        this.#handle({ ...message, rank });
        return;
      case "settled":
        this.#handle({ kind: "client-settled", rank });
        return;
      case "revoked":
        this.#handle({ ...message, rank });
        return;
      case "leave":
        this.#count("left");
        this.#disconnect(player);
        this.#handle({ kind: "client-left", rank });
        if (!player.restarting) this.#remove(player);
    }
  }

  /** The clients of an earlier life that have not come are not waited for any longer. */
  #wait(): void {
    if (!this.#expecting) return;
    this.#expecting = false;
    this.#handle({ kind: "waited" });
  }

  /** The journal is written, then leases and acknowledgements go out. */
  #flush({ sync }: { sync: boolean }): void {
    this.#journal.flush({ handedOut: this.#laws.progress.handedOut, sync });
    for (const player of this.#byRank.values()) {
      player.deliver();
      // What it says may be lost with the connection.
      if (!this.#oneIn(3)) player.acknowledge();
    }
  }

  /** kill -9 of the coordinator, or the power fails; the next life begins from the journal. */
  #crash(): void {
    this.#count("lives");
    if (this.#oneIn(4)) this.#stop();
    this.#count("redone", this.#laws.progress.redone);
    this.#count("doubled", this.#laws.progress.doubled);
    if (this.#journal.tear(this.#random, { power: this.#oneIn(4) })) this.#count("torn");
    for (const player of [...this.#byRank.values()]) this.#disconnect(player);
    const state = this.#journal.state();
    // Who is known to be gone is not waited for.
    const uncounted = new Map([...state.uncounted].filter(() => !this.#oneIn(8)));
    const before = { ...state, uncounted };
    this.#ranks = Math.max(0, ...this.#journal.ranks.values());
    this.#expecting = before.uncounted.size > 0;
    this.#laws = new Laws(this.#range, this.#cap, before, this.#cuts);
  }

  /** Its clients say what is done, and go. */
  #stop(): void {
    this.#handle({ kind: "stopped" });
    for (const player of [...this.#byRank.values()]) {
      if (!player.leaving && !player.restarting) player.leave();
      this.#arrive(player, this.#random.below(6));
    }
  }

  #handle(stimulus: Stimulus): void {
    const actions = this.#laws.handle(stimulus);
    if (stimulus.kind === "client-lost")
      this.#journal.append({ kind: "suspects", suspects: this.#laws.suspects });
    for (const action of actions) this.#perform(action, stimulus);
  }

  #perform(action: Action, stimulus: Stimulus): void {
    switch (action.kind) {
      case "lease": {
        const { rank, lease, double, again, range } = action;
        const { first, end } = range;
        // Of what somebody had before, another may bring the totals as well.
        const alone = double || again > 0;
        this.#byRank.get(rank)!.mail.push({ lease, alone, next: first, end, begun: false });
        return;
      }
      case "revoke":
        this.#byRank.get(action.rank)!.mail.push("revoke");
        return;
      case "accept-epoch":
        if (stimulus.kind === "epoch") this.#journal.append(stimulus);
        return;
      case "refuse-epoch":
        this.#count("refused");
        return;
      case "set-aside":
        this.#count("setAside");
        this.#journal.setAsideAll(action.ranges);
        return;
      case "commit":
      case "finish":
    }
  }

  #count(what: Count, times = 1): void {
    this.#counts[what] += times;
  }

  #oneIn(count: number): boolean {
    return this.#random.below(count) === 0;
  }
}

/** Chunks of any lengths, which cost anything: with a seed of its own, so that the history is the same as without. */
function randomCuts(seed: number, { first, end }: Range): LeaseCuts {
  const random = new SeededRandom(seed);
  const costs = Array.from({ length: end - first }, () => random.below(4));
  return { cost: (event) => costs[event - first] ?? 0, reach: 1 + random.below(12) };
}
