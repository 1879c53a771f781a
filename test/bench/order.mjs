// `evb order` against `cp`, `sha512sum` and itself; whole commands, from process start to end. Files are made by
// peers/mkevt.py in /dev/shm where it has room (page cache warm anywhere else), and removed.
//
//   node test/bench/order.mjs [--rounds 5] [--mb 500] [--big 0] [--fragments 0]
//
// --big 4000: a file of so many MB for two clients against one. --fragments 10000000: peak memory of a run
// with so many fragments, with one window and with three. 0 leaves the row out.
import { readFileSync, rmSync, statSync } from "node:fs";
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

const { rounds, mb, big, fragments } = numbers({ rounds: 5, mb: 500, big: 0, fragments: 0 });

preferMemory(3e6 * Math.max(mb, big) + 5e8);

/** Four sources, fragments of some 280 bytes with their headers, one of a thousand late, as spec/kernels.md measured. */
function make(path, megabytes, ...more) {
  const words = ["--sources", "4", "--size-mb", String(megabytes), "--payload", "80", "130"];
  run(PYTHON, [
    join(HERE, "peers/mkevt.py"),
    "-o",
    path,
    "--format",
    "12",
    ...words,
    "--disorder",
    "0.001",
    ...more,
  ]);
  return statSync(path).size;
}

/** Returns seconds; what was written is removed: left-over dirty pages make the next write slow. */
function order(input, out, ...words) {
  const { seconds } = run(process.execPath, [EVB, "order", input, "-o", out, "--quiet", ...words]);
  rmSync(out, { recursive: true });
  return seconds;
}

function copy(input, out) {
  const { seconds } = run("cp", [input, out]);
  rmSync(out);
  return seconds;
}

const commandRows = (folder, megabytes) => {
  const input = join(folder, "run-0001-00.evt");
  const out = join(folder, "out");
  const bytes = make(input, megabytes);
  const plain = ["--window", "100", "--checksum", "none"];
  const seen = interleave(rounds, {
    node: () => run(process.execPath, ["-e", "0"]).seconds,
    cp: () => copy(input, out),
    order: () => order(input, out, ...plain),
    sha512sum: () => run("sha512sum", [input]).seconds,
    checked: () => order(input, out, "--window", "100"),
    windows: () => order(input, out, ...plain, "--window", "200", "--window", "1000"),
  });
  rmSync(input);
  const of = Object.fromEntries(
    Object.entries(seen).map(([name, values]) => [name, median(values)]),
  );
  const least = Math.min(...seen.order);
  return [
    { what: "order and window, one process", value: bytes / 1e6 / of.order, unit: "MB/s" },
    { what: "the same, its fastest run", value: bytes / 1e6 / least, unit: "MB/s" },
    { what: "seconds", value: of.order, unit: "s" },
    { what: "cp of the same file", value: of.cp, unit: "s" },
    { what: "node -e 0", value: of.node, unit: "s" },
    // Floors are for busy machines; what is asked of an idle one stands in the names.
    { what: "cp / order (0.25: 4 x cp)", value: of.cp / of.order, unit: "x", floor: 0.12 },
    { what: "with sha512", value: of.checked, unit: "s" },
    { what: "sha512sum", value: of.sha512sum, unit: "s" },
    {
      what: "longer of (order, sha512sum) / with sha512 (0.77: 1.3 x)",
      value: Math.max(of.order, of.sha512sum) / of.checked,
      unit: "x",
      floor: 0.4,
    },
    {
      what: "three windows in one pass / three orders",
      value: (3 * of.order) / of.windows,
      unit: "x",
      floor: 0.6,
    },
  ];
};

/** Runs of any size: peers/mkevt.py would take minutes. Four sources, each of which misses one trigger of ten. */
function generate(folder, ...words) {
  const more = ["--format", "ring", "--disorder", "0.001", "--quiet"];
  run(process.execPath, [EVB, "generate", folder, ...words, ...more]);
  return join(folder, "run-0001-00.evt");
}

const clientRows = (folder) => {
  const input = generate(join(folder, "big"), "--file-size", `${big}MB`);
  const out = join(folder, "out");
  const words = ["--window", "100", "--checksum", "none"];
  const seen = interleave(rounds, {
    one: () => order(input, out, ...words),
    two: () => order(input, out, ...words, "--clients", "2"),
  });
  rmSync(input);
  return [
    { what: `${big} MB: one client / two`, value: median(seen.one) / median(seen.two), unit: "x" },
  ];
};

/** Peak resident bytes of a command, as the system counts them. */
function peak(words) {
  const script =
    "import resource,subprocess,sys\nsubprocess.run(sys.argv[1:],check=True,stdout=subprocess.DEVNULL)\n" +
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss*1024)";
  return Number(run(PYTHON, ["-c", script, process.execPath, ...words]).stdout);
}

const memoryRows = (folder) => {
  const out = join(folder, "out");
  const small = generate(join(folder, "small"), "--events", "10", "--event-size", "48");
  const events = String(Math.ceil(fragments / 3.6));
  const input = generate(join(folder, "large"), "--events", events, "--event-size", "48");
  const measure = (from, ...words) => {
    const value = peak([EVB, "order", from, "-o", out, "--checksum", "none", ...words]);
    const { fragmentsIn } = JSON.parse(readFileSync(join(out, "report.json"), "utf8")).runs[0];
    rmSync(out, { recursive: true });
    return { value, fragmentsIn };
  };
  const empty = measure(small, "--window", "100").value;
  const one = measure(input, "--window", "100");
  const three = measure(input, "--window", "100", "--window", "200", "--window", "400");
  const bytesOf = (value) => value / one.fragmentsIn;
  const further = (three.value - one.value) / 2;
  return [
    { what: "fragments", value: one.fragmentsIn },
    { what: "an empty evb order", value: empty / 1e6, unit: "MB" },
    { what: "bytes a fragment above it", value: bytesOf(one.value - empty), unit: "B" },
    { what: "56 B / that", value: 56 / bytesOf(one.value - empty), unit: "x", floor: 1 },
    { what: "bytes a fragment for each further window", value: bytesOf(further), unit: "B" },
    { what: "8 B / that", value: 8 / Math.max(0.1, bytesOf(further)), unit: "x", floor: 1 },
  ];
};

inTemporaryFolder((folder) => {
  const rows = [
    ...(mb > 0 ? commandRows(folder, mb) : []),
    ...(big > 0 ? clientRows(folder) : []),
    ...(fragments > 0 ? memoryRows(folder) : []),
  ];
  report("order", rows);
});
