import type { JournalWriter } from "../sink/journal.ts";
import { newFrame, seal, type Header } from "../wire/header.ts";
import { encodeLeases, LEASES_PER_FRAME_MAX, type Lease } from "../wire/lease-message.ts";
import type { Peer } from "./peer.ts";

/** A gap is asked for again so often at most: what is on its way may close it. */
const RESEND_PAUSE_MS = 50;
/** What a client that left is still sent is on its way for so long at most. */
const LAST_ACK_MS = 1000;

/**
 * What goes out on the lanes. An acknowledgement leaves only after the journal's file has what it
 * acknowledges: one write of the journal, and one frame per client, for all that came meanwhile.
 */
export class Mailroom {
  readonly #session: number;
  readonly #journal: JournalWriter;
  readonly #now: () => number;
  readonly #beforeFlush: () => void;
  readonly #waiting = new Set<Peer>();

  /** @param parts.beforeFlush what the journal must know before leases leave */
  constructor(parts: {
    session: number;
    journal: JournalWriter;
    now: () => number;
    beforeFlush: () => void;
  }) {
    this.#session = parts.session;
    this.#journal = parts.journal;
    this.#now = parts.now;
    this.#beforeFlush = parts.beforeFlush;
  }

  /** Goes out with the next flush. */
  post(peer: Peer, lease: Lease, how: { double: boolean }): void {
    peer.outbox.push({ lease, ...how });
    this.#waiting.add(peer);
  }

  /** It is asked to give back what it hasn't begun, of all that goes out before. */
  revoke(peer: Peer): void {
    peer.revoke = true;
    this.#waiting.add(peer);
  }

  /** What was received from it is acknowledged with the next flush. */
  acknowledge(peer: Peer): void {
    this.#waiting.add(peer);
  }

  /** @throws EvbError "journal-failed": then nothing is acknowledged */
  flush(): void {
    this.#beforeFlush();
    this.#journal.flush();
    for (const peer of this.#waiting) {
      if (peer.lost) continue;
      peer.journalled = peer.received;
      while (peer.outbox.length > 0) this.#sendLeases(peer);
      if (peer.revoke) this.say(peer, "revoke");
      peer.revoke = false;
      if (peer.acked < peer.journalled) this.say(peer, "ack");
      if (peer.left) this.#dismiss(peer);
    }
    this.#waiting.clear();
  }

  /** As many as go into one frame: all of them doubles, or none. */
  #sendLeases(peer: Peer): void {
    const { double } = peer.outbox[0]!;
    const other = peer.outbox.findIndex((each) => each.double !== double);
    const count = Math.min(other < 0 ? peer.outbox.length : other, LEASES_PER_FRAME_MAX);
    const leases = peer.outbox.splice(0, count).map(({ lease }) => lease);
    const kind = double ? "double" : "lease";
    this.#send(peer, encodeLeases({ ...this.#header(peer), kind }, leases));
  }

  /** It knows that its LEAVE is taken: nothing more is to be said, and its port is free for another. */
  #dismiss(peer: Peer): void {
    peer.lost = true;
    peer.lane.close(LAST_ACK_MS);
  }

  say(peer: Peer, kind: "ack" | "resend" | "revoke" | "stop" | "bye"): void {
    this.#send(peer, newFrame({ ...this.#header(peer), kind, n: 0 }, 0).frame);
  }

  /** Something is missing before what came: everything that is not acknowledged is to come again. Returns whether it was asked for. */
  askAgain(peer: Peer): boolean {
    if (this.#now() - peer.resendAtMs < RESEND_PAUSE_MS) return false;
    peer.resendAtMs = this.#now();
    // What is here already should not come again.
    this.flush();
    this.say(peer, "resend");
    return true;
  }

  #send(peer: Peer, frame: Uint8Array<ArrayBuffer>): void {
    seal([frame]);
    peer.lane.send(frame);
    peer.acked = peer.journalled;
    peer.sentAtMs = this.#now();
  }

  #header(peer: Peer): Omit<Header, "kind" | "n"> {
    return { sid: peer.sid, session: this.#session, seq: ++peer.sent, ack: peer.journalled };
  }
}
