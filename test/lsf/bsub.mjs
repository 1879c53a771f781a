// A stub of LSF's bsub, for tests: `bsub < script`. It isn't LSF, and may only be stricter: it takes the
// documented options that options.mjs lists, and refuses whatever else is typed.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cluster, jobFolder, newJob, refuse, setState } from "./cluster.mjs";
import { parse, parseScript, Refused } from "./options.mjs";

const { hosts, queues } = cluster();

function ordered() {
  const typed = parse(process.argv.slice(2), "command line");
  // Only a script on stdin has its #BSUB lines read at every site.
  if (typed.rest.length > 0) throw new Refused("this stub takes scripts on stdin: bsub < script");
  const script = readFileSync(0, "utf8");
  if (script.trim() === "") throw new Refused("No command is specified. Job not submitted.");
  return { script, options: new Map([...parseScript(script), ...typed.options]) };
}

/** Slots, host by host. @returns {{ name: string, slots: number }[]} */
function allocation(options) {
  const wanted = Number(options.get("-n")?.split(",")[0] ?? 1);
  const asked = options.get("-R") ?? "";
  const perHost = /hosts\s*=\s*1\b/.test(asked)
    ? wanted
    : Number(/ptile\s*=\s*(\d+)/.exec(asked)?.[1] ?? Infinity);
  const taken = [];
  let left = wanted;
  for (const { name, slots } of hosts) {
    const here = Math.min(perHost, left);
    // ptile is exact, but on the last host.
    if (here > slots && perHost !== Infinity) continue;
    if (left > 0) taken.push({ name, slots: Math.min(here, slots) });
    left -= Math.min(here, slots);
  }
  if (left > 0) throw new Refused("this cluster never has so many slots; LSF would leave it PEND");
  return taken;
}

function submit() {
  const { script, options } = ordered();
  const queue = options.get("-q") ?? queues[0];
  if (!queues.includes(queue)) throw new Refused(`${queue}: No such queue. Job not submitted.`);
  for (const name of ["-o", "-oo", "-e", "-eo"])
    if (options.has(name) && !existsSync(dirname(resolve(options.get(name)))))
      throw new Refused(`${options.get(name)}: no such folder; LSF would send mail instead`);
  const taken = allocation(options);
  const id = newJob();
  writeFileSync(join(jobFolder(id), "job"), script);
  writeFileSync(join(jobFolder(id), "pids"), "");
  const order = {
    id,
    queue,
    taken,
    options: [...options],
    folder: process.cwd(),
    from: hostname(),
  };
  writeFileSync(join(jobFolder(id), "order.json"), JSON.stringify(order));
  setState(id, "PEND");
  const named = options.has("-q") ? `queue <${queue}>` : `default queue <${queue}>`;
  console.log(`Job <${id}> is submitted to ${named}.`);
  const daemon = fileURLToPath(new URL("daemon.mjs", import.meta.url));
  spawn(process.execPath, [daemon, String(id)], { detached: true, stdio: "ignore" }).unref();
}

try {
  submit();
} catch (thrown) {
  if (!(thrown instanceof Refused)) throw thrown;
  refuse(thrown.message);
}
