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
  "run-not-in-job": [
    2,
    (at: { path: string; only: string; names: readonly string[] }) =>
      `${at.path} has no run ${at.only}: its runs are ${listOf(at.names, ", ")}`,
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
});

/** So many problems are of use at once. */
const PROBLEMS_MAX = 8;

function listOf(problems: readonly string[], between = "; "): string {
  const shown = problems.slice(0, PROBLEMS_MAX).join(between);
  const more = problems.length - PROBLEMS_MAX;
  return more > 0 ? `${shown}${between}and ${String(more)} more` : shown;
}
