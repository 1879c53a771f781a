import { faults } from "@evb/event";

export const fault = faults({
  "mock-run-unusable": [
    2,
    (at: { problems: readonly string[] }) =>
      `this mock run can't be made: ${at.problems.join("; ")}; \`evb generate --help\` shows what can be asked for`,
  ],
  "mock-run-exists": [
    2,
    (at: { directory: string; file: string }) =>
      `${at.directory} already holds ${at.file}; choose another folder, or --force to replace the old run`,
  ],
  "mock-run-not-written": [
    1,
    (at: { directory: string; reason: string }) =>
      `a mock run can't be written to ${at.directory}: ${at.reason}; check the folder's permissions and the free space of that disk`,
  ],
});
