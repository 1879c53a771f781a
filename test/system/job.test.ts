import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { evb, sentenceOf } from "../support/evb.ts";
import { until } from "../support/run-links.ts";
import {
  endAll,
  ended,
  processesIn,
  reportOf,
  sentencesOf,
  start,
} from "../support/run-processes.ts";
import { reportIn, smallRun, type SmallRun } from "../support/run-small.ts";

const MINUTE = 60_000;
let folder: string;
let run: SmallRun;
let digest: string | undefined;
let jobs = 0;

/** A job file in a folder of its own below {@link folder}; `run` is the small run's folder. */
function jobFile(text: string): string {
  const path = join(folder, `job${String(++jobs)}.yaml`);
  writeFileSync(path, text);
  return path;
}
const outOf = (job: string, name: string): string => `${job}.${name}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-cli-job-"));
  run = await smallRun(folder);
  const words = ["run", run.indexPath, "-o", join(folder, "alone"), "--clients", "1", "--json"];
  digest = reportOf(await ended(words)).digest;
}, MINUTE);
afterAll(() => {
  endAll();
  const left = processesIn(folder);
  rmSync(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

interface JobLine {
  readonly run: string;
  readonly exitCode: number;
  readonly reason: string | null;
  readonly report: RunReport | null;
}

const linesOf = ({ stdout }: { readonly stdout: string }): JobLine[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as JobLine);

/** Three runs, of which the second has no data. */
const threeRuns = (): string => {
  const job = jobFile("");
  writeFileSync(
    job,
    `kind: run
clients: 1
all: true
runs:
  - { inputs: run, output: ${job}.a }
  - { inputs: nowhere, output: ${job}.b }
  - { inputs: run, output: ${job}.c, events: 0:5 }
`,
  );
  return job;
};

describe("evb run JOB.yaml", () => {
  test(
    "makes the index, and finds the same as the commands one by one",
    async () => {
      const job = jobFile(`kind: run\ninputs: run\nall: true\noutput: ${String(jobs + 1)}.out\n`);
      const done = await ended(["run", job, "--json"]);
      expect(linesOf(done)).toMatchObject([{ exitCode: 0, reason: null, report: { digest } }]);
      expect(done.code).toBe(0);
      expect(sentencesOf(done).join("\n")).toContain("index ");
    },
    MINUTE,
  );

  test(
    "does every run, though one fails, and says at the end which and why",
    async () => {
      const job = threeRuns();
      const done = await ended(["run", job]);
      expect(done.code).toBe(1);
      const name = job.replace(/^.*\/(.*)\.yaml$/, "$1");
      const reason = `${join(folder, "nowhere")} is neither a file nor a folder, and no file matches it; check the path`;
      const failed = name.concat(".yaml.b");
      expect(done.stdout.trim().split("\n").slice(-2)).toEqual([
        `job ${name}: 3 runs, 2 done, 1 failed`,
        `run ${failed} failed: ${reason}`,
      ]);
      expect(reportIn(outOf(job, "a"))).toMatchObject({ digest });
      expect(reportIn(outOf(job, "c"))).toMatchObject({ events: 5 });
      expect(existsSync(outOf(job, "b"))).toBe(false);

      const again = await ended(["run", job, "--resume", "--json", "--quiet"]);
      expect(linesOf(again).map(({ exitCode, report }) => [exitCode, report?.events])).toEqual([
        [0, run.truth.all.events],
        [3, undefined],
        [0, 5],
      ]);
      expect(again.code).toBe(1);
      // What is done isn't done again: nobody says that it read anything.
      expect(again.stderr).not.toContain("client ");
    },
    MINUTE,
  );

  test(
    "stopped by SIGTERM ends with 4, begins no other run, and goes on with --resume",
    async () => {
      const job = jobFile("");
      writeFileSync(
        job,
        `kind: run\ninputs: run\nclients: 1\nanalysis: wait\nset: { ms: 30 }\nruns:
  - { output: ${job}.a }\n  - { output: ${job}.b, set: { ms: 0 } }\n`,
      );
      const running = start(["run", job]);
      const connected = join(outOf(job, "a"), "journal");
      await until(() => existsSync(connected), "begin of the run");
      running.kill("SIGTERM");
      const stopped = await running.ended;
      expect(stopped.code).toBe(4);
      expect(stopped.stdout).toMatch(/2 runs, 0 done, 0 failed, 1 stopped, 1 not begun/);
      expect(existsSync(outOf(job, "b"))).toBe(false);
      const done = await ended(["run", job, "--resume", "--json"]);
      expect(linesOf(done).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      expect(processesIn(job)).toEqual([]);
    },
    MINUTE,
  );

  test(
    "stops at a time limit behind the job file, which is of all runs together",
    async () => {
      const job = jobFile("");
      writeFileSync(
        job,
        `kind: run\ninputs: run\nclients: 1\nanalysis: wait\nset: { ms: 1000 }\ntime-limit: 1h\nruns:
  - { output: ${job}.a }\n  - { output: ${job}.b }\n`,
      );
      const done = await ended(["run", job, "--time-limit", "3s"]);
      expect(done.code).toBe(4);
      expect(done.stdout).toMatch(/0 done, 0 failed, 1 stopped, 1 not begun/);
      expect(reportIn(outOf(job, "a"))["ended"]).toMatch(/^stopped after /);
    },
    MINUTE,
  );

  test(
    "killed leaves no process behind",
    async () => {
      const job = jobFile("");
      writeFileSync(
        job,
        `kind: run\ninputs: run\noutput: ${job}.a\nclients: 2\nanalysis: wait\nset: { ms: 1000 }\n`,
      );
      const running = start(["run", job]);
      await until(() => existsSync(join(outOf(job, "a"), "connection.json")), "begin of the run");
      running.kill("SIGKILL");
      await running.ended;
      await until(() => processesIn(`${job}.a`).length === 0, "end of all processes");
    },
    MINUTE,
  );

  test.each<[string, string[], string]>([
    [
      "kind: order\ninputs: x\noutput: y\n",
      [],
      "is a job of kind order, and this is evb run: type `evb order ",
    ],
    ["kind: run\ninputs: x\noutput: y\n", ["--only", "z"], "has no run z; it has y"],
    [
      "kind: run\nanalysi: x\n",
      [],
      "line 2: `analysi` is no key of a job; did you mean `analysis`?",
    ],
    [
      "kind: run\ninputs: x\noutput: y\n",
      ["--resume", "--force"],
      "--force and --resume exclude each other",
    ],
    ["kind: run\ninputs: x\noutput: y\n", ["--clients", "0"], "--clients 0 is not understood"],
    ["kind: run\ninputs: x\noutput: y\n", ["--analysis", "read"], "unknown argument: analysis"],
  ])("says in one sentence what is wrong: %j %j", (text, words, sentence) => {
    const done = evb(["run", jobFile(text), ...words]);
    expect(sentenceOf(done)).toContain(sentence);
    expect(done.code).toBe(2);
  });
});

describe("evb generate JOB.yaml and evb order JOB.yaml", () => {
  test(
    "do their runs, and what is done stays with --resume",
    async () => {
      const job = jobFile("");
      writeFileSync(
        job,
        `kind: generate\nformat: ring\nevents: 50\ndisorder: 0.1\nruns:
  - { output: ${job}.a, run: 1 }\n  - { output: ${job}.b, run: 2, seed: 2 }\n`,
      );
      expect((await ended(["generate", job])).code).toBe(0);
      const again = await ended(["generate", job]);
      expect([again.code, again.stdout]).toEqual([1, expect.stringContaining("0 done, 2 failed")]);
      expect((await ended(["generate", job, "--resume"])).stdout).toContain("2 done, 0 failed");

      const order = jobFile("");
      writeFileSync(
        order,
        `kind: order\nwindow: 100\nruns:
  - { inputs: ${job}.a, output: ${order}.a }\n  - { inputs: ${job}.b, output: ${order}.b }\n`,
      );
      const ordered = await ended(["order", order, "--json"]);
      expect(linesOf(ordered).map(({ report }) => report)).toMatchObject([
        { runs: [{ run: 1, window: "100", backwardStepsOut: 0 }] },
        { runs: [{ run: 2, window: "100", backwardStepsOut: 0 }] },
      ]);
      expect((await ended(["order", order])).code).toBe(1);
      expect((await ended(["order", order, "--resume"])).code).toBe(0);
    },
    MINUTE,
  );
});

describe("evb submit", () => {
  test("with local does the job here, and says with --dry-run by which line", () => {
    const job = jobFile(
      `kind: generate\noutput: g${String(jobs + 1)}\nevents: 5\nevent-size: 100\n`,
    );
    expect(evb(["submit", job, "--with", "local", "--dry-run"]).stdout).toBe(
      `evb generate ${job}\n`,
    );
    expect(evb(["submit", job, "--with", "local"]).code).toBe(0);
    expect(existsSync(join(folder, `g${String(jobs)}`, "truth.json"))).toBe(true);
  });

  test.each([
    ["slurm", "sbatch", "Slurm"],
    ["lsf", "bsub", "LSF"],
  ])(
    "with %s prints its script alone, and says where there is no %s",
    async (system, program, name) => {
      const job = jobFile(`kind: run\ninputs: run\noutput: s${String(jobs + 1)}/out\n`);
      const dry = evb(["submit", job, "--with", system, "--dry-run"]);
      expect([dry.code, dry.stderr]).toEqual([0, ""]);
      expect(dry.stdout).toMatch(/^#!\/bin\/(ba)?sh\n/);
      expect(existsSync(join(folder, `s${String(jobs)}`))).toBe(false);
      const done = await ended(["submit", job, "--with", system], { env: { PATH: "/nowhere" } });
      const script = join(folder, `s${String(jobs)}/.evb/job${String(jobs)}.${system}.sh`);
      expect(sentenceOf(done)).toBe(
        `there is no ${program} on this host, so nothing was submitted to ${name}: submit ${script} from a host of the cluster`,
      );
      expect([done.code, existsSync(script)]).toEqual([2, true]);
    },
  );

  test("with compose writes paths as the containers have them", () => {
    const job = jobFile(`kind: run
inputs: [run, "more/*.h5"]
output: results/out
analysis: results/mine.ts
set: { text: it's }
data: /abs/elsewhere
`);
    const refused = evb(["submit", job, "--with", "compose", "--dry-run"]);
    expect(sentenceOf(refused)).toBe(
      `/abs/elsewhere can't be seen in the containers, which have ${folder} and ${folder}/results; move it into one of them`,
    );
    const good = jobFile(`kind: run
inputs: [run, "more/*.h5"]
output: results/out
analysis: results/mine.ts
set: { text: it's }
clients: 3
`);
    const { stdout } = evb(["submit", good, "--with", "compose", "--dry-run"]);
    expect(stdout).toContain(`export EVB_DATA=${folder}\nexport EVB_RESULTS=${folder}/results\n`);
    const value = (name: string): string =>
      spawnSync("sh", ["-c", `${stdout.replace(/^docker .*$/m, "")}printf %s "$${name}"`], {
        encoding: "utf8",
      }).stdout;
    expect(value("EVB_BEFORE")).toBe(
      "test -e /results/out.index.h5 || evb index /data/run '/data/more/*.h5' --out=/results/out.index.h5",
    );
    expect(value("EVB_COORDINATOR")).toBe(
      "coordinator /results/out.index.h5 --out=/results/out --analysis=/results/mine.ts '--set=text=it'\\''s' --resume --clients=3",
    );
    expect(value("EVB_CLIENT")).toBe("--wait=2m");
    expect(stdout).toContain("--scale client=3\n");
  });
});
