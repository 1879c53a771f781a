import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { RunIndex } from "@evb/index";
import {
  Coordinator,
  decodeValue,
  JournalReader,
  JournalWriter,
  MemoryNetwork,
  type RunOutcome,
} from "@evb/runner";
import { until } from "../support/run-links.ts";
import { Puppet, PUPPET_SCHEMA } from "../support/run-puppet.ts";
import { runOrder, smallRun, type SmallRun } from "../support/run-small.ts";

let folder: string;
let run: SmallRun;
let index: RunIndex;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-coordinator-"));
  run = await smallRun(folder);
  index = await RunIndex.open(run.indexPath);
});
afterAll(() => {
  index.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the coordinator", () => {
  /** The run has events 10 … 19 of the index. */
  const range = { first: 10, end: 20 };
  let network: MemoryNetwork;
  let journal: JournalWriter;
  let stop: AbortController;
  let ended: Promise<RunOutcome>;
  let traced: object[];
  /** The coordinator's clock: it stands still unless a test lets time go by. */
  let nowMs: number;
  let puppets: Puppet[];
  /** As a host does that has no file descriptors left. */
  let lanesLeft: number;
  let journals = 0;

  beforeEach(() => {
    network = new MemoryNetwork();
    journal = new JournalWriter(join(folder, `journal-${String(++journals)}`));
    stop = new AbortController();
    traced = [];
    nowMs = 1000;
    puppets = [];
    lanesLeft = Infinity;
    const coordinator = new Coordinator({
      index,
      order: { ...runOrder(run, "unused"), run: "", range },
      link: {
        ...network.coordinator,
        openLane: (events) =>
          lanesLeft-- > 0
            ? network.coordinator.openLane(events)
            : Promise.reject(new Error("there is no lane")),
      },
      journal,
      watcher: { progress: () => undefined, notice: () => undefined },
      trace: (entry) => traced.push(entry),
      now: () => nowMs,
    });
    ended = coordinator.run(stop.signal);
  });
  afterEach(async () => {
    for (const puppet of puppets) await puppet.close();
    stop.abort(new Error("the test is over"));
    await ended;
    journal.close();
  });

  const ready = async (number: number): Promise<Puppet> => {
    const puppet = await Puppet.ready(network, index, { number });
    puppets.push(puppet);
    return puppet;
  };
  /** What it says when it is stopped; clients that are gone aren't waited for. */
  const outcomeWithout = async (...puppets: Puppet[]): Promise<RunOutcome> => {
    for (const puppet of puppets) await puppet.close();
    stop.abort(new Error("the test is over"));
    return ended;
  };
  /** Time goes by while `speaker` is heard, in steps that are no pause of the coordinator's own. */
  const time = async (ms: number, speaker: Puppet): Promise<void> => {
    for (let gone = 0; gone < ms; gone += 200) {
      nowMs += 200;
      const { length } = speaker.heard;
      await until(() => speaker.heard.length > length, "the next beat");
      await speaker.say("beat");
    }
  };

  test("takes results in their order, and acknowledges them", async () => {
    const client = await ready(1);
    await client.results(10, 3);
    await client.results(13, 2);
    expect(client.acknowledged).toBe(2);
    expect(await outcomeWithout(client)).toMatchObject({ done: 5, faults: { strayFrames: 0 } });
  });

  test("lets a client in that asks again when another one has given its lane back", async () => {
    lanesLeft = 0;
    const client = new Puppet(network, index, { number: 1 });
    puppets.push(client);
    await client.join();
    nowMs += 2900;
    await client.join();
    expect([client.welcome, client.refusal]).toEqual([undefined, undefined]);
    lanesLeft = 1;
    await client.join();
    expect(client.welcome).toMatchObject({ rank: 1 });
  });

  test("refuses a client for which there is no lane for 3 s, and says why; the others work on", async () => {
    const other = await ready(1);
    lanesLeft = 0;
    const client = new Puppet(network, index, { number: 2 });
    puppets.push(client);
    await client.join();
    nowMs += 3000;
    await client.join();
    expect(client.refusal).toMatchObject({ refused: "there is no lane" });
    await other.results(10, 3);
    expect(other.acknowledged).toBe(1);
  });

  test("takes nothing behind a gap, and asks for what is missing", async () => {
    const client = await ready(1);
    await client.results(13, 2, { seq: 2 });
    expect(client.kinds).toContain("resend");
    expect(client.acknowledged).toBe(0);
    expect(await outcomeWithout(client)).toMatchObject({ done: 0, faults: { gapsAsked: 1 } });
  });

  test("asks for what a beat says is missing", async () => {
    const client = await ready(1);
    await client.say("beat", 1);
    expect(client.kinds).toContain("resend");
    await outcomeWithout(client);
  });

  test("takes no number twice, whatever is in it, and acknowledges it again", async () => {
    const client = await ready(1);
    await client.results(10, 3);
    const before = client.heard.length;
    await client.results(13, 2, { seq: 1 });
    expect(client.acknowledged).toBe(1);
    expect(client.heard.length).toBeGreaterThanOrEqual(before);
    expect(await outcomeWithout(client)).toMatchObject({ done: 3 });
  });

  test("takes no frame of another session", async () => {
    const client = await ready(1);
    await client.results(10, 3, { session: client.welcome!.session ^ 1 });
    expect(await outcomeWithout(client)).toMatchObject({ done: 0, faults: { strayFrames: 1 } });
  });

  test("takes no hello of another client", async () => {
    const client = new Puppet(network, index, { number: 1 });
    puppets.push(client);
    await client.join();
    await client.greet({ nonce: "f".repeat(32) });
    expect(client.kinds).not.toContain("lease");
    await client.greet();
    expect(client.kinds).toContain("lease");
    expect(await outcomeWithout(client)).toMatchObject({ faults: { strayFrames: 1 } });
  });

  test("answers no client of another run", async () => {
    const stranger = new Puppet(network, index, { number: 1, run: "another" });
    await stranger.join();
    expect(stranger.welcome).toBeUndefined();
    expect(await outcomeWithout()).toMatchObject({ faults: { strayFrames: 1 } });
  });

  test.each([
    ["before its first event", 9, 2, {}],
    ["behind its last event", 19, 2, {}],
    ["with a fragment too many", 10, 1, { fragments: 99 }],
  ] as const)(
    "takes no results %s, and nothing more of who sent them",
    async (_, first, events, wrong) => {
      const client = await ready(1);
      await client.results(first, events, wrong);
      expect(client.acknowledged).toBe(0);
      await client.join();
      expect(client.refusal?.refused).toMatch(/result can't be understood/);
      expect(await outcomeWithout(client)).toMatchObject({ done: 0, faults: { strayFrames: 1 } });
    },
  );

  test("lets no client work that returns other columns", async () => {
    const one = await ready(1);
    const other = new Puppet(network, index, { number: 2 });
    puppets.push(other);
    await other.join();
    await other.greet({ schema: { ...PUPPET_SCHEMA, eventColumns: [] } });
    expect(other.kinds).toEqual([]);
    await other.join();
    expect(other.refusal?.refused).toMatch(/client 2 on here/);
    await outcomeWithout(one, other);
  });

  test("doesn't say that an event failed of which a good result came first", async () => {
    const [one, two] = [await ready(1), await ready(2)];
    await one.results(10, 3);
    await two.results(12, 2, { failed: 12 });
    expect(two.acknowledged).toBe(1);
    expect(await outcomeWithout(one, two)).toMatchObject({ done: 4, failed: 0, failures: [] });
  });

  test("adds no totals of events that their client hasn't done, or that are counted", async () => {
    const client = await ready(1);
    await client.results(10, 2);
    await client.epoch(10, 2, 5);
    await client.epoch(10, 2, 70);
    await client.epoch(14, 1, 900);
    expect(client.acknowledged).toBe(4);
    const { totals, counted, faults } = await outcomeWithout(client);
    expect(totals?.integer(0)).toBe(5n);
    expect({ counted, ...faults }).toMatchObject({ counted: 2, epochsRefused: 2 });
  });

  test("gives no connection the number of one that is gone, and each process its own rank", async () => {
    const numbers: number[][] = [];
    for (const number of [1, 2, 1]) {
      const client = await ready(number);
      numbers.push([client.welcome!.sid, client.welcome!.rank]);
      await client.close();
    }
    expect(numbers).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
    ]);
    const { faults } = await outcomeWithout();
    expect(faults).toMatchObject({ clientsLost: 3, rejoinsSameSession: 1 });
  });

  test("has put down how far it is before it hands leases out", async () => {
    const client = await ready(1);
    const reader = new JournalReader(journal.path);
    const progress = [...reader.records()]
      .filter(({ kind }) => kind === "progress")
      .map((record) => decodeValue("progress", reader.payload(record), 1000));
    reader.close();
    const handedOut = Math.max(...client.ranges.map(({ end }) => end));
    expect(progress.at(-1)).toMatchObject({ handedOut });
    await outcomeWithout(client);
  });

  test("gives what a silent client has to another one, too, to be totalled alone", async () => {
    const [one, two] = [await ready(1), await ready(2)];
    expect([...one.kinds, ...two.kinds]).toEqual(["lease", "lease"]);
    await time(1200, two);
    expect(traced).toContainEqual({ what: "late", rank: 1 });
    await two.work();
    const doubled = two.heard.filter(({ kind }) => kind === "double");
    expect(doubled.flatMap(({ leases }) => leases.map(({ first }) => first))).toEqual(
      expect.arrayContaining(one.ranges.map(({ first }) => first)),
    );
    await outcomeWithout(one, two);
  });

  test("gives what a lost client had to others, to be totalled alone: it may come back with it", async () => {
    const one = await ready(1);
    const had = one.ranges;
    await one.close();
    const two = await ready(2);
    expect(two.kinds).not.toContain("lease");
    expect(two.ranges[0]).toEqual({ first: had[0]!.first, end: had[0]!.first + 1 });
    await outcomeWithout(two);
  });

  test("takes a client for dead whose connection breaks while it speaks, and a silent one not", async () => {
    const [one, two] = [await ready(1), await ready(2)];
    await time(1200, two);
    await one.close();
    await two.close();
    await until(() => traced.some((entry) => "died" in entry), "their loss");
    expect(traced).toContainEqual({ what: "lost", rank: 1, died: false });
    expect(traced).toContainEqual({ what: "lost", rank: 2, died: true });
    await outcomeWithout();
  });
});
