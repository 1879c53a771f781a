import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SeededRandom } from "../support/random.ts";
import { sentencesOf, type Running } from "../support/run-processes.ts";
import {
  Trial,
  MINUTES,
  columnOf,
  connectionOf,
  crash,
  expectNobody,
  journalOf,
  resultsOf,
  wait,
} from "../support/run-trial.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin();
}, MINUTES);
afterAll(() => {
  trial.end();
});

/** What two clients have of events of 8 ms or more when the coordinator dies: two leases of at most 50 ms of work each, twice that while its speed is being measured. */
const REDONE_A_LIFE_MAX = 30;
/** A client that dies, too, takes along the totals of at most a second (protocol.md, "EPOCH"): so much work of 8 ms each. */
const REDONE_BY_CLIENT_MAX = 125 + REDONE_A_LIFE_MAX;

/** A run of one process, without sockets, killed after so many events. */
async function killedAlone(events: number, ms = 4): Promise<string> {
  const out = trial.newOut();
  const running = trial.start("run", out, [...wait(ms), "--clients", "1"]);
  await trial.trace(out).untilCommitted(running, events);
  await crash(running);
  return out;
}

const resumedAlone = (out: string, ms = 4) =>
  trial.start("run", out, [...wait(ms), "--clients", "1", "--resume"]).ended;

describe("kill -9 of the coordinator", () => {
  test.each([1, 2, 3])(
    "at random moments (seed %i): its clients find the next one by themselves, and little is redone",
    async (seed) => {
      const random = new SeededRandom(seed);
      const out = trial.newOut();
      const trace = trial.trace(out);
      const words = [...wait(12), "--clients", "2"];
      let rank0 = await trial.listening("coordinator", out, words);
      const clients = [trial.client(out), trial.client(out)];
      const kills = 3;
      let events = 0;
      for (let kill = 1; kill <= kills; kill++) {
        events = trace.committed() + 1 + random.below(60);
        await trace.untilCommitted(rank0, events);
        await crash(rank0);
        rank0 = await trial.listening("coordinator", out, [...words, "--resume"]);
      }
      const report = trial.expectUndisturbed(await rank0.ended);
      for (const client of clients) {
        const { code, stderr } = await client.ended;
        expect({ code, stderr }).toMatchObject({ code: 0 });
      }
      expect(report.clients).toHaveLength(2);
      expect(report.faults.rejoinsNewSession).toBeGreaterThan(0);
      expect(report.faults).toMatchObject({ clientsLost: 0, setAside: 0 });
      expect(report.redone).toBeLessThanOrEqual(kills * REDONE_A_LIFE_MAX);
      expect(trace.all("listening").map(({ life }) => life)).toEqual([1, 2, 3, 4]);
      expect(existsSync(connectionOf(out))).toBe(false);
    },
    MINUTES,
  );

  test(
    "before any client came: the next one gets them",
    async () => {
      const out = trial.newOut();
      await crash(await trial.listening("coordinator", out, wait(1)));
      const rank0 = await trial.listening("coordinator", out, [...wait(1), "--resume"]);
      const client = trial.client(out);
      trial.expectUndisturbed(await rank0.ended);
      expect((await client.ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "whose ports somebody else takes meanwhile: clients find the new ones",
    async () => {
      const out = trial.newOut();
      const trace = trial.trace(out);
      const words = [...wait(12), "--clients", "2"];
      const before = await trial.listening("coordinator", out, words);
      const clients = [trial.client(out), trial.client(out)];
      await trace.untilCommitted(before, 30);
      const ports = portsIn(out);
      await crash(before);
      const others = await Promise.all(ports.map(squatter));
      const rank0 = await trial.listening("coordinator", out, [...words, "--resume"]);
      expect(portsIn(out).filter((port) => ports.includes(port))).toEqual([]);
      const report = trial.expectUndisturbed(await rank0.ended);
      for (const client of clients) expect((await client.ended).code).toBe(0);
      expect(report.faults.rejoinsNewSession).toBe(2);
      expect(report.clients).toHaveLength(2);
      for (const other of others) other.close();
    },
    MINUTES,
  );

  test(
    "and of one of its clients: the other one does all of it",
    async () => {
      const out = trial.newOut();
      const trace = trial.trace(out);
      const words = [...wait(10), "--clients", "2"];
      const before = await trial.listening("coordinator", out, words);
      const clients: [Running, Running] = [trial.client(out), trial.client(out)];
      await trace.untilCommitted(before, 20);
      await crash(before);
      await crash(clients[0]);
      const rank0 = await trial.listening("coordinator", out, [...wait(10), "--resume"]);
      trial.expectUndisturbed(await rank0.ended);
      expect((await clients[1].ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "and of all its clients: new ones go on",
    async () => {
      const out = trial.newOut();
      const before = await trial.listening("coordinator", out, wait(8));
      const client = trial.client(out);
      await trial.trace(out).untilCommitted(before, 60);
      await Promise.all([crash(before), crash(client)]);
      const rank0 = await trial.listening("coordinator", out, [...wait(8), "--resume"]);
      const other = trial.client(out);
      const report = trial.expectUndisturbed(await rank0.ended);
      expect((await other.ended).code).toBe(0);
      expect(report.redone).toBeLessThanOrEqual(REDONE_BY_CLIENT_MAX);
      expect(report.clients.map(({ rank }) => rank)).toEqual([1, 2]);
    },
    MINUTES,
  );
});

describe("kill -9 of evb run", () => {
  test(
    "leaves no client behind, and is resumed",
    async () => {
      const out = trial.newOut();
      const words = [...wait(8), "--clients", "2"];
      const running = trial.start("run", out, words);
      await trial.trace(out).untilCommitted(running, 60);
      await crash(running);
      await expectNobody(out);
      const report = trial.expectUndisturbed(
        await trial.start("run", out, [...words, "--resume"]).ended,
      );
      expect(report.redone).toBeLessThanOrEqual(2 * REDONE_BY_CLIENT_MAX);
    },
    MINUTES,
  );

  test(
    "of one process without sockets is resumed, again and again",
    async () => {
      const out = await killedAlone(40);
      for (const events of [90, 150]) {
        const running = trial.start("run", out, [...wait(4), "--clients", "1", "--resume"]);
        await trial.trace(out).untilCommitted(running, events);
        await crash(running);
      }
      const report = trial.expectUndisturbed(await resumedAlone(out));
      expect(report.redone).toBeGreaterThanOrEqual(report.faults.lateCopies);
      expect(report.faults.journalCuts).toBe(0);
    },
    MINUTES,
  );

  test(
    "is resumed with more clients than before, and other batches",
    async () => {
      const out = await killedAlone(40);
      const words = ["--clients", "3", "--batch", "2", "--event-timeout", "30s", "--resume"];
      trial.expectUndisturbed(await trial.start("run", out, [...wait(4), ...words]).ended);
    },
    MINUTES,
  );
});

describe("the end of a journal", () => {
  test.each([1, 2, 3, 7, 8, 9, 15, 20])(
    "that is torn, %i bytes short, is cut off and done again",
    async (bytes) => {
      const out = await killedAlone(100, 1);
      truncateSync(journalOf(out), statSync(journalOf(out)).size - bytes);
      const report = trial.expectUndisturbed(await resumedAlone(out, 1));
      expect(report.faults.journalCuts).toBe(1);
    },
    MINUTES,
  );

  test.each<[string, (journal: string) => void]>([
    [
      "garbage",
      (journal) => {
        appendFileSync(journal, Buffer.alloc(1000, 0xa5));
      },
    ],
    [
      "zeros",
      (journal) => {
        appendFileSync(journal, Buffer.alloc(4096));
      },
    ],
    [
      "one byte",
      (journal) => {
        appendFileSync(journal, "x");
      },
    ],
    ["a flipped bit in its last record", flipNearEnd],
  ])(
    "with %s is cut there",
    async (_, damage) => {
      const out = await killedAlone(100, 1);
      damage(journalOf(out));
      const report = trial.expectUndisturbed(await resumedAlone(out, 1));
      expect(report.faults.journalCuts).toBe(1);
    },
    MINUTES,
  );

  test(
    "of which nothing is left is a begin, or a refusal with the way out",
    async () => {
      const out = await killedAlone(40, 1);
      truncateSync(journalOf(out), 0);
      const done = await resumedAlone(out, 1);
      if (done.code === 0) trial.expectUndisturbed(done);
      else expect(sentencesOf(done).at(-1)).toMatch(/--force starts anew in its place/);
      expect(done.code).not.toBeNull();
    },
    MINUTES,
  );
});

describe("--resume of a run that came to its end", () => {
  test(
    "gives the same results again, also where they were lost",
    async () => {
      const out = trial.newOut();
      const words = [...wait(0), "--clients", "1"];
      trial.expectUndisturbed(await trial.start("run", out, words).ended);
      const again = trial.expectUndisturbed(
        await trial.start("run", out, [...words, "--resume"]).ended,
      );
      expect(again.redone).toBe(0);
      rmSync(resultsOf(out));
      trial.expectUndisturbed(await trial.start("run", out, [...words, "--resume"]).ended);
      expect(await columnOf(out, "/events/status")).toEqual(Array.from({ length: 300 }, () => 0));
    },
    MINUTES,
  );

  test(
    "needs no client",
    async () => {
      const out = trial.newOut();
      trial.expectUndisturbed(await trial.start("run", out, [...wait(0), "--clients", "1"]).ended);
      trial.expectUndisturbed(
        await trial.start("coordinator", out, [...wait(0), "--resume"]).ended,
      );
      expect(existsSync(connectionOf(out))).toBe(false);
    },
    MINUTES,
  );
});

test(
  "--resume where there is nothing begins anew",
  async () => {
    const out = trial.newOut();
    const report = trial.expectUndisturbed(await resumedAlone(out, 0));
    expect(report.redone).toBe(0);
  },
  MINUTES,
);

function flipNearEnd(journal: string): void {
  const bytes = readFileSync(journal);
  // The last record's payload may end in 7 zeros of padding at most.
  bytes[bytes.length - 9]! ^= 1;
  writeFileSync(journal, bytes);
}

const portsIn = (out: string): number[] => {
  const { joinPort, resultsPort } = JSON.parse(readFileSync(connectionOf(out), "utf8")) as {
    joinPort: number;
    resultsPort: number;
  };
  return [joinPort, resultsPort];
};

/** Takes a port, and connections, and says nothing. */
const squatter = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on("error", () => undefined));
    server.once("error", reject).listen(port, "127.0.0.1", () => {
      resolve(server);
    });
  });
