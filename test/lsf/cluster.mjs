// What the stub's commands share: the cluster as its test describes it, and the jobs' folders.
//
//   $EVB_LSF/cluster.json   { hosts: [{ name, slots, enter: [words that run a command there] }], queues: [names] }
//   $EVB_LSF/jobs/7/        job (the script), hosts, state, pids (process groups: script and tasks)
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export const FOLDER = process.env.EVB_LSF ?? "";

export const cluster = () => JSON.parse(readFileSync(join(FOLDER, "cluster.json"), "utf8"));

export const jobFolder = (id) => join(FOLDER, "jobs", String(id));

/** Its number: no other has it. */
export function newJob() {
  const folder = join(FOLDER, "jobs");
  mkdirSync(folder, { recursive: true });
  for (let id = readdirSync(folder).length + 1; ; id++)
    try {
      mkdirSync(jobFolder(id));
      return id;
    } catch (thrown) {
      if (thrown.code !== "EEXIST") throw thrown;
    }
}

/** PEND, RUN, DONE or EXIT, as bjobs says; and the exit code. */
export function setState(id, stat, code = "-") {
  const path = join(jobFolder(id), "state");
  writeFileSync(`${path}.new`, `${stat} ${code}\n`);
  renameSync(`${path}.new`, path);
}

export const stateOf = (id) => readFileSync(join(jobFolder(id), "state"), "utf8").trim();

/** Of a process that leads a group of its own. */
export const addGroup = (id, pid) => appendFileSync(join(jobFolder(id), "pids"), `${pid}\n`);

/** Signals all processes of the job, on all hosts. */
export function signal(id, name) {
  for (const pid of readFileSync(join(jobFolder(id), "pids"), "utf8")
    .split("\n")
    .filter(Boolean))
    try {
      process.kill(-Number(pid), name);
    } catch {
      // That group has ended.
    }
}

/** One command's end: a sentence on stderr, and LSF's exit code for "not done". */
export function refuse(sentence) {
  console.error(sentence);
  process.exit(255);
}
