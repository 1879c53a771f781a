import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { describeWith } from "../support/capabilities.ts";
import { until } from "../support/run-links.ts";
import { connectionOf, MINUTES, Trial } from "../support/run-trial.ts";
import { logOf, SlurmCluster } from "../support/slurm-cluster.ts";
import { EVB, ROOT } from "../support/system.ts";

const NODES = 4;
const PATIENCE_MS = 45_000;
const evb = [process.execPath, EVB];

describeWith(["slurm"], "a job file on a real Slurm of four nodes", () => {
  let trial: Trial;
  let slurm: SlurmCluster;
  beforeAll(async () => {
    trial = await Trial.begin();
    const folder = join(trial.folder, "slurm");
    mkdirSync(folder);
    slurm = await SlurmCluster.begin(folder, NODES);
  }, MINUTES);
  afterAll(() => {
    slurm.end();
    trial.end();
  });

  /** Of 300 events: 3 s with four clients. A coordinator and four clients on four nodes. */
  function jobFile(out: string, ...more: string[]): string {
    const path = `${out}.yaml`;
    const lines = [
      ...["kind: run", "name: night", `index: ${trial.run.indexPath}`, `output: ${out}`],
      ...["analysis: wait", "set: { ms: 40 }", `trace: ${out}.trace`, "clients: 4"],
      ...["resources: { nodes: 4, walltime: 30min }", ...more],
    ];
    writeFileSync(path, `${lines.join("\n")}\n`);
    return path;
  }

  /** @returns the job's number */
  async function submitted(path: string, ...words: string[]): Promise<string> {
    const said = await slurm.output(...evb, "submit", path, "--with", "slurm", "--json", ...words);
    return (JSON.parse(said) as { job: string }).job;
  }

  const logOfJob = (job: string): string => logOf(join(trial.folder, `.evb/night-${job}.log`));

  async function expectCompleted(job: string): Promise<void> {
    const { state, exitCode } = await slurm.ended(job);
    const log = logOfJob(job);
    expect({ state, exitCode, log }).toEqual({ state: "COMPLETED", exitCode: 0, log });
  }

  const reportIn = (out: string): RunReport =>
    JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as RunReport;

  /** The same rows and totals as on one host. */
  function expectUndisturbed(out: string): RunReport {
    const report = reportIn(out);
    const { digest, totals, events } = trial.undisturbed;
    expect(report).toMatchObject({ digest, totals, events, lost: 0, failed: 0 });
    return report;
  }

  const hostsOf = ({ clients }: RunReport): string[] =>
    [...new Set(clients.map(({ host }) => host))].sort();

  async function untilCommitted(out: string, events: number): Promise<void> {
    const trace = trial.trace(out);
    const enough = (): boolean => trace.committed() >= events;
    await until(enough, `${String(events)} events of ${out}`, PATIENCE_MS);
  }

  test(
    "srun evb rank JOB.yaml: each task finds out what it is",
    async () => {
      const out = trial.newOut();
      const srun = ["srun", `--nodes=${String(NODES)}`, "--ntasks=5"];
      const { code, stderr } = await slurm.run([...srun, ...evb, "rank", jobFile(out), "--quiet"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(hostsOf(expectUndisturbed(out))).toEqual(slurm.nodes);
    },
    MINUTES,
  );

  test(
    "scripts/submit-slurm.sh, as its head says: a job of five tasks, and one command on one core",
    async () => {
      const out = trial.newOut();
      const log = `${out}.log`;
      const submit = (options: readonly string[], ...words: string[]): Promise<string> =>
        slurm.output(
          ...["env", `EVB=${EVB}`, "sbatch", "--parsable", `--output=${log}`, ...options],
          ...[join(ROOT, "scripts/submit-slurm.sh"), ...words],
        );
      const jobs = [
        await submit([`--nodes=${String(NODES)}`, "--ntasks=5"], jobFile(out)),
        await submit(["--ntasks=1"], "generate", `${out}-run`, "--files", "2", "--events", "10"),
      ];
      for (const job of jobs) {
        const { state, exitCode } = await slurm.ended(job.trim());
        expect({ state, exitCode, log: logOf(log) }).toMatchObject({ state: "COMPLETED" });
      }
      expect(hostsOf(expectUndisturbed(out))).toEqual(slurm.nodes);
      expect(existsSync(`${out}-run/truth.json`)).toBe(true);
    },
    MINUTES,
  );

  test(
    "evb submit: the job stops before its walltime, queues itself again and goes on",
    async () => {
      const out = trial.newOut();
      const job = await submitted(jobFile(out));
      await untilCommitted(out, 20);
      // What Slurm does at `--signal=B:USR1@120`, which it looks at twice a minute.
      await slurm.output("scancel", "--signal=USR1", "--batch", job);
      await slurm.beginNow(job);
      expect(reportIn(out).ended).toMatch(/^stopped after \d+ of 300 events; /);
      await expectCompleted(job);
      expectUndisturbed(out);
    },
    MINUTES,
  );

  test(
    "evb submit --clients-only: another job's clients join",
    async () => {
      const out = trial.newOut();
      const one = join(trial.folder, "one.yaml");
      const text = readFileSync(jobFile(out), "utf8");
      writeFileSync(one, text.replace("clients: 4", "clients: 1").replace("nodes: 4", "nodes: 1"));
      const two = join(trial.folder, "two.yaml");
      writeFileSync(two, text.replace("clients: 4", "clients: 2").replace("nodes: 4", "nodes: 2"));
      const first = await submitted(one);
      await untilCommitted(out, 5);
      const more = await submitted(two, "--clients-only", connectionOf(out));
      await expectCompleted(first);
      await expectCompleted(more);
      expect(hostsOf(expectUndisturbed(out))).toHaveLength(3);
    },
    MINUTES,
  );

  test(
    "evb submit of several runs: an array, one task each; one that fails doesn't stop the others",
    async () => {
      const out = trial.newOut();
      const runs = ["runs:", ...[0, 1].map((run) => `  - { name: r${String(run)} }`)];
      const path = jobFile(out, ...runs);
      const lines = readFileSync(path, "utf8")
        .replace(/^output: .*\n/m, "")
        .replace(/^trace: .*\n/m, "")
        .replace("nodes: 4", "nodes: 1")
        .replace("clients: 4", "clients: 1")
        .replace("{ name: r0 }", `{ name: r0, output: ${out}-r0, events: "0:30" }`)
        .replace("{ name: r1 }", `{ name: r1, output: ${out}-r1, events: "900:930" }`);
      writeFileSync(path, lines);
      const job = await submitted(path);
      const [good, bad] = [await slurm.ended(`${job}_0`), await slurm.ended(`${job}_1`)];
      expect({ ...good, log: logOfJob(`${job}_0`) }).toMatchObject({ state: "COMPLETED" });
      expect(reportIn(`${out}-r0`)).toMatchObject({ events: 30, totals: { count: "30" } });
      expect(bad).toMatchObject({ state: "FAILED", exitCode: 2 });
      expect(logOfJob(`${job}_1`)).toContain("900:930");
    },
    MINUTES,
  );

  test(
    "a client that is killed is started again; a node that dies is done without",
    async () => {
      const out = trial.newOut();
      const job = await submitted(jobFile(out));
      await untilCommitted(out, 10);
      process.kill(trial.trace(out).pidOf(1), "SIGKILL");
      await untilCommitted(out, 40);
      slurm.hosts.crash("n4");
      await expectCompleted(job);
      const report = expectUndisturbed(out);
      expect(report.faults.clientsLost).toBeGreaterThanOrEqual(2);
      expect(report.clients.length).toBeGreaterThanOrEqual(5);
      await slurm.startNode("n4");
    },
    MINUTES,
  );
});
