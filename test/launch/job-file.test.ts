import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { readJob, type Job } from "@evb/launch";
import { inFolder } from "../support/folder.ts";

/** The job, with `/job` for its folder. */
const jobOf = (text: string): Promise<Job> =>
  inFolder((folder) => {
    const path = join(folder, "job.yaml");
    writeFileSync(path, text);
    const job = JSON.stringify(readJob(path)).replaceAll(folder, "/job");
    return Promise.resolve(JSON.parse(job) as Job);
  });

/** Why it is refused, without the beginning and the end that all sentences have. */
const refusalOf = (text: string): Promise<string> =>
  jobOf(text).then(
    () => "taken",
    (thrown: unknown) => {
      const [, reason] = /job\.yaml is no job that can be run: (.*); docs\//s.exec(
        String(thrown),
      ) ?? [undefined, (thrown as Error).message];
      return reason;
    },
  );

const RUN = `kind: run
inputs: [run1/, extra/*.h5]
output: out
`;

describe("a job file", () => {
  test("becomes words of the commands, with paths of its own folder", async () => {
    const job = await jobOf(`${RUN}select: smalldata == "green"
index-sources: file*
analysis: mine.ts
set: { threshold: 40, name: a b }
data: [/disk, a=b]
event-timeout: 30s
read-ahead: 4
wait: 2m
listen: "*"
insecure: false
strict: true
clients: 33
`);
    expect(job).toMatchObject({ kind: "run", name: "job", path: "/job/job.yaml" });
    expect(job.runs).toEqual([
      {
        name: "out",
        out: "/job/out",
        index: {
          path: "/job/out.index.h5",
          inputs: ["/job/run1", "/job/extra/*.h5"],
          words: [
            "/job/run1",
            "/job/extra/*.h5",
            "--out=/job/out.index.h5",
            "--force",
            `--select=smalldata == "green"`,
            "--sources=file*",
          ],
        },
        words: [
          "/job/out.index.h5",
          "--out=/job/out",
          "--analysis=/job/mine.ts",
          "--set=threshold=40",
          "--set=name=a b",
          "--strict",
          "--data=/disk",
          "--data=/job/a=/job/b",
          "--event-timeout=30s",
        ],
        coordinatorWords: ["--listen=*"],
        readerWords: ["--read-ahead=4"],
        clientWords: [
          "--data=/disk",
          "--data=/job/a=/job/b",
          "--event-timeout=30s",
          "--read-ahead=4",
          "--wait=2m",
        ],
        clients: 33,
      },
    ]);
  });

  test("keeps numbers as they are typed: ticks of 64 bits, dates and hexadecimal ones", async () => {
    const { runs } = await jobOf(`kind: order
inputs: run-0001-00.evt
output: out
window: [18446744073709551615, 0x10, 1_000]
source-id: 007
`);
    expect(runs[0]!.words).toEqual([
      "/job/run-0001-00.evt",
      "--out=/job/out",
      "--window=18446744073709551615",
      "--window=0x10",
      "--window=1_000",
      "--source-id=007",
    ]);
  });

  test("has runs, whose keys stand in place of those above", async () => {
    const { runs, name } = await jobOf(`kind: generate
name: night
events: 10
seed: 1
runs:
  - output: a
  - { output: b, name: second, seed: 2 }
  - { output: c, seed: &s 3 }
  - { output: d, seed: *s, unbuilt: true }
`);
    expect(name).toBe("night");
    expect(runs.map((run) => [run.name, ...run.words])).toEqual([
      ["a", "/job/a", "--events=10", "--seed=1"],
      ["second", "/job/b", "--events=10", "--seed=2"],
      ["c", "/job/c", "--events=10", "--seed=3"],
      ["d", "/job/d", "--events=10", "--seed=3", "--unbuilt"],
    ]);
  });

  test("takes an index that is there, and makes none", async () => {
    const { runs } = await jobOf("kind: run\nindex: run1.index.h5\noutput: /results/out\n");
    expect(runs[0]).not.toHaveProperty("index");
    expect(runs[0]).toMatchObject({
      words: ["/job/run1.index.h5", "--out=/results/out"],
    });
  });

  test.each([
    ["90m", 90],
    ["2h", 120],
    ["1.5h", 90],
    ["30s", 1],
    ["1:30:00", 90],
    ["1-00:00:01", 1441],
    ["2 d", 2880],
  ])("has a walltime: %s is %i minutes", async (text, minutes) => {
    const job = await jobOf(`${RUN}resources: { walltime: "${text}", memory: 4GB, nodes: 2 }\n`);
    expect(job.resources).toMatchObject({
      walltimeMinutes: minutes,
      memoryMebibytes: 3815,
      nodes: 2,
      modules: [],
    });
  });

  test.each([
    [
      "kind: run\nanalysi: read\n",
      "line 2: `analysi` is no key of a job; did you mean `analysis`?",
    ],
    [
      "kind: run\ntimeout: 3s\n",
      "line 2: `timeout` is no key of a job; did you mean `event-timeout`?",
    ],
    ["kind: run\nfoo: 1\n", "line 2: `foo` is no key of a job"],
    [
      "kind: run\npolicy: latest\n",
      "line 2: `policy` is a key of order jobs, and this is a run job",
    ],
    [
      `${RUN}resume: true\n`,
      "line 4: `resume` is no key of a job, as it is of one start only: give --resume behind the job file",
    ],
    [
      `${RUN}match: exakt\n`,
      'line 4: `match` can\'t be "exakt"; give exact, window, gap or nearest',
    ],
    [`${RUN}clients: many\n`, 'line 4: `clients` can\'t be "many"; give a whole number, 1 or more'],
    [`${RUN}clients: 0\n`, "line 4: `clients` can't be 0; give a whole number, 1 or more"],
    [`${RUN}all: 1\n`, "line 4: `all` can't be 1; give true or false"],
    [`${RUN}select:\n`, "line 4: `select` has no value; give a text or a number"],
    [
      `${RUN}name: a/b\n`,
      'line 4: `name` can\'t be "a/b"; give letters, digits, dots, dashes and underscores only',
    ],
    [
      `${RUN}resources:\n  walltime: 5 parsecs\n  node: 3\n`,
      'line 5: `walltime` can\'t be "5 parsecs"; give something like 90m, 2h or 1-12:00:00; line 6: `node` is no key of a job; did you mean `nodes`?',
    ],
    ["kind: bake\n", 'line 1: `kind` can\'t be "bake"; give run, order or generate'],
    [
      "inputs: x\n",
      "line 1: there is no `kind`: give `kind: run`, `kind: order` or `kind: generate`",
    ],
    ["just words\n", "line 1: a job is a map of keys, beginning with `kind: run`"],
    ["", "line 1: a job is a map of keys, beginning with `kind: run`"],
    [
      "kind: run\noutput: out\n",
      "line 1: the run has no `inputs`, or an `index` that is there already",
    ],
    ["kind: order\ninputs: x\n", "line 1: the run has no `output`, the folder for what it writes"],
    ["kind: run\nkind: run\n", "line 2: map keys must be unique"],
    ["kind: run\n  x: [1\n", "line 1: nested mappings are not allowed in compact mappings"],
    [
      "kind: generate\nruns:\n  - output: a\n  - seed: 2\n",
      "line 4: the run has no `output`, the folder for what it writes",
    ],
    [
      "kind: generate\nruns:\n  - output: a\n  - output: ./a\n",
      "line 4: an earlier run has the output /job/a already",
    ],
    [
      "kind: generate\nruns:\n  - output: x/a\n  - output: y/a\n",
      "line 4: an earlier run is called a already: give each a `name`",
    ],
    ["kind: generate\nruns: []\n", "line 2: `runs` can't be []; give one at least"],
    [
      "kind: generate\nruns:\n  - output: a\n    evnts: 3\n",
      "line 4: `evnts` is no key of a job; did you mean `events`?",
    ],
  ])("that is wrong says in which line, and what is known: %j", async (text, reason) => {
    expect((await refusalOf(text)).replaceAll(/\/[^ ]*\/a already/g, "/job/a already")).toBe(
      reason,
    );
  });

  test("that isn't there is an input that can't be read", () => {
    const read = (): Job => readJob("/nowhere/job.yaml");
    expect(read).toThrow(/^the job file \/nowhere\/job.yaml can't be read: .*ENOENT/);
    expect(read).toThrow(expect.objectContaining({ tag: "job-unreadable", exitCode: 3 }));
  });
});
