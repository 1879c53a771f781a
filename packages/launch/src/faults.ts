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
});

/** So many problems are of use at once. */
const PROBLEMS_MAX = 8;

function listOf(problems: readonly string[]): string {
  const shown = problems.slice(0, PROBLEMS_MAX).join("; ");
  const more = problems.length - PROBLEMS_MAX;
  return more > 0 ? `${shown}; and ${String(more)} more` : shown;
}
