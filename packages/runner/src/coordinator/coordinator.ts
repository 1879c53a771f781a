import { randomInt } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { isEvbError, sentenceOf, type Rank } from "@evb/event";
import type { RunEvents } from "@evb/index";
import { fault } from "../faults.ts";
import type { JournalWriter } from "../sink/journal.ts";
import { readHeader, type Header } from "../wire/header.ts";
import { encodeWelcome, type AnalysisOrder, type Failure } from "../wire/join.ts";
import type { CoordinatorLink, Lane } from "../wire/link.ts";
import { Admission } from "./admission.ts";
import { EventTable } from "./event-table.ts";
import { Intake } from "./intake.ts";
import { Mailroom } from "./mailroom.ts";
import { Notices } from "./notices.ts";
import { shareOf, type RunOutcome } from "./outcome.ts";
import { isReady, type Peer } from "./peer.ts";
import { lengthOf, RangeSet, type Range } from "./range-set.ts";
import { Schedule, type Action, type Progress, type Stimulus } from "./schedule.ts";

/** What a coordinator is asked to do. */
export interface CoordinatorOrder {
  readonly range: Range;
  readonly analysis: AnalysisOrder;
  readonly batchCap: number;
  /** The clock starts when so many clients are there. Asked anew each time: one that died isn't waited for. */
  readonly clientsAwaited: () => number;
  /** Without a client for so long, the run ends. */
  readonly clientTimeoutMs: number;
  /** The first failed event ends the run. */
  readonly strict: boolean;
}

/** What the coordinator tells whoever watches it. */
export interface CoordinatorEvents {
  progress(progress: Progress & { readonly clients: number; readonly bytes: number }): void;
  notice(sentence: string): void;
}

/** A silent lane is broken: the client asks to join again after ten of these. */
const BEAT_MS = 100;
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
  readonly #link: CoordinatorLink;
  readonly #mailroom: Mailroom;
  readonly #intake: Intake;
  readonly #admission: Admission;
  readonly #notices: Notices;
  readonly #watcher: CoordinatorEvents;
  readonly #now: () => number;
  readonly #session = randomInt(1, 2 ** 32);
  readonly #table: EventTable;
  readonly #schedule: Schedule;
  readonly #failures: Failure[] = [];
  #failed = 0;
  #startedAtMs: number | undefined;
  #lastResultAtMs = 0;
  #alone: { sinceMs: number };
  #flushing = false;
  #end: ((reason: Error | undefined) => void) | undefined;

  constructor(parts: {
    index: RunEvents;
    order: CoordinatorOrder;
    link: CoordinatorLink;
    journal: JournalWriter;
    watcher: CoordinatorEvents;
    now?: () => number;
  }) {
    this.#index = parts.index;
    this.#order = parts.order;
    this.#link = parts.link;
    this.#watcher = parts.watcher;
    this.#now = parts.now ?? (() => performance.now());
    this.#table = new EventTable(parts.index);
    this.#schedule = new Schedule(parts.order.range, parts.order.batchCap);
    this.#alone = { sinceMs: this.#now() };
    this.#intake = new Intake(parts.order.range, this.#table, parts.journal);
    this.#mailroom = new Mailroom(this.#session, parts.journal, this.#now);
    this.#notices = new Notices((sentence) => {
      parts.watcher.notice(sentence);
    }, this.#now);
    this.#admission = new Admission(
      parts.link,
      {
        welcome: (nonce, rank, lane) => this.#welcome(nonce, rank, lane),
        connected: (peer) => {
          peer.connected = true;
          this.#readyIfReady(peer);
        },
        lost: (peer) => {
          this.#lose(peer);
        },
      },
      { notices: this.#notices, now: this.#now },
    );
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
    this.#link.listen({
      join: (request, reply) => {
        this.#guard(() => {
          this.#admission.join(request, reply);
        });
      },
      result: (frames) => {
        this.#guard(() => {
          this.#receive(frames);
        });
      },
    });
    const beat = setInterval(() => {
      this.#guard(() => {
        this.#beat();
      });
    }, BEAT_MS);
    const reason = await ended;
    if (reason !== undefined && !isEvbError(reason, "journal-failed")) await this.#drain();
    clearInterval(beat);
    signal.removeEventListener("abort", stop);
    const unwritten = await this.#sayBye();
    this.#link.close();
    this.#tell();
    return this.#outcome(unwritten ?? reason, unwritten === undefined && stopped);
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

  #welcome(nonce: string, rank: Rank, lane: Lane): Uint8Array<ArrayBuffer> {
    const { files, sources, root, path } = this.#index;
    return encodeWelcome({
      nonce,
      session: this.#session,
      sid: rank,
      rank,
      lanePort: lane.port,
      beatMs: BEAT_MS,
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

  #receive(frames: readonly Uint8Array[]): void {
    const [frame, second] = frames;
    if (frame === undefined) return;
    const header = readHeader(frame);
    const peer = this.#admission.peer(header.sid);
    if (header.session !== this.#session || peer === undefined) {
      this.#notices.stray("a frame of another session");
      return;
    }
    // What it had is given back; it hears of it, joins again, and sends this once more.
    if (peer.lost || peer.left) return;
    if (header.kind === "hello") {
      this.#greet(peer, frame, second);
      return;
    }
    if (!peer.greeted) {
      this.#notices.stray("a frame before its client's hello");
      return;
    }
    // Its lane is still to come, and with it the answer that asks for this again.
    if (!peer.connected) return;
    if (header.kind === "beat") {
      if (header.seq > peer.received) this.#mailroom.askAgain(peer);
      return;
    }
    if (header.seq <= peer.received) {
      this.#mailroom.acknowledge(peer);
      this.#flushSoon();
      return;
    }
    if (header.seq > peer.received + 1) {
      this.#mailroom.askAgain(peer);
      return;
    }
    this.#take(peer, header, frame, second);
    peer.received = header.seq;
    this.#mailroom.acknowledge(peer);
    this.#flushSoon();
  }

  #take(peer: Peer, header: Header, frame: Uint8Array, second: Uint8Array | undefined): void {
    switch (header.kind) {
      case "result": {
        this.#takeResults(peer, header, frame, second);
        return;
      }
      case "epoch": {
        this.#takeEpoch(peer, header, frame);
        return;
      }
      case "leave":
        peer.left = true;
        peer.outbox.length = 0;
        this.#perform({ kind: "client-left", rank: peer.rank });
        return;
      default:
        throw fault("frame-bad", { what: header.kind, reason: "it is for clients" });
    }
  }

  #greet(peer: Peer, frame: Uint8Array, second: Uint8Array | undefined): void {
    const nonce = Buffer.from(frame.subarray(-16)).toString("hex");
    if (nonce !== peer.join.nonce || second === undefined) {
      this.#notices.stray("a hello of another client");
      return;
    }
    this.#intake.agree(peer, second);
    // It greets again when its connection broke; its leases are on its lane, and stay.
    if (peer.greeted) return;
    peer.greeted = true;
    this.#readyIfReady(peer);
  }

  #readyIfReady(peer: Peer): void {
    if (!isReady(peer)) return;
    this.#perform({ kind: "client-ready", rank: peer.rank });
    this.#startIfAllAreThere();
  }

  #startIfAllAreThere(): void {
    if (this.#startedAtMs !== undefined) return;
    const ready = this.#readyCount();
    if (ready === 0 || ready < this.#order.clientsAwaited()) return;
    this.#startedAtMs = this.#lastResultAtMs = this.#now();
    this.#perform({ kind: "started" });
  }

  #takeResults(
    peer: Peer,
    header: Header,
    frame: Uint8Array,
    second: Uint8Array | undefined,
  ): void {
    const { ranges, times, failures } = this.#intake.results(peer.rank, header, [frame, second]);
    this.#lastResultAtMs = this.#now();
    peer.times = times;
    const busySeconds =
      times.openSeconds + times.readSeconds + times.decodeSeconds + times.analysisSeconds;
    const fresh = this.#perform({ kind: "results", rank: peer.rank, ranges, busySeconds });
    for (const range of fresh) peer.fragments += this.#table.fragmentsOf(range);
    peer.events += lengthOf(fresh);
    this.#takeFailures(failures, fresh);
  }

  #takeFailures(failures: readonly Failure[], fresh: readonly Range[]): void {
    if (failures.length === 0) return;
    const committed = new RangeSet(fresh);
    for (const failure of failures) {
      if (!committed.touches({ first: failure.event, end: failure.event + 1 })) continue;
      this.#failed++;
      if (this.#failures.length < FAILURES_KEPT_MAX) this.#failures.push(failure);
      const failed = fault("event-failed", failure);
      this.#notices.say(failed.message);
      if (this.#order.strict) this.#end?.(failed);
    }
  }

  #takeEpoch(peer: Peer, header: Header, frame: Uint8Array): void {
    const { epoch, ranges } = this.#intake.epoch(header, frame);
    if (this.#accepts({ kind: "epoch", rank: peer.rank, ranges }))
      this.#intake.count(peer.rank, epoch, frame);
  }

  /** Tells the schedule and does what it says; returns the events that were committed. */
  #perform(stimulus: Stimulus): readonly Range[] {
    return this.#performAll(this.#schedule.handle(stimulus)).committed;
  }

  #accepts(stimulus: Stimulus): boolean {
    return this.#performAll(this.#schedule.handle(stimulus)).accepted;
  }

  #performAll(actions: readonly Action[]): { committed: readonly Range[]; accepted: boolean } {
    let committed: readonly Range[] = [];
    let accepted = false;
    for (const action of actions) {
      switch (action.kind) {
        case "lease": {
          const peer = this.#admission.peer(action.rank)!;
          const { first } = action.range;
          this.#mailroom.post(peer, {
            id: action.lease,
            first,
            ...this.#table.slice(action.range),
          });
          this.#flushSoon();
          break;
        }
        case "commit":
          committed = action.ranges;
          break;
        case "accept-epoch":
          accepted = true;
          break;
        case "refuse-epoch":
          break;
        case "finish":
          // What was taken just now is journalled first.
          setImmediate(() => this.#end?.(undefined));
          break;
      }
    }
    return { committed, accepted };
  }

  /** One journal write and one frame per client for all that came meanwhile. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#guard(() => {
        this.#mailroom.flush();
      });
    });
  }

  #beat(): void {
    const now = this.#now();
    for (const peer of this.#admission.peers) {
      if (isReady(peer) && now - peer.sentAtMs >= BEAT_MS) this.#mailroom.say(peer, "ack");
      if (!peer.connected && !peer.lost && now - peer.joinedAtMs > LANE_UNUSED_MS) this.#lose(peer);
    }
    this.#startIfAllAreThere();
    if (this.#readyCount() > 0) this.#alone = { sinceMs: now };
    else if (now - this.#alone.sinceMs > this.#order.clientTimeoutMs) {
      const { done, events } = this.#schedule.progress;
      this.#end?.(
        fault("no-client", { seconds: this.#order.clientTimeoutMs / 1000, done, events }),
      );
    }
    this.#tell();
  }

  #lose(peer: Peer): void {
    if (peer.lost) return;
    peer.lost = true;
    peer.lane.close(0);
    this.#admission.forget(peer);
    if (peer.left) return;
    const { host, pid } = peer.join;
    if (peer.greeted)
      this.#notices.say(
        `client ${String(peer.rank)} on ${host} (pid ${String(pid)}) is gone; its events are leased again`,
      );
    this.#perform({ kind: "client-lost", rank: peer.rank });
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
  async #sayBye(): Promise<Error | undefined> {
    let unwritten: Error | undefined;
    try {
      this.#mailroom.flush();
    } catch (thrown) {
      unwritten = thrown as Error;
    }
    // A client that has its welcome and not yet its lane would wait for minutes for what is over.
    const deadline = this.#now() + BYE_LINGER_MS;
    const peers = (): Peer[] => this.#admission.peers.filter((peer) => !peer.lost);
    while (this.#now() < deadline && peers().some((peer) => !peer.connected))
      await setTimeout(PAUSE_MS);
    for (const peer of peers()) {
      this.#mailroom.say(peer, "bye");
      peer.lost = true;
      peer.lane.close(BYE_LINGER_MS);
    }
    return unwritten;
  }

  #readyCount(): number {
    let ready = 0;
    for (const peer of this.#admission.peers) if (isReady(peer)) ready++;
    return ready;
  }

  #tell(): void {
    const bytes = this.#admission.peers.reduce((sum, peer) => sum + peer.times.bytes, 0);
    this.#watcher.progress({ ...this.#schedule.progress, clients: this.#readyCount(), bytes });
  }

  #outcome(ended: Error | undefined, stopped: boolean): RunOutcome {
    const started = this.#startedAtMs;
    return {
      ...this.#schedule.progress,
      seconds: started === undefined ? 0 : (this.#lastResultAtMs - started) / 1000,
      clients: this.#admission.peers.filter((peer) => peer.greeted).map(shareOf),
      failed: this.#failed,
      failures: [...this.#failures].sort((a, b) => a.event - b.event),
      totals: this.#intake.totals,
      doneRanges: this.#schedule.done,
      schema: this.#intake.schema,
      strayFrames: this.#notices.strayFrames,
      ended,
      stopped: stopped && ended !== undefined,
    };
  }
}
