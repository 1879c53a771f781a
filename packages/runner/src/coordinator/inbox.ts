import { isEvbError } from "@evb/event";
import { fault } from "../faults.ts";
import { openMessage, type Header, type MessageKind } from "../wire/header.ts";
import type { FaultCounts } from "./counts.ts";
import type { Mailroom } from "./mailroom.ts";
import type { Notices } from "./notices.ts";
import type { Peer } from "./peer.ts";

/** A message in its order. */
export interface Message {
  readonly header: Header;
  readonly frame: Uint8Array;
  readonly second: Uint8Array | undefined;
}

/** Messages that have a number and come in its order. */
const COUNTED: ReadonlySet<MessageKind> = new Set([
  "result",
  "epoch",
  "leave",
  "fault",
  "settled",
  "revoked",
] as const);

export interface InboxEvents {
  /** @throws EvbError what is wrong with it: then nothing more is taken of this client */
  hello(peer: Peer, message: Message): void;
  /** A message that counts: the next one of its client. @throws the same */
  take(peer: Peer, message: Message): void;
  /** It was silent, and speaks. */
  back(peer: Peer): void;
  /** It sent what no client of this run can mean. */
  bad(peer: Peer, reason: Error): void;
  gapAsked(peer: Peer): void;
  /** Something is to be journalled and acknowledged. */
  flushSoon(): void;
}

/** Takes what clients publish, each client's in order, asks for what is missing, and drops the rest. */
export class Inbox {
  readonly #session: number;
  readonly #peer: (sid: number) => Peer | undefined;
  readonly #mailroom: Mailroom;
  readonly #notices: Notices;
  readonly #counts: FaultCounts;
  readonly #events: InboxEvents;
  readonly #now: () => number;

  constructor(
    parts: {
      session: number;
      peer: (sid: number) => Peer | undefined;
      mailroom: Mailroom;
      notices: Notices;
      counts: FaultCounts;
      now: () => number;
    },
    events: InboxEvents,
  ) {
    this.#session = parts.session;
    this.#peer = parts.peer;
    this.#mailroom = parts.mailroom;
    this.#notices = parts.notices;
    this.#counts = parts.counts;
    this.#now = parts.now;
    this.#events = events;
  }

  /** @throws EvbError "frame-bad" where the message is of nobody */
  receive(frames: readonly Uint8Array[]): void {
    const header = openMessage(frames);
    const peer = this.#peer(header.sid);
    if (header.session !== this.#session || peer === undefined) {
      this.#notices.stray("a frame of another session");
      return;
    }
    // What it had is given back; it hears of it, joins again, and sends this once more.
    if (peer.lost || peer.left) return;
    peer.heardAtMs = this.#now();
    if (peer.late) this.#events.back(peer);
    const message = { header, frame: frames[0]!, second: frames[1] };
    try {
      this.#sort(peer, message);
    } catch (thrown) {
      if (!isEvbError(thrown, "frame-bad", "schema-differs")) throw thrown;
      this.#events.bad(peer, thrown);
    }
  }

  #sort(peer: Peer, message: Message): void {
    const { kind, seq } = message.header;
    if (kind === "hello") {
      this.#events.hello(peer, message);
      return;
    }
    if (!peer.greeted) {
      this.#notices.stray("a frame before its client's hello");
      return;
    }
    // Its lane is still to come, and with it the answer that asks for this again.
    if (!peer.connected) return;
    if (kind === "beat") {
      if (seq > peer.received) this.#ask(peer);
      return;
    }
    if (!COUNTED.has(kind)) throw fault("frame-bad", { what: kind, reason: "it is for clients" });
    if (seq > peer.received + 1) {
      this.#ask(peer);
      return;
    }
    if (seq === peer.received + 1) {
      this.#events.take(peer, message);
      peer.received = seq;
    }
    this.#mailroom.acknowledge(peer);
    this.#events.flushSoon();
  }

  #ask(peer: Peer): void {
    if (!this.#mailroom.askAgain(peer)) return;
    this.#counts.gapsAsked++;
    this.#events.gapAsked(peer);
  }
}
