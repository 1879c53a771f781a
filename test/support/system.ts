import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const EVB = join(ROOT, "packages/cli/bin/evb.js");
/** Debian's own: python3-h5py is built for it. */
const PYTHON = "/usr/bin/python3";
/** No command of these tests takes longer. */
const COMMAND_MS_MAX = 900_000;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** Runs a program to its end. */
export function run(command: string, args: readonly string[], cwd = ROOT): Ran {
  const begun = performance.now();
  const done = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    timeout: COMMAND_MS_MAX,
  });
  const seconds = (performance.now() - begun) / 1000;
  return { code: done.status, stdout: done.stdout, stderr: done.stderr, seconds };
}

/** Runs a program that must succeed; returns what it printed. */
export function output(command: string, args: readonly string[], cwd = ROOT): string {
  const { code, stdout, stderr } = run(command, args, cwd);
  if (code !== 0)
    throw new Error(
      `${command} ${args.join(" ")} ended with ${String(code)}:\n${stdout}\n${stderr}`,
    );
  return stdout;
}

export const evb = (...args: readonly string[]): string => output(process.execPath, [EVB, ...args]);

/** One of the programs in test/oracle, which know nothing of evb's code. */
export const oracle = (program: string, ...args: readonly string[]): string =>
  output(PYTHON, [join(ROOT, "test/oracle", program), ...args]);

export const python = (code: string, ...args: readonly string[]): string =>
  output(PYTHON, ["-c", code, ...args]);

/** A folder that is gone when the tests are. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(process.env["TMPDIR"] ?? tmpdir(), "evb-system-"));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}
