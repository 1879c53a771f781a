import { Schedule, type Action, type LeaseCuts, type Range, type Stimulus } from "@evb/runner";
import {
  Foresight,
  type Answer,
  type Before,
  type Connection,
  type Lease,
} from "./run-foresight.ts";

/** Events of a lease of several batches: 5 ms of events that take a microsecond each. */
const TOGETHER_MAX = 5000;

/** One life of a schedule, and the laws that it must keep: throws at the first answer that breaks one. */
export class Laws {
  readonly #schedule: Schedule;
  readonly #cap: number;
  readonly #events: Foresight;
  #finished = false;
  #leases = 0;
  #batches = 0;
  #redone = 0;
  #doubled = 0;

  constructor(range: Range, cap: number, before?: Before, cuts?: LeaseCuts) {
    this.#schedule = new Schedule(range, cap, before, { cuts });
    this.#cap = cap;
    this.#events = new Foresight(range, before);
  }

  get isFinished(): boolean {
    return this.#finished;
  }

  get isStarted(): boolean {
    return this.#events.started;
  }

  get suspects(): Schedule["suspects"] {
    return this.#schedule.suspects;
  }

  get progress(): Schedule["progress"] {
    return this.#schedule.progress;
  }

  /** Hands it to the schedule; throws where its answer breaks a law. */
  handle(stimulus: Stimulus): readonly Action[] {
    const answer = this.#events.foresee(stimulus);
    const actions = this.#schedule.handle(stimulus);
    let answers = 0;
    for (const action of actions)
      if (action.kind === "lease") this.#checkLease(action);
      else if (action.kind === "revoke") this.#checkRevoke(action);
      else if (action.kind === "finish") this.#checkFinish();
      else {
        answers++;
        this.#checkAnswer(action, answer);
      }
    if (answers !== +(answer !== undefined))
      broken(`${String(answers)} answers to ${stimulus.kind}`);
    const { started, stopped, isComplete } = this.#events;
    if (started && !stopped && isComplete && !this.#finished)
      broken("all is counted, and the run goes on");
    this.#checkNobodyIdles();
    this.#checkProgress();
    if (stimulus.kind === "client-lost") this.#checkSuspects();
    return actions;
  }

  /** It has something, is asked once, and somebody else has nothing to do. */
  #checkRevoke({ rank }: Extract<Action, { kind: "revoke" }>): void {
    const { started, stopped, connections, asked } = this.#events;
    const connection = connections.get(rank);
    if (!started || stopped) broken("something is taken back before the start or after the stop");
    if (connection === undefined) broken("something is taken back of a client that isn't there");
    if (connection.late || connection.aheadCount === 0) broken("a client has nothing to give back");
    if (asked.has(connection)) broken("a client is asked to give back, and hasn't answered");
    if (![...connections.values()].some(({ late, aheadCount }) => !late && aheadCount === 0))
      broken("something is taken back, and nobody idles");
    asked.add(connection);
  }

  #checkAnswer(action: Exclude<Action, Lease>, answer: Answer | undefined): void {
    if (action.kind !== answer?.kind)
      broken(`${action.kind} is answered, not ${answer?.kind ?? "nothing"}`);
    if (!("ranges" in action) || !("events" in answer)) return;
    const events = this.#events.eventsOf(action.ranges);
    if (String(events) !== String(answer.events))
      broken(`${action.kind} is of ${String(events)}, not of ${String(answer.events)}`);
  }

  #checkFinish(): void {
    if (!this.#events.started || this.#finished) broken("a run ends that never began, or twice");
    if (!this.#events.isComplete) broken("a run ends before all is counted");
    this.#finished = true;
  }

  #checkLease(action: Lease): void {
    const { rank, lease, range, double, again } = action;
    const { started, stopped, connections, fresh } = this.#events;
    const connection = connections.get(rank);
    if (!started || stopped) broken("a lease goes out before the start or after the stop");
    if (connection === undefined) broken("a lease goes to a client that isn't there");
    if (connection.late) broken("a lease goes to a client that is late");
    if (connection.alone !== undefined) broken("who holds an event alone gets another");
    if (lease !== ++this.#leases) broken("leases are not numbered");
    const events = this.#events.eventsOf([range]);
    const most = connection.isMeasured ? Math.max(this.#cap, TOGETHER_MAX) : this.#cap;
    if (events.length < 1 || events.length > most) broken(`a lease of ${String(events.length)}`);
    for (const event of events) this.#checkLeased(event, connection, action);
    const known = double ? 0 : events.filter((event) => fresh[event] === 0).length;
    if (again !== known)
      broken(`${String(again)} events of ${String(known)} that somebody had are leased again`);
    this.#batches += Math.ceil(events.length / this.#cap);
    this.#redone += again;
    if (double) this.#doubled += events.length;
    this.#events.lease(action);
  }

  #checkLeased(event: number, connection: Connection, { range, double }: Lease): void {
    const { first, counted, holders } = this.#events;
    const wrong = (what: string): never => broken(`event ${String(event + first)} ${what}`);
    if (counted[event] === 1) wrong("is leased, and is counted");
    if (connection.ahead[event] !== 0) wrong("is leased to its holder");
    if (double) this.#checkDouble(event, wrong);
    else if (holders[event] !== 0) wrong("is leased, and somebody has it");
    if (!this.#events.isSuspect(event)) return;
    if (range.end - range.first > 1) wrong("may end its client, and is leased with others");
    if (connection.aheadCount > 0) wrong("may end its client, and isn't all that it has");
  }

  #checkDouble(event: number, wrong: (what: string) => never): void {
    const { done, holders, toDouble } = this.#events;
    if (done[event] === 1) wrong("is doubled, and is done");
    if (this.#events.isSuspect(event)) wrong("is doubled, and may end who has it");
    if (holders[event] !== 1) wrong("is doubled, and not one has it");
    if (toDouble[event] !== 1 && !this.#events.isAtEnd)
      wrong("is doubled, and who has it isn't late, and other events wait");
  }

  /** While an event waits for a client, every client has something to do. */
  #checkNobodyIdles(): void {
    const { started, stopped, connections, first, holders, counted, toDouble } = this.#events;
    if (!started || stopped) return;
    for (const { late, aheadCount } of connections.values()) {
      if (late || aheadCount > 0) continue;
      for (let event = 0; event < holders.length; event++)
        if (toDouble[event] === 1 || (holders[event] === 0 && counted[event] === 0))
          broken(`event ${String(event + first)} waits, and a client idles`);
      return;
    }
  }

  /** What the next life is told of them. */
  #checkSuspects(): void {
    const { once, twice } = this.#schedule.suspects;
    const { first, counted, deaths } = this.#events;
    const check = (ranges: readonly Range[], deathsMin: number): void => {
      const said = new Set(this.#events.eventsOf(ranges));
      for (let event = 0; event < counted.length; event++)
        if (counted[event] === 0 && said.has(event) !== (deaths[event]?.length ?? 0) >= deathsMin)
          broken(`event ${String(event + first)} is remembered with a wrong number of deaths`);
    };
    check(once, 1);
    check(twice, 2);
  }

  #checkProgress(): void {
    const { progress } = this.#schedule;
    const seen = {
      events: this.#events.done.length,
      done: this.#events.doneCount,
      counted: this.#events.countedCount,
      batches: this.#batches,
      redone: this.#redone,
      doubled: this.#doubled,
      handedOut: this.#events.handedOut,
    };
    for (const name of PROGRESS)
      if (progress[name] !== seen[name])
        broken(`progress says ${name} ${String(progress[name])}, not ${String(seen[name])}`);
  }
}

const PROGRESS = [
  "events",
  "done",
  "counted",
  "batches",
  "redone",
  "doubled",
  "handedOut",
] as const satisfies readonly (keyof Schedule["progress"])[];

function broken(sentence: string): never {
  throw new Error(`a law is broken: ${sentence}`);
}
