import { hostname } from "node:os";
import { isEvbError } from "@evb/event";
import { fault } from "../faults.ts";
import { decodeWelcome, encodeJoin, type Refusal, type Welcome } from "../wire/join.ts";
import type { ClientLink } from "../wire/link.ts";
import type { ClientOrder } from "./client-order.ts";
import type { Message } from "./outbox.ts";

/** So often is looked whether a JOIN is due; the coordinator knows repeats by their nonce. */
const LOOK_MS = 200;
/** Ten of the coordinator's beats. */
const LANE_SILENT_MS = 1000;

export interface ContactEvents {
  /** A coordinator lets us in: for the first time, as another connection, or in another life of its. */
  welcome(welcome: Welcome): void;
  /** The connection broke and is back, and it is the same coordinator: it asks for what it has not got. */
  same(): void;
  lane(frame: Uint8Array): void;
  /** There is no way to go on. */
  ended(reason: Error): void;
}

/** How a client finds its coordinator, joins, and knows whether it is heard; and finds it again. */
export class Contact {
  #link: ClientLink;
  readonly #order: ClientOrder;
  readonly #nonce: string;
  readonly #events: ContactEvents;
  readonly #beginningMs = performance.now();
  readonly #looking: NodeJS.Timeout;
  #heard = false;
  /** Heard again, and not yet told by whom: it may be another life of the coordinator. */
  #confirming = false;
  /** Since when the coordinator has not been there, or not answered; undefined while it is. */
  #lostSinceMs: number | undefined = performance.now();
  #finding = false;
  #closed = false;
  #welcome: Welcome | undefined;
  /** It was let in once: from then on it waits for its coordinator, not for a coordinator. */
  #known = false;
  /** Undefined while nothing need come on the lane. */
  #laneAtMs: number | undefined;
  /** The last frame that could not be understood: why no answer came, if none comes. */
  #nonsense: Error | undefined;

  constructor(link: ClientLink, order: ClientOrder, nonce: string, events: ContactEvents) {
    this.#link = link;
    this.#order = order;
    this.#nonce = nonce;
    this.#events = events;
    this.#listen(link);
    this.#looking = setInterval(() => {
      this.#look();
    }, LOOK_MS);
  }

  /** Undefined before the first one, and while another one is asked for. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /** What is published now arrives, and at the coordinator that it is meant for. */
  get isHeard(): boolean {
    return this.#heard && !this.#confirming && this.#welcome !== undefined;
  }

  publish(message: Message): void {
    this.#link.publish(message);
  }

  /** From now on the coordinator's beats are expected. */
  expectBeats(): void {
    this.#laneAtMs = performance.now();
  }

  /** Asks to be let in as another connection. */
  joinAnew(): void {
    this.#welcome = undefined;
    this.#laneAtMs = undefined;
    this.#confirming = true;
    this.#lostSinceMs ??= performance.now();
    this.#sendJoin();
  }

  close(lingerMs: number): void {
    this.#closed = true;
    clearInterval(this.#looking);
    this.#link.close(lingerMs);
  }

  #listen(link: ClientLink): void {
    // What an old link says still is of no interest.
    const guard = (step: () => void): void => {
      if (link === this.#link) this.#guard(step);
    };
    link.listen({
      heard: () => {
        guard(() => {
          this.#hear();
        });
      },
      unheard: () => {
        guard(() => {
          this.#heard = false;
          this.#lostSinceMs ??= performance.now();
        });
      },
      welcome: (answer) => {
        guard(() => {
          this.#take(decodeWelcome(answer));
        });
      },
      lane: (frame) => {
        guard(() => {
          this.#events.lane(frame);
          this.#laneAtMs &&= performance.now();
          if (this.#heard) this.#lostSinceMs = undefined;
        });
      },
      refused: () => {
        guard(() => {
          throw fault("coordinator-refuses", { endpoint: this.#order.endpoint });
        });
      },
    });
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      // Nonsense on a channel that only the coordinator can write to is dropped; it sends again what matters.
      if (isEvbError(thrown, "frame-bad")) this.#nonsense = thrown;
      else this.#events.ended(thrown as Error);
    }
  }

  /** What was on its way when the connection broke may be lost, and who hears now may be another life of the coordinator: it says. */
  #hear(): void {
    this.#heard = true;
    this.#confirming = true;
    this.#sendJoin();
  }

  #look(): void {
    const now = performance.now();
    if (!this.#known) {
      const { endpoint, waitMs } = this.#order;
      const over = now - this.#beginningMs > waitMs;
      const at = { endpoints: [endpoint], seconds: waitMs / 1000 };
      if (over) this.#events.ended(this.#nonsense ?? fault("coordinator-unreachable", at));
      else if (this.#heard) this.#sendJoin();
      // Somebody else may have the port of a coordinator that is gone.
      else void this.#find();
      return;
    }
    // A lane that is silent was closed: the coordinator took us for lost. If it didn't, it answers as before.
    const silent = this.#laneAtMs !== undefined && now - this.#laneAtMs > LANE_SILENT_MS;
    if (silent) this.#lostSinceMs ??= now;
    const lostMs = this.#lostSinceMs === undefined ? 0 : now - this.#lostSinceMs;
    const { coordinatorTimeoutMs } = this.#order;
    if (lostMs > coordinatorTimeoutMs)
      this.#events.ended(fault("coordinator-lost", { seconds: coordinatorTimeoutMs / 1000 }));
    else if (!this.#heard) void this.#find();
    else if (silent || this.#confirming) this.#sendJoin();
  }

  /** The coordinator may be elsewhere now. */
  async #find(): Promise<void> {
    if (this.#finding || this.#order.findAgain === undefined) return;
    this.#finding = true;
    try {
      const link = await this.#order.findAgain();
      if (link === undefined) return;
      if (this.#closed) {
        link.close(0);
        return;
      }
      this.#link.close(0);
      this.#link = link;
      this.#heard = false;
      this.#listen(link);
    } catch (thrown) {
      this.#events.ended(thrown as Error);
    } finally {
      this.#finding = false;
    }
  }

  #sendJoin(): void {
    const { evbVersion, run, memoryBytes } = this.#order;
    const who = { nonce: this.#nonce, host: hostname(), pid: process.pid };
    this.#link.join(encodeJoin({ ...who, evb: evbVersion, run, memoryBytes }));
  }

  /** @throws EvbError "client-refused", "analysis-unwanted" */
  #take(answer: Welcome | Refusal): void {
    if (answer.nonce !== this.#nonce) return;
    if ("refused" in answer) {
      const { endpoint } = this.#order;
      throw fault("client-refused", { endpoint, reason: answer.refused });
    }
    const { analysis } = this.#order;
    if (analysis !== undefined && analysis !== answer.analysis.name)
      throw fault("analysis-unwanted", { analysis: answer.analysis.name, wanted: analysis });
    const before = this.#welcome;
    this.#confirming = false;
    this.#known = true;
    if (before?.sid === answer.sid && before.session === answer.session) {
      this.#events.same();
      return;
    }
    this.#welcome = answer;
    this.#lostSinceMs = undefined;
    this.#link.connectLane(answer.lanePort);
    this.#events.welcome(answer);
  }
}
