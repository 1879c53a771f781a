import { faults } from "@evb/event";

export const fault = faults({
  "bad-option": [
    2,
    (at: { option: string; text: string; wanted: string }) =>
      `--${at.option} ${at.text} is not understood; give ${at.wanted}`,
  ],
  "options-exclude": [
    2,
    (at: { one: string; other: string }) =>
      `--${at.one} and --${at.other} exclude each other; leave one out`,
  ],
  usage: [
    2,
    (at: { reason: string; command: string }) =>
      `${at.reason}; \`${at.command} --help\` shows what there is`,
  ],
  "no-space": [
    1,
    (at: { folder: string; needed: string; free: string }) =>
      `${at.folder} has ${at.free} free, and the mock run takes ${at.needed}; choose another folder or a smaller run`,
  ],
  "no-event": [
    1,
    (at: { index: string; selection: string }) =>
      `no event was found (${at.selection}); ${at.index} is written, but there is nothing to run`,
  ],
  "inspect-not-an-index": [
    2,
    (at: { path: string }) =>
      `${at.path} is no index, so it has no events to list; leave --events out`,
  ],
  "generate-interrupted": [
    4,
    (at: { folder: string }) =>
      `the mock run was interrupted, and nothing of it stays in ${at.folder}; give the command again`,
  ],
});
