// A stub of LSF's blaunch: a command in each slot of the job, or on the hosts of `-z`, through a shell there, as
// rsh does it.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { addGroup, cluster, refuse } from "./cluster.mjs";

const { LSB_JOBID: id, LSB_DJOB_HOSTFILE: hostFile } = process.env;
if (id === undefined || hostFile === undefined) refuse("blaunch: not in a job of LSF");
const slots = readFileSync(hostFile, "utf8").split("\n").filter(Boolean);

const words = process.argv.slice(2);
let hosts = slots;
let stdin = "inherit";
while (words[0]?.startsWith("-")) {
  const name = words.shift();
  if (name === "-n") stdin = "ignore";
  else if (name === "-z") hosts = (words.shift() ?? "").split(/\s+/).filter(Boolean);
  else if (name !== "-no-shell" && name !== "-use-login-shell")
    refuse(`blaunch: ${name}: no option`);
}
if (slots.includes(words[0])) hosts = [words.shift()];
if (words.length === 0) refuse("blaunch: no command");
for (const host of hosts)
  if (!slots.includes(host)) refuse(`blaunch: host <${host}> is not part of the job's allocation`);

const places = new Map(cluster().hosts.map(({ name, enter }) => [name, enter]));
// bash, most people's shell, puts the one command in its own place; /bin/sh may stay, and a signal would end it.
const line = /[;&|]/.test(words.join(" ")) ? words.join(" ") : `exec ${words.join(" ")}`;
const tasks = hosts.map((host) => {
  const [command, ...rest] = [...places.get(host), "/bin/sh", "-c", line];
  const task = spawn(command, rest, { stdio: [stdin, "inherit", "inherit"], detached: true });
  addGroup(id, task.pid);
  return task;
});
// "LSF utilities handle signals transparently", says the page on parallel tasks: its tasks are told.
for (const name of ["SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2"])
  process.on(name, () => {
    for (const task of tasks)
      try {
        process.kill(-task.pid, name);
      } catch {
        // It has ended.
      }
  });
const codes = await Promise.all(
  tasks.map(
    (task) =>
      new Promise((resolve) => {
        task.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
      }),
  ),
);
process.exitCode = Math.max(...codes);
