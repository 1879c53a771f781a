// Loaded before a command (NODE_OPTIONS=--require): when a process ends that reads events, what the system counted of
// its reads goes to EVB_READS, a line for each.
const { appendFileSync, readFileSync } = require("node:fs");
const { isMainThread } = require("node:worker_threads");

const program = process.argv[1] ?? "";
if (isMainThread && program.endsWith(process.env.EVB_READER))
  process.on("exit", () => {
    const [, bytes] = /^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"));
    appendFileSync(process.env.EVB_READS, `${bytes}\n`);
  });
