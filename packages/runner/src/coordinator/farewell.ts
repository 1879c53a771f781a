import { setTimeout } from "node:timers/promises";
import type { Admission } from "./admission.ts";
import type { Mailroom } from "./mailroom.ts";
import { isReady } from "./peer.ts";

/** A BYE that hasn't left by then goes to a client that isn't there. */
const BYE_LINGER_MS = 1000;
/** So often is looked whether they are. */
const PAUSE_MS = 5;
/** A client that is told to stop finishes its event and sends what it has; a longer event is not waited for. */
const STOP_MS = 2000;

/** The end of a run, as its clients hear it. */
export class Farewell {
  readonly #admission: Admission;
  readonly #mailroom: Mailroom;
  readonly #now: () => number;

  constructor(admission: Admission, mailroom: Mailroom, now: () => number) {
    this.#admission = admission;
    this.#mailroom = mailroom;
    this.#now = now;
  }

  /**
   * An end before the end: what clients have done and not sent yet is taken, and what they have not
   * begun is not begun any more. So totals are sums over the same events as the rows.
   */
  async drain(): Promise<void> {
    for (const peer of this.#admission.peers) if (isReady(peer)) this.#mailroom.say(peer, "stop");
    await this.#wait(STOP_MS, () => !this.#admission.peers.some(isReady));
  }

  /** The last word to all that are there. */
  async bye(): Promise<void> {
    // A client that has its welcome and not yet its lane would wait for minutes for what is over.
    await this.#wait(BYE_LINGER_MS, () => this.#admission.peers.every((peer) => peer.connected));
    for (const peer of this.#admission.peers) this.#mailroom.say(peer, "bye");
    this.leave(BYE_LINGER_MS);
  }

  /** Without a word. */
  leave(lingerMs = 0): void {
    for (const peer of this.#admission.peers) {
      peer.lost = true;
      peer.lane.close(lingerMs);
    }
  }

  async #wait(waitMs: number, holds: () => boolean): Promise<void> {
    const deadline = this.#now() + waitMs;
    while (this.#now() < deadline && !holds()) await setTimeout(PAUSE_MS);
  }
}
