import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { setImmediate } from "node:timers/promises";
import { isEvbError } from "@evb/event";
import type { DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import { encodeEpoch } from "../wire/epoch-message.ts";
import { HEADER_BYTES, newFrame, readHeader, type MessageKind } from "../wire/header.ts";
import {
  decodeWelcome,
  encodeFailures,
  encodeJoin,
  encodeSchema,
  type Welcome,
} from "../wire/join.ts";
import { decodeLeases, type Lease } from "../wire/lease-message.ts";
import type { ClientLink } from "../wire/link.ts";
import { encodeResults, RANGES_PER_FRAME_MAX, type ClientTimes } from "../wire/result-message.ts";
import { Outbox, type Message } from "./outbox.ts";
import { Workbench } from "./workbench.ts";

/** What a client is asked to do. */
export interface ClientOrder {
  readonly places: readonly DataPlace[];
  /** So long it waits for its coordinator's first answer. */
  readonly waitMs: number;
  /** So long it waits for one that was lost. */
  readonly coordinatorTimeoutMs: number;
  readonly evbVersion: string;
  /** The coordinator, for messages. */
  readonly endpoint: string;
}

/** What a client did. */
export interface ClientOutcome {
  readonly rank: number;
  readonly events: number;
  readonly times: ClientTimes;
}

/** A JOIN is repeated until it is answered; the coordinator knows repeats by their nonce. */
const JOIN_MS = 200;
/** Results are sent when the ring is empty, and at least so often while events are worked on. */
const PUBLISH_MS = 5;
/** The event loop gets its turn so often: frames, beats and signals are then seen. */
const YIELD_MS = 1;
/** Totals are sent so often, or sooner when there is nothing else to do, or a message can't say of more events. */
const EPOCH_MS = 1000;
/** …but then not more often than this: an empty ring may be a short one. */
const EPOCH_IDLE_MS = 10;
/** Results that nobody acknowledged wait here; above it no event is begun. */
const UNACKNOWLEDGED_BYTES_MAX = 64 * 2 ** 20;
/** A result frame is sent when it has so much. */
const RESULT_BYTES_MAX = 4 * 2 ** 20;
const LAST_WORDS_MS = 1000;
/** Ten of the coordinator's beats. */
const LANE_SILENT_MS = 1000;

/**
 * One of ranks 1 … N: joins, works through its leases, publishes results, and keeps each until the
 * coordinator has acknowledged it.
 */
export class Client {
  readonly #link: ClientLink;
  readonly #order: ClientOrder;
  readonly #nonce = randomBytes(16);
  readonly #ring: Lease[] = [];
  readonly #outbox = new Outbox();
  #heard = false;
  #unheardSinceMs = performance.now();
  #welcome: Welcome | undefined;
  #bench: Workbench | undefined;
  #greeted = false;
  /** A frame came on the lane: the coordinator has had our hello. */
  #answered = false;
  #laneAtMs = 0;
  #events = 0;
  #begunAtMs: number | undefined;
  #waitSeconds = 0;
  #epochAtMs = 0;
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
    this.#link.listen({
      heard: () => {
        this.#hear();
      },
      unheard: () => {
        this.#heard = false;
        this.#unheardSinceMs = performance.now();
      },
      welcome: (answer) => {
        this.#guard(() => {
          this.#take(decodeWelcome(answer));
        });
      },
      lane: (frame) => {
        this.#guard(() => {
          this.#lane(frame);
        });
      },
      refused: () => {
        this.#stop(fault("coordinator-refuses", { endpoint: this.#order.endpoint }));
      },
    });
    const beginning = performance.now();
    const joining = setInterval(() => {
      this.#askToJoin(beginning);
    }, JOIN_MS);
    try {
      await this.#until(() => this.#welcome !== undefined);
      if (!this.#isLeaving()) await this.#serve();
    } finally {
      clearInterval(joining);
      signal.removeEventListener("abort", leave);
      this.#link.close(LAST_WORDS_MS);
      this.#bench?.close();
    }
    if (this.#ended?.reason !== undefined) throw this.#ended.reason;
    return { rank: this.#welcome?.rank ?? 0, events: this.#events, times: this.#times() };
  }

  async #serve(): Promise<void> {
    const welcome = this.#welcome;
    if (welcome === undefined) return;
    this.#bench = await Workbench.open(welcome, this.#order.places);
    this.#greet();
    const beating = setInterval(() => {
      this.#beat();
    }, welcome.beatMs);
    try {
      await this.#work(this.#bench);
      if (this.#isLeaving()) await this.#leave();
    } finally {
      clearInterval(beating);
    }
  }

  /** Asked anew after each wait: the signal may have come meanwhile. */
  #isLeaving(): boolean {
    return this.#leaving;
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

  #hear(): void {
    this.#heard = true;
    if (this.#bench === undefined) this.#sendJoin();
    else {
      // The connection broke, so what was on its way may be lost; the coordinator drops what it has.
      this.#greet();
      this.#sendAgain(0);
    }
  }

  #askToJoin(beginning: number): void {
    const now = performance.now();
    if (this.#welcome === undefined) {
      if (now - beginning > this.#order.waitMs)
        this.#stop(
          this.#nonsense ??
            fault("coordinator-unreachable", {
              endpoints: [this.#order.endpoint],
              seconds: this.#order.waitMs / 1000,
            }),
        );
      else if (this.#heard) this.#sendJoin();
    } else if (this.#heard) {
      // A lane that is silent was closed: the coordinator took us for lost. If it didn't, it answers as before.
      if (now - this.#laneAtMs > LANE_SILENT_MS) this.#sendJoin();
    } else if (now - this.#unheardSinceMs > this.#order.coordinatorTimeoutMs)
      this.#stop(fault("coordinator-lost", { seconds: this.#order.coordinatorTimeoutMs / 1000 }));
  }

  #sendJoin(): void {
    const nonce = this.#nonce.toString("hex");
    const { evbVersion } = this.#order;
    this.#link.join(encodeJoin({ nonce, host: hostname(), pid: process.pid, evb: evbVersion }));
  }

  #take(welcome: Welcome): void {
    const before = this.#welcome;
    if (welcome.nonce !== this.#nonce.toString("hex")) return;
    if (before?.sid === welcome.sid && before.session === welcome.session) return;
    this.#welcome = welcome;
    this.#answered = false;
    this.#laneAtMs = performance.now();
    this.#link.connectLane(welcome.lanePort);
    if (this.#bench !== undefined) this.#beginAgain();
    this.#wake?.();
  }

  /** As another client, for the coordinator: what is not begun is somebody else's now, what is done is sent once more. */
  #beginAgain(): void {
    this.#ring.length = 0;
    const { session, sid } = this.#welcome!;
    this.#outbox.renumber({ session, sid });
    this.#greet();
    this.#sendAgain(0);
  }

  #greet(): void {
    const { frame } = newFrame(this.#header("hello", 0), this.#nonce.length);
    frame.set(this.#nonce, HEADER_BYTES);
    this.#link.publish([frame, encodeSchema(this.#bench!.schema)]);
    this.#greeted = true;
  }

  #beat(): void {
    if (!this.#heard || !this.#greeted) return;
    // A hello that was lost would leave both waiting for each other.
    if (!this.#answered) this.#greet();
    this.#link.publish([newFrame(this.#header("beat", this.#outbox.last), 0).frame]);
  }

  #lane(frame: Uint8Array): void {
    const header = readHeader(frame);
    const welcome = this.#welcome;
    if (welcome === undefined || header.session !== welcome.session || header.sid !== welcome.sid)
      return;
    this.#answered = true;
    this.#laneAtMs = performance.now();
    this.#outbox.forget(header.ack);
    switch (header.kind) {
      case "lease":
        this.#begunAtMs ??= performance.now();
        this.#ring.push(...decodeLeases(header, frame, welcome.sources.length));
        break;
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

  /** Works through the ring until the end. */
  async #work(bench: Workbench): Promise<void> {
    const clock = { yieldedMs: performance.now(), publishedMs: performance.now() };
    while (this.#ended === undefined && !this.#leaving) {
      const lease = this.#ring.shift();
      if (lease === undefined) await this.#idle(bench, clock);
      else await this.#workOn(bench, lease, clock);
    }
    this.#publishResults(bench);
  }

  async #workOn(
    bench: Workbench,
    lease: Lease,
    clock: { yieldedMs: number; publishedMs: number },
  ): Promise<void> {
    let fragment = 0;
    for (let event = 0; event < lease.time.length; event++) {
      bench.run(lease, event, fragment);
      fragment += lease.fragmentCount[event]!;
      this.#events++;
      const now = performance.now();
      if (now - clock.publishedMs >= PUBLISH_MS || this.#isFull(bench)) {
        this.#publishResults(bench);
        clock.publishedMs = now;
      }
      if (now - this.#epochAtMs >= EPOCH_MS || bench.uncountedRanges >= RANGES_PER_FRAME_MAX)
        this.#publishEpoch(bench);
      if (now - clock.yieldedMs >= YIELD_MS) {
        await setImmediate();
        await this.#until(() => this.#outbox.bytes <= UNACKNOWLEDGED_BYTES_MAX);
        clock.yieldedMs = performance.now();
      }
      if (this.#ended !== undefined || this.#leaving) return;
    }
  }

  #isFull(bench: Workbench): boolean {
    return (
      bench.results.bytes > RESULT_BYTES_MAX || bench.results.rangeCount >= RANGES_PER_FRAME_MAX
    );
  }

  /** Nothing to do: say what is done, then wait for a lease; totals follow when none comes. */
  async #idle(bench: Workbench, clock: { yieldedMs: number; publishedMs: number }): Promise<void> {
    const begun = performance.now();
    this.#publishResults(bench);
    clock.publishedMs = begun;
    const sinceEpoch = begun - this.#epochAtMs;
    let timer: NodeJS.Timeout | undefined;
    if (bench.uncountedRanges > 0) {
      if (sinceEpoch >= EPOCH_IDLE_MS) this.#publishEpoch(bench);
      else
        timer = setTimeout(() => {
          this.#publishEpoch(bench);
        }, EPOCH_IDLE_MS - sinceEpoch);
    }
    await this.#until(() => this.#ring.length > 0);
    clearTimeout(timer);
    clock.yieldedMs = performance.now();
    // Before the first lease the run had not begun.
    const since = Math.max(begun, this.#begunAtMs ?? clock.yieldedMs);
    this.#waitSeconds += (clock.yieldedMs - since) / 1000;
  }

  #publishResults(bench: Workbench): void {
    if (bench.results.isEmpty) return;
    const { failures, ...results } = bench.results.take();
    this.#keep((seq) => {
      const frame = encodeResults(this.#header("result", seq), {
        ...results,
        times: this.#times(),
      });
      return failures.length === 0 ? [frame] : [frame, encodeFailures(failures)];
    });
  }

  /** Results of the same events have gone before: an epoch's events are done. */
  #publishEpoch(bench: Workbench): void {
    this.#epochAtMs = performance.now();
    if (bench.uncountedRanges === 0) return;
    this.#publishResults(bench);
    this.#keep((seq) => [encodeEpoch(this.#header("epoch", seq), bench.takeEpoch())]);
  }

  #keep(write: (seq: number) => Message): void {
    const message = this.#outbox.keep(write);
    if (this.#heard) this.#link.publish(message);
  }

  #sendAgain(ack: number): void {
    for (const message of this.#outbox.after(ack)) this.#link.publish(message);
  }

  /** Gives un-started work back: results, totals and the word go out, and their acknowledgement is waited for. */
  async #leave(): Promise<void> {
    const bench = this.#bench!;
    this.#publishEpoch(bench);
    this.#keep((seq) => [newFrame(this.#header("leave", seq), 0).frame]);
    const deadline = performance.now() + LAST_WORDS_MS;
    while (!this.#outbox.isEmpty && this.#ended === undefined && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, YIELD_MS));
  }

  #header(kind: MessageKind, seq: number): Parameters<typeof newFrame>[0] {
    const { session, sid } = this.#welcome!;
    return { kind, session, sid, seq, ack: 0, n: 0 };
  }

  #times(): ClientTimes {
    const bench = this.#bench;
    const { bytes = 0, bytesRead = 0, openSeconds = 0, readSeconds = 0 } = bench?.sources ?? {};
    return {
      bytes,
      bytesRead,
      seconds: this.#begunAtMs === undefined ? 0 : (performance.now() - this.#begunAtMs) / 1000,
      waitSeconds: this.#waitSeconds,
      openSeconds,
      readSeconds,
      // The HDF5 library decodes while it reads; its share is in readSeconds.
      decodeSeconds: 0,
      analysisSeconds: bench?.analysisSeconds ?? 0,
    };
  }
}
