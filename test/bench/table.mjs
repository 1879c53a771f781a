// Several benchmarks by one command, and one table of what is asked of them.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { figureLine, HERE, machine } from "./support.mjs";

/**
 * Runs them one after the other, with their words; what each prints goes to stderr as it ends, the table to stdout. The
 * exit code is 1 where one of them is beyond its floor or ceiling.
 */
export function printTable(name, benchmarks, rounds) {
  const lines = [];
  for (const [script, ...words] of benchmarks) {
    const { stdout, status } = spawnSync(
      process.execPath,
      [join(HERE, script), ...words, "--rounds", String(rounds)],
      { encoding: "utf8", maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "inherit"] },
    );
    process.stderr.write(stdout.replace(/^json .*\n/m, ""));
    if (status !== 0) process.exitCode = 1;
    const [, json] = /^json (.*)$/m.exec(stdout) ?? [];
    if (json === undefined) lines.push(`${script} came to no end`);
    else lines.push(script, ...asked(json).map(figureLine));
  }
  console.log(`${name} on ${machine()}, medians of ${rounds}`);
  for (const line of lines) console.log(line);
}

/** JSON has no word for what is no number. */
const asked = (json) =>
  JSON.parse(json)
    .figures.filter(({ must, most }) => must !== undefined || most !== undefined)
    .map((figure) => ({ ...figure, value: figure.value ?? NaN }));
