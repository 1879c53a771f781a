// What `--batch` does to the time of a run: it should hardly matter which number a user typed. `seconds` of report.json.
//
//   node test/bench/batches.mjs [--rounds 5] [--megabytes 8000] [--only N]
//
// Runs that wait last 3 s and more, so that a busy machine shows little. --megabytes: of the run with large events.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  EVB,
  HERE,
  inTemporaryFolder,
  interleave,
  median,
  numbers,
  preferMemory,
  PYTHON,
  report,
  run,
} from "./support.mjs";

const { rounds, megabytes, only } = numbers({ rounds: 5, megabytes: 8000, only: -1 });
preferMemory(1.2e6 * megabytes);

const BATCHES = [1, 10, 100, 1000, 10_000];
const tiny = (events) => ["--files", "1", "--ints", "16", "--rows", String(events), "--chunk", "0"];
const large = ["--files", "2", "--ints", "250000", "--chunk", "1"];

/** One run for every batch: against the fastest of them, or against what would be ideal. */
const CASES = [
  {
    what: "wait 1 ms, 2 clients",
    make: tiny(8000),
    clients: 2,
    analysis: ["wait", "ms=1"],
    most: 1.1,
  },
  {
    what: "read, 1 MB events, 2 clients",
    make: [...large, "--rows", String(Math.round(megabytes / 2))],
    clients: 2,
    analysis: ["read"],
    most: 1.15,
  },
  {
    what: "read, 10^6 events of 256 B, 2 clients",
    make: ["--files", "1", "--ints", "64", "--rows", "1000000", "--chunk", "0"],
    clients: 2,
    analysis: ["read"],
    most: 1.25,
  },
  {
    what: "wait 2 ms, one of 3 clients 4 × slower",
    make: tiny(4500),
    clients: 3,
    analysis: ["wait", "ms=2", "slowRank=1", "slowBy=4"],
    // Three clients do what 2.25 of the fast ones would. Sleeping takes its time and some more: see sleepMs().
    ideal: (sleepMs) => (4500 * sleepMs) / 2.25,
    most: 1.3,
  },
  {
    what: "3,333 events that wait 50 ms, 32 clients",
    make: tiny(3333),
    clients: 32,
    analysis: ["wait", "ms=50"],
    ideal: () => 105 * 50,
    most: 1.15,
  },
];

inTemporaryFolder((folder) => {
  const figures = CASES.filter((_, n) => only < 0 || n === only).flatMap((each) =>
    measured(folder, each),
  );
  report("batches", figures);
});

function measured(folder, { what, make, clients, analysis, ideal, most }) {
  const data = join(folder, "run");
  const index = join(folder, "run.index.h5");
  run(PYTHON, [join(HERE, "peers/make_rows.py"), data, ...make]);
  run(process.execPath, [EVB, "index", data, "-o", index, "--all", "--quiet"]);
  const subjects = BATCHES.map((batch) => [
    `batch ${batch}`,
    () => secondsOf(index, join(folder, "out"), { batch, clients, analysis }),
  ]);
  const seen = interleave(rounds, Object.fromEntries(subjects));
  rmSync(data, { recursive: true });
  rmSync(index);
  const seconds = Object.entries(seen).map(([name, values]) => ({ name, value: median(values) }));
  const values = seconds.map(({ value }) => value);
  const against = ideal === undefined ? Math.min(...values) : ideal(sleepMs(2)) / 1000;
  return [
    ...seconds.map(({ name, value }) => ({ what: `${what}: ${name}`, value, unit: "s" })),
    {
      what: `${what}: slowest / ${ideal === undefined ? "fastest" : "ideal"}`,
      value: Math.max(...values) / against,
      unit: "×",
      most,
      ceiling: 2 * most,
    },
  ];
}

/** What a sleep of so many milliseconds takes here, as the analysis sleeps. */
function sleepMs(ms) {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const begun = performance.now();
  for (let n = 0; n < 100; n++) Atomics.wait(never, 0, 0, ms);
  return (performance.now() - begun) / 100;
}

function secondsOf(index, out, { batch, clients, analysis: [name, ...settings] }) {
  const words = [
    ...[EVB, "run", index, "-o", out, "--clients", String(clients), "--quiet"],
    ...["--batch", String(batch), "--analysis", name],
    ...settings.flatMap((setting) => ["--set", setting]),
  ];
  run(process.execPath, words);
  const { seconds } = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
  rmSync(out, { recursive: true });
  return seconds;
}
