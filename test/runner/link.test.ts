import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { newKeyPair, ZeromqClientLink, ZeromqCoordinatorLink } from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import {
  bytes,
  closeLanes,
  inMemory,
  laneOf,
  Listener,
  LOOPBACK,
  overZeromq,
  pause,
  Speaker,
  until,
  whenFree,
  type Carrier,
} from "../support/run-links.ts";

// The only test that loads ZeroMQ: its library keeps to the first of Jest's environments in a process,
// and is of no use in the next. Others run it in processes of their own.
afterEach(closeLanes);

const RESULTS = Array.from({ length: 1000 }, (_, i) => `result ${String(i)}`);

describe.each([
  ["in memory", inMemory],
  ["over ZeroMQ", overZeromq],
])("the link %s", (_, open: () => Promise<Carrier>) => {
  let carrier: Carrier;
  let listener: Listener;
  beforeEach(async () => {
    carrier = await open();
    listener = new Listener(carrier.coordinator, (request) => bytes(`welcome to ${request}`));
  });
  afterEach(() => {
    carrier.close();
  });

  /** As Client does: a join is repeated until it is answered. */
  async function joined(name: string): Promise<Speaker> {
    const speaker = new Speaker(await carrier.client());
    await until(() => {
      if (speaker.welcomes.length === 0) speaker.link.join(bytes(name));
      return speaker.welcomes.length > 0;
    }, "welcome");
    return speaker;
  }

  test("answers who asks to join, and only that one", async () => {
    const [a, b] = [await joined("a"), await joined("b")];
    expect(new Set(a.welcomes)).toEqual(new Set(["welcome to a"]));
    expect(new Set(b.welcomes)).toEqual(new Set(["welcome to b"]));
    a.link.close(0);
    b.link.close(0);
  });

  test("answers every repeat", async () => {
    const speaker = await joined("a");
    const before = speaker.welcomes.length;
    for (let times = 0; times < 5; times++) speaker.link.join(bytes("a"));
    await until(() => speaker.welcomes.length >= before + 5, "five more welcomes");
    speaker.link.close(0);
  });

  test("brings the first result that is published after `heard`, 20 of 20 times", async () => {
    const speakers: Speaker[] = [];
    for (let client = 0; client < 20; client++) {
      const first = bytes(`first of ${String(client)}`);
      speakers.push(
        new Speaker(await carrier.client(), (link) => {
          link.publish([first]);
        }),
      );
    }
    await until(() => listener.results.length >= 20, "20 first results");
    expect(new Set(listener.results).size).toBe(20);
    for (const speaker of speakers) speaker.link.close(0);
  });

  test("keeps results in order, and the frames of one together", async () => {
    const speaker = new Speaker(await carrier.client());
    await until(() => speaker.heard > 0, "heard");
    for (const result of RESULTS) speaker.link.publish([bytes(result), bytes("more")]);
    await until(() => listener.results.length === RESULTS.length, "all results");
    expect(listener.results).toEqual(RESULTS.map((result) => `${result}+more`));
    speaker.link.close(0);
  });

  test("says when a lane's client is there, and brings what is sent then, in order", async () => {
    const speaker = await joined("a");
    const { lane, told } = await laneOf(carrier.coordinator);
    speaker.link.connectLane(lane.port);
    await until(() => told.length > 0, "connected");
    for (const result of RESULTS) lane.send(bytes(result));
    await until(() => speaker.lane.length === RESULTS.length, "all frames");
    expect(speaker.lane).toEqual(RESULTS);
    expect(told).toEqual(["connected"]);
    speaker.link.close(0);
  });

  test("says when a lane's client is gone, and of which lane", async () => {
    const [a, b] = [await joined("a"), await joined("b")];
    const [laneA, laneB] = [await laneOf(carrier.coordinator), await laneOf(carrier.coordinator)];
    a.link.connectLane(laneA.lane.port);
    b.link.connectLane(laneB.lane.port);
    await until(() => laneA.told.length + laneB.told.length === 2, "both connected");
    a.link.close(0);
    await until(() => laneA.told.length === 2, "lost");
    expect([laneA.told, laneB.told]).toEqual([["connected", "lost"], ["connected"]]);
    laneB.lane.send(bytes("still here"));
    await until(() => b.lane.length === 1, "frame to the other");
    b.link.close(0);
  });

  test("a client that takes another lane leaves the old one", async () => {
    const speaker = await joined("a");
    const [old, next] = [await laneOf(carrier.coordinator), await laneOf(carrier.coordinator)];
    speaker.link.connectLane(old.lane.port);
    await until(() => old.told.length === 1, "connected");
    speaker.link.connectLane(next.lane.port);
    await until(() => next.told.length === 1 && old.told.length === 2, "lost and connected");
    expect([old.told, next.told]).toEqual([["connected", "lost"], ["connected"]]);
    speaker.link.close(0);
  });

  test("brings the last word, though the lane is closed at once behind it", async () => {
    const speaker = await joined("a");
    const { lane, told } = await laneOf(carrier.coordinator);
    speaker.link.connectLane(lane.port);
    await until(() => told.length > 0, "connected");
    lane.send(bytes("bye"));
    lane.close(1000);
    carrier.coordinator.close();
    await until(() => speaker.lane.includes("bye"), "bye");
    speaker.link.close(0);
  });

  test("brings a client's last results, though it closes at once behind them", async () => {
    const speaker = new Speaker(await carrier.client());
    await until(() => speaker.heard > 0, "heard");
    for (const result of RESULTS) speaker.link.publish([bytes(result)]);
    speaker.link.close(1000);
    await until(() => listener.results.length === RESULTS.length, "all results");
    expect(listener.results).toEqual(RESULTS);
  });
});

/** What libzmq receives them in has 8 KiB each; those of less than 128 bytes are copied as they come. */
const MESSAGES = { count: 20_000, bytes: 200, growthMax: 20e6 };

test("over ZeroMQ a coordinator gives back what results were received in, before V8 would collect them", async () => {
  const carrier = await overZeromq();
  const { count, bytes: size, growthMax } = MESSAGES;
  let came: (() => void) | undefined;
  carrier.coordinator.listen({ join: () => undefined, result: () => came?.() });
  const speaker = new Speaker(await carrier.client());
  try {
    await until(() => speaker.heard > 0, "heard");
    const before = process.memoryUsage().rss;
    let most = 0;
    for (let n = 0; n < count; n++) {
      await new Promise<void>((resolve) => {
        came = resolve;
        speaker.link.publish([new Uint8Array(size)]);
      });
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(most).toBeLessThan(growthMax);
  } finally {
    speaker.link.close(0);
    carrier.close();
  }
});

describe("strangers at ZeroMQ's ports", () => {
  let carrier: Awaited<ReturnType<typeof overZeromq>>;
  let listener: Listener;
  let friend: Speaker;
  let friendLane: Awaited<ReturnType<typeof laneOf>>;
  beforeEach(async () => {
    carrier = await overZeromq();
    listener = new Listener(carrier.coordinator, () => bytes("welcome"));
    friend = new Speaker(await carrier.client());
    friendLane = await laneOf(carrier.coordinator);
    friend.link.connectLane(friendLane.lane.port);
    await until(() => friendLane.told.length > 0 && friend.heard > 0, "a friend is there");
  });
  afterEach(() => {
    friend.link.close(0);
    carrier.close();
  });

  /** The friend and the coordinator hear each other as before, and nobody else was heard. */
  async function nothingChanged(): Promise<void> {
    const ms = 100;
    await pause(ms);
    friend.link.publish([bytes("result")]);
    friendLane.lane.send(bytes("lease"));
    await until(() => listener.results.length > 0 && friend.lane.length > 0, "friends' words");
    expect(listener.results).toEqual(["result"]);
    expect(listener.joins).toEqual([]);
    expect(friend.lane).toEqual(["lease"]);
    expect(friendLane.told).toEqual(["connected"]);
  }

  test("a client with a wrong key is told that it is refused, and nothing else", async () => {
    const { reaching } = carrier;
    const client = await newKeyPair();
    const wrong = { ...reaching, security: { ...reaching.security!, client } };
    const stranger = new Speaker(await ZeromqClientLink.open(wrong));
    await until(() => stranger.refused > 0, "refused");
    stranger.link.join(bytes("let me in"));
    stranger.link.publish([bytes("forged")]);
    stranger.link.connectLane(friendLane.lane.port);
    await nothingChanged();
    expect(stranger).toMatchObject({ heard: 0, welcomes: [], lane: [] });
    stranger.link.close(0);
  });

  test("a client without a key gets nothing", async () => {
    const stranger = new Speaker(
      await ZeromqClientLink.open({ ...carrier.reaching, security: undefined }),
    );
    stranger.link.join(bytes("let me in"));
    stranger.link.publish([bytes("forged")]);
    stranger.link.connectLane(friendLane.lane.port);
    await nothingChanged();
    expect(stranger).toMatchObject({ heard: 0, welcomes: [], lane: [] });
    stranger.link.close(0);
  });

  test("a client that has the wrong coordinator's key gets nothing", async () => {
    const { reaching } = carrier;
    const { publicKey: serverKey } = await newKeyPair();
    const wrong = { ...reaching, security: { ...reaching.security!, serverKey } };
    const stranger = new Speaker(await ZeromqClientLink.open(wrong));
    stranger.link.connectLane(friendLane.lane.port);
    stranger.link.publish([bytes("forged")]);
    await nothingChanged();
    stranger.link.close(0);
  });

  test("connections of garbage, of nothing, and torn ones take no lane from its client", async () => {
    const ports = [
      carrier.coordinator.endpoints.join,
      carrier.coordinator.endpoints.results,
      friendLane.lane.port,
    ];
    const sockets: Socket[] = [];
    for (const port of ports)
      for (const first of [
        undefined,
        Buffer.alloc(5000, 0x41),
        Buffer.from("ff00000000000000017f03", "hex"),
      ])
        for (const end of ["destroy", "resetAndDestroy"] as const) {
          const socket = connect(port, LOOPBACK.host);
          socket.on("error", () => undefined);
          socket.once("connect", () => {
            if (first === undefined) socket[end]();
            else
              socket.write(first, () => {
                setTimeout(() => socket[end](), 20);
              });
          });
          sockets.push(socket);
        }
    await until(() => sockets.every((socket) => socket.destroyed), "all closed");
    await nothingChanged();
  });
});

describe("ports", () => {
  const taken = createServer();
  const opened: ZeromqCoordinatorLink[] = [];
  let base = 0;
  beforeEach(async () => {
    await new Promise<void>((resolve) => taken.listen(0, LOOPBACK.host, resolve));
    base = (taken.address() as AddressInfo).port;
  });
  afterEach(async () => {
    for (const link of opened.splice(0)) link.close();
    await new Promise((resolve) => taken.close(resolve));
    await pause(20);
  });
  const open = async (port: number, ports?: { low: number; high: number }) => {
    const listening = { host: LOOPBACK.host, port, ports, security: undefined };
    const link = await whenFree(() => ZeromqCoordinatorLink.open(listening));
    opened.push(link);
    return link;
  };
  const openOnce = (port: number, ports?: { low: number; high: number }) =>
    ZeromqCoordinatorLink.open({ host: LOOPBACK.host, port, ports, security: undefined });

  test("a port that is taken is said to be, with what to do", async () => {
    const fault = await faultOf(() => openOnce(base));
    expect(fault).toMatchObject({ tag: "port-taken", exitCode: 1 });
    expect(fault.message).toMatch(
      /can't listen on tcp:\/\/127.0.0.1:\d+: .*in use; choose another with --listen or --ports$/,
    );
  });

  test("all ports come from the range, past those that are taken", async () => {
    const ports = { low: base, high: Math.min(65_535, base + 40) };
    const link = await open(0, ports);
    const { lane } = await laneOf(link);
    for (const port of [link.endpoints.join, link.endpoints.results, lane.port]) {
      expect(port).toBeGreaterThan(ports.low);
      expect(port).toBeLessThanOrEqual(ports.high);
    }
    lane.close(0);
  });

  test("a range that is used up is said to be; a port that was given back is used again", async () => {
    const link = await open(0, { low: base, high: Math.min(65_535, base + 40) });
    const lanes: Awaited<ReturnType<typeof laneOf>>[] = [];
    const fault = await faultOf(async () => {
      for (;;) lanes.push(await laneOf(link));
    });
    expect(fault.message).toMatch(/^all ports/);
    expect(fault).toMatchObject({ tag: "ports-used-up", exitCode: 1 });
    expect(fault.message).toContain(`${String(lanes.length)} clients have joined`);
    // Not the lowest one: the search goes round.
    const back = lanes[Math.floor(lanes.length / 2)]!.lane;
    back.close(0);
    await until(() => back.port > 0, "closed");
    for (let left = 100; left > 0; left--)
      try {
        expect((await laneOf(link)).lane.port).toBe(back.port);
        return;
      } catch (thrown) {
        if (left === 1) throw thrown;
        await pause(10);
      }
  });
});
