import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { batchScript, readJob, type BatchOrder, type BatchSystem } from "@evb/launch";
import { inFolder } from "../support/folder.ts";
import { ROOT } from "../support/system.ts";

/** What a shell would trip over, were it not quoted. */
const EVIL = `it's "a" $HOME \`b\` \\ & c;d`;
const EVB = ["/usr/bin/node", `/opt/${EVIL}/evb.js`] as const;

const RUN = "kind: run\ninputs: run1\noutput: out/a\nclients: 33\n";
const ARRAY = `kind: generate
name: mocks
runs:
  - { output: out/a }
  - { output: out/b }
  - { output: out/c, name: third }
`;

/** A job file in a folder of that name. */
function orderOf(folder: string, text: string, change: Partial<BatchOrder> = {}): BatchOrder {
  const path = join(folder, "job.yaml");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, text);
  const order = {
    job: readJob(path),
    evb: EVB,
    version: "0.0.0",
    words: [],
    connection: undefined,
  };
  return { ...order, ...change };
}

const headOf = (script: string): string[] =>
  script.split("\n").filter((line) => /^#(SBATCH|BSUB)/.test(line));

describe("a batch script", () => {
  test.each<[BatchSystem, string]>([
    ["slurm", "bash"],
    ["lsf", "sh"],
  ])("for %s is one that %s understands, whatever the paths are", (system, shell) =>
    inFolder((folder) => {
      for (const text of [RUN, ARRAY]) {
        const script = batchScript(system, orderOf(join(folder, EVIL), text));
        const { stderr } = spawnSync(shell, ["-n"], { input: script, encoding: "utf8" });
        expect(stderr).toBe("");
      }
    }),
  );

  test("for Slurm asks for what the job does, and not for what it doesn't say", () =>
    inFolder((folder) => {
      const plain = batchScript("slurm", orderOf(folder, RUN));
      expect(plain).toContain("34 slots: 1 coordinator and 33 clients");
      expect(headOf(plain)).toEqual([
        "#SBATCH --job-name=job",
        "#SBATCH --ntasks=34",
        `#SBATCH --output=${folder}/out/.evb/job-%j.log`,
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --no-kill",
        "#SBATCH --signal=B:USR1@120",
      ]);
      const asked = `${RUN}resources:
  nodes: 4
  tasks: 9
  cpus-per-task: 2
  memory: 4GiB
  walltime: 1:30:00
  queue: long
  account: my group
  lines: ["--exclusive", "-x", "#SBATCH -C haswell"]
`;
      expect(headOf(batchScript("slurm", orderOf(folder, asked)))).toEqual([
        "#SBATCH --job-name=job",
        "#SBATCH --nodes=4",
        "#SBATCH --ntasks=9",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --mem=4096M",
        "#SBATCH --time=90",
        "#SBATCH --partition=long",
        '#SBATCH --account="my group"',
        `#SBATCH --output=${folder}/out/.evb/job-%j.log`,
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --no-kill",
        "#SBATCH --signal=B:USR1@120",
        "#SBATCH --exclusive",
        "#SBATCH -C haswell",
      ]);
      expect(headOf(batchScript("lsf", orderOf(folder, asked)))).toEqual([
        '#BSUB -J "job"',
        "#BSUB -q long",
        "#BSUB -n 9",
        '#BSUB -R "span[ptile=3] rusage[mem=4096MB]"',
        `#BSUB -o ${folder}/out/.evb/job-%J.log`,
        "#BSUB -W 90",
        "#BSUB -wt 2",
        "#BSUB -wa USR2",
        '#BSUB -P "my group"',
        '#BSUB -Q "4"',
        "#BSUB -r",
        "#BSUB -x",
      ]);
    }));

  test("for a job of several runs is an array, and each of its tasks one run", () =>
    inFolder((folder) => {
      const slurm = headOf(batchScript("slurm", orderOf(folder, ARRAY)));
      expect(slurm).toContain("#SBATCH --array=0-2");
      expect(slurm).toContain("#SBATCH --ntasks=1");
      expect(slurm).toContain(`#SBATCH --output=${folder}/out/.evb/mocks-%A_%a.log`);
      const lsf = headOf(batchScript("lsf", orderOf(folder, ARRAY)));
      expect(lsf).toContain('#BSUB -J "mocks[1-3]"');
      expect(lsf).toContain("#BSUB -n 1");
    }));

  test("for clients only has no coordinator, and doesn't come again", () =>
    inFolder((folder) => {
      const order = orderOf(folder, RUN, { connection: "/results/out/connection.json" });
      const script = batchScript("slurm", order);
      expect(headOf(script)).toContain("#SBATCH --ntasks=33");
      expect(headOf(script)).toContain("#SBATCH --no-requeue");
      expect(script).toContain(" client /results/out/connection.json --wait=10m &");
      expect(script).not.toContain('scontrol requeue "');
    }));
});

/** The words of every call of a program that a script made. */
type Calls = string[][];

/**
 * Runs a script in a shell that has programs of these names, each a line of shell; what they are given
 * is kept.
 */
async function runScript(
  folder: string,
  { shell, script, env }: { shell: string; script: string; env?: NodeJS.ProcessEnv },
  programs: Readonly<Record<string, string>>,
  /** Told to the shell when the first program has been called. */
  signal?: NodeJS.Signals,
): Promise<{ code: number | null; calls: (program: string) => Calls; stderr: string }> {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const [name, does] of Object.entries(programs)) {
    const path = join(bin, name);
    const keep = `for each; do printf '%s\\0' "$each"; done >>'${folder}/${name}.calls'; printf '\\n\\0' >>'${folder}/${name}.calls'`;
    writeFileSync(path, `#!/bin/bash\n${keep}\n${does}\n`);
    chmodSync(path, 0o755);
  }
  writeFileSync(join(folder, "script"), script);
  const child = spawn(shell, [join(folder, "script")], {
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}`, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (text.includes("on") && signal !== undefined) child.kill(signal);
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const calls = (program: string): Calls => {
    try {
      const text = readFileSync(join(folder, `${program}.calls`), "utf8");
      return text
        .split("\0\n\0")
        .slice(0, -1)
        .map((call) => call.split("\0"));
    } catch {
      return [];
    }
  };
  return { code, calls, stderr };
}

describe("a batch script that runs", () => {
  const SRUN = ["--kill-on-bad-exit=0", "--wait=0", "--no-kill"];

  test("under Slurm gives evb its words as they are, and its exit code to Slurm", () =>
    inFolder(async (folder) => {
      const order = orderOf(join(folder, EVIL), RUN, { words: ["--resume"] });
      const script = batchScript("slurm", order);
      const ended = await runScript(folder, { shell: "bash", script }, { srun: "exit 3" });
      expect([ended.code, ended.stderr]).toEqual([3, ""]);
      expect(ended.calls("srun")).toEqual([[...SRUN, ...EVB, "rank", order.job.path, "--resume"]]);
    }));

  test("under Slurm, in an array, does the run of its number", () =>
    inFolder(async (folder) => {
      const order = orderOf(folder, ARRAY);
      const script = batchScript("slurm", order);
      const env = { SLURM_ARRAY_TASK_ID: "2", EVB_NODE: "/sw/node" };
      const ended = await runScript(folder, { shell: "bash", script, env }, { srun: "" });
      expect(ended.code).toBe(0);
      const words = ["/sw/node", EVB[1], "rank", order.job.path, "--only", "third"];
      expect(ended.calls("srun")).toEqual([["--kill-on-bad-exit=0", "--wait=0", ...words]]);
    }));

  // The step ends by itself when its tasks were told.
  const step = "echo on; while [ ! -e stop ]; do sleep 0.05; done; exit 4";
  const programs = { srun: step, scancel: "touch stop", scontrol: "" };
  const env = { SLURM_JOB_ID: "77" };

  test("before its walltime ends tells its tasks, and puts itself into the queue again", () =>
    inFolder(async (folder) => {
      const script = `cd '${folder}'\n${batchScript("slurm", orderOf(folder, RUN))}`;
      const job = { shell: "bash", script, env };
      const ended = await runScript(folder, job, programs, "SIGUSR1");
      expect(ended.code).toBe(4);
      expect(ended.calls("scancel")).toEqual([["--quiet", "--signal=TERM", "77"]]);
      expect(ended.calls("scontrol")).toEqual([["requeue", "77"]]);
    }));

  test("that is cancelled waits for its tasks, which were told already, and stays away", () =>
    inFolder(async (folder) => {
      const script = `cd '${folder}'\n${batchScript("slurm", orderOf(folder, RUN))}`;
      const told = { ...programs, srun: "echo on; sleep 0.5; exit 4" };
      const ended = await runScript(folder, { shell: "bash", script, env }, told, "SIGTERM");
      expect(ended.code).toBe(4);
      expect(ended.calls("scancel")).toEqual([]);
      expect(ended.calls("scontrol")).toEqual([]);
    }));

  test.each([
    [0, 0, []],
    [4, 4, [["requeue", "77"]]],
    [1, 1, []],
  ])("whose task was killed asks what became of the job: %i", (check, code, requeued) =>
    inFolder(async (folder) => {
      const node = join(folder, "bin/node");
      const order = orderOf(folder, RUN, { evb: [node, "evb.js"], words: ["--only", "a"] });
      const script = batchScript("slurm", order);
      const killed = { ...programs, srun: "exit 137", node: `exit ${String(check)}` };
      const ended = await runScript(folder, { shell: "bash", script, env }, killed);
      expect([ended.code, ended.calls("scontrol")]).toEqual([code, requeued]);
      const words = ["evb.js", "rank", order.job.path, "--only", "a", "--check"];
      expect(ended.calls("node")).toEqual([words]);
    }),
  );

  test("is put into the queue a hundred times, and no more", () =>
    inFolder(async (folder) => {
      const script = batchScript("slurm", orderOf(folder, RUN));
      const last = { ...env, SLURM_RESTART_COUNT: "100" };
      const stopped = { ...programs, srun: "exit 4" };
      const ended = await runScript(folder, { shell: "bash", script, env: last }, stopped);
      expect([ended.code, ended.calls("scontrol")]).toEqual([4, []]);
    }));

  // As rsh does: the words are joined, and a shell on the other host takes them apart.
  const blaunch = `sh -c "set -- $*; for each; do printf '%s\\\\0' \\"\\$each\\"; done" >there; echo on; `;

  test("under LSF gives evb its words as they are, through a second shell", () =>
    inFolder(async (folder) => {
      const order = orderOf(join(folder, EVIL), RUN);
      const script = `cd '${folder}'\n${batchScript("lsf", order)}`;
      const programs = { blaunch: `${blaunch} exit 4` };
      const ended = await runScript(folder, { shell: "sh", script }, programs);
      expect([ended.code, ended.stderr]).toEqual([4, ""]);
      const there = readFileSync(join(folder, "there"), "utf8").split("\0").slice(0, -1);
      expect(there).toEqual([...EVB, "rank", order.job.path]);
    }));

  test.each<[NodeJS.Signals, number]>([
    // LSF queues a job again that ends with 4: -Q "4".
    ["SIGUSR2", 4],
    ["SIGTERM", 130],
    ["SIGINT", 130],
  ])("under LSF passes %s on as SIGTERM, and ends with %i", (signal, code) =>
    inFolder(async (folder) => {
      const script = `cd '${folder}'\n${batchScript("lsf", orderOf(folder, RUN))}`;
      const programs = { blaunch: `trap 'exit 4' TERM; ${blaunch} while :; do sleep 0.05; done` };
      const ended = await runScript(folder, { shell: "sh", script }, programs, signal);
      expect([ended.code, ended.stderr]).toEqual([code, ""]);
    }),
  );

  test("under LSF, in an array, does the run of its index", () =>
    inFolder((folder) => {
      const order = orderOf(folder, ARRAY, { evb: ["/bin/echo", "evb.js"] });
      const script = batchScript("lsf", order);
      const path = join(folder, "script");
      writeFileSync(path, script);
      const { stdout } = spawnSync("sh", [path], {
        env: { ...process.env, LSB_JOBINDEX: "3" },
        encoding: "utf8",
      });
      expect(stdout).toBe(`evb.js rank ${order.job.path} --only third\n`);
    }));
});

describe("the scripts for those who write their own", () => {
  const textOf = (name: string): string => readFileSync(join(ROOT, "scripts", name), "utf8");

  test.each([
    ["night.yaml --only a", ["rank", "night.yaml", "--only", "a"]],
    ["generate 'my run' --files 10", ["generate", "my run", "--files", "10"]],
  ])("submit-slurm.sh %s", (words, expected) =>
    inFolder(async (folder) => {
      const script = `set -- ${words}\n${textOf("submit-slurm.sh")}`;
      const ended = await runScript(folder, { shell: "bash", script }, { srun: "exit 3" });
      expect([ended.code, ended.stderr]).toEqual([3, ""]);
      const options = ["--kill-on-bad-exit=0", "--wait=0", "--no-kill"];
      expect(ended.calls("srun")).toEqual([[...options, "evb", ...expected]]);
    }),
  );

  test.each<[NodeJS.ProcessEnv, "blaunch" | "evb", string[]]>([
    [{ EVB_JOB: "my job.yaml", EVB: "/sw/evb" }, "blaunch", ["/sw/evb", "rank", "my job.yaml"]],
    [{ EVB_WORDS: "index run1/ -o i.h5" }, "evb", ["index", "run1/", "-o", "i.h5"]],
  ])("submit-lsf.sh with %j", (env, program, words) =>
    inFolder(async (folder) => {
      const job = { shell: "sh", script: textOf("submit-lsf.sh"), env };
      const ended = await runScript(folder, job, { [program]: "exit 3" });
      expect([ended.code, ended.stderr]).toEqual([3, ""]);
      expect(ended.calls(program)).toEqual([words]);
    }),
  );

  test.each([
    ["bash", "submit-slurm.sh", /^usage: sbatch /],
    ["sh", "submit-lsf.sh", /^neither EVB_JOB nor EVB_WORDS is set/],
  ])("say how they are used: %s %s", (shell, name, sentence) => {
    const { status, stderr } = spawnSync(shell, [join(ROOT, "scripts", name)], {
      encoding: "utf8",
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(sentence);
  });
});
