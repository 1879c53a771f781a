import type { RunEvents } from "@evb/index";
import { fault } from "../faults.ts";
import { encodeSuspects } from "../sink/journal-state.ts";
import type { JournalWriter } from "../sink/journal.ts";
import type { Failure } from "../wire/join.ts";
import { encodeValue } from "../wire/values.ts";
import type { FaultCounts } from "./counts.ts";
import type { CoordinatorOrder, Rebuild, RunBefore } from "./coordinator-order.ts";
import { EventTable } from "./event-table.ts";
import { Failures } from "./failures.ts";
import type { Message } from "./inbox.ts";
import { Intake } from "./intake.ts";
import type { Mailroom } from "./mailroom.ts";
import type { RunOutcome } from "./outcome.ts";
import type { Peer } from "./peer.ts";
import { lengthOf, RangeSet, type Range } from "./range-set.ts";
import { Schedule } from "./schedule.ts";
import type { Action, Progress, Stimulus } from "./stimulus.ts";
import type { Trace } from "./trace.ts";

export interface DispatchEvents {
  /** Every event is done and counted. */
  finished(): void;
  failed(failure: Failure): void;
  /** Does the step; what it throws ends the run. */
  guard(step: () => void): void;
}

/** Built-in analyses to which it makes no difference where data lie. */
const READ_NOTHING = ["none"];

/**
 * What clients bring goes into the journal, and by the schedule's word to be counted; what the
 * schedule hands out goes into the journal, too, and on the lanes.
 */
export class Dispatch {
  readonly #before: RunBefore | undefined;
  readonly #rebuild: Rebuild | undefined;
  readonly #journal: JournalWriter;
  readonly #mailroom: Mailroom;
  readonly #intake: Intake;
  readonly #table: EventTable;
  /** Whether the analysis reads anything, as far as its name says. */
  readonly #reads: boolean;
  readonly #schedule: Schedule;
  readonly #failures: Failures;
  readonly #counts: FaultCounts;
  readonly #peerOf: (rank: number) => Peer;
  readonly #events: DispatchEvents;
  /** Undefined: nobody wants to know, and nothing is put together for it. */
  readonly #trace: Trace | undefined;
  readonly #now: () => number;
  #startedAtMs: number | undefined;
  #lastResultAtMs = 0;
  /** Since when a client has had nothing to do. */
  #idleSinceMs: number | undefined;
  /** What the journal knows to have been handed out. */
  #handedOut: number;
  #flushing = false;

  constructor(
    parts: {
      index: RunEvents;
      order: CoordinatorOrder;
      before: RunBefore | undefined;
      journal: JournalWriter;
      mailroom: Mailroom;
      counts: FaultCounts;
      peerOf: (rank: number) => Peer;
      trace: Trace | undefined;
      now: () => number;
    },
    events: DispatchEvents,
  ) {
    const { index, order, before, journal } = parts;
    this.#before = before;
    this.#rebuild = order.rebuild;
    this.#journal = journal;
    this.#mailroom = parts.mailroom;
    this.#counts = parts.counts;
    this.#peerOf = parts.peerOf;
    this.#trace = parts.trace;
    this.#now = parts.now;
    this.#events = events;
    this.#table = new EventTable(index);
    this.#reads = !READ_NOTHING.includes(order.analysis.name);
    const cuts = this.#reads && order.rebuild === undefined ? this.#table.cuts : undefined;
    const eventBytes = this.#reads && order.rebuild === undefined ? this.#table.eventBytes : 0;
    const how = { cuts, eventBytes };
    this.#schedule = new Schedule(order.range, order.batchCap, before?.schedule, how);
    this.#handedOut = this.#schedule.progress.handedOut;
    this.#failures = new Failures(before ?? { failed: 0, failures: [] });
    this.#intake = new Intake({ range: order.range, table: this.#table, journal }, before?.agreed);
  }

  get isStarted(): boolean {
    return this.#startedAtMs !== undefined;
  }

  get isComplete(): boolean {
    return this.#schedule.isComplete;
  }

  /** Of all lives of the coordinator. */
  get progress(): Progress {
    const { batches, redone, doubled, revoked, ...more } = this.#schedule.progress;
    const before = this.#before ?? { batches: 0, redone: 0, doubled: 0, revoked: 0 };
    return {
      ...more,
      batches: before.batches + batches,
      redone: before.redone + redone,
      doubled: before.doubled + doubled,
      revoked: before.revoked + revoked,
    };
  }

  /** What came of the run so far. */
  get results(): Pick<
    RunOutcome,
    "seconds" | "tailSeconds" | "failed" | "failures" | "totals" | "doneRanges" | "schema"
  > {
    return {
      seconds: this.#seconds(),
      tailSeconds: this.#tailSeconds(),
      failed: this.#failures.count,
      failures: this.#failures.inOrder,
      totals: this.#intake.totals,
      doneRanges: this.#schedule.done,
      schema: this.#intake.schema,
    };
  }

  /** The clock starts, and leases go out. */
  start(): void {
    this.#startedAtMs = this.#lastResultAtMs = this.#now();
    this.#trace?.({ what: "started" });
    this.perform({ kind: "started" });
  }

  /** @throws EvbError "schema-differs", "frame-bad" */
  agree(peer: Peer, schema: Uint8Array): void {
    this.#intake.agree(peer, schema);
  }

  /** @throws EvbError "frame-bad"; then nothing of the message counts */
  takeResults(peer: Peer, { header, frame, second }: Message): void {
    const { ranges, times, failures } = this.#intake.results(peer.rank, header, [frame, second]);
    const { share, rank } = peer;
    this.#lastResultAtMs = this.#now();
    share.times = times;
    const busySeconds =
      times.openSeconds + times.readSeconds + times.decodeSeconds + times.analysisSeconds;
    const { waitSeconds } = times;
    const fresh = this.perform({ kind: "results", rank, ranges, busySeconds, waitSeconds });
    for (const range of fresh) share.fragments += this.#table.fragmentsOf(range);
    share.events += lengthOf(fresh);
    this.#counts.lateCopies += lengthOf(ranges) - lengthOf(fresh);
    if (failures.length > 0) this.#takeFailures(failures, fresh);
  }

  /** @throws EvbError "frame-bad"; then nothing of the message counts */
  takeEpoch({ rank }: Peer, { header, frame }: Message): void {
    const { epoch, ranges } = this.#intake.epoch(header, frame);
    const actions = this.#tell({ kind: "epoch", rank, ranges });
    const accepted = actions.some(({ kind }) => kind === "accept-epoch");
    // It is in the journal before anything that follows from it.
    if (accepted) this.#intake.count(rank, epoch, frame);
    else this.#counts.epochsRefused++;
    this.#trace?.({ what: accepted ? "counted" : "refused", rank, events: lengthOf(ranges) });
    this.#performAll(actions);
  }

  /** @throws EvbError "frame-bad" */
  takeRevoked({ rank }: Peer, { header, frame }: Message): void {
    const ranges = this.#intake.revoked(header, frame);
    const bounds = ranges.map(({ first, end }): [number, number] => [first, end]);
    this.#trace?.({ what: "revoked", rank, events: lengthOf(ranges), ranges: bounds });
    this.perform({ kind: "revoked", rank, ranges });
  }

  /** Tells the schedule and does what it says; returns the events that were committed. */
  perform(stimulus: Stimulus): readonly Range[] {
    const actions = this.#tell(stimulus);
    // What a client had when it died is remembered beyond this coordinator's own life; that it lives, too.
    if (stimulus.kind === "client-lost" || (stimulus.kind === "client-ready" && stimulus.returned))
      this.#journal.append("suspects", 0, encodeSuspects(this.#schedule.suspects));
    return this.#performAll(actions);
  }

  #tell(stimulus: Stimulus): readonly Action[] {
    const actions = this.#schedule.handle(stimulus);
    if (!this.#schedule.idles) this.#idleSinceMs = undefined;
    else this.#idleSinceMs ??= this.#now();
    return actions;
  }

  /** One journal write and one frame per client for all that came meanwhile. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#events.guard(() => {
        this.#mailroom.flush();
      });
    });
  }

  /** Before leases go out: who goes on after us knows that somebody may have had them. */
  noteHandedOut(): void {
    if (this.#schedule.progress.handedOut > this.#handedOut) this.#journalProgress();
  }

  /** The journal's file has all that came, and how far the run is. @throws EvbError "journal-failed" */
  flush(): void {
    if (this.isStarted) this.#journalProgress();
    this.#mailroom.flush();
  }

  #takeFailures(failures: readonly Failure[], fresh: readonly Range[]): void {
    const committed = new RangeSet(fresh);
    for (const failure of failures)
      if (committed.touches({ first: failure.event, end: failure.event + 1 })) this.#fail(failure);
  }

  #fail(failure: Failure): void {
    this.#failures.add(failure);
    this.#events.failed(failure);
  }

  #performAll(actions: readonly Action[]): readonly Range[] {
    let committed: readonly Range[] = [];
    for (const action of actions)
      switch (action.kind) {
        case "lease":
          this.#post(action);
          break;
        case "commit":
          committed = action.ranges;
          this.#rebuild?.written(committed);
          for (const { first, end } of committed)
            this.#trace?.({ what: "commit", rank: action.rank, first, end });
          break;
        case "revoke":
          this.#trace?.({ what: "revoke", rank: action.rank });
          this.#mailroom.revoke(this.#peerOf(action.rank));
          this.flushSoon();
          break;
        case "set-aside":
          this.#setAside(action.ranges);
          break;
        case "accept-epoch":
        case "refuse-epoch":
          break;
        case "finish":
          // What was taken just now is journalled first.
          setImmediate(() => {
            this.#events.finished();
          });
          break;
      }
    return committed;
  }

  #post({ rank, lease, range, double, again }: Extract<Action, { kind: "lease" }>): void {
    const columns = this.#table.slice(range);
    const places = this.#reads ? this.#table.places(columns) : undefined;
    const parts = this.#partsOf(range);
    // Somebody else may bring these events, too: were their totals together with others', all would be refused.
    const how = { double: double || again > 0 };
    const { first, end } = range;
    const { time, fragmentCount, source, row } = columns;
    const events = { id: lease, first, time, fragmentCount, source, row, places, parts };
    this.#mailroom.post(this.#peerOf(rank), events, how);
    this.#trace?.({ what: "lease", rank, lease, first, end, again: again > 0, double });
    this.flushSoon();
  }

  #partsOf({ first, end }: Range): Uint8Array[] | undefined {
    const rebuild = this.#rebuild;
    if (rebuild === undefined) return undefined;
    return Array.from({ length: end - first }, (_, k) => rebuild.part(first + k));
  }

  #setAside(ranges: readonly Range[]): void {
    for (const failure of this.#intake.setAside(ranges, fault("event-deadly", {}).message)) {
      this.#counts.setAside++;
      this.#trace?.({ what: "set-aside", event: failure.event });
      this.#fail(failure);
    }
    this.flushSoon();
  }

  #journalProgress(): void {
    const { handedOut, batches, redone, doubled, revoked } = this.progress;
    this.#handedOut = handedOut;
    const counters = { ...this.#counts, doubled, revoked };
    const progress = { handedOut, batches, redone, seconds: this.#seconds(), counters };
    this.#journal.append("progress", 0, encodeValue(progress));
  }

  /** Of a run that has ended: until its last result some client had nothing to do. */
  #tailSeconds(): number {
    const since = this.#idleSinceMs;
    return since === undefined ? 0 : Math.max(0, (this.#lastResultAtMs - since) / 1000);
  }

  #seconds(): number {
    const started = this.#startedAtMs;
    const now = started === undefined ? 0 : (this.#lastResultAtMs - started) / 1000;
    return (this.#before?.seconds ?? 0) + now;
  }
}
