import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const EVB = fileURLToPath(new URL("../bin/evb.js", import.meta.url));

/** How a command of a job ended. */
export interface ChildEnd {
  readonly code: number;
  /** What it said last, if it failed. */
  readonly reason: string | undefined;
  /** What it printed, where that was asked for. */
  readonly stdout: string;
}

/**
 * Runs one command of a job to its end, in a process of its own: what befalls it, befalls no other run.
 * When the signal aborts its stdin ends; it isn't sent a signal, as who sends one to this process may
 * have sent it to both.
 *
 * @param stdout of the child: this process's, its stderr, or a text
 */
export async function runCommand(
  words: readonly string[],
  stdout: "inherit" | "stderr" | "text" | "ignore",
  signal: AbortSignal,
): Promise<ChildEnd> {
  const to = { inherit: 1, stderr: 2, text: "pipe", ignore: "ignore" } as const;
  const child = spawn(process.execPath, [EVB, ...words], {
    stdio: ["pipe", to[stdout], 2, "ipc"],
  });
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  const stop = (): void => {
    child.stdin?.end();
  };
  // A second interrupt ends this process at once, and leaves none behind.
  process.once("exit", kill);
  signal.addEventListener("abort", stop, { once: true });
  child.stdin?.on("error", () => undefined);
  if (signal.aborted) stop();
  let text = "";
  let reason: string | undefined;
  child.stdout?.setEncoding("utf8").on("data", (more: string) => (text += more));
  child.on("message", (said) => {
    reason = (said as LastWords).lastWords;
  });
  try {
    return await new Promise<ChildEnd>((resolve) => {
      child.once("error", ({ message }) => {
        resolve({ code: 1, reason: `it can't be started: ${message}`, stdout: "" });
      });
      child.once("close", (code, by) => {
        const ended = by === null ? reason : `it was ended by ${by}`;
        resolve({ code: code ?? 1, reason: code === 0 ? undefined : ended, stdout: text });
      });
    });
  } finally {
    process.off("exit", kill);
    signal.removeEventListener("abort", stop);
  }
}

/** What a command of a job tells the process that started it. */
export interface LastWords {
  readonly lastWords: string;
}
