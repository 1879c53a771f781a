// The match alone, against numpy's searchsorted on the same stamps: 1 M + 9 × 0.5 M of them, a third
// of the first source's wanted. Each measurement is a process of its own: its first call is cold.
//
//   node test/bench/match.mjs [--rounds 5]
import { writeFileSync } from "node:fs";
import { join } from "node:path";
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

const { rounds } = numbers({ rounds: 5 });
const SOURCES = 10;
const STAMPS = 1_000_000;
const SEED = 12345;

/** xorshift32: the same stamps on every machine. */
function random() {
  let state = SEED;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function write(folder, next) {
  const times = new BigUint64Array(STAMPS);
  let time = 1_300_000_000_000_000_000n;
  for (let i = 0; i < STAMPS; i++) times[i] = time += BigInt(1 + Math.floor(next() * 2e6));
  const save = (name, column) =>
    writeFileSync(join(folder, name), new Uint8Array(column.buffer, 0, column.byteLength));
  save(
    "wanted.u64",
    times.filter(() => next() < 1 / 3),
  );
  save("all0.u64", times);
  save("source0.u64", times);
  for (let s = 1; s < SOURCES; s++) {
    save(
      `source${s}.u64`,
      times.filter(() => next() < 0.5),
    );
    save(`all${s}.u64`, times);
  }
}

inTemporaryFolder((folder) => {
  write(folder, random());
  const seen = interleave(rounds, {
    evb: () =>
      JSON.parse(run(process.execPath, [join(HERE, "match-once.mjs"), folder, "source"]).stdout),
    numpy: () => JSON.parse(run(PYTHON, [join(HERE, "match_once.py"), folder]).stdout),
    tenMillion: () =>
      JSON.parse(run(process.execPath, [join(HERE, "match-once.mjs"), folder, "all"]).stdout),
  });
  const of = (name, field) => median(seen[name].map((each) => each[field]));
  if (seen.evb[0].found !== seen.numpy[0].found)
    throw new Error("evb and numpy found different fragments");
  const stamps = seen.evb[0].stamps;
  report("exact match, 10 sources", [
    {
      what: "evb, first call, with the scan's check of order",
      value: stamps / (of("evb", "cold") + of("evb", "check")) / 1e6,
      unit: "M stamps/s",
    },
    {
      what: "evb, first call of a process",
      value: stamps / of("evb", "cold") / 1e6,
      unit: "M stamps/s",
    },
    { what: "evb, warm", value: stamps / of("evb", "warm") / 1e6, unit: "M stamps/s", floor: 50 },
    {
      what: "numpy searchsorted + stack, warm",
      value: stamps / of("numpy", "warm") / 1e6,
      unit: "M stamps/s",
    },
    {
      what: "warm: evb / numpy",
      value: of("numpy", "warm") / of("evb", "warm"),
      unit: "×",
      floor: 1.5,
    },
    { what: "first call: evb / numpy", value: of("numpy", "cold") / of("evb", "cold"), unit: "×" },
    {
      what: "10 × 10^6 equal stamps, first call: 0.5 s / evb",
      value: 0.5 / of("tenMillion", "cold"),
      unit: "×",
      floor: 1,
    },
  ]);
});
