/**
 * What carries messages. The protocol stands above it and is the same over ZeroMQ and in memory;
 * both carriers pass the same contract tests.
 */

/** The coordinator's end of one client's lane. */
export interface Lane {
  readonly port: number;
  /** Frames are never lost on a lane that lives; where it doesn't, nothing arrives any more. */
  send(frame: Uint8Array<ArrayBuffer>): void;
  /** Sends what was handed over, at most `lingerMs` long, then closes. */
  close(lingerMs: number): void;
}

export interface LaneEvents {
  /** The client is there: what is sent now arrives. */
  connected(): void;
  /** The client is gone: killed, frozen for longer than the heartbeat, or cut off. */
  lost(): void;
}

export interface CoordinatorEvents {
  /** A client asks to join; `reply` answers it. */
  join(request: Uint8Array, reply: (welcome: Uint8Array<ArrayBuffer>) => void): void;
  /** A message on the results channel. */
  result(frames: readonly Uint8Array[]): void;
}

/** The coordinator's end of everything. */
export interface CoordinatorLink {
  listen(events: CoordinatorEvents): void;
  openLane(events: LaneEvents): Promise<Lane>;
  /** Endpoints that a client of another process needs; none in memory. */
  readonly endpoints: { readonly join: number; readonly results: number };
  close(): void;
}

export interface ClientEvents {
  /** The coordinator hears: what is published now arrives. */
  heard(): void;
  /** It doesn't hear any more; what is published now is lost. */
  unheard(): void;
  welcome(answer: Uint8Array): void;
  lane(frame: Uint8Array): void;
  /** The coordinator lets nobody in who has this key. */
  refused(): void;
}

/** A client's end of everything. */
export interface ClientLink {
  listen(events: ClientEvents): void;
  /** Asks to join; may be lost, so it is repeated until the welcome comes. */
  join(request: Uint8Array<ArrayBuffer>): void;
  /** Connects to the lane that the welcome named, in place of an older one. */
  connectLane(port: number): void;
  publish(frames: readonly Uint8Array<ArrayBuffer>[]): void;
  /** Sends what was handed over, at most `lingerMs` long, then closes. */
  close(lingerMs: number): void;
}
