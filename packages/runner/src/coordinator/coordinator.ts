import { randomInt } from "node:crypto";
import { EvbError, isEvbError, sentenceOf } from "@evb/event";
import type { RunEvents } from "@evb/index";
import { fault } from "../faults.ts";
import type { JournalWriter } from "../sink/journal.ts";
import { decodeFault, encodeWelcome } from "../wire/join.ts";
import type { CoordinatorLink } from "../wire/link.ts";
import { encodeValue } from "../wire/values.ts";
import { Admission } from "./admission.ts";
import type { CoordinatorEvents, CoordinatorOrder, RunBefore } from "./coordinator-order.ts";
import { newCounts, type FaultCounts } from "./counts.ts";
import { Dispatch } from "./dispatch.ts";
import { Farewell } from "./farewell.ts";
import { Inbox, type Message } from "./inbox.ts";
import { Mailroom } from "./mailroom.ts";
import { Notices } from "./notices.ts";
import { shareOf, type RunOutcome } from "./outcome.ts";
import { isReady, type Peer } from "./peer.ts";
import { Roster } from "./roster.ts";
import type { Trace } from "./trace.ts";
import { Vigil } from "./vigil.ts";
import { welcomeOf } from "./welcome.ts";

/** A silent lane is broken: the client asks to join again after ten of these. */
const BEAT_MS = 100;
/** A loss of power costs at most what came since, and what comes while the disk is waited for. */
const SYNC_MS = 1000;
/** Clients of an earlier life find the new one in half a second, or in two by its connection file. */
const EXPECT_MS = 3000;

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
  readonly #inbox: Inbox;
  readonly #dispatch: Dispatch;
  readonly #admission: Admission;
  readonly #roster: Roster;
  readonly #notices: Notices;
  readonly #counts: FaultCounts;
  readonly #watcher: CoordinatorEvents;
  readonly #trace: Trace | undefined;
  readonly #now: () => number;
  readonly #session = randomInt(1, 2 ** 32);
  readonly #vigil: Vigil;
  readonly #farewell: Farewell;
  readonly #listeningAtMs: number;
  #syncedAtMs: number;
  #expecting: boolean;
  #end: ((reason: Error | undefined) => void) | undefined;

  /** @param parts.before of a run that goes on */
  constructor(parts: {
    index: RunEvents;
    order: CoordinatorOrder;
    before?: RunBefore | undefined;
    link: CoordinatorLink;
    journal: JournalWriter;
    watcher: CoordinatorEvents;
    trace?: Trace | undefined;
    now?: () => number;
  }) {
    const { index, order, before, journal } = parts;
    this.#index = index;
    this.#order = order;
    this.#before = before;
    this.#link = parts.link;
    this.#journal = journal;
    this.#watcher = parts.watcher;
    this.#trace = parts.trace;
    this.#now = parts.now ?? (() => performance.now());
    this.#expecting = before !== undefined;
    this.#roster = new Roster(before?.clients ?? []);
    this.#counts = newCounts(before?.counts);
    this.#listeningAtMs = this.#syncedAtMs = this.#now();
    this.#mailroom = new Mailroom({
      session: this.#session,
      journal,
      now: this.#now,
      beforeFlush: () => {
        this.#dispatch.noteHandedOut();
      },
    });
    this.#notices = new Notices(
      this.#counts,
      (sentence) => {
        parts.watcher.notice(sentence);
      },
      this.#now,
    );
    this.#admission = this.#newAdmission();
    this.#inbox = this.#newInbox();
    this.#dispatch = this.#newDispatch();
    this.#vigil = this.#newVigil();
    this.#farewell = new Farewell(this.#admission, this.#mailroom, this.#now);
  }

  #newAdmission(): Admission {
    return new Admission(
      { link: this.#link, run: this.#order.run, roster: this.#roster },
      {
        welcome: (peer) =>
          encodeWelcome(
            welcomeOf(peer, {
              session: this.#session,
              beatMs: BEAT_MS,
              order: this.#order,
              index: this.#index,
            }),
          ),
        connected: (peer) => {
          this.#guard(() => {
            peer.connected = true;
            this.#readyIfReady(peer);
          });
        },
        lost: (peer) => {
          this.#guard(() => {
            this.#lose(peer, { died: this.#vigil.died(peer, this.#now()) });
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
          this.#dispatch.perform({ kind: "client-back", rank: peer.rank });
        },
        bad: (peer, reason) => {
          this.#expel(peer, reason);
        },
        gapAsked: ({ rank }) => {
          this.#trace?.({ what: "gap", rank });
        },
        flushSoon: () => {
          this.#dispatch.flushSoon();
        },
      },
    );
  }

  #newDispatch(): Dispatch {
    return new Dispatch(
      {
        index: this.#index,
        order: this.#order,
        before: this.#before,
        journal: this.#journal,
        mailroom: this.#mailroom,
        counts: this.#counts,
        peerOf: (rank) => this.#admission.ofRank(rank)!,
        trace: this.#trace,
        now: this.#now,
      },
      {
        finished: () => this.#end?.(undefined),
        failed: (failure) => {
          const tag = this.#order.rebuild === undefined ? "event-failed" : "part-failed";
          const failed = fault(tag, failure);
          this.#notices.say(failed.message);
          if (this.#order.strict) this.#end?.(failed);
        },
        guard: (step) => {
          this.#guard(step);
        },
      },
    );
  }

  #newVigil(): Vigil {
    const { clientTimeoutMs } = this.#order;
    return new Vigil(clientTimeoutMs, this.#now(), {
      late: (peer) => {
        peer.late = true;
        this.#trace?.({ what: "late", rank: peer.rank });
        this.#dispatch.perform({ kind: "client-late", rank: peer.rank });
      },
      absent: (peer) => {
        this.#lose(peer, { died: false });
      },
      alone: () => {
        const { done, events } = this.#dispatch.progress;
        this.#end?.(fault("no-client", { seconds: clientTimeoutMs / 1000, done, events }));
      },
    });
  }

  /** Of a run that goes on nothing is left to do but its results. */
  get isComplete(): boolean {
    return this.#dispatch.isComplete;
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
    const unwritten = await this.#close(reason);
    clearInterval(beat);
    signal.removeEventListener("abort", stop);
    this.#link.close();
    this.#tell();
    this.#trace?.({ what: "finished" });
    return this.#outcome(unwritten ?? reason, unwritten === undefined && stopped);
  }

  /** Returns why the journal couldn't be written, if it couldn't: then nobody's last results are acknowledged. */
  async #close(reason: Error | undefined): Promise<Error | undefined> {
    // The journal is another's now, and so are the clients.
    if (isEvbError(reason, "run-taken-over")) {
      this.#farewell.leave();
      return undefined;
    }
    if (reason !== undefined && !isEvbError(reason, "journal-failed")) {
      this.#dispatch.perform({ kind: "stopped" });
      await this.#farewell.drain();
    }
    let unwritten: Error | undefined;
    try {
      this.#dispatch.flush();
    } catch (thrown) {
      unwritten = thrown as Error;
    }
    if (isEvbError(unwritten, "run-taken-over")) this.#farewell.leave();
    else await this.#farewell.bye();
    return unwritten;
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

  #greet(peer: Peer, { frame, second }: Message): void {
    const nonce = Buffer.from(frame.subarray(-16)).toString("hex");
    if (nonce !== peer.join.nonce || second === undefined) {
      this.#notices.stray("a hello of another client");
      return;
    }
    this.#dispatch.agree(peer, second);
    // It greets again when its connection broke; its leases are on its lane, and stay.
    if (peer.greeted) return;
    peer.greeted = true;
    this.#admission.greeted(peer);
    this.#record(peer);
    this.#readyIfReady(peer);
  }

  /** The journal knows a client from its first hello of each life. */
  #record({ rank, share, came, join: { nonce, host, pid } }: Peer): void {
    this.#trace?.({ what: "joined", rank, host, pid, came });
    if (came === "same-session") this.#counts.rejoinsSameSession++;
    if (came === "new-session") this.#counts.rejoinsNewSession++;
    share.greeted = true;
    share.lost = false;
    this.#journal.append("client", rank, encodeValue({ nonce, host, pid }));
  }

  #readyIfReady(peer: Peer): void {
    if (!isReady(peer)) return;
    this.#dispatch.perform({
      kind: "client-ready",
      rank: peer.rank,
      returned: peer.came !== "new",
      memoryBytes: peer.join.memoryBytes,
    });
    this.#startIfAllAreThere();
  }

  #startIfAllAreThere(): void {
    if (this.#dispatch.isStarted) return;
    const ready = this.#readyCount();
    // Of the clients of a run that goes on some may be gone; the others don't wait for them.
    const awaited = this.#before === undefined ? this.#order.clientsAwaited() : 1;
    if (ready > 0 && ready >= awaited) this.#dispatch.start();
  }

  #take(peer: Peer, message: Message): void {
    switch (message.header.kind) {
      case "result":
        this.#dispatch.takeResults(peer, message);
        return;
      case "epoch":
        this.#dispatch.takeEpoch(peer, message);
        return;
      case "settled":
        this.#dispatch.perform({ kind: "client-settled", rank: peer.rank });
        return;
      case "revoked":
        this.#dispatch.takeRevoked(peer, message);
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

  #leave(peer: Peer): void {
    peer.left = true;
    this.#trace?.({ what: "left", rank: peer.rank });
    this.#admission.forget(peer);
    this.#dispatch.perform({ kind: "client-left", rank: peer.rank });
  }

  #beat(): void {
    const now = this.#now();
    this.#vigil.look(this.#admission.peers, now);
    this.#dispatch.perform({ kind: "beat" });
    for (const peer of this.#admission.peers)
      if (isReady(peer) && now - peer.sentAtMs >= BEAT_MS) this.#mailroom.say(peer, "ack");
    this.#startIfAllAreThere();
    const expectMs = this.#order.clientsReturn ? EXPECT_MS : 0;
    if (this.#expecting && now - this.#listeningAtMs > expectMs) {
      this.#expecting = false;
      this.#dispatch.perform({ kind: "waited" });
    }
    if (now - this.#syncedAtMs > SYNC_MS) this.#sync(now);
    this.#tell();
  }

  #sync(now: number): void {
    this.#syncedAtMs = now;
    this.#dispatch.flush();
    this.#journal.sync().catch((thrown: unknown) => {
      this.#end?.(thrown as Error);
    });
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
      // The same process may be there by another connection.
      peer.share.lost = this.#admission.ofRank(rank) === peer;
      this.#trace?.({ what: "lost", rank, died });
      this.#notices.say(
        `client ${String(rank)} on ${host} (pid ${String(pid)}) is gone; its events are leased again`,
      );
      this.#dispatch.perform({ kind: "client-lost", rank, died });
    }
  }

  /** What it says can't be meant: nothing of this process is taken any more. */
  #expel(peer: Peer, reason: Error): void {
    this.#notices.stray(`client ${String(peer.rank)} on ${peer.join.host}: ${reason.message}`);
    this.#admission.refuse(peer, reason.message);
    this.#lose(peer, { died: false });
  }

  #readyCount(): number {
    return this.#admission.peers.filter(isReady).length;
  }

  #tell(): void {
    const bytes = this.#roster.shares.reduce((sum, { times }) => sum + times.bytes, 0);
    this.#watcher.progress({
      ...this.#dispatch.progress,
      clients: this.#readyCount(),
      bytes,
      setAside: this.#counts.setAside,
    });
  }

  #outcome(ended: Error | undefined, stopped: boolean): RunOutcome {
    return {
      ...this.#dispatch.progress,
      ...this.#dispatch.results,
      clients: this.#roster.shares.filter((share) => share.greeted).map(shareOf),
      faults: this.#counts,
      ended,
      stopped: stopped && ended !== undefined,
    };
  }
}
