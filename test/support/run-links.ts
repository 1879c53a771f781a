import {
  MemoryNetwork,
  newKeyPair,
  ZeromqClientLink,
  ZeromqCoordinatorLink,
  type ClientLink,
  type CoordinatorLink,
  type Lane,
} from "@evb/runner";

/** A carrier of messages: one coordinator's end, and as many clients' ends as a test asks for. */
export interface Carrier {
  readonly coordinator: CoordinatorLink;
  client(): Promise<ClientLink>;
  close(): void;
}

export function inMemory(): Promise<Carrier> {
  const network = new MemoryNetwork();
  return Promise.resolve({
    coordinator: network.coordinator,
    client: () => Promise.resolve(network.client()),
    close: () => {
      network.coordinator.close();
    },
  });
}

export const LOOPBACK = { host: "127.0.0.1", port: 0, ports: undefined } as const;

/** Over TCP on loopback, with keys. */
export async function overZeromq(): Promise<
  Carrier & { reaching: Parameters<typeof ZeromqClientLink.open>[0] }
> {
  const [server, client] = [await newKeyPair(), await newKeyPair()];
  const security = { server, clients: new Set([client.publicKey]) };
  const link = await whenFree(() => ZeromqCoordinatorLink.open({ ...LOOPBACK, security }));
  const reaching = {
    host: LOOPBACK.host,
    joinPort: link.endpoints.join,
    resultsPort: link.endpoints.results,
    security: { serverKey: server.publicKey, client },
  };
  return {
    coordinator: link,
    reaching,
    client: () => ZeromqClientLink.open(reaching),
    close: () => {
      link.close();
    },
  };
}

/** Of the one before in this process, the gatekeeper's address is free some milliseconds after it closed. */
export async function whenFree<Opened>(open: () => Promise<Opened>): Promise<Opened> {
  for (let left = 100; ; left--)
    try {
      return await open();
    } catch (thrown) {
      if (left === 0 || !String(thrown).includes("in use")) throw thrown;
      await pause(10);
    }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** What a coordinator's end has heard, in order. */
export class Listener {
  readonly joins: string[] = [];
  readonly results: string[] = [];

  constructor(link: CoordinatorLink, welcome: (request: string) => Uint8Array<ArrayBuffer>) {
    link.listen({
      join: (request, reply) => {
        const text = textOf(request);
        this.joins.push(text);
        reply(welcome(text));
      },
      result: (frames) => {
        this.results.push(frames.map(textOf).join("+"));
      },
    });
  }
}

/** A client's end and what it has heard. */
export class Speaker {
  readonly link: ClientLink;
  readonly welcomes: string[] = [];
  readonly lane: string[] = [];
  heard = 0;
  unheard = 0;
  refused = 0;

  constructor(link: ClientLink, onHeard: (link: ClientLink) => void = () => undefined) {
    this.link = link;
    link.listen({
      heard: () => {
        this.heard++;
        onHeard(link);
      },
      unheard: () => {
        this.unheard++;
      },
      welcome: (answer) => {
        this.welcomes.push(textOf(answer));
      },
      lane: (frame) => {
        this.lane.push(textOf(frame));
      },
      refused: () => {
        this.refused++;
      },
    });
  }
}

/** A lane, and what its coordinator has been told of it. */
export async function laneOf(
  link: CoordinatorLink,
): Promise<{ lane: Lane; told: ("connected" | "lost")[] }> {
  const told: ("connected" | "lost")[] = [];
  const lane = await link.openLane({
    connected: () => told.push("connected"),
    lost: () => told.push("lost"),
  });
  lanes.push(lane);
  return { lane, told };
}

const lanes: Lane[] = [];

/** A socket that is open keeps the process of the tests alive. */
export function closeLanes(): void {
  for (const lane of lanes.splice(0)) lane.close(0);
}

export const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));

export const textOf = (frame: Uint8Array): string => Buffer.from(frame).toString();

/** Waits until it holds. On a machine with ten other things to do a message takes its time. */
export async function until(holds: () => boolean, what: string, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`in vain waited for: ${what}`);
    await pause(2);
  }
}
