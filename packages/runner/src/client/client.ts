import { randomBytes } from "node:crypto";
import { isEvbError } from "@evb/event";
import type { ResultSchema } from "@evb/analysis";
import { failedEvent } from "../wire/failed-event.ts";
import { HEADER_BYTES, newFrame, openMessage, seal, type MessageKind } from "../wire/header.ts";
import { decodeSchema, encodeFault, type Welcome } from "../wire/join.ts";
import type { ClientLink } from "../wire/link.ts";
import { encodeRevoked } from "../wire/revoked-message.ts";
import { NO_TIMES, type ClientTimes } from "../wire/result-message.ts";
import { BenchThread, type EventInWork, type StartedThread } from "./bench-thread.ts";
import type { ClientOrder } from "./client-order.ts";
import { Contact } from "./contact.ts";
import { Outbox, type Message } from "./outbox.ts";

/** What a client did. */
export interface ClientOutcome {
  readonly rank: number;
  readonly events: number;
  readonly times: ClientTimes;
}

const LAST_WORDS_MS = 1000;

/**
 * One of ranks 1 … N: joins, hands leases to the thread that works, publishes its results, and keeps
 * each until the coordinator has acknowledged it. This thread does nothing that takes time.
 */
export class Client {
  readonly #order: ClientOrder;
  readonly #nonce = randomBytes(16);
  readonly #contact: Contact;
  readonly #outbox = new Outbox();
  #thread: StartedThread | undefined;
  #bench: BenchThread | undefined;
  #benchEnded = false;
  #schema: ResultSchema | undefined;
  /** A frame came on the lane: the coordinator has had our hello. */
  #answered = false;
  #rank = 0;
  #events = 0;
  #times = NO_TIMES;
  /** The working thread is gone; the next one begins as another connection. */
  #restarting = false;
  /** Why the working thread can't go on, and no other one could. */
  #failure: Error | undefined;
  #ended: { reason: Error | undefined } | undefined;
  #leaving = false;
  #wake: (() => void) | undefined;

  constructor(link: ClientLink, order: ClientOrder) {
    this.#order = order;
    this.#thread = order.thread;
    this.#contact = new Contact(link, order, this.#nonce.toString("hex"), {
      welcome: ({ rank }) => {
        this.#rank = rank;
        this.#answered = false;
        // What is not begun is somebody else's now; what is done is sent once more.
        this.#bench?.takeBack();
        if (this.#bench !== undefined) this.#introduce();
        this.#wake?.();
      },
      same: () => {
        this.#beat();
      },
      lane: (frame) => {
        this.#lane(frame);
      },
      ended: (reason) => {
        this.#stop(reason);
      },
    });
  }

  /**
   * Works until the coordinator says BYE; the signal makes it leave politely.
   *
   * @throws EvbError "coordinator-lost", "coordinator-refuses", "coordinator-unreachable",
   * "client-refused", and what its analysis or its data files are missing
   */
  async run(signal: AbortSignal): Promise<ClientOutcome> {
    const leave = (): void => {
      this.#leaving = true;
      this.#wake?.();
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      do {
        await this.#until(() => this.#contact.welcome !== undefined);
        this.#restarting = false;
        const { welcome } = this.#contact;
        if (welcome !== undefined && !this.#isLeaving()) await this.#serve(welcome);
      } while (this.#restarts());
    } finally {
      signal.removeEventListener("abort", leave);
      this.#contact.close(LAST_WORDS_MS);
      this.#bench?.close();
    }
    if (this.#ended?.reason !== undefined) throw this.#ended.reason;
    return { rank: this.#rank, events: this.#events, times: this.#times };
  }

  /** One working thread, from its beginning to its end. */
  async #serve(welcome: Welcome): Promise<void> {
    const { eventTimeoutMs = welcome.eventTimeoutMs } = this.#order;
    const bench = await this.#openBench(welcome);
    this.#bench = bench;
    this.#schema = decodeSchema(bench.schema);
    if (eventTimeoutMs > 0) bench.limit(eventTimeoutMs);
    this.#introduce();
    this.#say("settled");
    const beating = setInterval(() => {
      this.#beat();
    }, welcome.beatMs);
    try {
      await this.#until(() => this.#restarting || this.#failure !== undefined);
      if (this.#failure !== undefined) await this.#giveUp(this.#failure);
      else if (this.#restarting) await this.#startOver();
      else if (this.#isLeaving()) await this.#leave(bench);
    } finally {
      clearInterval(beating);
    }
  }

  #openBench(welcome: Welcome): Promise<BenchThread> {
    this.#benchEnded = false;
    const { places, out, readAhead, decodeThreads, memoryBytes } = this.#order;
    const reading = { readAhead, decodeThreads, memoryBytes };
    return BenchThread.open(
      { welcome, places, before: this.#times, out, reading },
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
          this.#failure ??= reason;
          this.#wake?.();
        },
        stuck: (event, reason) => {
          this.#fail(event, reason);
        },
      },
      this.#takeThread(),
    );
  }

  /** The one that was started before, once. */
  #takeThread(): StartedThread | undefined {
    const thread = this.#thread;
    this.#thread = undefined;
    return thread;
  }

  /** Asked anew after each wait: the signal may have come meanwhile. */
  #isLeaving(): boolean {
    return this.#leaving;
  }

  #restarts(): boolean {
    return this.#restarting && this.#ended === undefined && !this.#leaving;
  }

  #stop(reason: Error | undefined): void {
    this.#ended ??= { reason };
    this.#wake?.();
  }

  /** Waits until something happens that makes it true, or the client ends or leaves. */
  async #until(holds: () => boolean): Promise<void> {
    await this.#wait(() => holds() || this.#leaving);
  }

  /** Waits until something happens that makes it true, or the client ends. */
  async #wait(holds: () => boolean): Promise<void> {
    while (!holds() && this.#ended === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** As another connection, for the coordinator. */
  #introduce(): void {
    this.#outbox.renumber(this.#address());
    this.#contact.expectBeats();
    this.#greet();
    this.#sendAgain(0);
  }

  #greet(): void {
    const { frame } = newFrame(this.#header("hello"), this.#nonce.length);
    frame.set(this.#nonce, HEADER_BYTES);
    this.#publish([frame, this.#bench!.schema.slice()]);
  }

  #beat(): void {
    if (!this.#contact.isHeard || this.#schema === undefined) return;
    // A hello that was lost would leave both waiting for each other.
    if (!this.#answered && this.#bench !== undefined) this.#greet();
    this.#publish([newFrame({ ...this.#header("beat"), seq: this.#outbox.last }, 0).frame]);
  }

  #publish(message: Message): void {
    seal(message);
    this.#contact.publish(message);
  }

  #lane(frame: Uint8Array): void {
    const header = openMessage([frame]);
    const { welcome } = this.#contact;
    if (header.session !== welcome?.session || header.sid !== welcome.sid) return;
    this.#answered = true;
    this.#outbox.forget(header.ack);
    if (this.#bench !== undefined) this.#bench.held = this.#outbox.bytes;
    switch (header.kind) {
      case "lease":
      case "double":
        this.#bench?.post(frame, { double: header.kind === "double" });
        return;
      case "revoke":
        this.#giveBack();
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
    const message = this.#outbox.keep(frames, this.#address());
    if (this.#bench !== undefined) this.#bench.held = this.#outbox.bytes;
    if (this.#contact.isHeard) this.#contact.publish(message);
  }

  /** Whoever has no thread, or leaves, gives everything back anyway. */
  #giveBack(): void {
    if (this.#bench === undefined || this.#leaving) return;
    this.#keep([encodeRevoked({ ...this.#address(), seq: 0, ack: 0 }, this.#bench.giveBack())]);
  }

  #say(kind: "settled" | "leave"): void {
    this.#keep([newFrame(this.#header(kind), 0).frame]);
  }

  #sendAgain(ack: number): void {
    for (const message of this.#outbox.after(ack)) this.#contact.publish(message);
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

  /** Where others would read other bytes than we did, the coordinator must know, or it would lease on. */
  async #giveUp(failure: Error): Promise<void> {
    // Of a rebuild every client would find the same, but where its process is to blame.
    const writes = this.#contact.welcome?.rebuild !== undefined;
    if (isEvbError(failure, "data-changed") || (writes && isEvbError(failure))) {
      this.#keep([newFrame(this.#header("fault"), 0).frame, encodeFault(failure.message)]);
      await this.#acknowledged();
    }
    this.#ended = { reason: failure };
  }

  /** Gives everything back, and comes as another connection with a new thread. */
  async #startOver(): Promise<void> {
    this.#say("leave");
    const { welcome } = this.#contact;
    // Either it is acknowledged, or the coordinator has forgotten this connection anyway.
    await this.#until(() => this.#outbox.isEmpty || this.#contact.welcome !== welcome);
    if (this.#contact.welcome === welcome) this.#contact.joinAnew();
  }

  /** Gives un-started work back: results, totals and the word go out, and their acknowledgement is waited for. */
  async #leave(bench: BenchThread): Promise<void> {
    bench.end();
    await this.#wait(() => this.#benchEnded || this.#restarting || this.#failure !== undefined);
    if (this.#failure !== undefined) {
      await this.#giveUp(this.#failure);
      return;
    }
    this.#say("leave");
    await this.#acknowledged();
  }

  async #acknowledged(): Promise<void> {
    const deadline = setTimeout(() => {
      this.#stop(undefined);
    }, LAST_WORDS_MS);
    await this.#wait(() => this.#outbox.isEmpty);
    clearTimeout(deadline);
  }

  #address(): { session: number; sid: number } {
    const { session, sid } = this.#contact.welcome ?? NOBODY;
    return { session, sid };
  }

  #header(kind: MessageKind): Parameters<typeof newFrame>[0] {
    return { kind, ...this.#address(), seq: 0, ack: 0, n: 0 };
  }
}

/** Between two connections: what is kept then is addressed with the next one. */
const NOBODY = { session: 0, sid: 0 };
