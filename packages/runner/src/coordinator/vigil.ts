import { isReady, type Peer } from "./peer.ts";

/** A client is late after ten of its beats; it has another second before ZeroMQ takes it for lost. */
const LATE_MS = 1000;
/** A connection that breaks on a client that was heard so lately is one of a process that died: ZeroMQ gives a silent one 1.5 s. */
const DIED_MS = 1000;
/** This process itself stood still for longer than that, five beats: no client can be blamed for its silence. */
const FROZEN_MS = 500;
/** A client connects to its lane at once; one that died before it did would hold a port for good. */
const LANE_UNUSED_MS = 10_000;

export interface VigilEvents {
  late(peer: Peer): void;
  /** It never took its lane. */
  absent(peer: Peer): void;
  /** No client was ready for so long. */
  alone(): void;
}

/** Watches over the silence of clients, and over this process's own. */
export class Vigil {
  readonly #events: VigilEvents;
  readonly #clientTimeoutMs: number;
  #lookedAtMs: number;
  #aloneSinceMs: number;

  constructor(clientTimeoutMs: number, nowMs: number, events: VigilEvents) {
    this.#clientTimeoutMs = clientTimeoutMs;
    this.#events = events;
    this.#lookedAtMs = this.#aloneSinceMs = nowMs;
  }

  /** Looks at every client; to be called with each beat. */
  look(peers: readonly Peer[], nowMs: number): void {
    this.#forgiveOwnPause(peers, nowMs);
    let ready = 0;
    for (const peer of peers) {
      if (isReady(peer)) {
        ready++;
        if (!peer.late && nowMs - peer.heardAtMs > LATE_MS) this.#events.late(peer);
      }
      if (!peer.connected && nowMs - peer.joinedAtMs > LANE_UNUSED_MS) this.#events.absent(peer);
    }
    if (ready > 0) this.#aloneSinceMs = nowMs;
    else if (nowMs - this.#aloneSinceMs > this.#clientTimeoutMs) this.#events.alone();
  }

  /** Whether a client whose connection broke now died; a frozen one, or one that is cut off, was silent before. */
  died({ heardAtMs }: Peer, nowMs: number): boolean {
    return nowMs - heardAtMs < DIED_MS;
  }

  #forgiveOwnPause(peers: readonly Peer[], nowMs: number): void {
    const pausedMs = nowMs - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
    if (pausedMs < FROZEN_MS) return;
    for (const peer of peers) peer.heardAtMs += pausedMs;
    this.#aloneSinceMs += pausedMs;
  }
}
