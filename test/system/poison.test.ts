import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pause } from "../support/run-links.ts";
import { reportOf, sentencesOf, type Running } from "../support/run-processes.ts";
import { Trial, MINUTES, columnOf, expectNobody, resultsOf, wait } from "../support/run-trial.ts";
import type { Ended } from "../support/evb.ts";

let trial: Trial;
let modules = 0;
beforeAll(async () => {
  trial = await Trial.begin({ size: { kind: "events", events: 60 } });
}, MINUTES);
afterAll(() => {
  trial.end();
});

/** An analysis that does this text in some events, and elsewhere returns twice the event's number. */
function module(name: string, events: readonly number[], evil: string): string {
  const path = join(trial.folder, name);
  writeFileSync(
    path,
    `import { appendFileSync } from "node:fs";
const log = (id) => appendFileSync(${JSON.stringify(`${path}.log`)}, process.pid + " " + id + "\\n");
export default { setup: () => ({
  eventColumns: { twice: "u4" },
  totals: { count: { type: "i8" } },
  event: ({ id }, totals) => {
    if (${JSON.stringify(events)}.includes(id)) { log(id); ${evil} }
    totals.add("count", 1);
    return { columns: { twice: 2 * id } };
  },
}) };\n`,
  );
  return path;
}

/** Which processes came to which of the evil events. */
const logOf = (path: string): { pid: number; event: number }[] =>
  readFileSync(`${path}.log`, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").map(Number))
    .map(([pid, event]) => ({ pid: pid!, event: event! }));

const KILL = `process.kill(process.pid, "SIGKILL");`;
const EVENTS = 60;

/** Everything is done but these events, which are named; the process ends with 1. */
async function expectDoneBut(failed: readonly number[], out: string, done: Ended, why: RegExp) {
  expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 1 });
  sentencesOf(done);
  const report = reportOf(done);
  expect(report.failures.map(({ event }) => event)).toEqual(failed);
  for (const { reason } of report.failures) expect(reason).toMatch(why);
  expect(report).toMatchObject({
    events: EVENTS,
    lost: 0,
    failed: failed.length,
    totals: { count: String(EVENTS - failed.length) },
  });
  const ids = Array.from({ length: EVENTS }, (_, event) => event);
  expect(await columnOf(out, "/events/event")).toEqual(ids);
  expect(await columnOf(out, "/events/status")).toEqual(
    ids.map((event) => (failed.includes(event) ? 1 : 0)),
  );
  expect(await columnOf(out, "/events/columns/twice")).toEqual(
    ids.map((event) => (failed.includes(event) ? 0 : 2 * event)),
  );
  return report;
}

/** Three processes each, no more and no fewer, and no event but these was blamed. */
function expectThreeDeathsEach(path: string, events: readonly number[]): void {
  const deaths = logOf(path);
  for (const event of events)
    expect({ event, deaths: deaths.filter((death) => death.event === event).length }).toEqual({
      event,
      deaths: 3,
    });
  expect(new Set(deaths.map(({ pid }) => pid)).size).toBe(3 * events.length);
}

describe("an event that kills its process", () => {
  test.each([
    ["1", [17]],
    ["2", [17]],
    ["2", [0]],
    ["2", [59]],
    ["2", [5, 40]],
  ])(
    "is set aside after three (%s clients of evb run, events %j); everything else is done",
    async (clients, events) => {
      const out = trial.newOut();
      const path = module(`poison-${clients}-${events.join("-")}.js`, events, KILL);
      const words = ["--analysis", path, "--clients", clients];
      const done = await trial.start("run", out, words).ended;
      const report = await expectDoneBut(events, out, done, /ended three client processes/);
      expectThreeDeathsEach(path, events);
      expect(report.faults).toMatchObject({
        setAside: events.length,
        clientsLost: 3 * events.length,
      });
      const aside = trial.trace(out).all("set-aside");
      expect(aside.map(({ event }) => event).sort((a, b) => a! - b!)).toEqual(events);
      // The first one is named, and how many more there are.
      expect(sentencesOf(done).at(-1)).toMatch(
        events.length === 1
          ? new RegExp(`^event ${String(events[0])} failed: `)
          : new RegExp(`^event ${String(events[0])} \\(and 1 more\\) failed: `),
      );
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "and its neighbours are told apart: one that a client died in once is done",
    async () => {
      const out = trial.newOut();
      const path = join(trial.folder, "neighbours.js");
      // 17 kills each process; 18, which is in the same leases, only the first that comes to it.
      writeFileSync(
        path,
        `import { existsSync, writeFileSync } from "node:fs";
export default { setup: () => ({
  eventColumns: { twice: "u4" },
  totals: { count: { type: "i8" } },
  event: ({ id }, totals) => {
    const once = ${JSON.stringify(`${path}.once`)};
    if (id === 18 && !existsSync(once)) { writeFileSync(once, ""); ${KILL} }
    if (id === 17) ${KILL}
    totals.add("count", 1);
    return { columns: { twice: 2 * id } };
  },
}) };\n`,
      );
      const words = ["--analysis", path, "--clients", "2", "--events", "0:60"];
      const done = await trial.start("run", out, words).ended;
      await expectDoneBut([17], out, done, /ended three client processes/);
    },
    MINUTES,
  );

  test(
    "is set aside with clients of a batch system that starts them again, too",
    async () => {
      const out = trial.newOut();
      const path = module("poison-batch.js", [31], KILL);
      const rank0 = await trial.listening("coordinator", out, [
        ...["--analysis", path, "--clients", "2"],
      ]);
      const keepOn = async (): Promise<void> => {
        // When one dies a new one is started, as long as the run is on.
        while (rank0.isOn && existsSync(join(out, "connection.json")))
          await trial.client(out, "--wait", "1s").ended;
      };
      await Promise.all([keepOn(), keepOn()]);
      const done = await rank0.ended;
      await expectDoneBut([31], out, done, /ended three client processes/);
      expectThreeDeathsEach(path, [31]);
    },
    MINUTES,
  );

  test(
    "is not forgotten by --resume: three processes over all lives",
    async () => {
      const out = trial.newOut();
      const path = module("poison-lives.js", [20], KILL);
      const words = ["--analysis", path, "--clients", "1"];
      let rank0: Running = await trial.listening("coordinator", out, words);
      await trial.client(out).ended;
      await trial.client(out).ended;
      rank0.kill("SIGKILL");
      await rank0.ended;
      rank0 = await trial.listening("coordinator", out, [...words, "--resume"]);
      while (rank0.isOn && existsSync(join(out, "connection.json")))
        await trial.client(out, "--wait", "1s").ended;
      await expectDoneBut([20], out, await rank0.ended, /ended three client processes/);
      // One that died in the last moments of a life may not have been put down.
      expect(logOf(path).length).toBeLessThanOrEqual(4);
    },
    MINUTES,
  );
});

describe("an event that fails", () => {
  test.each([
    ["by process.exit()", "process.exit(0);", /./],
    ["by process.exit(3)", "process.exit(3);", /./],
    ["by throwing", `throw new Error("bad pixel");`, /^bad pixel \(.*\.js:\d+\)$/],
    ["by throwing nothing", "throw undefined;", /./],
    [
      "by a full heap",
      "for (const all = []; ; ) all.push(new Array(1e5).fill(id));",
      /memory|heap/,
    ],
    ["by a stack without end", "const f = (n) => f(n + 1) + 1; f(0);", /call stack/],
  ])(
    "%s takes neither its client nor other events with it",
    async (_, evil, why) => {
      const out = trial.newOut();
      const path = module(`failing-${String(++modules)}.js`, [23], evil);
      const words = ["--analysis", path, "--clients", "1"];
      // A heap of the size that a small machine gives fills in a second.
      const before = process.env["NODE_OPTIONS"];
      process.env["NODE_OPTIONS"] = "--max-old-space-size=256";
      const running = trial.start("run", out, words);
      if (before === undefined) delete process.env["NODE_OPTIONS"];
      else process.env["NODE_OPTIONS"] = before;
      const report = await expectDoneBut([23], out, await running.ended, why);
      expect(report.faults).toMatchObject({ clientsLost: 0, setAside: 0, leasedAgain: 0 });
      expect(logOf(path)).toHaveLength(1);
      expect(report.clients).toHaveLength(1);
    },
    MINUTES,
  );

  test(
    "with --strict ends the run there: exit 1, the event is named",
    async () => {
      const out = trial.newOut();
      const path = module("strict.js", [23], `throw new Error("bad pixel");`);
      const words = ["--analysis", path, "--clients", "2", "--strict"];
      const done = await trial.start("run", out, words).ended;
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toMatch(/^event 23 failed: bad pixel/);
      expect(reportOf(done).ended).toMatch(/^event 23 failed: bad pixel/);
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "with --strict, and by killing its process, too",
    async () => {
      const out = trial.newOut();
      const path = module("strict-poison.js", [23], KILL);
      const words = ["--analysis", path, "--clients", "2", "--strict"];
      const done = await trial.start("run", out, words).ended;
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toMatch(/^event 23 failed: /);
      await expectNobody(out);
    },
    MINUTES,
  );
});

describe("--event-timeout", () => {
  test.each(["1", "2"])(
    "fails an event that never ends, and does everything else (%s clients)",
    async (clients) => {
      const out = trial.newOut();
      const path = module(`endless-${clients}.js`, [7, 30], "for (;;);");
      const words = ["--analysis", path, "--clients", clients, "--event-timeout", "1500ms"];
      const done = await trial.start("run", out, words).ended;
      const report = await expectDoneBut([7, 30], out, done, /1\.5 s|--event-timeout/);
      expect(report.faults).toMatchObject({ clientsLost: 0, setAside: 0 });
      expect(report.redone).toBe(0);
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "is told to clients by the coordinator, and by their own command line",
    async () => {
      for (const side of ["coordinator", "client"]) {
        const out = trial.newOut();
        const path = module(`endless-${side}.js`, [7], "for (;;);");
        const limit = ["--event-timeout", "1500ms"];
        const rank0 = await trial.listening("coordinator", out, [
          ...["--analysis", path],
          ...(side === "coordinator" ? limit : []),
        ]);
        const client = trial.client(out, ...(side === "client" ? limit : []));
        await expectDoneBut([7], out, await rank0.ended, /1\.5 s|--event-timeout/);
        expect((await client.ended).code).toBe(0);
      }
    },
    MINUTES,
  );

  test.each(["1", "2"])(
    "fails every event, where every event takes longer (%s clients, built in)",
    async (clients) => {
      const out = trial.newOut();
      const words = [...wait(60_000), "--clients", clients, "--events", "0:3"];
      const done = await trial.start("run", out, [...words, "--event-timeout", "700ms"]).ended;
      expect(done.code).toBe(1);
      expect(reportOf(done)).toMatchObject({ events: 3, failed: 3, totals: { count: "0" } });
      expect(await columnOf(out, "/events/status")).toEqual([1, 1, 1]);
      await expectNobody(out);
    },
    MINUTES,
  );

  test.each(["1", "2"])(
    "passes an event that takes less (%s clients)",
    async (clients) => {
      const out = trial.newOut();
      const words = [...wait(1500), "--clients", clients, "--events", "0:4"];
      const done = await trial.start("run", out, [...words, "--event-timeout", "3s"]).ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
      expect(reportOf(done)).toMatchObject({ events: 4, failed: 0, totals: { count: "4" } });
    },
    MINUTES,
  );

  test(
    "doesn't blame an event whose client was frozen meanwhile",
    async () => {
      const out = trial.newOut();
      const rank0 = await trial.listening("coordinator", out, [
        ...wait(400),
        ...["--events", "0:12", "--event-timeout", "1500ms"],
      ]);
      const trace = trial.trace(out);
      const client = trial.client(out);
      await trace.untilCommitted(rank0, 2);
      client.kill("SIGSTOP");
      await pause(3000);
      client.kill("SIGCONT");
      const done = await rank0.ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
      expect(reportOf(done)).toMatchObject({ events: 12, failed: 0, totals: { count: "12" } });
      expect(existsSync(resultsOf(out))).toBe(true);
      expect((await client.ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "ends with --strict at the event that takes too long",
    async () => {
      const out = trial.newOut();
      const path = module("endless-strict.js", [7], "for (;;);");
      const words = ["--analysis", path, "--clients", "2", "--strict"];
      const done = await trial.start("run", out, [...words, "--event-timeout", "1500ms"]).ended;
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toMatch(/^event 7 failed: /);
    },
    MINUTES,
  );
});
