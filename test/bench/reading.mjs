// Reading against others: a C loop of pread(2) over the same places, bare h5py processes, and h5wasm's own way, on
// runs of many layouts. `seconds` of evb's report against the peers' own clocks; their first numbers must add up to the same.
//
//   node test/bench/reading.mjs [--rounds 5] [--megabytes 8000] [--passes 4] [--only N]
//
// --megabytes: of the files of each uncompressed run with large events. --passes: so often a run reads them, as other
// events: in a run of half a second half of it is V8's compiling. Needs python3-h5py, cc, and room in /dev/shm (else $TMPDIR).
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

const { rounds, megabytes, passes, only } = numbers({
  rounds: 5,
  megabytes: 8000,
  passes: 4,
  only: -1,
});
preferMemory(1.2e6 * megabytes);
/** A file of so many rows of a megabyte: each is an event. */
const LARGE = [
  ...["--files", "1", "--ints", "250000", "--rows", String(megabytes)],
  ...["--passes", String(passes)],
];
const PACKED = ["--files", "2", "--ints", "250000", "--rows", String(Math.round(megabytes / 20))];
const SMALL = ["--files", "2", "--ints", "64", "--scatter"];
/** A file's rows of 256 bytes: evb takes more than a second for two files, also in a short round. */
const MANY = String(megabytes < 2000 ? 200_000 : 1_500_000);
/** h5py reads 6,000 of these a second: it is given the first of the same rows, in the same order. */
const SAMPLE_ROWS = megabytes < 2000 ? 6_000 : 20_000;

/** So much that what a process reads of its own doesn't show. */
const HONEST_BYTES = 3e9;

/**
 * Two clients on two cores share them with the coordinator and with V8's compiler, all the more in short runs
 * (docs/benchmarks.md): of what is asked of a run of 8 GB so much must be there in any.
 */
const FLOOR_OF_TWO = 0.4;

/**
 * What is read, by how many processes, and against whom; `peers` is what is asked of a quiet machine. With `sample` h5py
 * reads so many of the rows only, and rows a second are compared.
 */
const CASES = [
  {
    what: "1 MB, a chunk an event",
    make: [...LARGE, "--chunk", "1"],
    clients: 2,
    peers: { c: 0.95, h5py: 1.5 },
  },
  {
    what: "1 MB, contiguous",
    make: [...LARGE, "--chunk", "0"],
    clients: 2,
    peers: { c: undefined, h5py: 1.3 },
  },
  {
    what: "1 MB, 2 events a chunk",
    make: [...LARGE, "--chunk", "2"],
    clients: 2,
    peers: { h5py: 1.3 },
  },
  {
    what: "1 MB, 16 events a chunk",
    make: [...LARGE, "--chunk", "16"],
    clients: 2,
    peers: { h5py: 1.3 },
  },
  {
    what: "256 B, contiguous",
    make: [...SMALL, "--rows", MANY, "--chunk", "0"],
    clients: 1,
    peers: { h5py: 5 },
    sample: SAMPLE_ROWS,
  },
  {
    what: "256 B, 4096 a chunk",
    make: [...SMALL, "--rows", MANY, "--chunk", "4096"],
    clients: 1,
    peers: { h5py: 50 },
    sample: SAMPLE_ROWS,
  },
  { what: "1 MB, gzip 4", make: [...PACKED, "--gzip", "4"], clients: 1, peers: { h5py: 1.5 } },
  {
    what: "1 MB, shuffle and gzip 4",
    make: [...PACKED, "--gzip", "4", "--shuffle"],
    clients: 1,
    peers: { h5py: 1.5 },
  },
  {
    what: "1 MB, stats",
    make: [...LARGE, "--chunk", "1"],
    clients: 1,
    peers: { h5py: 1.2 },
    analysis: "stats",
  },
];

inTemporaryFolder((folder) => {
  const pread = join(folder, "pread_rows");
  run("cc", ["-O2", "-o", pread, join(HERE, "peers/pread_rows.c")]);
  const figures = CASES.filter((_, n) => only < 0 || n === only).flatMap((each) =>
    measured(folder, pread, each),
  );
  report("reading", figures);
});

function measured(folder, pread, { what, make, clients, peers, sample, analysis = "read" }) {
  const data = join(folder, "run");
  const index = join(folder, "run.index.h5");
  run(PYTHON, [join(HERE, "peers/make_rows.py"), data, ...make]);
  run(process.execPath, [EVB, "index", data, "-o", index, "--all", "--quiet"]);
  const checks = new Set();
  const subjects = {
    evb: () => evb(index, join(folder, "out"), { clients, analysis, sample, checks }),
  };
  if ("c" in peers) {
    const rows = join(folder, "rows");
    const { stdout } = run(PYTHON, [join(HERE, "peers/rows_of_index.py"), index, rows]);
    const files = stdout.split("\n").map((path) => join(data, path));
    subjects.c = () =>
      together(clients, [pread, rows, ...files, "--", "{k}", String(clients)], checks);
  }
  if ("h5py" in peers) {
    const more = analysis === "stats" ? ["--stats"] : [];
    if (sample !== undefined) more.push("--sample", String(sample));
    const words = [
      PYTHON,
      join(HERE, "peers/h5py_rows.py"),
      index,
      data,
      "{k}",
      String(clients),
      ...more,
    ];
    subjects.h5py = () => together(clients, words, checks);
  }
  const seen = interleave(rounds, subjects);
  rmSync(data, { recursive: true });
  rmSync(index);
  if (checks.size !== 1)
    throw new Error(`the peers read different rows: ${[...checks].join(", ")}`);
  const seconds = (name) => median(seen[name].map((each) => each.seconds));
  const { bytes, bytesRead, counted, fragments } = seen.evb[0];
  /** Seconds that a peer would take for all rows. */
  const whole = (name) =>
    name === "h5py" && sample !== undefined ? (seconds(name) * fragments) / sample : seconds(name);
  if (bytesRead > HONEST_BYTES && Math.abs(counted / bytesRead - 1) > 0.02)
    throw new Error(`evb says that it read ${bytesRead} bytes, and the system ${counted}`);
  return [
    {
      what: `${what}: evb, ${clients} client${clients > 1 ? "s" : ""}`,
      value: bytes / seconds("evb") / 1e9,
      unit: "GB/s",
    },
    ...(sample === undefined
      ? []
      : [
          { what: `${what}: evb, seconds of a run`, value: seconds("evb"), unit: "s" },
          { what: `${what}: evb, rows a second`, value: fragments / seconds("evb"), unit: "" },
        ]),
    // A client's own files, and what its runtime reads, are some 15 MB.
    { what: `${what}: the system's count / bytesRead`, value: counted / bytesRead, unit: "×" },
    { what: `${what}: bytesRead / bytes`, value: bytesRead / bytes, unit: "×" },
    ...Object.entries(peers).map(([name, must]) => ({
      what: `${what}: ${name}${sample === undefined ? "" : ` (${sample} rows)`} / evb`,
      value: whole(name) / seconds("evb"),
      unit: "×",
      ...(must !== undefined && { must, floor: must * (clients === 1 ? 0.5 : FLOOR_OF_TWO) }),
    })),
  ];
}

function evb(index, out, { clients, analysis, sample, checks }) {
  const reads = `${out}.reads`;
  const words = [
    ...[EVB, "run", index, "-o", out, "--clients", String(clients)],
    ...["--analysis", analysis, "--quiet"],
  ];
  const env = {
    ...process.env,
    NODE_OPTIONS: `--require=${join(HERE, "peers/count-reads.cjs")}`,
    EVB_READS: reads,
    // One client is in the process of the command.
    EVB_READER: clients === 1 ? "evb.js" : "client.js",
  };
  run(process.execPath, words, { env });
  const { seconds, bytes, bytesRead, fragments, totals } = JSON.parse(
    readFileSync(join(out, "report.json"), "utf8"),
  );
  const counted = readFileSync(reads, "utf8").trim().split("\n").map(Number);
  rmSync(reads);
  const ofSample =
    sample !== undefined &&
    run(PYTHON, [join(HERE, "peers/first_of_results.py"), out, String(sample)]).stdout.trim();
  rmSync(out, { recursive: true });
  checks.add(sample === undefined ? String(totals.first) : ofSample);
  return { seconds, bytes, bytesRead, fragments, counted: counted.reduce((sum, n) => sum + n, 0) };
}

function together(count, words, checks) {
  const { stdout } = run(PYTHON, [join(HERE, "peers/together.py"), String(count), ...words]);
  const [seconds, , check] = stdout.split(" ");
  checks.add(check.trim());
  return { seconds: Number(seconds) };
}
