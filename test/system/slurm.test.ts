import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { describeWith } from "../support/capabilities.ts";
import { until } from "../support/run-links.ts";
import { logOf, SlurmCluster } from "../support/slurm-cluster.ts";
import { EVB } from "../support/system.ts";
import { reportOf } from "../support/run-processes.ts";
import { connectionOf, MINUTES, Trial, wait } from "../support/run-trial.ts";

const NODES = 4;
const PATIENCE_MS = 45_000;
const evb = `"${process.execPath}" "${EVB}"`;
/** 3 s with four clients. */
const work = wait(40);

interface Order {
  readonly nodes?: number;
  /** More options of sbatch. */
  readonly header?: string;
  /** …of srun. */
  readonly step?: string;
  /** In place of {@link work}. */
  readonly words?: readonly string[];
}

describeWith(["slurm"], "a real Slurm of four nodes", () => {
  let trial: Trial;
  let slurm: SlurmCluster;
  /** 45 s of work, which is stopped 55 s before its limit of 60 s, as Slurm understands that. */
  const limited = {
    out: "",
    job: "",
    order: { nodes: 1, words: [...wait(1000), "--events", "0:45", "--batch", "1"] },
  };
  const limit = "--nodelist=n2 --time=1 --signal=B:USR1@55";
  beforeAll(async () => {
    trial = await Trial.begin();
    const folder = join(trial.folder, "slurm");
    mkdirSync(folder);
    slurm = await SlurmCluster.begin(folder, NODES);
    // Slurm looks at time limits twice a minute; the other tests run meanwhile, on the nodes' second processors.
    limited.out = trial.newOut();
    limited.job = await slurm.submit(byHand(limited.out, { ...limited.order, header: limit }));
  }, MINUTES);
  afterAll(() => {
    slurm.end();
    trial.end();
  });

  const reportIn = (out: string): RunReport =>
    JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as RunReport;

  /** The same rows and totals as on one host. */
  function expectUndisturbed(out: string): RunReport {
    const report = reportIn(out);
    const { digest, totals, events } = trial.undisturbed;
    expect(report).toMatchObject({ digest, totals, events, lost: 0, failed: 0 });
    return report;
  }

  /**
   * A script as somebody writes it by hand: coordinator on the first node, clients on all; what the job
   * is told goes on to the coordinator, which closes its journal.
   */
  const byHand = (out: string, { nodes = NODES, ...order }: Order): string =>
    `#!/bin/bash
#SBATCH --nodes=${String(nodes)} --ntasks-per-node=1 --open-mode=append --output=${out}.log ${order.header ?? ""}
trap 'kill -TERM $rank0' TERM USR1
${evb} coordinator "${trial.run.indexPath}" -o "${out}" --resume --clients ${String(nodes)} \
  ${(order.words ?? work).join(" ")} --trace "${out}.trace" --quiet &
rank0=$!
srun --kill-on-bad-exit=0 --wait=0 ${order.step ?? ""} \
  ${evb} client "${connectionOf(out)}" --wait 20s --client-timeout 5s &
while kill -0 $rank0 2>/dev/null; do wait $rank0; code=$?; done
wait
exit $code
`;

  /** The job ends as it should; else its log says why. */
  async function expectCompleted(job: string, out: string): Promise<void> {
    const { state, exitCode } = await slurm.ended(job);
    const log = logOf(`${out}.log`);
    expect({ state, exitCode, log }).toEqual({ state: "COMPLETED", exitCode: 0, log });
  }

  /** Waits until the job has done so many events. */
  async function untilCommitted(out: string, events: number, rank?: number): Promise<void> {
    const trace = trial.trace(out);
    const enough = (): boolean => trace.committed(rank) >= events;
    await until(enough, `${String(events)} events of ${out}`, PATIENCE_MS);
  }

  test(
    "runs on all nodes, whose names are in no table, with the digest of one host",
    async () => {
      const out = trial.newOut();
      const job = await slurm.submit(byHand(out, {}));
      await expectCompleted(job, out);
      const hosts = expectUndisturbed(out).clients.map(({ host }) => host);
      expect(hosts.sort()).toEqual(slurm.nodes);
    },
    MINUTES,
  );

  /** Stopped, with what it had done: the batch system sees exit code 4 where it sees one. */
  function expectStopped(out: string): void {
    const report = reportIn(out);
    expect(report.ended).toMatch(/^stopped after \d+ of 300 events; /);
    expect(report.events).toBeGreaterThan(0);
    expect(report.events).toBeLessThan(trial.undisturbed.events);
    expect(existsSync(connectionOf(out))).toBe(false);
  }

  test(
    "scancel leaves time to close the journal, and the same script goes on to the same answer",
    async () => {
      const out = trial.newOut();
      const job = await slurm.submit(byHand(out, {}));
      await untilCommitted(out, 20);
      await slurm.output("scancel", job);
      expect((await slurm.ended(job)).state).toBe("CANCELLED");
      expectStopped(out);
      const again = await slurm.submit(byHand(out, {}));
      await expectCompleted(again, out);
      expectUndisturbed(out);
    },
    MINUTES,
  );

  test(
    "a job that is queued again goes on by itself",
    async () => {
      const out = trial.newOut();
      const job = await slurm.submit(byHand(out, { header: "--requeue" }));
      await untilCommitted(out, 20);
      await slurm.output("scontrol", "requeue", job);
      await slurm.beginNow(job);
      await expectCompleted(job, out);
      expectUndisturbed(out);
      expect(
        trial
          .trace(out)
          .all("listening")
          .map(({ life }) => life),
      ).toEqual([1, 2]);
    },
    MINUTES,
  );

  test(
    "clients of another submission join a run that is on",
    async () => {
      const out = trial.newOut();
      const first = await slurm.submit(byHand(out, { nodes: 1, header: "--nodelist=n1" }));
      await untilCommitted(out, 5);
      const more = await slurm.submit(`#!/bin/sh
#SBATCH --nodes=2 --nodelist=n3,n4 --ntasks-per-node=1 --output=${out}.more.log
srun ${evb} client "${connectionOf(out)}"
`);
      await expectCompleted(first, out);
      await expectCompleted(more, `${out}.more`);
      const hosts = expectUndisturbed(out).clients.map(({ host }) => host);
      expect(hosts.sort()).toEqual(["n1", "n3", "n4"]);
    },
    MINUTES,
  );

  test(
    "of a job array each task does a run of its own",
    async () => {
      const out = trial.newOut();
      const job = await slurm.submit(`#!/bin/sh
#SBATCH --array=0-2 --ntasks=1 --output=${out}.%a.log
${evb} run "${trial.run.indexPath}" -o "${out}.$SLURM_ARRAY_TASK_ID" --quiet \
  --analysis wait --set ms=0 --events $((SLURM_ARRAY_TASK_ID * 100)):$((SLURM_ARRAY_TASK_ID * 100 + 100))
`);
      for (const task of [0, 1, 2]) {
        await expectCompleted(`${job}_${String(task)}`, `${out}.${String(task)}`);
        const report = reportIn(`${out}.${String(task)}`);
        expect(report.totals["count"]).toBe(String(report.events));
      }
    },
    MINUTES,
  );

  test(
    "when a node dies a job with --no-kill goes on with the others; another one ends, and goes on when it is queued again",
    async () => {
      const [survivor, victim] = [trial.newOut(), trial.newOut()];
      const staying = await slurm.submit(
        byHand(survivor, { header: "--no-kill", step: "--no-kill", words: wait(100) }),
      );
      const ending = await slurm.submit(
        // Its coordinator is on n3.
        byHand(victim, { nodes: 2, header: "--nodelist=n3,n4 --requeue" }),
      );
      await Promise.all([untilCommitted(survivor, 20), untilCommitted(victim, 20)]);
      slurm.hosts.crash("n3");
      await expectCompleted(staying, survivor);
      const report = expectUndisturbed(survivor);
      expect(report.faults.clientsLost).toBe(1);
      await slurm.untilJob(ending, /^PENDING$/);
      await slurm.startNode("n3");
      await slurm.beginNow(ending);
      await expectCompleted(ending, victim);
      expectUndisturbed(victim);
    },
    MINUTES,
  );

  test(
    "the signal before the time limit stops a run with 4, and the same script goes on",
    async () => {
      const { out, job, order } = limited;
      expect(await slurm.ended(job)).toMatchObject({ state: "FAILED", exitCode: 4 });
      const stopped = reportIn(out);
      expect(stopped.ended).toMatch(/^stopped after \d+ of 45 events; /);
      const again = await slurm.submit(byHand(out, { ...order, nodes: NODES }));
      await expectCompleted(again, out);
      const report = reportIn(out);
      expect(report).toMatchObject({ events: 45, lost: 0, totals: { count: "45" } });
      expect(report.digest).toBe(await digestOnOneHost(["--events", "0:45"]));
    },
    MINUTES,
  );

  async function digestOnOneHost(words: readonly string[]): Promise<string | undefined> {
    const all = [...wait(0), "--clients", "1", ...words];
    return reportOf(await trial.start("run", trial.newOut(), all).ended).digest;
  }
});
