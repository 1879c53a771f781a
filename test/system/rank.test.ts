import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { until } from "../support/run-links.ts";
import { sentencesOf, start, type Running } from "../support/run-processes.ts";
import { expectNobody, MINUTES, Trial } from "../support/run-trial.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin();
}, MINUTES);
afterAll(() => {
  trial.end();
});

/** A job whose events take so long, and its OUT. */
function newJob(ms: number, more: Record<string, unknown> = {}): { job: string; out: string } {
  const out = trial.newOut();
  const job = `${out}.yaml`;
  const text = { kind: "run", index: trial.run.indexPath, output: out, analysis: "wait" };
  const settings = { set: { ms }, trace: `${out}.trace`, listen: "127.0.0.1" };
  writeFileSync(job, JSON.stringify({ ...text, ...settings, ...more }));
  return { job, out };
}

const rank = (job: string, ...words: string[]): Running => start(["rank", job, ...words]);
const rankOf = (job: string, place: number, size: number, ...words: string[]): Running =>
  rank(job, "--rank", String(place), "--size", String(size), ...words);

const reportIn = (out: string): RunReport =>
  JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as RunReport;

function expectRight(out: string): RunReport {
  const { digest, totals, events } = trial.undisturbed;
  const report = reportIn(out);
  expect(report).toMatchObject({ digest, totals, events, lost: 0 });
  return report;
}

const untilWork = (out: string): Promise<void> =>
  until(
    () => existsSync(`${out}.trace`) && readFileSync(`${out}.trace`, "utf8").includes('"commit"'),
    "work",
    MINUTES,
  );

const codes = (all: readonly Running[]): Promise<(number | null)[]> =>
  Promise.all(all.map(async ({ ended }) => (await ended).code));

describe("evb rank", () => {
  test(
    "alone makes the index, too, and does all; --check says so",
    async () => {
      const out = trial.newOut();
      const job = `${out}.yaml`;
      const inputs = join(trial.folder, "run");
      writeFileSync(
        job,
        `kind: run\ninputs: ${inputs}\nall: true\noutput: ${out}\nset: {ms: 0}\nanalysis: wait\n`,
      );
      expect((await rank(job, "--check").ended).code).toBe(4);
      expect((await rank(job).ended).code).toBe(0);
      expectRight(out);
      expect((await rank(job, "--check").ended).code).toBe(0);
      const again = await rank(job).ended;
      expect(again.code).toBe(2);
      expect(sentencesOf(again)).toEqual([
        expect.stringMatching(/ is done, and not by this job; /),
      ]);
    },
    MINUTES,
  );

  test(
    "with ranks, clients first; after a requeue of the same job what is done stays",
    async () => {
      const { job, out } = newJob(2);
      const clients = [1, 2].map((place) => rankOf(job, place, 3, "--job-id", "j1"));
      const coordinator = rankOf(job, 0, 3, "--job-id", "j1");
      expect(await codes([coordinator, ...clients])).toEqual([0, 0, 0]);
      expect(expectRight(out).clients).toHaveLength(2);
      const before = readFileSync(join(out, "report.json"), "utf8");
      const again = await rankOf(job, 0, 3, "--job-id", "j1", "--force").ended;
      expect(again.code).toBe(0);
      expect(again.stderr).toMatch(/is done already, and left as it is/);
      expect(readFileSync(join(out, "report.json"), "utf8")).toBe(before);
      expect(existsSync(`${out}.lock`)).toBe(false);
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "without ranks: one of many is the coordinator, another one when that is killed",
    async () => {
      const { job, out } = newJob(25);
      const all = [1, 2, 3].map(() => rank(job, "--job-id", "j2"));
      await untilWork(out);
      const { pid } = JSON.parse(readFileSync(`${out}.lock`, "utf8")) as { pid: number };
      process.kill(pid, "SIGKILL");
      expect((await codes(all)).sort()).toEqual([0, 0, null]);
      expectRight(out);
      expect(existsSync(`${out}.lock`)).toBe(false);
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "stops on SIGTERM with 4, and the same line goes on; SIGUSR1 changes nothing",
    async () => {
      const { job, out } = newJob(25);
      const both = [0, 1].map((place) => rankOf(job, place, 2));
      await untilWork(out);
      for (const each of both) each.kill("SIGUSR1");
      await both[1]!.said(/SIGUSR1 is left to the batch script/);
      for (const each of both) each.kill("SIGTERM");
      const [coordinator, client] = await Promise.all(both.map(({ ended }) => ended));
      expect([coordinator!.code, client!.code]).toEqual([4, 0]);
      expect(coordinator!.stderr + client!.stderr).not.toMatch(/Debugger/);
      expect(reportIn(out).ended).toMatch(/^stopped after \d+ of 300 events; /);
      await expectNobody(out);
      expect(await codes([0, 1].map((place) => rankOf(job, place, 2)))).toEqual([0, 0]);
      expectRight(out);
    },
    MINUTES,
  );

  test(
    "goes through all runs, one that fails among them, and does with --only one",
    async () => {
      const first = trial.newOut();
      const { job, out } = newJob(0, {
        output: undefined,
        trace: undefined,
        runs: [
          { name: "bad", output: first, index: join(trial.folder, "missing.h5") },
          { name: "good", output: `${first}-good` },
        ],
      });
      const all = await Promise.all(
        [0, 1].map((place) => rankOf(job, place, 2, "--job-id", "j").ended),
      );
      expect(all.map(({ code }) => code)).toEqual([1, 0]);
      expect(all[0]!.stderr).toMatch(/evb: run bad ended with exit code 3\n/);
      expectRight(`${first}-good`);
      expect(existsSync(out)).toBe(false);
      const unknown = await rank(job, "--only", "other").ended;
      expect(unknown.code).toBe(2);
      expect(sentencesOf(unknown)).toEqual([
        expect.stringMatching(/has no run other; it has bad, good$/),
      ]);
      expect((await rank(job, "--only", "good", "--check").ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "makes a mock run again where it was killed in the middle of it",
    async () => {
      const out = trial.newOut();
      const job = `${out}.yaml`;
      writeFileSync(job, `kind: generate\noutput: ${out}\nfiles: 2\nfile-size: 100MB\n`);
      const first = rank(job, "--job-id", "j3");
      await until(() => existsSync(join(out, ".file1.h5.partial")), "a file", MINUTES);
      first.kill("SIGKILL");
      await first.ended;
      writeFileSync(join(out, "file3.h5"), "of a longer run");
      await expectNobody(out);
      expect((await rank(job, "--job-id", "j3").ended).code).toBe(0);
      expect(readdirSync(out).sort()).toEqual(["file1.h5", "file2.h5", "truth.json"]);
    },
    MINUTES,
  );

  test.each([
    [["--rank", "3", "--size", "2"], /^--rank 3 is not below --size 2/],
    [["--force", "--resume"], /^--force and --resume exclude each other/],
  ])("%j is refused in one sentence", async (words, sentence) => {
    const refused = await rank(newJob(0).job, ...words).ended;
    expect(refused.code).toBe(2);
    expect(sentencesOf(refused)).toEqual([expect.stringMatching(sentence)]);
  });
});
