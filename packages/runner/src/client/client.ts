import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { isEvbError } from "@evb/event";
import type { ResultSchema } from "@evb/analysis";
import type { DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import { failedEvent } from "../wire/failed-event.ts";
import { HEADER_BYTES, newFrame, openMessage, seal, type MessageKind } from "../wire/header.ts";
import {
  decodeSchema,
  decodeWelcome,
  encodeFault,
  encodeJoin,
  type Refusal,
  type Welcome,
} from "../wire/join.ts";
import type { ClientLink } from "../wire/link.ts";
import { NO_TIMES, type ClientTimes } from "../wire/result-message.ts";
import { BenchThread, type EventInWork } from "./bench-thread.ts";
import { Outbox, type Message } from "./outbox.ts";

/** What a client is asked to do. */
export interface ClientOrder {
  /** Which run it was started for: the connection file's. */
  readonly run: string;
  readonly places: readonly DataPlace[];
  /** So long it waits for its coordinator's first answer. */
  readonly waitMs: number;
  /** So long it waits for one that was lost. */
  readonly coordinatorTimeoutMs: number;
  /** An event that takes longer fails; undefined: as the coordinator says. */
  readonly eventTimeoutMs?: number | undefined;
  /** The only analysis that it runs; undefined: the one that the coordinator names. */
  readonly analysis?: string | undefined;
  readonly evbVersion: string;
  /** The coordinator, for messages. */
  readonly endpoint: string;
  /** Asked while the coordinator is lost: the way to it, if that is another one now. */
  readonly findAgain?: () => Promise<ClientLink | undefined>;
}

/** What a client did. */
export interface ClientOutcome {
  readonly rank: number;
  readonly events: number;
  readonly times: ClientTimes;
}

/** A JOIN is repeated until it is answered; the coordinator knows repeats by their nonce. */
const JOIN_MS = 200;
const LAST_WORDS_MS = 1000;
/** Ten of the coordinator's beats. */
const LANE_SILENT_MS = 1000;

/**
 * One of ranks 1 … N: joins, hands leases to the thread that works, publishes its results, and keeps
 * each until the coordinator has acknowledged it. This thread does nothing that takes time.
 */
export class Client {
  #link: ClientLink;
  readonly #order: ClientOrder;
  readonly #nonce = randomBytes(16);
  readonly #outbox = new Outbox();
  #heard = false;
  /** Since when the coordinator has not been there, or not answered; undefined while it is. */
  #lostSinceMs: number | undefined = performance.now();
  #finding = false;
  #welcome: Welcome | undefined;
  #bench: BenchThread | undefined;
  #schema: ResultSchema | undefined;
  /** Heard again, and not yet told by whom: it may be another life of the coordinator. */
  #confirming = false;
  /** A frame came on the lane: the coordinator has had our hello. */
  #answered = false;
  #laneAtMs = 0;
  #events = 0;
  #times = NO_TIMES;
  #benchEnded = false;
  /** The working thread is gone; the next one begins as a new connection. */
  #restarting = false;
  #ended: { reason: Error | undefined } | undefined;
  /** The last frame that could not be understood: why no answer came, if none comes. */
  #nonsense: Error | undefined;
  #leaving = false;
  #wake: (() => void) | undefined;

  constructor(link: ClientLink, order: ClientOrder) {
    this.#link = link;
    this.#order = order;
  }

  /**
   * Works until the coordinator says BYE; the signal makes it leave politely.
   *
   * @throws EvbError "coordinator-lost", "coordinator-refuses", "coordinator-unreachable", and what its
   * analysis or its data files are missing
   */
  async run(signal: AbortSignal): Promise<ClientOutcome> {
    const leave = (): void => {
      this.#leaving = true;
      this.#wake?.();
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    this.#listen(this.#link);
    const beginning = performance.now();
    const joining = setInterval(() => {
      this.#look(beginning);
    }, JOIN_MS);
    try {
      do {
        await this.#until(() => this.#welcome !== undefined);
        this.#restarting = false;
        if (!this.#isLeaving()) await this.#serve();
      } while (this.#restarts());
    } finally {
      clearInterval(joining);
      signal.removeEventListener("abort", leave);
      this.#link.close(LAST_WORDS_MS);
      this.#bench?.close();
    }
    if (this.#ended?.reason !== undefined) throw this.#ended.reason;
    return { rank: this.#welcome?.rank ?? 0, events: this.#events, times: this.#times };
  }

  /** One working thread, from its beginning to its end. */
  async #serve(): Promise<void> {
    const welcome = this.#welcome;
    if (welcome === undefined) return;
    const { places, eventTimeoutMs = welcome.eventTimeoutMs } = this.#order;
    const bench = await this.#openBench(welcome, places);
    this.#bench = bench;
    this.#schema = decodeSchema(bench.schema);
    if (eventTimeoutMs > 0) bench.limit(eventTimeoutMs);
    // What an earlier thread left, or the welcome of another life meanwhile.
    this.#introduce();
    this.#say("settled");
    const beating = setInterval(() => {
      this.#beat();
    }, welcome.beatMs);
    try {
      await this.#until(() => this.#restarting);
      if (this.#restarting) await this.#startOver();
      else if (this.#isLeaving()) await this.#leave(bench);
    } finally {
      clearInterval(beating);
    }
  }

  #openBench(welcome: Welcome, places: readonly DataPlace[]): Promise<BenchThread> {
    this.#benchEnded = false;
    return BenchThread.open(
      { welcome, places, before: this.#times },
      {
        message: ({ frames, events, times }) => {
          this.#events += events;
          this.#times = times;
          this.#keep(frames);
        },
        settled: () => {
          this.#say("settled");
        },
        ended: () => {
          this.#benchEnded = true;
          this.#wake?.();
        },
        failed: (reason) => {
          // Others would read other bytes than we did: the run ends.
          if (isEvbError(reason, "data-changed"))
            this.#keep([newFrame(this.#header("fault"), 0).frame, encodeFault(reason.message)]);
          this.#stop(reason);
        },
        stuck: (event, reason) => {
          this.#fail(event, reason);
        },
      },
    );
  }

  /** Asked anew after each wait: the signal may have come meanwhile. */
  #isLeaving(): boolean {
    return this.#leaving;
  }

  #restarts(): boolean {
    return this.#restarting && this.#ended === undefined && !this.#leaving;
  }

  #listen(link: ClientLink): void {
    const unlessOld = (step: () => void): void => {
      if (link === this.#link) step();
    };
    link.listen({
      heard: () => {
        unlessOld(() => {
          this.#hear();
        });
      },
      unheard: () => {
        unlessOld(() => {
          this.#heard = false;
          this.#lostSinceMs ??= performance.now();
        });
      },
      welcome: (answer) => {
        this.#guard(() => {
          this.#take(decodeWelcome(answer));
        });
      },
      lane: (frame) => {
        unlessOld(() => {
          this.#guard(() => {
            this.#lane(frame);
          });
        });
      },
      refused: () => {
        this.#stop(fault("coordinator-refuses", { endpoint: this.#order.endpoint }));
      },
    });
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      // Nonsense on a channel that only the coordinator can write to is dropped; it sends again what matters.
      if (isEvbError(thrown, "frame-bad")) this.#nonsense = thrown;
      else this.#stop(thrown as Error);
    }
  }

  #stop(reason: Error | undefined): void {
    this.#ended ??= { reason };
    this.#wake?.();
  }

  /** Waits until something happens that makes it true, or the client ends or leaves. */
  async #until(holds: () => boolean): Promise<void> {
    while (!holds() && this.#ended === undefined && !this.#leaving)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** What was on its way when the connection broke may be lost, and who hears now may be another life of the coordinator: it says. */
  #hear(): void {
    this.#heard = true;
    this.#confirming = true;
    this.#sendJoin();
  }

  #look(beginning: number): void {
    const now = performance.now();
    if (this.#welcome === undefined && !this.#restarting) {
      if (now - beginning > this.#order.waitMs) this.#stop(this.#nonsense ?? this.#unreachable());
      else if (this.#heard) this.#sendJoin();
      return;
    }
    // A lane that is silent was closed: the coordinator took us for lost. If it didn't, it answers as before.
    const silent = this.#bench !== undefined && now - this.#laneAtMs > LANE_SILENT_MS;
    if (silent) this.#lostSinceMs ??= now;
    const lostMs = this.#lostSinceMs === undefined ? 0 : now - this.#lostSinceMs;
    if (lostMs > this.#order.coordinatorTimeoutMs)
      this.#stop(fault("coordinator-lost", { seconds: this.#order.coordinatorTimeoutMs / 1000 }));
    else if (this.#heard && (silent || this.#confirming)) this.#sendJoin();
    else if (!this.#heard) void this.#find();
  }

  #unreachable(): Error {
    const { endpoint, waitMs } = this.#order;
    return fault("coordinator-unreachable", { endpoints: [endpoint], seconds: waitMs / 1000 });
  }

  /** The coordinator may be elsewhere now. */
  async #find(): Promise<void> {
    if (this.#finding || this.#order.findAgain === undefined) return;
    this.#finding = true;
    try {
      const link = await this.#order.findAgain();
      if (link === undefined) return;
      if (this.#ended !== undefined || this.#heard) {
        link.close(0);
        return;
      }
      this.#link.close(0);
      this.#link = link;
      this.#listen(link);
    } catch (thrown) {
      this.#stop(thrown as Error);
    } finally {
      this.#finding = false;
    }
  }

  #sendJoin(): void {
    const nonce = this.#nonce.toString("hex");
    const { evbVersion, run } = this.#order;
    const join = { nonce, host: hostname(), pid: process.pid, evb: evbVersion, run };
    this.#link.join(encodeJoin(join));
  }

  #take(answer: Welcome | Refusal): void {
    if (answer.nonce !== this.#nonce.toString("hex")) return;
    if ("refused" in answer) {
      const { endpoint } = this.#order;
      this.#stop(fault("client-refused", { endpoint, reason: answer.refused }));
      return;
    }
    this.#checkAnalysis(answer);
    this.#confirming = false;
    const before = this.#welcome;
    if (before?.sid === answer.sid && before.session === answer.session) {
      // As before: it asks for what it has not got.
      if (this.#bench !== undefined) this.#beat();
      return;
    }
    this.#welcome = answer;
    this.#answered = false;
    this.#lostSinceMs = undefined;
    this.#link.connectLane(answer.lanePort);
    if (this.#bench !== undefined) {
      // What is not begun is somebody else's now; what is done is sent once more.
      this.#bench.takeBack();
      this.#introduce();
    }
    this.#wake?.();
  }

  #checkAnalysis({ analysis: { name } }: Welcome): void {
    const { analysis } = this.#order;
    if (analysis !== undefined && analysis !== name)
      throw fault("analysis-unwanted", { analysis: name, wanted: analysis });
  }

  /** As another connection, for the coordinator. */
  #introduce(): void {
    const { session, sid } = this.#welcome!;
    this.#outbox.renumber({ session, sid });
    this.#laneAtMs = performance.now();
    this.#greet();
    this.#sendAgain(0);
  }

  #greet(): void {
    const { frame } = newFrame(this.#header("hello"), this.#nonce.length);
    frame.set(this.#nonce, HEADER_BYTES);
    this.#publish([frame, this.#bench!.schema.slice()]);
  }

  #beat(): void {
    if (!this.#heard || this.#confirming || this.#welcome === undefined) return;
    // A hello that was lost would leave both waiting for each other.
    if (!this.#answered && this.#bench !== undefined) this.#greet();
    this.#publish([newFrame({ ...this.#header("beat"), seq: this.#outbox.last }, 0).frame]);
  }

  #publish(message: Message): void {
    seal(message);
    this.#link.publish(message);
  }

  #lane(frame: Uint8Array): void {
    const header = openMessage([frame]);
    const welcome = this.#welcome;
    if (welcome === undefined || header.session !== welcome.session || header.sid !== welcome.sid)
      return;
    this.#answered = true;
    this.#laneAtMs = performance.now();
    if (this.#heard) this.#lostSinceMs = undefined;
    this.#outbox.forget(header.ack);
    if (this.#bench !== undefined) this.#bench.held = this.#outbox.bytes;
    switch (header.kind) {
      case "lease":
      case "double":
        this.#bench?.post(frame, { double: header.kind === "double" });
        return;
      case "resend":
        this.#sendAgain(header.ack);
        break;
      case "stop":
        // As if it was told to leave: finish the event, send what is done, and go.
        this.#leaving = true;
        break;
      case "bye":
        this.#ended ??= { reason: undefined };
        break;
      default:
        break;
    }
    this.#wake?.();
  }

  #keep(frames: Message): void {
    const message = this.#outbox.keep(frames, this.#welcome!);
    if (this.#bench !== undefined) this.#bench.held = this.#outbox.bytes;
    if (this.#heard && !this.#confirming) this.#link.publish(message);
  }

  #say(kind: "settled" | "leave"): void {
    this.#keep([newFrame(this.#header(kind), 0).frame]);
  }

  #sendAgain(ack: number): void {
    for (const message of this.#outbox.after(ack)) this.#link.publish(message);
  }

  /** The event that a thread could not finish fails; what else it had not sent is done again, by whomever. */
  #fail({ lease, event, types }: EventInWork, reason: string): void {
    const parts = { event, fragments: types.length, types, reason, lease, times: this.#times };
    const { results, failures, epoch } = failedEvent(this.#schema!, parts);
    this.#bench = undefined;
    this.#keep([results, failures]);
    this.#keep([epoch]);
    this.#restarting = true;
    this.#wake?.();
  }

  /** Gives everything back, and comes as a new connection with a new thread. */
  async #startOver(): Promise<void> {
    this.#say("leave");
    const welcome = this.#welcome;
    // Either it is acknowledged, or the coordinator has forgotten this connection anyway.
    await this.#until(() => this.#outbox.isEmpty || this.#welcome !== welcome);
    if (this.#welcome === welcome) {
      this.#welcome = undefined;
      this.#confirming = true;
      this.#sendJoin();
    }
  }

  /** Gives un-started work back: results, totals and the word go out, and their acknowledgement is waited for. */
  async #leave(bench: BenchThread): Promise<void> {
    const wait = (holds: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        this.#wake = (): void => {
          if (holds() || this.#ended !== undefined) resolve();
        };
        this.#wake();
      });
    bench.end();
    await wait(() => this.#benchEnded || this.#restarting);
    this.#say("leave");
    const deadline = setTimeout(() => {
      this.#stop(undefined);
    }, LAST_WORDS_MS);
    await wait(() => this.#outbox.isEmpty);
    clearTimeout(deadline);
  }

  #header(kind: MessageKind): Parameters<typeof newFrame>[0] {
    const { session, sid } = this.#welcome!;
    return { kind, session, sid, seq: 0, ack: 0, n: 0 };
  }
}
