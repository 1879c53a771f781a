import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { describeWith } from "../support/capabilities.ts";
import { LsfCluster } from "../support/lsf-cluster.ts";
import { pause, until } from "../support/run-links.ts";
import { MINUTES, Trial } from "../support/run-trial.ts";
import { logOf } from "../support/slurm-cluster.ts";
import { EVB, ROOT } from "../support/system.ts";

const HOSTS = 4;
const PATIENCE_MS = 45_000;
const evb = [process.execPath, EVB];

describeWith(["namespaces"], "a stub of LSF, of four hosts in network namespaces", () => {
  let trial: Trial;
  let lsf: LsfCluster;
  beforeAll(async () => {
    trial = await Trial.begin();
    const folder = join(trial.folder, "lsf");
    mkdirSync(folder);
    lsf = await LsfCluster.begin(folder, HOSTS);
  }, MINUTES);
  afterAll(() => {
    lsf.end();
    trial.end();
  });

  /** Of 300 events: 4 s with three clients. A coordinator and three clients on four hosts. */
  function jobFile(out: string): string {
    const path = `${out}.yaml`;
    const lines = [
      ...["kind: run", "name: night", `index: ${trial.run.indexPath}`, `output: ${out}`],
      ...["analysis: wait", "set: { ms: 40 }", `trace: ${out}.trace`, "clients: 3"],
      "resources: { nodes: 4, walltime: 30min, queue: psnehq }",
    ];
    writeFileSync(path, `${lines.join("\n")}\n`);
    return path;
  }

  /** @returns the job's number */
  async function submitted(path: string): Promise<string> {
    const said = await lsf.output([...evb, "submit", path, "--with", "lsf", "--json"]);
    return (JSON.parse(said) as { job: string }).job;
  }

  async function expectDone(job: string): Promise<void> {
    const state = await lsf.ended(job);
    const log = logOf(join(trial.folder, `.evb/night-${job}.log`));
    expect({ state, log }).toEqual({ state: "DONE 0", log });
  }

  /** The same rows and totals as on one host. */
  function expectUndisturbed(out: string): RunReport {
    const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as RunReport;
    const { digest, totals, events } = trial.undisturbed;
    expect(report).toMatchObject({ digest, totals, events, lost: 0, failed: 0 });
    return report;
  }

  async function untilCommitted(out: string, events: number): Promise<void> {
    const trace = trial.trace(out);
    const enough = (): boolean => trace.committed() >= events;
    await until(enough, `${String(events)} events of ${out}`, PATIENCE_MS);
  }

  test.each([
    ["--queue", "psnehq"],
    ["-N4", "-q"],
    ["--ntasks", "4"],
    ["-t", "60"],
    ["-l", "nodes=4"],
    ["-p", "normal"],
    ["-requeue", ""],
  ])("refuses %s, typed or in the script, as no option of bsub", async (...words) => {
    const script = "#!/bin/sh\ntrue\n";
    const typed = await lsf.run(["bsub", ...words], script);
    expect(typed).toMatchObject({ code: 255, stdout: "" });
    expect(typed.stderr).toMatch(/^-\S+: Illegal option \(command line\)\.\n$/);
    const read = await lsf.run(["bsub"], `#!/bin/sh\n#BSUB ${words.join(" ")}\ntrue\n`);
    expect(read.stderr).toMatch(/^-\S+: Illegal option \(#BSUB\)\.\n$/);
  });

  test.each([
    [
      "a queue that isn't there",
      ["-q", "psfehq"],
      /^psfehq: No such queue\. Job not submitted\.$/m,
    ],
    ["slots that aren't there", ["-n", "34"], /never has so many slots/],
    ["a walltime in another system's form", ["-W", "1:00:00"], /^Bad argument for option -W/m],
    ["a script that is an argument", ["script.sh"], /scripts on stdin/],
  ])("refuses %s", async (_, words, sentence) => {
    const { code, stderr } = await lsf.run(["bsub", ...words], "#!/bin/sh\ntrue\n");
    expect(code).toBe(255);
    expect(stderr).toMatch(sentence);
  });

  test(
    "bsub < script with blaunch evb rank: one of four slots is the coordinator, three are clients",
    async () => {
      const out = trial.newOut();
      const job = await lsf.submit(`#!/bin/sh
#BSUB -q psnehq -n 4 -R "span[ptile=1]"
#BSUB -o ${out}.log
blaunch ${evb.join(" ")} rank ${jobFile(out)}
`);
      const state = await lsf.ended(job);
      expect({ state, log: logOf(`${out}.log`) }).toMatchObject({ state: "DONE 0" });
      const hosts = expectUndisturbed(out).clients.map(({ host }) => host);
      expect(new Set(hosts).size).toBe(3);
    },
    MINUTES,
  );

  test(
    "scripts/submit-lsf.sh, as its head says: a job of four slots, and one command on one core",
    async () => {
      const out = trial.newOut();
      const command = join(trial.folder, "evb");
      writeFileSync(command, `#!/bin/sh\nexec ${evb.join(" ")} "$@"\n`, { mode: 0o755 });
      const wrapper = readFileSync(join(ROOT, "scripts/submit-lsf.sh"), "utf8");
      const submit = async (what: string, slots: number): Promise<string> => {
        const words = ["env", `EVB=${command}`, what, "bsub", "-q", "psnehq"];
        const log = ["-o", `${out}-%J.log`];
        return lsf.output([...words, "-n", String(slots), ...log], wrapper);
      };
      const jobs = [
        await submit(`EVB_JOB=${jobFile(out)}`, HOSTS),
        await submit(`EVB_WORDS=generate ${out}-run --files 2 --events 10 --quiet`, 1),
      ].map((said) => /^Job <(\d+)> is submitted to queue <psnehq>\.$/m.exec(said)![1]!);
      for (const job of jobs) {
        const log = (): string => logOf(`${out}-${job}.log`);
        expect({ state: await lsf.ended(job), log: log() }).toMatchObject({ state: "DONE 0" });
      }
      expectUndisturbed(out);
      expect(existsSync(join(`${out}-run`, "truth.json"))).toBe(true);
    },
    MINUTES,
  );

  test(
    "evb submit: bkill, which is SIGKILL alone, is survived, and the same submission goes on",
    async () => {
      const out = trial.newOut();
      const path = jobFile(out);
      const job = await submitted(path);
      await untilCommitted(out, 20);
      await lsf.output(["bkill", job]);
      expect(await lsf.ended(job)).toBe("EXIT 137");
      const done = trial.trace(out).committed();
      expect(done).toBeLessThan(trial.undisturbed.events);
      await expectDone(await submitted(path));
      expectUndisturbed(out);
      // Not begun anew.
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
    "evb submit: a job that brequeue ends goes on by itself",
    async () => {
      const out = trial.newOut();
      const job = await submitted(jobFile(out));
      await untilCommitted(out, 20);
      await lsf.output(["brequeue", job]);
      await pause(500);
      await expectDone(job);
      expectUndisturbed(out);
    },
    MINUTES,
  );

  test(
    "evb submit: the warning before the run limit stops the job with 4, and -Q runs it again",
    async () => {
      const out = trial.newOut();
      const job = await submitted(jobFile(out));
      await untilCommitted(out, 20);
      await lsf.output(["bkill", "-s", "USR2", job]);
      await expectDone(job);
      expectUndisturbed(out);
      const log = logOf(join(trial.folder, `.evb/night-${job}.log`));
      expect(log).toMatch(
        /stopped after \d+ of 300 events[^]*Exited with exit code 4\.[^]*Successfully/,
      );
    },
    MINUTES,
  );
});
