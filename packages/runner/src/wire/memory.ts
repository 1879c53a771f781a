import type {
  ClientEvents,
  ClientLink,
  CoordinatorEvents,
  CoordinatorLink,
  Lane,
  LaneEvents,
} from "./link.ts";

/**
 * Both ends in one process: for one client on this host, and for tests. Messages are handed over
 * by setImmediate, in order, and never at once, as they would be by a socket.
 */
export class MemoryNetwork {
  #coordinator: CoordinatorEvents | undefined;
  readonly #lanes = new Map<number, { events: LaneEvents; client: MemoryClient | undefined }>();
  #ports = 0;

  readonly coordinator: CoordinatorLink = {
    endpoints: { join: 0, results: 0 },
    listen: (events) => {
      this.#coordinator = events;
    },
    openLane: (events) => Promise.resolve(this.#openLane(events)),
    close: () => {
      this.#coordinator = undefined;
    },
  };

  client(): ClientLink {
    return new MemoryClient({
      join: (request, reply) => this.#coordinator?.join(request, reply),
      result: (frames) => this.#coordinator?.result(frames),
      connect: (client, port) => {
        this.#connect(client, port);
      },
      leave: (client) => {
        this.#leave(client);
      },
    });
  }

  #openLane(events: LaneEvents): Lane {
    const port = ++this.#ports;
    this.#lanes.set(port, { events, client: undefined });
    return {
      port,
      send: (frame) => {
        setImmediate(() => this.#lanes.get(port)?.client?.deliver(frame));
      },
      close: () => {
        setImmediate(() => this.#lanes.delete(port));
      },
    };
  }

  #connect(client: MemoryClient, port: number): void {
    const lane = this.#lanes.get(port);
    if (lane === undefined) return;
    this.#leave(client);
    lane.client = client;
    lane.events.connected();
  }

  #leave(client: MemoryClient): void {
    for (const lane of this.#lanes.values()) {
      if (lane.client !== client) continue;
      lane.client = undefined;
      lane.events.lost();
    }
  }
}

interface Wires {
  join(request: Uint8Array, reply: (welcome: Uint8Array<ArrayBuffer>) => void): void;
  result(frames: readonly Uint8Array[]): void;
  connect(client: MemoryClient, port: number): void;
  leave(client: MemoryClient): void;
}

class MemoryClient implements ClientLink {
  readonly #wires: Wires;
  #events: ClientEvents | undefined;

  constructor(wires: Wires) {
    this.#wires = wires;
  }

  listen(events: ClientEvents): void {
    this.#events = events;
    setImmediate(() => this.#events?.heard());
  }

  join(request: Uint8Array<ArrayBuffer>): void {
    const reply = (welcome: Uint8Array<ArrayBuffer>): void => {
      setImmediate(() => this.#events?.welcome(welcome));
    };
    setImmediate(() => {
      this.#wires.join(request, reply);
    });
  }

  connectLane(port: number): void {
    setImmediate(() => {
      this.#wires.connect(this, port);
    });
  }

  publish(frames: readonly Uint8Array<ArrayBuffer>[]): void {
    setImmediate(() => {
      this.#wires.result(frames);
    });
  }

  deliver(frame: Uint8Array): void {
    this.#events?.lane(frame);
  }

  close(): void {
    // What was published before is delivered first: setImmediate keeps the order.
    setImmediate(() => {
      this.#events = undefined;
      this.#wires.leave(this);
    });
  }
}
