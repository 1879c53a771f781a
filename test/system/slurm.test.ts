import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { describeWith } from "../support/capabilities.ts";
import { until } from "../support/run-links.ts";
import { logOf, SlurmCluster } from "../support/slurm-cluster.ts";
import { EVB } from "../support/system.ts";
import { connectionOf, MINUTES, Trial, wait } from "../support/run-trial.ts";

const NODES = 4;
const PATIENCE_MS = 45_000;
const evb = `"${process.execPath}" "${EVB}"`;

describeWith(["slurm"], "a real Slurm of four nodes", () => {
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
  const byHand = (out: string, order: { ms: number; header?: string; step?: string }): string =>
    `#!/bin/bash
#SBATCH --nodes=${String(NODES)} --ntasks-per-node=1 --open-mode=append --output=${out}.log ${order.header ?? ""}
trap 'kill -TERM $rank0' TERM USR1
${evb} coordinator "${trial.run.indexPath}" -o "${out}" --resume --clients ${String(NODES)} \
  ${wait(order.ms).join(" ")} --trace "${out}.trace" --quiet &
rank0=$!
srun --kill-on-bad-exit=0 --wait=0 ${order.step ?? ""} ${evb} client "${connectionOf(out)}" --client-timeout 5s &
while kill -0 $rank0 2>/dev/null; do wait $rank0; code=$?; done
wait
exit $code
`;

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
      const job = await slurm.submit(byHand(out, { ms: 5 }));
      const { state, exitCode } = await slurm.ended(job);
      expect({ state, exitCode, log: logOf(`${out}.log`) }).toMatchObject({ state: "COMPLETED" });
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
      const job = await slurm.submit(byHand(out, { ms: 60 }));
      await untilCommitted(out, 20);
      await slurm.output("scancel", job);
      expect((await slurm.ended(job)).state).toBe("CANCELLED");
      expectStopped(out);
      const again = await slurm.submit(byHand(out, { ms: 2 }));
      expect(await slurm.ended(again)).toMatchObject({ state: "COMPLETED", exitCode: 0 });
      expectUndisturbed(out);
    },
    MINUTES,
  );
});
