import { setTimeout } from "node:timers/promises";
import type { Push, Router, Subscriber } from "zeromq";
import { isEvbError, sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";
import { Descriptors } from "./descriptors.ts";
import { Gatekeeper, ZAP_DOMAIN } from "./gatekeeper.ts";
import type { KeyPair } from "./keys.ts";
import type { CoordinatorEvents, CoordinatorLink, Lane, LaneEvents } from "./link.ts";
import { PinnedMemory } from "./pinned-memory.ts";
import { loadZeromq, type Zeromq } from "./zeromq.ts";

/** Where a coordinator listens. */
export interface Listening {
  /** Interface or address, as ZeroMQ takes it: `127.0.0.1`, `eth0`, `*`. */
  readonly host: string;
  /** For joining; the others are beside it or ephemeral. 0: ephemeral. */
  readonly port: number;
  /** All ports come from here where it is given: for firewalls. */
  readonly ports: { readonly low: number; readonly high: number } | undefined;
  /** Exactly these: where an earlier life of the coordinator listened. */
  readonly again?: { readonly join: number; readonly results: number };
  /** Undefined only with --insecure. */
  readonly security:
    { readonly server: KeyPair; readonly clients: ReadonlySet<string> } | undefined;
}

/** A frozen or cut-off client is noticed after the time-out; one that is killed, in 3 ms. */
const HEARTBEATS = { heartbeatInterval: 500, heartbeatTimeout: 1500, heartbeatTimeToLive: 1500 };
/** A result frame holds at most 65,536 ranges; this bounds what a client can make us keep. */
const RESULT_BYTES_MAX = 256 * 2 ** 20;
/** A JOIN has some 200 bytes. */
const JOIN_BYTES_MAX = 4096;
/** What libzmq takes at most, for a process. */
const SOCKETS_MAX = 65_535;
/** A client's are its lane and the listener of the lane's events; results, join and the gatekeeper have one each. */
export const LANES_MAX = Math.floor((SOCKETS_MAX - 3) / 2);
/** Messages of each client that wait unread here; more stay at the clients, which keep them until acknowledged. */
const RESULTS_WAITING_MAX = 10_000;

/**
 * The coordinator's sockets: SUB for results, ROUTER for joining, and one PUSH per client, each on
 * its own port, because only so a disconnect says who left.
 */
export class ZeromqCoordinatorLink implements CoordinatorLink {
  readonly #zeromq: Zeromq;
  readonly #listening: Listening;
  readonly #gatekeeper: Gatekeeper | undefined;
  readonly #results: Subscriber;
  readonly #join: Router;
  #nextPort: number;
  readonly #descriptors = new Descriptors();
  /** Lanes whose client has still to come. */
  readonly #unconnected = new Set<Push>();
  #opening: Promise<unknown> = Promise.resolve();
  #lanes = 0;
  #endpoints = { join: 0, results: 0 };

  private constructor(zeromq: Zeromq, listening: Listening, gatekeeper: Gatekeeper | undefined) {
    this.#zeromq = zeromq;
    this.#listening = listening;
    this.#gatekeeper = gatekeeper;
    this.#nextPort = listening.ports?.low ?? 0;
    this.#results = new zeromq.Subscriber({
      ...this.#secured(),
      ...HEARTBEATS,
      linger: 0,
      receiveHighWaterMark: RESULTS_WAITING_MAX,
      maxMessageSize: RESULT_BYTES_MAX,
    });
    this.#results.subscribe("");
    this.#join = new zeromq.Router({
      ...this.#secured(),
      ...HEARTBEATS,
      linger: 0,
      sendTimeout: 0,
      maxMessageSize: JOIN_BYTES_MAX,
    });
  }

  /** @throws EvbError "port-taken", "ports-used-up" */
  static async open(listening: Listening): Promise<ZeromqCoordinatorLink> {
    const zeromq = await loadZeromq();
    // The default of 1023 sockets ends at 500 clients.
    zeromq.context.maxSockets = SOCKETS_MAX;
    const { security } = listening;
    const gatekeeper = security && (await Gatekeeper.open(zeromq, security.clients));
    const link = new ZeromqCoordinatorLink(zeromq, listening, gatekeeper);
    try {
      const { port, again = { join: port, results: 0 } } = listening;
      const join = await link.#bind(link.#join, again.join);
      link.#endpoints = { join, results: await link.#bind(link.#results, again.results) };
    } catch (thrown) {
      link.close();
      throw thrown;
    }
    return link;
  }

  get endpoints(): { readonly join: number; readonly results: number } {
    return this.#endpoints;
  }

  listen(events: CoordinatorEvents): void {
    void this.#receiveResults(events);
    void this.#receiveJoins(events);
  }

  /** @throws EvbError "descriptors-used-up", "sockets-too-few", "ports-used-up" */
  openLane(events: LaneEvents): Promise<Lane> {
    // One after another: the next one counts what this one has taken.
    const lane = this.#opening.then(() => this.#openLane(events));
    this.#opening = lane.catch(() => undefined);
    return lane;
  }

  async #openLane(events: LaneEvents): Promise<Lane> {
    this.#checkRoom();
    const socket = new this.#zeromq.Push({
      ...this.#secured(),
      ...HEARTBEATS,
      linger: 0,
      // Synchronous sends: the 514th un-awaited one would throw otherwise. Credits bound what waits.
      sendTimeout: 0,
      sendHighWaterMark: 0,
    });
    watchLane(socket, {
      connected: () => {
        this.#unconnected.delete(socket);
        events.connected();
      },
      lost: () => {
        events.lost();
      },
    });
    const port = await this.#bind(socket, 0).catch((thrown: unknown) => {
      socket.close();
      throw thrown;
    });
    this.#unconnected.add(socket);
    this.#lanes++;
    return {
      port,
      send: (frame) => {
        // EAGAIN: the client is gone, and the disconnect event says so too.
        if (!socket.closed) socket.send(frame).catch(() => undefined);
      },
      close: (lingerMs) => {
        this.#lanes--;
        this.#unconnected.delete(socket);
        if (socket.closed) return;
        socket.linger = lingerMs;
        socket.close();
      },
    };
  }

  #checkRoom(): void {
    const clients = this.#lanes;
    if (clients >= LANES_MAX)
      throw fault("sockets-too-few", { clients: clients + 1, max: LANES_MAX });
    const { max } = this.#descriptors;
    if (!this.#descriptors.haveLane(this.#unconnected.size))
      throw fault("descriptors-used-up", { clients, max });
  }

  close(): void {
    if (!this.#results.closed) this.#results.close();
    if (!this.#join.closed) this.#join.close();
    this.#gatekeeper?.close();
  }

  async #receiveResults(events: CoordinatorEvents): Promise<void> {
    const memory = new PinnedMemory();
    for await (const frames of this.#results) {
      events.result(frames);
      memory.received();
    }
  }

  async #receiveJoins(events: CoordinatorEvents): Promise<void> {
    for await (const [peer, request] of this.#join) {
      if (peer === undefined || request === undefined) continue;
      events.join(request, (welcome) => {
        // A client that went meanwhile asks again when it is back.
        if (!this.#join.closed) this.#join.send([peer, welcome]).catch(() => undefined);
      });
    }
  }

  /** Binds to the port, the next free one of the range, or any; returns which. */
  async #bind(socket: Push | Subscriber | Router, port: number): Promise<number> {
    const { host, ports } = this.#listening;
    if (ports === undefined || port !== 0) return this.#bindTo(socket, host, port);
    const count = ports.high - ports.low + 1;
    // Round and round, as clients that left give ports back.
    for (let tried = 0; tried < count; tried++) {
      const next = this.#nextPort;
      this.#nextPort = next === ports.high ? ports.low : next + 1;
      try {
        return await this.#bindTo(socket, host, next);
      } catch (thrown) {
        if (!isInUse(thrown)) throw thrown;
      }
    }
    const text = `${String(ports.low)}-${String(ports.high)}`;
    throw fault("ports-used-up", { ports: text, clients: this.#lanes });
  }

  async #bindTo(socket: Push | Subscriber | Router, host: string, port: number): Promise<number> {
    const endpoint = `tcp://${host}:${port === 0 ? "*" : String(port)}`;
    for (let left = BIND_TRIES; ; left--)
      try {
        await socket.bind(endpoint);
        break;
      } catch (thrown) {
        if (left > 1 && (codeOf(thrown) === "EAGAIN" || codeOf(thrown) === "EINTR")) continue;
        throw fault("port-taken", { endpoint, reason: sentenceOf(thrown) }, { cause: thrown });
      }
    return Number(/:(\d+)$/.exec(socket.lastEndpoint ?? "")?.[1]);
  }

  #secured(): object {
    const { security } = this.#listening;
    if (security === undefined) return {};
    return {
      curveServer: true,
      curvePublicKey: security.server.publicKey,
      curveSecretKey: security.server.secretKey,
      zapDomain: ZAP_DOMAIN,
      zapEnforceDomain: true,
    };
  }
}

/** A socket that just failed to bind sometimes says EAGAIN of the next port (4 of 12 runs over 40 ports, 2026-11-20). */
const BIND_TRIES = 10;

/** How long after a disconnect the socket is asked whether it still has its client; together 1 s. */
const PAUSES_MS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/**
 * Tells when a lane's client comes and goes. Whoever opens a connection to the port and closes it
 * makes a "disconnect", too, which names nobody: only a socket that can't be written to has lost
 * its client. Its word may come a moment before the socket knows, so it is asked some times. A second
 * handshake means that the client came back before we saw it go: what was on its way may be lost.
 */
function watchLane(socket: Push, events: LaneEvents): void {
  let connected = false;
  let watches = 0;
  socket.events.on("handshake", () => {
    if (connected) events.lost();
    else {
      connected = true;
      events.connected();
    }
  });
  const watch = async (): Promise<void> => {
    const own = ++watches;
    for (const pauseMs of PAUSES_MS) {
      if (pauseMs > 0) await setTimeout(pauseMs);
      // A newer disconnect has a watch of its own.
      if (socket.closed || own !== watches) return;
      if (!socket.writable) {
        events.lost();
        return;
      }
    }
  };
  socket.events.on("disconnect", () => {
    if (connected) void watch();
  });
}

function isInUse(thrown: unknown): boolean {
  if (!isEvbError(thrown, "port-taken")) return false;
  return codeOf(thrown.cause) === "EADDRINUSE";
}

const codeOf = (thrown: unknown): string | undefined => (thrown as NodeJS.ErrnoException).code;
