const EXIT_AT_ONCE = 130;
/** A batch system's SIGTERM goes to the script and to what it started, and the script passes it on: one wish, told twice. */
const ECHO_MS = 1000;

/**
 * SIGTERM or SIGINT ends the work politely; a second one ends the process at once. Node opens its
 * debugger on SIGUSR1 unless somebody listens, and batch systems send it.
 */
export function interruptSignal(): AbortSignal {
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
  process.on("SIGUSR1", () => undefined);
  return controller.signal;
}
