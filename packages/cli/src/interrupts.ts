const EXIT_AT_ONCE = 130;
/** A batch system's SIGTERM goes to the script and to what it started, and the script passes it on: one wish, told twice. */
const ECHO_MS = 1000;

/**
 * SIGTERM or SIGINT ends the work politely; a second one ends the process at once. SIGUSR1 has its listener in
 * bin/first-act.js.
 *
 * @param attached whoever started this process holds its stdin, and wants it to end when that does
 */
export function interruptSignal({ attached = false } = {}): AbortSignal {
  const controller = new AbortController();
  let toldMs = -Infinity;
  const stop = (signal: NodeJS.Signals): void => {
    const isEcho = signal === "SIGTERM" && performance.now() - toldMs < ECHO_MS;
    if (isEcho) return;
    if (controller.signal.aborted) process.exit(EXIT_AT_ONCE);
    toldMs = performance.now();
    controller.abort(new Error("interrupted"));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return attached ? AbortSignal.any([controller.signal, stdinEnd()]) : controller.signal;
}

/** Who started this process is gone when its end of stdin is, or wants it to be. */
function stdinEnd(): AbortSignal {
  const ended = new AbortController();
  process.stdin.once("end", () => {
    ended.abort(new Error("stdin ended"));
  });
  process.stdin.resume();
  return ended.signal;
}
