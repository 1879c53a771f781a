// Node opens its debugger on SIGUSR1 until somebody listens, and SIGUSR2 ends it. Batch systems send them before they
// end a job: Slurm the first, if asked for it, LSF the second. So this comes before anything else is loaded; what is to
// be done about them is told to the batch script, which sends SIGTERM.
for (const signal of ["SIGUSR1", "SIGUSR2"])
  process.on(signal, () => {
    process.stderr.write(
      `evb: ${signal} is left to the batch script; SIGTERM stops this process\n`,
    );
  });
