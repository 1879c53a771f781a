// What LSF's daemons do for one job of the stub: its elements one after another; again where -Q says so,
// or brequeue did.
import { spawn } from "node:child_process";
import {
  closeSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  existsSync,
  writeSync,
} from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { addGroup, cluster, jobFolder, setState } from "./cluster.mjs";
import { isQueuedAgain } from "./options.mjs";

const AGAIN_MS = 500;
const id = Number(process.argv[2]);
const folder = jobFolder(id);
const order = JSON.parse(readFileSync(join(folder, "order.json"), "utf8"));
const options = new Map(order.options);
const [, name, first, last = first] =
  /^([^[]+)(?:\[(\d+)(?:-(\d+))?\])?/.exec(options.get("-J") ?? "job") ?? [];
const elements =
  first === undefined
    ? [0]
    : Array.from({ length: Number(last) - Number(first) + 1 }, (_, row) => Number(first) + row);

const slots = order.taken.flatMap(({ name, slots }) => Array.from({ length: slots }, () => name));
const hostFile = join(folder, "hosts");
writeFileSync(hostFile, `${slots.join("\n")}\n`);

/** What a job finds in its environment; nothing that isn't documented. */
const environment = (element) => ({
  ...process.env,
  LSB_JOBID: String(id),
  LSB_JOBINDEX: String(element),
  LSB_JOBNAME: name,
  LSB_QUEUE: order.queue,
  LSB_HOSTS: slots.join(" "),
  LSB_MCPU_HOSTS: order.taken.map(({ name, slots }) => `${name} ${slots}`).join(" "),
  LSB_DJOB_HOSTFILE: hostFile,
  LSB_DJOB_NUMPROC: String(slots.length),
  LSB_SUB_HOST: order.from,
  LS_SUBCWD: order.folder,
  LSB_JOBFILENAME: join(folder, "job"),
});

/** @returns its exit code; 128 and the signal's number where one ended it */
function run(element) {
  const file = (path) => path.replaceAll("%J", id).replaceAll("%I", element);
  const open = (append, anew, other) => {
    const path = options.get(append) ?? options.get(anew);
    return path === undefined ? other : openSync(file(path), options.has(anew) ? "w" : "a");
  };
  const nowhere = openSync("/dev/null", "a");
  const out = open("-o", "-oo", nowhere);
  const err = open("-e", "-eo", out);
  const { enter } = cluster().hosts.find((host) => host.name === slots[0]);
  const [command, ...words] = [...enter, "/bin/sh", join(folder, "job")];
  const child = spawn(command, words, {
    env: environment(element),
    cwd: options.get("-cwd") ?? order.folder,
    stdio: ["ignore", out, err],
    detached: true,
  });
  addGroup(id, child.pid);
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => {
      const exit = code ?? 128 + constants.signals[signal];
      const text = exit === 0 ? "Successfully completed." : `Exited with exit code ${exit}.`;
      writeSync(out, `\n${"-".repeat(60)}\n${text}\n`);
      for (const each of new Set([nowhere, out, err])) closeSync(each);
      resolve(exit);
    });
  });
}

let worst = 0;
for (const element of elements)
  for (;;) {
    rmSync(join(folder, "requeue"), { force: true });
    setState(id, "RUN");
    const code = await run(element);
    if (existsSync(join(folder, "requeue")) || isQueuedAgain(options.get("-Q"), code)) {
      setState(id, "PEND");
      await setTimeout(AGAIN_MS);
      continue;
    }
    worst = Math.max(worst, code);
    break;
  }
setState(id, worst === 0 ? "DONE" : "EXIT", worst);
