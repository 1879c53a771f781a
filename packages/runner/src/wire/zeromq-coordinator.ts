import * as zmq from "zeromq";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";
import { Gatekeeper, ZAP_DOMAIN } from "./gatekeeper.ts";
import type { KeyPair } from "./keys.ts";
import type { CoordinatorEvents, CoordinatorLink, Lane, LaneEvents } from "./link.ts";

/** Where a coordinator listens. */
export interface Listening {
  /** Interface or address, as ZeroMQ takes it: `127.0.0.1`, `eth0`, `*`. */
  readonly host: string;
  /** For joining; the others are beside it or ephemeral. 0: ephemeral. */
  readonly port: number;
  /** All ports come from here where it is given: for firewalls. */
  readonly ports: { readonly low: number; readonly high: number } | undefined;
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
/** Messages that wait unread here; more stay at the clients, which keep them until acknowledged. */
const RESULTS_WAITING_MAX = 10_000;

/**
 * The coordinator's sockets: SUB for results, ROUTER for joining, and one PUSH per client, each on
 * its own port, because only so a disconnect says who left.
 */
export class ZeromqCoordinatorLink implements CoordinatorLink {
  readonly #listening: Listening;
  readonly #gatekeeper: Gatekeeper | undefined;
  readonly #results: zmq.Subscriber;
  readonly #join: zmq.Router;
  #nextPort: number;
  #lanes = 0;
  #endpoints = { join: 0, results: 0 };

  private constructor(listening: Listening, gatekeeper: Gatekeeper | undefined) {
    this.#listening = listening;
    this.#gatekeeper = gatekeeper;
    this.#nextPort = listening.ports?.low ?? 0;
    this.#results = new zmq.Subscriber({
      ...this.#secured(),
      ...HEARTBEATS,
      linger: 0,
      receiveHighWaterMark: RESULTS_WAITING_MAX,
      maxMessageSize: RESULT_BYTES_MAX,
    });
    this.#results.subscribe("");
    this.#join = new zmq.Router({
      ...this.#secured(),
      ...HEARTBEATS,
      linger: 0,
      sendTimeout: 0,
      maxMessageSize: JOIN_BYTES_MAX,
    });
  }

  /** @throws EvbError "port-taken", "ports-used-up" */
  static async open(listening: Listening): Promise<ZeromqCoordinatorLink> {
    // Every client takes a lane and its listener of events; the default of 1023 sockets ends at 500 clients.
    zmq.context.maxSockets = 65_535;
    const { security } = listening;
    const gatekeeper = security && (await Gatekeeper.open(security.clients));
    const link = new ZeromqCoordinatorLink(listening, gatekeeper);
    try {
      const join = await link.#bind(link.#join, listening.port);
      link.#endpoints = { join, results: await link.#bind(link.#results, 0) };
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

  async openLane(events: LaneEvents): Promise<Lane> {
    const socket = new zmq.Push({
      ...this.#secured(),
      ...HEARTBEATS,
      linger: 0,
      // Synchronous sends: the 514th un-awaited one would throw otherwise. Credits bound what waits.
      sendTimeout: 0,
      sendHighWaterMark: 0,
    });
    socket.events.on("handshake", () => {
      events.connected();
    });
    socket.events.on("disconnect", () => {
      events.lost();
    });
    const port = await this.#bind(socket, 0);
    this.#lanes++;
    return {
      port,
      send: (frame) => {
        // EAGAIN: the client is gone, and the disconnect event says so too.
        socket.send(frame).catch(() => undefined);
      },
      close: (lingerMs) => {
        this.#lanes--;
        if (socket.closed) return;
        socket.linger = lingerMs;
        socket.close();
      },
    };
  }

  close(): void {
    if (!this.#results.closed) this.#results.close();
    if (!this.#join.closed) this.#join.close();
    this.#gatekeeper?.close();
  }

  async #receiveResults(events: CoordinatorEvents): Promise<void> {
    for await (const frames of this.#results) events.result(frames);
  }

  async #receiveJoins(events: CoordinatorEvents): Promise<void> {
    for await (const [peer, request] of this.#join) {
      if (peer === undefined || request === undefined) continue;
      events.join(request, (welcome) => {
        // A client that went meanwhile asks again when it is back.
        this.#join.send([peer, welcome]).catch(() => undefined);
      });
    }
  }

  /** Binds to the port, the next free one of the range, or any; returns which. */
  async #bind(socket: zmq.Push | zmq.Subscriber | zmq.Router, port: number): Promise<number> {
    const { host, ports } = this.#listening;
    if (ports === undefined || port !== 0) return this.#bindTo(socket, host, port);
    while (this.#nextPort <= ports.high) {
      try {
        return await this.#bindTo(socket, host, this.#nextPort++);
      } catch (thrown) {
        if (this.#nextPort > ports.high) break;
        if (!sentenceOf(thrown).includes("in use")) throw thrown;
      }
    }
    // Clients that left gave ports back: the next one starts from the low end again.
    this.#nextPort = ports.low;
    const text = `${String(ports.low)}-${String(ports.high)}`;
    throw fault("ports-used-up", { ports: text, clients: this.#lanes });
  }

  async #bindTo(
    socket: zmq.Push | zmq.Subscriber | zmq.Router,
    host: string,
    port: number,
  ): Promise<number> {
    const endpoint = `tcp://${host}:${port === 0 ? "*" : String(port)}`;
    try {
      await socket.bind(endpoint);
    } catch (thrown) {
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
