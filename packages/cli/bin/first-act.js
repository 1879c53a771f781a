// Node opens its debugger on SIGUSR1 until somebody listens, and batch systems send it before they end a job. So this
// comes before anything else is loaded; what is to be done about it is told to the batch script, which sends SIGTERM.
process.on("SIGUSR1", () => {
  process.stderr.write("evb: SIGUSR1 is left to the batch script; SIGTERM stops this process\n");
});
