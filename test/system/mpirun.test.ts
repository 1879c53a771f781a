import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { describeWith } from "../support/capabilities.ts";
import { until } from "../support/run-links.ts";
import { EVB, run } from "../support/system.ts";
import { expectNobody, MINUTES, Trial } from "../support/run-trial.ts";

/** Of this machine: the tests are root's, and start more processes than there are cores. */
const HERE = ["--allow-run-as-root", "--oversubscribe"];
const RANKS = 4;

let trial: Trial;
const started: ChildProcess[] = [];
beforeAll(async () => {
  trial = await Trial.begin();
}, MINUTES);
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
  trial.end();
});

/** A job whose events take so long, and its OUT. */
function newJob(ms: number): { job: string; out: string } {
  const out = trial.newOut();
  const job = `${out}.yaml`;
  const text = { kind: "run", index: trial.run.indexPath, output: out, analysis: "wait" };
  writeFileSync(job, JSON.stringify({ ...text, set: { ms }, trace: `${out}.trace` }));
  return { job, out };
}

interface Mpirun {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
}

function mpirun(job: string, ...options: string[]): Mpirun {
  const words = [...HERE, ...options, "-n", String(RANKS), process.execPath, EVB, "rank", job];
  const child = spawn("mpirun", words, { stdio: "ignore" });
  started.push(child);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, ended };
}

const reportOf = (out: string): RunReport =>
  JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as RunReport;

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

/** All clients work. */
const atWork = (out: string): Promise<void> =>
  until(() => textOf(`${out}.trace`).split('"commit"').length > 12, "work", MINUTES);

/** The process of a rank of this job, by what its launcher told it. */
function pidOfRank(job: string, rank: number): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const is = (pid: string): boolean => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const place = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      return words.includes(job) && place.includes(`OMPI_COMM_WORLD_RANK=${String(rank)}`);
    } catch {
      return false; // It has ended meanwhile.
    }
  };
  return Number(pids.find(is));
}

/** The digest and totals of an undisturbed run, and every event once. */
function expectRight(out: string): RunReport {
  const { digest, totals, events } = trial.undisturbed;
  const report = reportOf(out);
  expect(report).toMatchObject({ digest, totals, events, lost: 0, failed: 0 });
  return report;
}

describeWith(["mpi"], "mpirun evb rank", () => {
  test(
    "runs one coordinator and clients, each with a log, to the digest of evb run",
    async () => {
      const { job, out } = newJob(2);
      expect(await mpirun(job).ended).toBe(0);
      expect(expectRight(out).clients).toHaveLength(RANKS - 1);
      const logs = readdirSync(`${out}.logs`).filter((name) => name.endsWith(".log"));
      expect(logs.sort()).toEqual([0, 1, 2, 3].map((rank) => `rank-000${String(rank)}.log`));
      expect(textOf(`${out}.logs/rank-0002.log`)).toMatch(
        /^\d{4}-\S+Z \S+ rank 2: client process \d+ begins\n/,
      );
      // The same again is another job's, whose results these are not.
      expect(await mpirun(job).ended).toBe(2);
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "starts a client again whose process was killed, and the report has its last words",
    async () => {
      const { job, out } = newJob(20);
      const { ended } = mpirun(job);
      await atWork(out);
      const [, pid] = /client process (\d+) begins/.exec(textOf(`${out}.logs/rank-0001.log`))!;
      process.kill(Number(pid), "SIGKILL");
      expect(await ended).toBe(0);
      const lost = expectRight(out).clients.filter((client) => client.lost === true);
      expect(lost).toMatchObject([{ pid: Number(pid) }]);
      expect(lost[0]!.lastWords!.join("\n")).toContain(`${pid!} was ended by SIGKILL`);
    },
    MINUTES,
  );

  test(
    "goes on without a rank that was killed, with --enable-recovery; --check says that all is done",
    async () => {
      const { job, out } = newJob(20);
      const { ended } = mpirun(job, "--enable-recovery");
      await atWork(out);
      process.kill(pidOfRank(job, 2), "SIGKILL");
      await ended;
      expectRight(out);
      expect(run(process.execPath, [EVB, "rank", job, "--check"])).toMatchObject({ code: 0 });
    },
    MINUTES,
  );

  test(
    "ends when its coordinator is killed, and the same line goes on",
    async () => {
      const { job, out } = newJob(20);
      const { ended } = mpirun(job);
      await atWork(out);
      process.kill(pidOfRank(job, 0), "SIGKILL");
      expect(await ended).toBe(137);
      await expectNobody(out);
      expect(run(process.execPath, [EVB, "rank", job, "--check"])).toMatchObject({ code: 4 });
      expect(await mpirun(job).ended).toBe(0);
      expectRight(out);
    },
    MINUTES,
  );

  test(
    "stops on SIGTERM, says how far it came, and the same line goes on",
    async () => {
      const { job, out } = newJob(60);
      // mpirun waits so long before it passes the signal on, and so long again before it kills.
      const { child, ended } = mpirun(job, "--mca", "odls_base_sigkill_timeout", "2");
      await atWork(out);
      child.kill("SIGTERM");
      expect(await ended).not.toBe(0);
      await expectNobody(out);
      expect(reportOf(out).ended).toMatch(/^stopped after \d+ of 300 events; /);
      expect(await mpirun(job).ended).toBe(0);
      expectRight(out);
    },
    MINUTES,
  );
});
