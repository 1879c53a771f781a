import {
  MemoryNetwork,
  readHeader,
  type ClientLink,
  type CoordinatorLink,
  type Lane,
} from "@evb/runner";
import { SeededRandom } from "./random.ts";

/** How badly a network behaves; shares of messages from 0 to 1. */
export interface Faults {
  readonly seed: number;
  /** Of what clients publish, and of joins and their answers. A lane that lives loses nothing. */
  readonly lose: number;
  readonly repeat: number;
  /** Messages come so much later, at most. Results overtake each other; lanes keep their order. */
  readonly delayMs: number;
}

export const NO_FAULTS: Faults = { seed: 0, lose: 0, repeat: 0, delayMs: 0 };

/** A network in memory that loses, repeats and delays, and whose connections can be cut. */
export class FaultyNetwork {
  readonly #network = new MemoryNetwork();
  readonly #faults: Faults;
  readonly #random: SeededRandom;
  /** By a lane's port: what tells the coordinator that it broke. */
  readonly #breaks = new Map<number, () => void>();
  /** Called with every frame that leaves on a lane. */
  onLane: (frame: Uint8Array) => void = () => undefined;
  /** Called with what arrives of clients' results, before the coordinator has it. */
  onResult: (frames: readonly Uint8Array[]) => void = () => undefined;
  lost = 0;
  repeated = 0;
  resends = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
    this.#random = new SeededRandom(faults.seed);
  }

  readonly coordinator: CoordinatorLink = {
    endpoints: { join: 0, results: 0 },
    listen: (events) => {
      this.#network.coordinator.listen({
        join: (request, reply) => {
          events.join(request, (welcome) => {
            this.deliver(() => {
              reply(welcome);
            });
          });
        },
        result: (frames) => {
          this.onResult(frames);
          events.result(frames);
        },
      });
    },
    openLane: async (events) => {
      const lane = await this.#network.coordinator.openLane(events);
      this.#breaks.set(lane.port, () => {
        events.lost();
      });
      return this.#watched(lane);
    },
    close: () => {
      this.#network.coordinator.close();
    },
  };

  client(): FaultyClient {
    return new FaultyClient(this, this.#network.client());
  }

  /** As of a client that was frozen for longer than the heartbeat: it is there, and taken for lost. */
  breakLane(client: FaultyClient): void {
    this.#breaks.get(client.lane)?.();
  }

  /** Perhaps not, perhaps twice, perhaps later. */
  deliver(message: () => void): void {
    const { lose, repeat, delayMs } = this.#faults;
    const chance = (share: number): boolean => this.#random.u32() < share * 2 ** 32;
    if (chance(lose)) {
      this.lost++;
      return;
    }
    const copies = chance(repeat) ? 2 : 1;
    this.repeated += copies - 1;
    for (let copy = 0; copy < copies; copy++)
      if (delayMs === 0) message();
      else setTimeout(message, this.#random.below(Math.ceil(delayMs)));
  }

  #watched(lane: Lane): Lane {
    return {
      port: lane.port,
      send: (frame) => {
        this.onLane(frame);
        if (readHeader(frame).kind === "resend") this.resends++;
        lane.send(frame);
      },
      close: (lingerMs) => {
        lane.close(lingerMs);
      },
    };
  }
}

/** A client's end that can be cut off. */
export class FaultyClient implements ClientLink {
  readonly #network: FaultyNetwork;
  readonly #link: ClientLink;
  #unheard: () => void = () => undefined;
  #cut = false;
  published = 0;
  /** Port of the lane that it took last. */
  lane = 0;
  /** Called with each message that it publishes, before it leaves. */
  onPublish: () => void = () => undefined;

  constructor(network: FaultyNetwork, link: ClientLink) {
    this.#network = network;
    this.#link = link;
  }

  listen(events: Parameters<ClientLink["listen"]>[0]): void {
    this.#unheard = () => {
      events.unheard();
    };
    const unlessCut = (step: () => void): void => {
      if (!this.#cut) step();
    };
    this.#link.listen({
      heard: () => {
        unlessCut(() => {
          events.heard();
        });
      },
      unheard: () => {
        events.unheard();
      },
      welcome: (answer) => {
        unlessCut(() => {
          events.welcome(answer);
        });
      },
      lane: (frame) => {
        unlessCut(() => {
          events.lane(frame);
        });
      },
      refused: () => {
        events.refused();
      },
    });
  }

  join(request: Uint8Array<ArrayBuffer>): void {
    if (!this.#cut)
      this.#network.deliver(() => {
        this.#link.join(request);
      });
  }

  connectLane(port: number): void {
    this.lane = port;
    if (!this.#cut) this.#link.connectLane(port);
  }

  publish(frames: readonly Uint8Array<ArrayBuffer>[]): void {
    this.published++;
    this.onPublish();
    if (this.#cut) return;
    this.#network.deliver(() => {
      if (!this.#cut) this.#link.publish(frames);
    });
  }

  /** As kill -9 or a cut cable: nothing goes out or comes in any more, and the coordinator sees the lane break. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#link.close(0);
    this.#unheard();
  }

  close(lingerMs: number): void {
    if (!this.#cut) this.#link.close(lingerMs);
  }
}
