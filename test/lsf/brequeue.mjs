// A stub of LSF's brequeue: ends the job as bkill does, and runs it again under the same number.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jobFolder, refuse, signal, stateOf } from "./cluster.mjs";

const [id, ...more] = process.argv.slice(2);
if (!/^\d+$/.test(id ?? "") || more.length > 0) refuse("usage: brequeue JOB");
if (!existsSync(jobFolder(id)) || !stateOf(id).startsWith("RUN"))
  refuse(`Job <${id}>: No matching job found`);
writeFileSync(join(jobFolder(id), "requeue"), "");
signal(id, "SIGKILL");
console.log(`Job <${id}> is being requeued`);
