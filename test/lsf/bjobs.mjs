// A stub of LSF's bjobs: `bjobs -noheader -o "stat exit_code" JOB`. Its exit code is 0, too, where there is none.
import { existsSync } from "node:fs";
import { jobFolder, refuse, stateOf } from "./cluster.mjs";

const [header, o, format, id, ...more] = process.argv.slice(2);
if (header !== "-noheader" || o !== "-o" || format !== "stat exit_code" || more.length > 0)
  refuse('usage: bjobs -noheader -o "stat exit_code" JOB');
if (existsSync(jobFolder(id))) console.log(stateOf(id));
else console.error(`Job <${id}> is not found`);
