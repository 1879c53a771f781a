// Every figure of reading that something is asked of, by one command: runs the benchmarks of reading one after the other,
// at their full sizes, and prints their table.
//
//   node test/bench/reading-table.mjs [--rounds 5] [--megabytes 8000]
//
// Needs what they need: python3-h5py, python3-mpi4py, openmpi-bin, cc, and 10 GB in /dev/shm or $TMPDIR. Takes an hour
// at most. Exit code 1 where one of them is beyond its floor or ceiling.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { figureLine, HERE, machine, numbers } from "./support.mjs";

const { rounds, megabytes } = numbers({ rounds: 5, megabytes: 8000 });
const size = ["--megabytes", String(megabytes)];
const BENCHMARKS = [["read.mjs", ...size], ["reading.mjs", ...size], ["filters.mjs"], ["cold.mjs"]];

const lines = [];
for (const [name, ...words] of BENCHMARKS) {
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(HERE, name), ...words, "--rounds", String(rounds)],
    { encoding: "utf8", maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "inherit"] },
  );
  process.stderr.write(stdout.replace(/^json .*\n/m, ""));
  if (status !== 0) process.exitCode = 1;
  const [, json] = /^json (.*)$/m.exec(stdout) ?? [];
  if (json === undefined) lines.push(`${name} came to no end`);
  else {
    const { figures } = JSON.parse(json);
    const asked = figures.filter(({ must, most }) => must !== undefined || most !== undefined);
    lines.push(name, ...asked.map(figureLine));
  }
}
console.log(`reading on ${machine()}, medians of ${rounds}`);
for (const line of lines) console.log(line);
