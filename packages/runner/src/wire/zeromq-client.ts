import type { Dealer, Pull, XPublisher } from "zeromq";
import type { ClientEvents, ClientLink } from "./link.ts";
import type { KeyPair } from "./keys.ts";
import { connectSocket, loadZeromq, type Zeromq } from "./zeromq.ts";

/** How a client reaches its coordinator. */
export interface Reaching {
  readonly host: string;
  readonly joinPort: number;
  readonly resultsPort: number;
  /** Undefined only with --insecure. */
  readonly security: { readonly serverKey: string; readonly client: KeyPair } | undefined;
}

const HEARTBEATS = { heartbeatInterval: 500, heartbeatTimeout: 1500, heartbeatTimeToLive: 1500 };
const RECONNECT = { reconnectInterval: 50, reconnectMaxInterval: 500 };
/** A frame of leases holds 4096 of them; a welcome, 65,535 sources. */
const FRAME_BYTES_MAX = 256 * 2 ** 20;

/** A client's sockets; nothing listens here, so it works behind a firewall. */
export class ZeromqClientLink implements ClientLink {
  readonly #zeromq: Zeromq;
  readonly #reaching: Reaching;
  /** `immediate`: frames are dropped, not kept, while nobody hears; and we are told (docs/protocol.md). */
  readonly #results: XPublisher;
  readonly #join: Dealer;
  #lane: Pull | undefined;
  #events: ClientEvents | undefined;

  private constructor(zeromq: Zeromq, reaching: Reaching) {
    this.#zeromq = zeromq;
    this.#reaching = reaching;
    const common = {
      ...this.#secured(),
      ...HEARTBEATS,
      ...RECONNECT,
      immediate: true,
      sendTimeout: 0,
    };
    this.#results = new zeromq.XPublisher({ ...common, linger: 0, sendHighWaterMark: 0 });
    this.#join = new zeromq.Dealer({ ...common, linger: 0, maxMessageSize: FRAME_BYTES_MAX });
  }

  static async open(reaching: Reaching): Promise<ZeromqClientLink> {
    return new ZeromqClientLink(await loadZeromq(), reaching);
  }

  listen(events: ClientEvents): void {
    this.#events = events;
    const refused = (): void => {
      events.refused();
    };
    this.#results.events.on("handshake:error:auth", refused);
    this.#join.events.on("handshake:error:auth", refused);
    void this.#receiveSubscriptions();
    void this.#receiveWelcomes();
    const { host, joinPort, resultsPort } = this.#reaching;
    connectSocket(this.#results, `tcp://${host}:${String(resultsPort)}`);
    connectSocket(this.#join, `tcp://${host}:${String(joinPort)}`);
  }

  join(request: Uint8Array<ArrayBuffer>): void {
    // EAGAIN until connected; it is repeated.
    if (!this.#join.closed) this.#join.send(request).catch(() => undefined);
  }

  connectLane(port: number): void {
    this.#lane?.close();
    const lane = new this.#zeromq.Pull({
      ...this.#secured(),
      ...HEARTBEATS,
      ...RECONNECT,
      linger: 0,
      receiveHighWaterMark: 0,
      maxMessageSize: FRAME_BYTES_MAX,
    });
    this.#lane = lane;
    connectSocket(lane, `tcp://${this.#reaching.host}:${String(port)}`);
    void this.#receiveLane(lane);
  }

  publish(frames: readonly Uint8Array<ArrayBuffer>[]): void {
    if (!this.#results.closed) this.#results.send([...frames]).catch(() => undefined);
  }

  close(lingerMs: number): void {
    this.#events = undefined;
    if (!this.#results.closed) {
      this.#results.linger = lingerMs;
      this.#results.close();
    }
    if (!this.#join.closed) this.#join.close();
    if (this.#lane?.closed === false) this.#lane.close();
  }

  async #receiveSubscriptions(): Promise<void> {
    for await (const [frame] of this.#results) {
      if (frame?.[0] === 1) this.#events?.heard();
      else this.#events?.unheard();
    }
  }

  async #receiveWelcomes(): Promise<void> {
    for await (const [answer] of this.#join)
      if (answer !== undefined) this.#events?.welcome(answer);
  }

  async #receiveLane(lane: Pull): Promise<void> {
    for await (const [frame] of lane) {
      if (lane !== this.#lane) return;
      if (frame !== undefined) this.#events?.lane(frame);
    }
  }

  #secured(): object {
    const { security } = this.#reaching;
    if (security === undefined) return {};
    return {
      curveServerKey: security.serverKey,
      curvePublicKey: security.client.publicKey,
      curveSecretKey: security.client.secretKey,
    };
  }
}
