// What benchmarks share: interleaved runs, medians, a table of ratios.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const HERE = dirname(fileURLToPath(import.meta.url));
export const EVB = join(HERE, "../../packages/cli/bin/evb.js");
export const PYTHON = "/usr/bin/python3";

/** `--rounds 5` and the like; every value is a number. */
export function numbers(defaults) {
  const given = {};
  for (let i = 2; i < process.argv.length; i += 2)
    given[process.argv[i].replace(/^--/, "")] = Number(process.argv[i + 1]);
  for (const [name, value] of Object.entries(given))
    if (!(name in defaults) || !Number.isFinite(value)) {
      console.error(`usage: --${Object.keys(defaults).join(" N --")} N`);
      process.exit(2);
    }
  return { ...defaults, ...given };
}

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** Runs a command to its end; its stdout, and how long the whole took. */
export function run(command, args, options = {}) {
  const begun = performance.now();
  const done = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    timeout: 600_000,
    ...options,
  });
  const seconds = (performance.now() - begun) / 1000;
  if (done.status !== 0)
    throw new Error(
      `${command} ${args.join(" ")} ended with ${done.status ?? done.error}: ${done.stderr}`,
    );
  return { stdout: done.stdout, seconds };
}

/** Every subject once a round, round after round, so that a noisy minute hits all of them; the first round warms up. */
export function interleave(rounds, subjects) {
  const seen = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++)
    for (const [name, measure] of Object.entries(subjects)) {
      const value = measure();
      if (round > 0) seen[name].push(value);
    }
  return seen;
}

/** Temporary folders then lie in memory, where there is room for so much: figures are of evb, not of a disk. */
export function preferMemory(bytes) {
  const shm = "/dev/shm";
  if (process.env.TMPDIR !== undefined || !existsSync(shm)) return;
  const { bavail, bsize } = statfsSync(shm);
  if (bavail * bsize > bytes) process.env.TMPDIR = shm;
}

export function inTemporaryFolder(use) {
  const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), "evb-bench-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const machine = () =>
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, node ${process.versions.node}, load ${loadavg()[0].toFixed(1)}`;

/**
 * One line a figure, and a last line for programs. `must` and `most`: what is asked of a quiet machine. `floor` and
 * `ceiling`: what a machine with other work keeps, too; beyond them the exit code is 1.
 */
export function report(name, figures) {
  console.log(`${name} on ${machine()}`);
  for (const figure of figures) console.log(figureLine(figure));
  console.log(`json ${JSON.stringify({ name, figures })}`);
  if (figures.some(isBeyond)) process.exitCode = 1;
}

export function figureLine(figure) {
  const { what, value, unit = "", must, most, floor, ceiling } = figure;
  const words = [
    must === undefined ? "" : `≥ ${must}`,
    most === undefined ? "" : `≤ ${most}`,
    floor === undefined ? "" : `floor ${floor}`,
    ceiling === undefined ? "" : `ceiling ${ceiling}`,
  ].filter((word) => word !== "");
  const beyond = isBeyond(figure) ? "  BEYOND IT" : "";
  const bounds = words.length === 0 ? "" : `  (${words.join(", ")})${beyond}`;
  return `  ${what.padEnd(58)} ${value.toPrecision(3).padStart(8)} ${unit}${bounds}`;
}

const isBeyond = ({ value, floor = -Infinity, ceiling = Infinity }) =>
  !(value >= floor && value <= ceiling);
