// Loaded before a command (NODE_OPTIONS=--require): when the process whose program is EVB_PROGRAM ends, when it began,
// how much memory it had at most, and its processors' seconds go to EVB_FIGURES, a line of JSON.
const { appendFileSync, readFileSync } = require("node:fs");
const { isMainThread } = require("node:worker_threads");

const program = process.argv[1] ?? "";
if (isMainThread && program.endsWith(process.env.EVB_PROGRAM))
  process.on("exit", () => {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    const { user, system } = process.cpuUsage();
    const figures = {
      startMs: performance.timeOrigin,
      peakMegabytes: (kibibytes * 1024) / 1e6,
      cpuSeconds: (user + system) / 1e6,
    };
    appendFileSync(process.env.EVB_FIGURES, `${JSON.stringify(figures)}\n`);
  });
