// A stub of LSF's bkill, as it is for parallel jobs at a site that set nothing: SIGKILL alone, to all processes.
// `-s NAME` sends that signal instead.
import { existsSync } from "node:fs";
import { jobFolder, refuse, signal, stateOf } from "./cluster.mjs";

const words = process.argv.slice(2);
const name = words[0] === "-s" ? words.splice(0, 2)[1] : "KILL";
const [id, ...more] = words;
if (!/^\d+$/.test(id ?? "") || more.length > 0 || !/^[A-Z]+\d?$/.test(name ?? ""))
  refuse("usage: bkill [-s SIGNAL] JOB");
if (!existsSync(jobFolder(id)) || !stateOf(id).startsWith("RUN"))
  refuse(`Job <${id}>: No matching job found`);
signal(id, `SIG${name}`);
console.log(name === "KILL" ? `Job <${id}> is being terminated` : `Job <${id}> is being signaled`);
