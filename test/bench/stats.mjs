// Smallest, largest, sum and mean of rows in memory, by type: evb's `statsOf` against a plain loop, and against numpy's sum, min
// and max of the same rows (one after the other, as there is no function for the three). Then how long short rows take, by
// kernel and by loop. Needs python3-numpy; `npx tsc --build` before.
//
//   node test/bench/stats.mjs [--rounds 7] [--rows 48] [--kilobytes 1000]
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { statsOf } from "../../packages/analysis/dist/mod.js";
import { viewElements } from "../../packages/event/dist/mod.js";
import {
  HERE,
  inTemporaryFolder,
  interleave,
  median,
  numbers,
  PYTHON,
  report,
  run,
} from "./support.mjs";

const { rounds, rows, kilobytes } = numbers({ rounds: 7, rows: 48, kilobytes: 1000 });
const PEER = join(HERE, "peers/stats_rows.py");
const TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"];
/** A second of work in all, for each subject. */
const REPEATS = 10;
const bytes = rows * kilobytes * 1000;

/** Numbers of either sign, far from the ends of 64 bit, so that a plain loop may add them up. */
function rowsOf(type) {
  let state = 1;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8;
  const all = viewElements(type, new Uint8Array(bytes));
  const big = typeof all[0] === "bigint";
  for (let i = 0; i < all.length; i++) all[i] = big ? BigInt(random()) : random() / 7;
  const length = all.length / rows;
  return Array.from({ length: rows }, (_, row) => all.subarray(row * length, (row + 1) * length));
}

/** Made anew for each type: a loop that has seen two kinds of array is slower. Of 64 bit it remembers places, as BigInts are slow. */
const loopOf = (type) =>
  new Function(
    "data",
    type === "i8" || type === "u8"
      ? `const lows = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length);
         const highs = new ${type === "i8" ? "Int" : "Uint"}32Array(data.buffer, data.byteOffset, 2 * data.length);
         let smallest = 0, largest = 0, low = 0, high = 0;
         for (let i = 1; i < data.length; i++) {
           if (data[i] < data[smallest]) smallest = i;
           if (data[i] > data[largest]) largest = i;
         }
         for (let i = 0; i < lows.length; i += 2) { low += lows[i]; high += highs[i + 1]; }
         return { min: data[smallest], max: data[largest], sum: low + high * 2 ** 32 };`
      : `let min = data[0], max = data[0], sum = 0;
         for (let i = 0; i < data.length; i++) {
           const value = data[i];
           sum += value;
           if (value < min) min = value;
           if (value > max) max = value;
         }
         return { min, max, sum };`,
  );

const timed = (reduce, data, repeats) => () => {
  let check = 0;
  const begun = performance.now();
  for (let n = 0; n < repeats; n++) for (const row of data) check += Number(reduce(row).min);
  return { seconds: (performance.now() - begun) / 1000, check: check / repeats };
};

function measured(folder, type) {
  const data = rowsOf(type);
  const path = join(folder, "rows");
  writeFileSync(path, new Uint8Array(data[0].buffer));
  const seen = interleave(rounds, {
    evb: timed(statsOf, data, REPEATS),
    loop: timed(loopOf(type), data, REPEATS),
    numpy: () => {
      const { stdout } = run(PYTHON, [PEER, path, `<${type}`, String(rows), String(REPEATS)]);
      const [seconds, check] = stdout.split(" ").map(Number);
      return { seconds, check };
    },
  });
  const checks = Object.values(seen).map(([{ check }]) => check);
  if (checks.some((check) => Math.abs(check - checks[0]) > 1e-9 * Math.abs(checks[0])))
    throw new Error(`${type}: the smallest are different: ${checks.join(", ")}`);
  const seconds = (name) => median(seen[name].map((each) => each.seconds));
  return [
    { what: `${type}: evb`, value: (REPEATS * bytes) / seconds("evb") / 1e9, unit: "GB/s" },
    { what: `${type}: loop / evb`, value: seconds("loop") / seconds("evb"), unit: "×", floor: 1 },
    { what: `${type}: numpy / evb`, value: seconds("numpy") / seconds("evb"), unit: "×" },
  ];
}

/** Where the loop ends and the kernel begins, at 128 elements, both should take as long. */
function short(type, elements) {
  const data = rowsOf(type).map((row) => row.subarray(0, elements));
  const seen = interleave(rounds, {
    evb: timed(statsOf, data, 1000),
    loop: timed(loopOf(type), data, 1000),
  });
  const seconds = (name) => median(seen[name].map((each) => each.seconds));
  return [
    {
      what: `${type}, ${elements} elements: evb`,
      value: (seconds("evb") / rows / 1000) * 1e9,
      unit: "ns",
    },
    {
      what: `${type}, ${elements} elements: loop / evb`,
      value: seconds("loop") / seconds("evb"),
      unit: "×",
    },
  ];
}

inTemporaryFolder((folder) => {
  const figures = TYPES.flatMap((type) => measured(folder, type));
  for (const type of ["u1", "i4", "i8", "f8"])
    for (const elements of [32, 64, 127, 128, 256, 1024]) figures.push(...short(type, elements));
  report("stats", figures);
});
