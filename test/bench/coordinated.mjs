// `evb coordinator` and its clients, each a process of this host, run once: CLIENTS INDEX OUT [WORDS of the coordinator]
// → {"report", "clients", "startedAt", "peakMegabytes", "cpu"}. Clients start, all at once, when it listens.
//
// `cpu`: seconds of the coordinator's main thread and of its I/O thread while `share` of the events were worked on, seen
// from outside, so that start-up and the writing of the results at the end aren't in it.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { endAll, Running } from "./faulty-run.mjs";
import { EVB, HERE } from "./support.mjs";

const [clientCount, index, out, ...words] = process.argv.slice(2);
const SAMPLE_MS = 20;
/** 10^7 events on a machine that has other things to do. */
const TIMEOUT_MS = 500_000;
/** Between these shares of the run nothing begins or ends. */
const [BEGIN, END] = [0.1, 0.9];

process.once("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

const BIN = dirname(EVB);
const figures = `${out}.figures`;
const connection = join(out, "connection.json");
const here = ["--listen", "127.0.0.1", "--advertise", "127.0.0.1"];
const order = ["-o", out, "--clients", clientCount, ...here, "--json", "--quiet", ...words];
const coordinator = new Running([process.execPath, join(BIN, "coordinator.js"), index, ...order], {
  timeoutMs: TIMEOUT_MS,
  env: {
    ...process.env,
    NODE_OPTIONS: `--require=${join(HERE, "peers/process-figures.cjs")}`,
    EVB_PROGRAM: "coordinator.js",
    EVB_FIGURES: figures,
  },
});
while (!existsSync(connection)) {
  if (coordinator.child.exitCode !== null) await coordinator.succeeded();
  await setTimeout(SAMPLE_MS);
}
const startedAt = Date.now();
const clients = Array.from(
  { length: Number(clientCount) },
  () =>
    new Running([process.execPath, join(BIN, "client.js"), connection, "--quiet"], {
      timeoutMs: TIMEOUT_MS,
    }),
);
const samples = await sampled(coordinator);
const report = JSON.parse(await coordinator.succeeded());
await Promise.all(clients.map((client) => client.succeeded()));
const { peakMegabytes } = JSON.parse(readFileSync(figures, "utf8"));
rmSync(figures);
console.log(
  JSON.stringify({
    report,
    clients: clients.map(({ pid }) => pid),
    startedAt,
    peakMegabytes,
    cpu: cpuOf(samples),
  }),
);

/** How long its journal was when its threads had worked for so long, until it ends. */
async function sampled({ pid, ended }) {
  const samples = [];
  let isOver = false;
  void ended.then(() => (isOver = true));
  while (!isOver) {
    try {
      const { size } = statSync(join(out, "journal"));
      samples.push({ size, ...threadSeconds(pid) });
    } catch {
      // It has no journal yet, or has just ended.
    }
    await setTimeout(SAMPLE_MS);
  }
  return samples;
}

/** Of the thread that runs the program, and of the one that ZeroMQ has for its sockets. */
function threadSeconds(pid) {
  const tasks = `/proc/${pid}/task`;
  const seconds = { main: 0, io: 0 };
  for (const task of readdirSync(tasks)) {
    const name = readFileSync(join(tasks, task, "comm"), "utf8");
    const which = task === `${pid}` ? "main" : name.startsWith("ZMQbg/IO") ? "io" : undefined;
    if (which === undefined) continue;
    const [nanoseconds] = readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ");
    seconds[which] += Number(nanoseconds) / 1e9;
  }
  return seconds;
}

/** The journal says how far the run was: it grows by a range for each lease. Undefined where the run was over too soon. */
function cpuOf(samples) {
  const size = samples.at(-1)?.size ?? 0;
  const begin = samples.find((sample) => sample.size >= BEGIN * size);
  const end = samples.findLast((sample) => sample.size <= END * size);
  if (begin === undefined || end === undefined || end.size <= begin.size) return undefined;
  return {
    share: (end.size - begin.size) / size,
    main: end.main - begin.main,
    io: end.io - begin.io,
  };
}
