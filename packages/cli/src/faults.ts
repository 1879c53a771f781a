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
  "other-format": [
    2,
    (at: { option: string; format: string }) =>
      `--${at.option} goes with --format ${at.format} only; give that format, or leave --${at.option} out`,
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
  "pipe-not-kept": [
    1,
    (at: { path: string; reason: string }) =>
      `what came from the pipe can't be kept in ${at.path}: ${at.reason}; check that its folder is there and has room`,
  ],
  "pipe-stopped": [
    4,
    () => "stopped while the pipe was read: nothing is written, and what came is gone; begin anew",
  ],
  "inspect-not-an-index": [
    2,
    (at: { path: string }) =>
      `${at.path} is no index, so it has no events to list; leave --events out`,
  ],
  "inspect-not-ring": [
    2,
    (at: { path: string }) =>
      `${at.path} is an HDF5 file, and has no ring items to list; leave --items out`,
  ],
  "inspect-one-file": [
    2,
    (at: { file: string }) =>
      `more than ${at.file} was given, and only --windows takes several files; give one, or --windows`,
  ],
  "inspect-no-windows": [
    2,
    (at: { path: string }) =>
      `${at.path} is no run of ring items and no index of one, so there are no windows to try; leave --windows out`,
  ],
  "inspect-damaged": [
    1,
    (at: { path: string; pieces: number }) =>
      `${at.path} is damaged in ${String(at.pieces)} place${at.pieces === 1 ? "" : "s"}; \`evb order --salvage\` keeps the rest`,
  ],
  "validate-not-ring": [
    2,
    (at: { path: string }) =>
      `${at.path} is no ring-item file, and so far evb validates only those; leave it out`,
  ],
  "problems-found": [
    1,
    (at: { problems: number; files: number }) =>
      `${String(at.problems)} problem${at.problems === 1 ? " was" : "s were"} found in ${String(at.files)} file${at.files === 1 ? "" : "s"}; they are listed above, and with --json by file, byte and item`,
  ],
  "generate-interrupted": [
    4,
    (at: { folder: string }) =>
      `the mock run was interrupted, and nothing of it stays in ${at.folder}; give the command again`,
  ],
});
