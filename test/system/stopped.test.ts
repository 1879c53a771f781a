import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pause } from "../support/run-links.ts";
import { reportOf, sentencesOf, type Running } from "../support/run-processes.ts";
import {
  Trial,
  MINUTES,
  connectionOf,
  expectNobody,
  resultsOf,
  wait,
} from "../support/run-trial.ts";
import type { Ended } from "../support/evb.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin();
}, MINUTES);
afterAll(() => {
  trial.end();
});

/** Ended early: exit 4, one sentence that names the way on, a report without digest whose totals fit. */
function expectStopped(done: Ended, out: string): void {
  expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 4 });
  expect(sentencesOf(done).at(-1)).toMatch(
    /^stopped after \d+ of 300 events; the same command with --resume goes on from /,
  );
  const report = reportOf(done);
  expect(report.ended).toBe(sentencesOf(done).at(-1));
  expect(report.digest).toBeUndefined();
  expect(report.events).toBeGreaterThan(0);
  expect(report.events).toBeLessThan(300);
  expect(report.totals["count"]).toBe(String(report.events));
  expect(existsSync(resultsOf(out))).toBe(false);
  expect(existsSync(connectionOf(out))).toBe(false);
}

describe("a run that is stopped", () => {
  test.each([
    ["SIGTERM", "1"],
    ["SIGINT", "1"],
    ["SIGTERM", "2"],
    ["SIGINT", "2"],
    ["--time-limit", "1"],
    ["--time-limit", "2"],
  ] as const)(
    "by %s, with %s clients, ends with 4 and is resumed to the same answer",
    async (how, clients) => {
      const out = trial.newOut();
      const words = [...wait(10), "--clients", clients];
      const trace = trial.trace(out);
      let running: Running;
      if (how === "--time-limit") {
        // The start of the clients is part of it.
        for (let seconds = 3; ; seconds *= 2) {
          running = trial.start("run", out, [
            ...wait(60),
            "--clients",
            clients,
            how,
            `${String(seconds)}s`,
            "--force",
          ]);
          await running.ended;
          if (trace.committed() > 0) break;
        }
        expectStopped(await running.ended, out);
        const done = await trial.start("run", out, [...wait(60), "--clients", clients, "--resume"])
          .ended;
        trial.expectUndisturbed(done);
        return;
      }
      running = trial.start("run", out, words);
      await trace.untilCommitted(running, 40);
      running.kill(how);
      expectStopped(await running.ended, out);
      await expectNobody(out);
      const again = trial.start("run", out, [...words, "--resume"]);
      const report = trial.expectUndisturbed(await again.ended);
      // Whoever is asked to stop finishes its event; only what was not begun is handed out again.
      expect(report.faults.lateCopies).toBe(0);
      expect(report.faults).toMatchObject({ clientsLost: 0, journalCuts: 0 });
    },
    MINUTES,
  );

  test(
    "by SIGTERM of the coordinator lets its clients go with 0; other ones go on",
    async () => {
      const out = trial.newOut();
      const words = [...wait(10), "--clients", "2"];
      const rank0 = await trial.listening("coordinator", out, words);
      const clients = [trial.client(out), trial.client(out)];
      await trial.trace(out).untilCommitted(rank0, 40);
      rank0.kill("SIGTERM");
      expectStopped(await rank0.ended, out);
      for (const client of clients) expect((await client.ended).code).toBe(0);
      const again = await trial.listening("coordinator", out, [...words, "--resume"]);
      const others = [trial.client(out), trial.client(out)];
      const report = trial.expectUndisturbed(await again.ended);
      for (const client of others) expect((await client.ended).code).toBe(0);
      expect(report.clients.map(({ rank }) => rank)).toEqual([1, 2, 3, 4]);
    },
    MINUTES,
  );

  test(
    "in an event of a minute waits for it some seconds at most",
    async () => {
      const out = trial.newOut();
      const words = [...wait(60_000), "--clients", "2"];
      const running = trial.start("run", out, words);
      const trace = trial.trace(out);
      await trace.until(running, "leases", () => trace.all("lease").length >= 2);
      running.kill("SIGTERM");
      const begun = performance.now();
      const done = await running.ended;
      expect(done.code).toBe(4);
      // 2 s for the clients to leave, and as long for their end.
      expect(performance.now() - begun).toBeLessThan(15_000);
      await expectNobody(out);
      const again = trial.start("run", out, [...words, "--resume", "--time-limit", "4s"]);
      expect((await again.ended).code).toBe(4);
    },
    MINUTES,
  );

  test(
    "by a SIGTERM that comes twice within a second, as from a batch system and its script, ends with 4",
    async () => {
      const out = trial.newOut();
      const running = trial.start("run", out, [...wait(50), "--clients", "2"]);
      await trial.trace(out).untilCommitted(running, 5);
      running.kill("SIGTERM");
      const more = setInterval(() => {
        running.kill("SIGTERM");
      }, 20);
      setTimeout(() => {
        clearInterval(more);
      }, 500);
      expectStopped(await running.ended, out);
    },
    MINUTES,
  );

  test.each(["1", "2"])(
    "twice ends at once with 130, and is resumed, too (%s clients)",
    async (clients) => {
      const out = trial.newOut();
      const words = ["--clients", clients, "--events", "0:6"];
      const running = trial.start("run", out, [...wait(3000), ...words]);
      const trace = trial.trace(out);
      await trace.untilCommitted(running, 1);
      // The next event is on: between two it would have stopped at once.
      await pause(500);
      running.kill("SIGINT");
      running.kill("SIGTERM");
      const begun = performance.now();
      // Signals that come together may be one: until it has gone.
      const more = setInterval(() => {
        running.kill("SIGINT");
      }, 300);
      const done = await running.ended;
      clearInterval(more);
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 130 });
      expect(performance.now() - begun).toBeLessThan(2900);
      await expectNobody(out);
      const again = await trial.start("run", out, [...wait(3000), ...words, "--resume"]).ended;
      expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0 });
      expect(reportOf(again)).toMatchObject({ events: 6, lost: 0, totals: { count: "6" } });
    },
    MINUTES,
  );
});
