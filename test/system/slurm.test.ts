import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { describeWith } from "../support/capabilities.ts";
import { logOf, SlurmCluster } from "../support/slurm-cluster.ts";
import { EVB } from "../support/system.ts";
import { connectionOf, MINUTES, Trial, wait } from "../support/run-trial.ts";

const NODES = 4;
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

  /** A script as somebody writes it by hand: coordinator on the first node, clients on all. */
  const byHand = (
    out: string,
    ms: number,
    steps = "--kill-on-bad-exit=0 --wait=0",
  ): string => `#!/bin/bash
#SBATCH --nodes=${String(NODES)} --ntasks-per-node=1 --requeue --open-mode=append
#SBATCH --output=${out}.log
trap 'kill -TERM $rank0' TERM USR1
${evb} coordinator "${trial.run.indexPath}" -o "${out}" --resume --clients ${String(NODES)} ${wait(ms).join(" ")} --quiet &
rank0=$!
srun ${steps} ${evb} client "${connectionOf(out)}" &
while kill -0 $rank0 2>/dev/null; do wait $rank0; code=$?; done
wait
exit $code
`;

  test(
    "runs on all nodes, whose names are in no table, with the digest of one host",
    async () => {
      const out = trial.newOut();
      const job = await slurm.submit(byHand(out, 5));
      const { state, exitCode } = await slurm.ended(job);
      expect({ state, exitCode, log: logOf(`${out}.log`) }).toMatchObject({ state: "COMPLETED" });
      const hosts = expectUndisturbed(out).clients.map(({ host }) => host);
      expect(hosts.sort()).toEqual(slurm.nodes);
    },
    MINUTES,
  );
});
