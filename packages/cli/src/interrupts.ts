const EXIT_AT_ONCE = 130;

/**
 * SIGTERM or SIGINT ends the work politely; a second one ends the process at once. Node opens its
 * debugger on SIGUSR1 unless somebody listens, and batch systems send it.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_AT_ONCE);
    controller.abort(new Error("interrupted"));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGUSR1", () => undefined);
  return controller.signal;
}
