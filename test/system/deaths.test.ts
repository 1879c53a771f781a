import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pause } from "../support/run-links.ts";
import { reportOf, sentencesOf, type Running } from "../support/run-processes.ts";
import { Trial, MINUTES, crash, expectNobody, wait } from "../support/run-trial.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin();
}, MINUTES);
afterAll(() => {
  trial.end();
});

/** A module whose event() is this text; it has `id` and `totals`. */
function module(name: string, event: string): string {
  const path = join(trial.folder, name);
  writeFileSync(
    path,
    `export default { setup: () => ({ totals: { count: { type: "i8" } }, event: ({ id }, totals) => {
      ${event}
      totals.add("count", 1);
    } }) };\n`,
  );
  return path;
}

async function coordinatorWithTwo(ms: number, ...words: string[]) {
  const out = trial.newOut();
  const rank0 = await trial.listening("coordinator", out, [
    ...wait(ms),
    ...["--clients", "2"],
    ...words,
  ]);
  const clients: [Running, Running] = [trial.client(out), trial.client(out)];
  const trace = trial.trace(out);
  /** The client's process that has this rank. */
  const ofRank = (rank: number): Running => clients.find(({ pid }) => pid === trace.pidOf(rank))!;
  return { out, rank0, clients, trace, ofRank };
}

describe("kill -9 of a client of evb run", () => {
  test(
    "in work: a new one takes its place, and the answer is the same",
    async () => {
      const out = trial.newOut();
      const running = trial.start("run", out, [...wait(25), "--clients", "2"]);
      const trace = trial.trace(out);
      await trace.untilCommitted(running, 5, 1);
      await trace.untilCommitted(running, 5, 2);
      process.kill(trace.pidOf(1), "SIGKILL");
      const done = await running.ended;
      const report = trial.expectUndisturbed(done);
      trial.expectOnce(out);
      expect(report.clients.map(({ rank, events }) => [rank, events > 0])).toEqual([
        [1, true],
        [2, true],
        [3, true],
      ]);
      expect(report.faults).toMatchObject({
        clientsLost: 1,
        setAside: 0,
        leasedAgain: report.redone,
      });
      expect(report.redone).toBeGreaterThan(0);
      expect(sentencesOf(done).join("\n")).toMatch(
        /^client 1 on \S+ \(pid \d+\) is gone; its events are leased again$/m,
      );
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "both at once: two new ones do the rest",
    async () => {
      const out = trial.newOut();
      const running = trial.start("run", out, [...wait(10), "--clients", "2"]);
      const trace = trial.trace(out);
      await trace.untilCommitted(running, 30);
      for (const rank of [1, 2]) process.kill(trace.pidOf(rank), "SIGKILL");
      const report = trial.expectUndisturbed(await running.ended);
      trial.expectOnce(out);
      expect(report.clients).toHaveLength(4);
      expect(report.faults.clientsLost).toBe(2);
    },
    MINUTES,
  );

  test.each(["1", "2"])(
    "that dies in each event again and again ends the run with 1, not never (%s clients)",
    async (clients) => {
      const out = trial.newOut();
      const deadly = module("deadly.js", `process.kill(process.pid, "SIGKILL");`);
      const words = ["--analysis", deadly, "--clients", clients];
      const done = await trial.start("run", out, words).ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 1 });
      expect(sentencesOf(done).at(-1)).toMatch(/the same command with --resume goes on/);
      await expectNobody(out);
    },
    MINUTES,
  );
});

describe("kill -9 of a client", () => {
  test(
    "while the others are at work: they do its events, each once",
    async () => {
      const { out, rank0, trace, clients, ofRank } = await coordinatorWithTwo(10);
      await trace.untilCommitted(rank0, 10, 1);
      await crash(ofRank(1));
      const report = trial.expectUndisturbed(await rank0.ended);
      trial.expectOnce(out);
      expect(report.faults).toMatchObject({ clientsLost: 1, rejoinsSameSession: 0 });
      expect(trace.all("lost")).toHaveLength(1);
      for (const client of clients) await client.ended;
    },
    MINUTES,
  );

  test(
    "the only one: the coordinator waits for another one, which does the rest",
    async () => {
      const out = trial.newOut();
      const rank0 = await trial.listening("coordinator", out, wait(8));
      const trace = trial.trace(out);
      const first = trial.client(out);
      await trace.untilCommitted(rank0, 30);
      await crash(first);
      const second = trial.client(out);
      trial.expectUndisturbed(await rank0.ended);
      trial.expectOnce(out);
      expect((await second.ended).code).toBe(0);
    },
    MINUTES,
  );
});

describe("without any client", () => {
  test(
    "for --client-timeout the coordinator ends with 1, and is resumed with a client",
    async () => {
      const out = trial.newOut();
      const words = [...wait(8), "--client-timeout", "6s"];
      const rank0 = await trial.listening("coordinator", out, words);
      const trace = trial.trace(out);
      const client = trial.client(out);
      await trace.untilCommitted(rank0, 30);
      await crash(client);
      const done = await rank0.ended;
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toMatch(
        /^no client for 6 s, after \d+ of 300 events; the same command with --resume goes on$/,
      );
      expect(reportOf(done)).toMatchObject({ ended: sentencesOf(done).at(-1) });
      expect(reportOf(done).digest).toBeUndefined();

      const again = await trial.listening("coordinator", out, [
        ...wait(8),
        ...["--client-timeout", "40s", "--resume"],
      ]);
      const other = trial.client(out);
      const report = trial.expectUndisturbed(await again.ended);
      expect((await other.ended).code).toBe(0);
      expect(report.clients).toHaveLength(2);
      expect(report.faults.clientsLost).toBe(1);
    },
    MINUTES,
  );
});

describe("SIGTERM of a client", () => {
  test(
    "lets it finish its event and give the rest back: exit 0, nothing is redone",
    async () => {
      const { out, rank0, trace, clients, ofRank } = await coordinatorWithTwo(10);
      await trace.untilCommitted(rank0, 10, 1);
      const leaver = ofRank(1);
      leaver.kill("SIGTERM");
      const left = await leaver.ended;
      expect({ code: left.code, stderr: left.stderr }).toEqual({ code: 0, stderr: "" });
      expect(left.stdout).toMatch(/^client 1: \d+ events, /);
      const report = trial.expectUndisturbed(await rank0.ended);
      trial.expectOnce(out);
      expect(report).toMatchObject({ redone: 0, faults: { clientsLost: 0, lateCopies: 0 } });
      expect(trace.all("left").map(({ rank }) => rank)).toContain(1);
      // What it said at its end is what counts of it.
      expect(left.stdout).toContain(`client 1: ${String(trace.committed(1))} events`);
      for (const client of clients) expect((await client.ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "in an event of seconds: that event is finished and counts",
    async () => {
      const { out, rank0, trace, ofRank } = await coordinatorWithTwo(
        1500,
        ...["--events", "0:4", "--batch", "1"],
      );
      await trace.until(rank0, "leases", () => trace.all("lease").length >= 2);
      await pause(300);
      ofRank(2).kill("SIGTERM");
      expect((await ofRank(2).ended).code).toBe(0);
      expect(trace.committed(2)).toBe(1);
      const done = await rank0.ended;
      expect({ code: done.code, out }).toMatchObject({ code: 0 });
      expect(reportOf(done)).toMatchObject({ events: 4, redone: 0, totals: { count: "4" } });
    },
    MINUTES,
  );

  test(
    "of evb run: the run goes on to its end",
    async () => {
      const out = trial.newOut();
      const running = trial.start("run", out, [...wait(10), "--clients", "2"]);
      const trace = trial.trace(out);
      await trace.untilCommitted(running, 10, 1);
      process.kill(trace.pidOf(1), "SIGTERM");
      const report = trial.expectUndisturbed(await running.ended);
      expect(report).toMatchObject({ redone: 0, faults: { clientsLost: 0 } });
    },
    MINUTES,
  );
});

describe("a client that is frozen", () => {
  test(
    "for 3 s comes back by itself, and nothing counts twice",
    async () => {
      const { out, rank0, trace, clients, ofRank } = await coordinatorWithTwo(25);
      await trace.untilCommitted(rank0, 5, 1);
      const frozen = ofRank(1);
      frozen.kill("SIGSTOP");
      const begun = performance.now();
      await trace.until(rank0, "loss", () => trace.all("lost").length > 0);
      const lostAfterMs = performance.now() - begun;
      await pause(Math.max(0, 3000 - lostAfterMs));
      frozen.kill("SIGCONT");
      const done = await rank0.ended;
      const report = trial.expectUndisturbed(done);
      trial.expectOnce(out);
      expect(report.faults).toMatchObject({ clientsLost: 1, rejoinsNewSession: 0, setAside: 0 });
      expect(report.faults.rejoinsSameSession).toBeGreaterThan(0);
      expect(trace.all("joined").some(({ came }) => came === "same-session")).toBe(true);
      // One process, one rank, whatever befell it.
      expect(report.clients).toHaveLength(2);
      for (const client of clients) expect((await client.ended).code).toBe(0);
      expect(lostAfterMs).toBeLessThan(10_000);
    },
    MINUTES,
  );

  test(
    "or in one event for 5 s: the latter isn't taken for dead",
    async () => {
      const out = trial.newOut();
      const busy = module(
        "busy.js",
        "for (const begun = performance.now(); performance.now() < begun + 5000; );",
      );
      const words = ["--analysis", busy, "--clients", "2", "--events", "0:4"];
      const done = await trial.start("run", out, words).ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
      expect(reportOf(done)).toMatchObject({
        totals: { count: "4" },
        redone: 0,
        faults: { clientsLost: 0, leasedAgain: 0, doubled: 0, lateCopies: 0 },
      });
    },
    MINUTES,
  );
});
