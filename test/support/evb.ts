import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The command as it is installed. */
export const EVB = fileURLToPath(new URL("../../packages/cli/bin/evb.js", import.meta.url));
/** A command of these tests takes 0.3 s; on a machine that does ten things at once, some seconds. */
const TIMEOUT_MS = 30_000;

export interface Ended {
  /** Exit code; 128 and the signal's number are never made up: null means that a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a user does, in a process of its own. */
export function evb(words: readonly string[], folder?: string): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [EVB, ...words], {
    cwd: folder,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  return { code: status, stdout, stderr };
}

/** The same as a line for a shell, for pipes. */
export const evbLine = (words: string): string => `"${process.execPath}" "${EVB}" ${words}`;

/** What people get to read of a failure: one line on stderr that begins with `evb: `, and no stack. Without that beginning. */
export function sentenceOf({ stderr }: Ended): string {
  const sentence = /^evb: ([^\n]+)\n$/.exec(stderr)?.[1];
  if (sentence === undefined || /Error|\bat .*\.[jt]s:|defect/.test(sentence))
    throw new Error(`stderr is not one sentence: ${stderr}`);
  return sentence;
}
