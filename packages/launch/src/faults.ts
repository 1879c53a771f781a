import { faults } from "@evb/event";

export const fault = faults({
  "job-unreadable": [
    3,
    (at: { path: string; reason: string }) =>
      `the job file ${at.path} can't be read: ${at.reason}; check the path`,
  ],
  "bad-job": [
    2,
    (at: { path: string; problems: readonly string[] }) =>
      `${at.path} is no job that can be run: ${listOf(at.problems)}; docs/launching/job-file.md lists the keys`,
  ],
  "job-kind": [
    2,
    (at: { path: string; kind: string; command: string }) =>
      `${at.path} is a job of kind ${at.kind}, and this is evb ${at.command}: type \`evb ${at.kind} ${at.path}\``,
  ],
  "compose-one-run": [
    2,
    (at: { path: string; kind: string; runs: number }) =>
      `containers do one job of kind run, and ${at.path} is ${at.kind === "run" ? `${String(at.runs)} runs: choose one by --only NAME` : `of kind ${at.kind}: use --with local`}`,
  ],
  "compose-no-inputs": [
    2,
    (at: { path: string }) =>
      `${at.path} has no \`inputs\`, by which their folder is found for the containers; give them beside the index`,
  ],
  "compose-elsewhere": [
    2,
    (at: { path: string; data: string; results: string }) =>
      `${at.path} can't be seen in the containers, which have ${at.data} and ${at.results}; move it into one of them`,
  ],
  "submit-not-found": [
    2,
    (at: { program: string; system: string; script: string }) =>
      `there is no ${at.program} on this host, so nothing was submitted to ${at.system}: submit ${at.script} from a host of the cluster`,
  ],
  "submit-refused": [
    1,
    (at: { program: string; reason: string; script: string }) =>
      `${at.program} did not take ${at.script}: ${at.reason}`,
  ],
  "script-unwritable": [
    1,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be written: ${at.reason}; make room or check the folder`,
  ],
  "no-compose-file": [
    2,
    (at: { path: string }) =>
      `${at.path} isn't there: name the docker-compose.yml of evb by --compose-file`,
  ],
  // rank
  "place-bad": [
    2,
    (at: { name: string; text: string; wanted: string }) =>
      `${at.name} is ${at.text === "" ? "empty" : at.text}, and should be ${at.wanted}; start evb rank by srun, mpirun or blaunch, or give --rank and --size`,
  ],
  "place-half": [
    2,
    (at: { one: string; other: string }) =>
      `${at.one} is given without ${at.other}; give both, or start evb rank by srun, mpirun or blaunch`,
  ],
  "rank-too-large": [
    2,
    (at: { rank: string; size: string }) =>
      `${at.rank} is not below ${at.size}; ranks count from 0`,
  ],
  "run-unknown": [
    2,
    (at: { path: string; only: string; names: readonly string[] }) =>
      `${at.path} has no run ${at.only}; it has ${at.names.join(", ")}`,
  ],
  "out-done": [
    2,
    (at: { out: string }) =>
      `${at.out} is done, and not by this job; choose another output, --resume to leave it as it is, or --force to start anew in its place`,
  ],
  "lock-held": [
    2,
    (at: { path: string; job: string; host: string; pid: number }) =>
      `${at.path} is held by job ${at.job} (process ${String(at.pid)} on ${at.host}), which is on; wait for its end, or choose another output`,
  ],
  "lock-lost": [
    1,
    (at: { path: string }) =>
      `another process has taken ${at.path}, so this one ends; the same command goes on`,
  ],
  "lock-unwritable": [
    1,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be written: ${at.reason}; check that its folder is there, writable, and has room`,
  ],
  "not-done": [
    4,
    (at: { run: string }) => `run ${at.run} is not done; the same job goes on with it`,
  ],
  "not-begun": [
    4,
    (at: { run: string }) => `stopped before run ${at.run} had begun; the same command goes on`,
  ],
});

/** So many problems are of use at once. */
const PROBLEMS_MAX = 8;

function listOf(problems: readonly string[], between = "; "): string {
  const shown = problems.slice(0, PROBLEMS_MAX).join(between);
  const more = problems.length - PROBLEMS_MAX;
  return more > 0 ? `${shown}${between}and ${String(more)} more` : shown;
}
