import { randomInt } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { ResultSchema, Totals } from "@evb/analysis";
import { EvbError, isEvbError, sentenceOf } from "@evb/event";
import type { RunEvents } from "@evb/index";
import { fault } from "../faults.ts";
import type { JournalWriter } from "../sink/journal.ts";
import { decodeFault, encodeWelcome, type AnalysisOrder, type Failure } from "../wire/join.ts";
import type { CoordinatorLink } from "../wire/link.ts";
import { encodeValue } from "../wire/values.ts";
import { Admission } from "./admission.ts";
import { newCounts, type FaultCounts } from "./counts.ts";
import { EventTable } from "./event-table.ts";
import { Inbox, type Message } from "./inbox.ts";
import { Intake } from "./intake.ts";
import { Mailroom } from "./mailroom.ts";
import { Notices } from "./notices.ts";
import { shareOf, type RunOutcome } from "./outcome.ts";
import { isReady, type Peer } from "./peer.ts";
import { lengthOf, RangeSet, type Range } from "./range-set.ts";
import { Roster, type Share } from "./roster.ts";
import { Schedule, type Action, type Before, type Progress, type Stimulus } from "./schedule.ts";
import type { Trace } from "./trace.ts";

/** What a coordinator is asked to do. */
export interface CoordinatorOrder {
  /** Which run this is; clients of another one are not answered. */
  readonly run: string;
  readonly out: string;
  readonly range: Range;
  readonly analysis: AnalysisOrder;
  readonly batchCap: number;
  /** The clock starts when so many clients are there. Asked anew each time: one that died isn't waited for. */
  readonly clientsAwaited: () => number;
  /** Without a client for so long, the run ends. */
  readonly clientTimeoutMs: number;
  /** An event that takes longer fails; undefined: none does. */
  readonly eventTimeoutMs: number | undefined;
  /** The first failed event ends the run. */
  readonly strict: boolean;
}

/** What an earlier life of the coordinator did, as its journal says. */
export interface RunBefore {
  readonly schedule: Before;
  readonly agreed: { readonly schema: ResultSchema; readonly totals: Totals } | undefined;
  readonly failures: readonly Failure[];
  readonly failed: number;
  readonly clients: readonly Share[];
  readonly batches: number;
  readonly redone: number;
  readonly doubled: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** What the coordinator tells whoever watches it. */
export interface CoordinatorEvents {
  progress(progress: Progress & { readonly clients: number; readonly bytes: number }): void;
  notice(sentence: string): void;
}

/** A silent lane is broken: the client asks to join again after ten of these. */
const BEAT_MS = 100;
/** A client is late after ten of its beats; it has another second before ZeroMQ takes it for lost. */
const LATE_MS = 1000;
/** A connection that breaks on a client that was heard so lately is one of a process that died; a frozen one was silent before. */
const DIED_MS = 500;
/** This process itself stood still for longer than that: no client can be blamed for its silence. */
const FROZEN_MS = 5 * BEAT_MS;
/** A loss of power costs at most what came since, and what comes while the disk is waited for. */
const SYNC_MS = 1000;
/** Clients of an earlier life find the new one in half a second, or in two by its connection file. */
const EXPECT_MS = 3000;
/** A BYE that hasn't left by then goes to a client that isn't there. */
const BYE_LINGER_MS = 1000;
/** So often is looked whether they are. */
const PAUSE_MS = 5;
/** A client connects to its lane at once; one that died before it did would hold a port for good. */
const LANE_UNUSED_MS = 10_000;
/** Sentences of 1000 characters at most: 100 MB. */
const FAILURES_KEPT_MAX = 50_000;
/** A client that is told to stop finishes its event and sends what it has; a longer event is not waited for. */
const STOP_MS = 2000;

/**
 * Rank 0: hands out leases, takes results, writes the journal. A thin loop around {@link Schedule}:
 * receive, handle, perform. Time comes from `now`.
 */
export class Coordinator {
  readonly #index: RunEvents;
  readonly #order: CoordinatorOrder;
  readonly #before: RunBefore | undefined;
  readonly #link: CoordinatorLink;
  readonly #journal: JournalWriter;
  readonly #mailroom: Mailroom;
  readonly #intake: Intake;
  readonly #inbox: Inbox;
  readonly #admission: Admission;
  readonly #roster: Roster;
  readonly #notices: Notices;
  readonly #counts: FaultCounts;
  readonly #watcher: CoordinatorEvents;
  readonly #isOurs: () => boolean;
  readonly #trace: Trace;
  readonly #now: () => number;
  readonly #session = randomInt(1, 2 ** 32);
  readonly #table: EventTable;
  readonly #schedule: Schedule;
  readonly #failures: Failure[];
  #failed: number;
  readonly #listeningAtMs: number;
  #startedAtMs: number | undefined;
  #lastResultAtMs = 0;
  #alone: { sinceMs: number };
  #beatAtMs: number;
  #syncedAtMs: number;
  /** What the journal knows to have been handed out. */
  #handedOut: number;
  #expecting: boolean;
  #flushing = false;
  #end: ((reason: Error | undefined) => void) | undefined;

  /**
   * @param parts.before of a run that goes on
   * @param parts.isOurs whether OUT is still this coordinator's: it may have been frozen, and another
   * one have gone on in its place
   */
  constructor(parts: {
    index: RunEvents;
    order: CoordinatorOrder;
    before?: RunBefore | undefined;
    link: CoordinatorLink;
    journal: JournalWriter;
    watcher: CoordinatorEvents;
    isOurs?: () => boolean;
    trace?: Trace;
    now?: () => number;
  }) {
    const { index, order, before, journal } = parts;
    this.#index = index;
    this.#order = order;
    this.#before = before;
    this.#link = parts.link;
    this.#journal = journal;
    this.#watcher = parts.watcher;
    this.#isOurs = parts.isOurs ?? (() => true);
    this.#trace = parts.trace ?? (() => undefined);
    this.#now = parts.now ?? (() => performance.now());
    this.#table = new EventTable(index);
    this.#schedule = new Schedule(order.range, order.batchCap, before?.schedule);
    this.#handedOut = this.#schedule.progress.handedOut;
    this.#expecting = (before?.schedule.uncounted.size ?? 0) > 0;
    this.#failures = [...(before?.failures ?? [])];
    this.#failed = before?.failed ?? 0;
    this.#roster = new Roster(before?.clients ?? []);
    this.#counts = newCounts(before?.counts);
    this.#listeningAtMs = this.#beatAtMs = this.#syncedAtMs = this.#now();
    this.#alone = { sinceMs: this.#now() };
    this.#intake = new Intake({ range: order.range, table: this.#table, journal }, before?.agreed);
    this.#mailroom = new Mailroom(this.#session, journal, this.#now);
    this.#notices = new Notices(
      this.#counts,
      (sentence) => {
        parts.watcher.notice(sentence);
      },
      this.#now,
    );
    this.#admission = this.#newAdmission();
    this.#inbox = this.#newInbox();
  }

  #newAdmission(): Admission {
    return new Admission(
      { link: this.#link, run: this.#order.run, roster: this.#roster },
      {
        welcome: (peer) => this.#welcome(peer),
        connected: (peer) => {
          peer.connected = true;
          this.#readyIfReady(peer);
        },
        lost: (peer) => {
          this.#guard(() => {
            this.#lose(peer, { died: this.#now() - peer.heardAtMs < DIED_MS });
          });
        },
      },
      { notices: this.#notices, now: this.#now },
    );
  }

  #newInbox(): Inbox {
    return new Inbox(
      {
        session: this.#session,
        peer: (sid) => this.#admission.peer(sid),
        mailroom: this.#mailroom,
        notices: this.#notices,
        counts: this.#counts,
        now: this.#now,
      },
      {
        hello: (peer, message) => {
          this.#greet(peer, message);
        },
        take: (peer, message) => {
          this.#take(peer, message);
        },
        back: (peer) => {
          peer.late = false;
          this.#perform({ kind: "client-back", rank: peer.rank });
        },
        bad: (peer, reason) => {
          this.#expel(peer, reason);
        },
        gapAsked: ({ rank }) => {
          this.#trace({ what: "gap", rank });
        },
        flushSoon: () => {
          this.#flushSoon();
        },
      },
    );
  }

  /** Of a run that goes on nothing is left to do but its results. */
  get isComplete(): boolean {
    return this.#schedule.isComplete;
  }

  /** Runs to the end, or until the signal; then says BYE to every client. Never throws for what the world does. */
  async run(signal: AbortSignal): Promise<RunOutcome> {
    let stopped = false;
    const ended = new Promise<Error | undefined>((resolve) => {
      this.#end = resolve;
    });
    const stop = (): void => {
      stopped = true;
      this.#end?.(signal.reason as Error);
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.#listen();
    const beat = setInterval(() => {
      this.#guard(() => {
        this.#beat();
      });
    }, BEAT_MS);
    if (this.isComplete) this.#end?.(undefined);
    const reason = await ended;
    if (reason !== undefined && !isEvbError(reason, "journal-failed", "run-taken-over"))
      await this.#drain();
    clearInterval(beat);
    signal.removeEventListener("abort", stop);
    const unwritten = await this.#sayBye(reason);
    this.#link.close();
    this.#tell();
    this.#trace({ what: "finished" });
    return this.#outcome(unwritten ?? reason, unwritten === undefined && stopped);
  }

  #listen(): void {
    this.#link.listen({
      join: (request, reply) => {
        this.#guard(() => {
          this.#admission.join(request, reply);
        });
      },
      result: (frames) => {
        this.#guard(() => {
          this.#inbox.receive(frames);
        });
      },
    });
  }

  /** A frame of nonsense is counted; anything else that fails here ends the run. */
  #guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      if (isEvbError(thrown, "frame-bad")) this.#notices.stray(thrown.message);
      else this.#end?.(thrown instanceof Error ? thrown : new Error(sentenceOf(thrown)));
    }
  }

  #welcome({ sid, rank, lane, join }: Peer): Uint8Array<ArrayBuffer> {
    const { files, sources, root, path } = this.#index;
    return encodeWelcome({
      nonce: join.nonce,
      session: this.#session,
      sid,
      rank,
      lanePort: lane.port,
      beatMs: BEAT_MS,
      eventTimeoutMs: this.#order.eventTimeoutMs ?? 0,
      analysis: this.#order.analysis,
      root,
      indexPath: path,
      files: files.map(({ path, sizeBytes, ends }) => ({ path, sizeBytes, ends })),
      sources: sources.map(({ name, file, payload, type, itemShape, rows }) => ({
        name,
        file,
        payload,
        type,
        itemShape,
        rows,
      })),
    });
  }

  #greet(peer: Peer, { frame, second }: Message): void {
    const nonce = Buffer.from(frame.subarray(-16)).toString("hex");
    if (nonce !== peer.join.nonce || second === undefined) {
      this.#notices.stray("a hello of another client");
      return;
    }
    this.#intake.agree(peer, second);
    // It greets again when its connection broke; its leases are on its lane, and stay.
    if (peer.greeted) return;
    peer.greeted = true;
    this.#admission.greeted(peer);
    this.#record(peer);
    this.#readyIfReady(peer);
  }

  /** The journal knows a client from its first hello of each life. */
  #record({ rank, share, came, join: { nonce, host, pid } }: Peer): void {
    this.#trace({ what: "joined", rank, host, pid, came });
    if (came === "same-session") this.#counts.rejoinsSameSession++;
    if (came === "new-session") this.#counts.rejoinsNewSession++;
    share.greeted = true;
    this.#journal.append("client", rank, encodeValue({ nonce, host, pid }));
  }

  #readyIfReady(peer: Peer): void {
    if (!isReady(peer)) return;
    this.#perform({ kind: "client-ready", rank: peer.rank, returned: peer.came !== "new" });
    this.#startIfAllAreThere();
  }

  #startIfAllAreThere(): void {
    if (this.#startedAtMs !== undefined) return;
    const ready = this.#readyCount();
    // Of the clients of a run that goes on some may be gone; the others don't wait for them.
    const awaited = this.#before === undefined ? this.#order.clientsAwaited() : 1;
    if (ready === 0 || ready < awaited) return;
    this.#startedAtMs = this.#lastResultAtMs = this.#now();
    this.#trace({ what: "started" });
    this.#perform({ kind: "started" });
  }

  #take(peer: Peer, message: Message): void {
    switch (message.header.kind) {
      case "result":
        this.#takeResults(peer, message);
        return;
      case "epoch":
        this.#takeEpoch(peer, message);
        return;
      case "settled":
        this.#perform({ kind: "client-settled", rank: peer.rank });
        return;
      case "leave":
        this.#leave(peer);
        return;
      case "fault": {
        // One client's word: others would read other bytes than it did.
        const { reason } = decodeFault(message.second ?? new Uint8Array(0));
        this.#end?.(new EvbError("data-changed", {}, reason, 1));
        return;
      }
      default:
    }
  }

  #takeResults(peer: Peer, { header, frame, second }: Message): void {
    const { ranges, times, failures } = this.#intake.results(peer.rank, header, [frame, second]);
    const { share, rank } = peer;
    this.#lastResultAtMs = this.#now();
    share.times = times;
    const busySeconds =
      times.openSeconds + times.readSeconds + times.decodeSeconds + times.analysisSeconds;
    const fresh = this.#perform({ kind: "results", rank, ranges, busySeconds });
    for (const range of fresh) share.fragments += this.#table.fragmentsOf(range);
    share.events += lengthOf(fresh);
    this.#counts.lateCopies += lengthOf(ranges) - lengthOf(fresh);
    this.#takeFailures(failures, fresh);
  }

  #takeFailures(failures: readonly Failure[], fresh: readonly Range[]): void {
    if (failures.length === 0) return;
    const committed = new RangeSet(fresh);
    for (const failure of failures)
      if (committed.touches({ first: failure.event, end: failure.event + 1 })) this.#fail(failure);
  }

  #fail(failure: Failure): void {
    this.#failed++;
    if (this.#failures.length < FAILURES_KEPT_MAX) this.#failures.push(failure);
    const failed = fault("event-failed", failure);
    this.#notices.say(failed.message);
    if (this.#order.strict) this.#end?.(failed);
  }

  #takeEpoch({ rank }: Peer, { header, frame }: Message): void {
    const { epoch, ranges } = this.#intake.epoch(header, frame);
    const actions = this.#schedule.handle({ kind: "epoch", rank, ranges });
    const accepted = actions.some(({ kind }) => kind === "accept-epoch");
    // It is in the journal before anything that follows from it.
    if (accepted) this.#intake.count(rank, epoch, frame);
    else this.#counts.epochsRefused++;
    this.#trace({ what: accepted ? "counted" : "refused", rank, events: lengthOf(ranges) });
    this.#performAll(actions);
  }

  #leave(peer: Peer): void {
    peer.left = true;
    this.#trace({ what: "left", rank: peer.rank });
    this.#admission.forget(peer);
    this.#perform({ kind: "client-left", rank: peer.rank });
  }

  /** Tells the schedule and does what it says; returns the events that were committed. */
  #perform(stimulus: Stimulus): readonly Range[] {
    return this.#performAll(this.#schedule.handle(stimulus));
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
          for (const range of committed)
            this.#trace({ what: "commit", rank: action.rank, ...range });
          break;
        case "set-aside":
          this.#setAside(action.ranges);
          break;
        case "accept-epoch":
        case "refuse-epoch":
          break;
        case "finish":
          // What was taken just now is journalled first.
          setImmediate(() => this.#end?.(undefined));
          break;
      }
    return committed;
  }

  #post({ rank, lease, range, double, again }: Extract<Action, { kind: "lease" }>): void {
    const peer = this.#admission.ofRank(rank)!;
    const columns = this.#table.slice(range);
    this.#mailroom.post(peer, { id: lease, first: range.first, ...columns }, { double });
    this.#trace({ what: "lease", rank, lease, ...range, again: again > 0, double });
    this.#flushSoon();
  }

  #setAside(ranges: readonly Range[]): void {
    const reason = "it ended three client processes, and is left out";
    for (const failure of this.#intake.setAside(ranges, reason)) {
      this.#counts.setAside++;
      this.#trace({ what: "set-aside", event: failure.event });
      this.#fail(failure);
    }
    this.#flushSoon();
  }

  /** One journal write and one frame per client for all that came meanwhile. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#guard(() => {
        // Before leases go out: who goes on after us knows that somebody may have had them.
        if (this.#schedule.progress.handedOut > this.#handedOut) this.#journalProgress();
        this.#mailroom.flush();
      });
    });
  }

  #journalProgress(): void {
    const { handedOut, batches, redone, doubled } = this.#progress();
    this.#handedOut = handedOut;
    const counters = { ...this.#counts, doubled };
    const seconds = this.#seconds();
    this.#journal.append(
      "progress",
      0,
      encodeValue({ handedOut, batches, redone, seconds, counters }),
    );
  }

  #beat(): void {
    const now = this.#now();
    this.#forgiveOwnPause(now);
    for (const peer of this.#admission.peers) {
      if (isReady(peer)) {
        if (now - peer.sentAtMs >= BEAT_MS) this.#mailroom.say(peer, "ack");
        if (!peer.late && now - peer.heardAtMs > LATE_MS) this.#late(peer);
      }
      if (!peer.connected && now - peer.joinedAtMs > LANE_UNUSED_MS)
        this.#lose(peer, { died: false });
    }
    this.#startIfAllAreThere();
    if (this.#expecting && now - this.#listeningAtMs > EXPECT_MS) {
      this.#expecting = false;
      this.#perform({ kind: "waited" });
    }
    if (now - this.#syncedAtMs > SYNC_MS) this.#sync(now);
    this.#endIfAlone(now);
    this.#tell();
  }

  /** This process was frozen: nobody else was silent meanwhile, and somebody may have taken its place. */
  #forgiveOwnPause(now: number): void {
    const pausedMs = now - this.#beatAtMs;
    this.#beatAtMs = now;
    if (pausedMs < FROZEN_MS) return;
    for (const peer of this.#admission.peers) peer.heardAtMs += pausedMs;
    this.#alone.sinceMs += pausedMs;
    if (!this.#isOurs()) this.#end?.(fault("run-taken-over", { out: this.#order.out }));
  }

  #late(peer: Peer): void {
    peer.late = true;
    this.#trace({ what: "late", rank: peer.rank });
    this.#perform({ kind: "client-late", rank: peer.rank });
  }

  #sync(now: number): void {
    this.#syncedAtMs = now;
    if (this.#startedAtMs !== undefined) this.#journalProgress();
    this.#mailroom.flush();
    this.#journal.sync().catch((thrown: unknown) => {
      this.#end?.(thrown as Error);
    });
  }

  #endIfAlone(now: number): void {
    if (this.#readyCount() > 0) {
      this.#alone = { sinceMs: now };
      return;
    }
    if (now - this.#alone.sinceMs <= this.#order.clientTimeoutMs) return;
    const { done, events } = this.#schedule.progress;
    this.#end?.(fault("no-client", { seconds: this.#order.clientTimeoutMs / 1000, done, events }));
  }

  #lose(peer: Peer, { died }: { died: boolean }): void {
    if (peer.lost) return;
    peer.lost = true;
    peer.lane.close(0);
    this.#admission.forget(peer);
    if (peer.left) return;
    const { rank } = peer;
    const { host, pid } = peer.join;
    if (peer.greeted) {
      this.#counts.clientsLost++;
      this.#trace({ what: "lost", rank, died });
      this.#notices.say(
        `client ${String(rank)} on ${host} (pid ${String(pid)}) is gone; its events are leased again`,
      );
      this.#perform({ kind: "client-lost", rank, died });
    }
  }

  /** What it says can't be meant: nothing of this process is taken any more. */
  #expel(peer: Peer, reason: Error): void {
    this.#notices.stray(`client ${String(peer.rank)} on ${peer.join.host}: ${reason.message}`);
    this.#admission.refuse(peer, reason.message);
    this.#lose(peer, { died: false });
  }

  /**
   * An end before the end: what clients have done and not sent yet is taken, and what they have not
   * begun is not begun any more. So totals are sums over the same events as the rows.
   */
  async #drain(): Promise<void> {
    this.#perform({ kind: "stopped" });
    for (const peer of this.#admission.peers) if (isReady(peer)) this.#mailroom.say(peer, "stop");
    const deadline = this.#now() + STOP_MS;
    while (this.#now() < deadline && this.#readyCount() > 0) await setTimeout(PAUSE_MS);
  }

  /** Returns why the journal couldn't be written, if it couldn't: then nobody's last results are acknowledged. */
  async #sayBye(reason: Error | undefined): Promise<Error | undefined> {
    let unwritten: Error | undefined;
    const peers = (): Peer[] => this.#admission.peers;
    if (isEvbError(reason, "run-taken-over")) {
      for (const peer of peers()) this.#dismiss(peer, 0);
      return undefined;
    }
    try {
      this.#journalProgress();
      this.#mailroom.flush();
    } catch (thrown) {
      unwritten = thrown as Error;
    }
    // A client that has its welcome and not yet its lane would wait for minutes for what is over.
    const deadline = this.#now() + BYE_LINGER_MS;
    while (this.#now() < deadline && peers().some((peer) => !peer.connected))
      await setTimeout(PAUSE_MS);
    for (const peer of peers()) {
      this.#mailroom.say(peer, "bye");
      this.#dismiss(peer, BYE_LINGER_MS);
    }
    return unwritten;
  }

  #dismiss(peer: Peer, lingerMs: number): void {
    peer.lost = true;
    peer.lane.close(lingerMs);
  }

  #readyCount(): number {
    let ready = 0;
    for (const peer of this.#admission.peers) if (isReady(peer)) ready++;
    return ready;
  }

  #tell(): void {
    const bytes = this.#roster.shares.reduce((sum, { times }) => sum + times.bytes, 0);
    this.#watcher.progress({ ...this.#progress(), clients: this.#readyCount(), bytes });
  }

  /** Of all lives. */
  #progress(): Progress {
    const { batches, redone, doubled, ...more } = this.#schedule.progress;
    const before = this.#before ?? { batches: 0, redone: 0, doubled: 0 };
    return {
      ...more,
      batches: before.batches + batches,
      redone: before.redone + redone,
      doubled: before.doubled + doubled,
    };
  }

  #seconds(): number {
    const started = this.#startedAtMs;
    const now = started === undefined ? 0 : (this.#lastResultAtMs - started) / 1000;
    return (this.#before?.seconds ?? 0) + now;
  }

  #outcome(ended: Error | undefined, stopped: boolean): RunOutcome {
    return {
      ...this.#progress(),
      seconds: this.#seconds(),
      clients: this.#roster.shares.filter((share) => share.greeted).map(shareOf),
      failed: this.#failed,
      failures: [...this.#failures].sort((a, b) => a.event - b.event),
      totals: this.#intake.totals,
      doneRanges: this.#schedule.done,
      schema: this.#intake.schema,
      faults: this.#counts,
      ended,
      stopped: stopped && ended !== undefined,
    };
  }
}
