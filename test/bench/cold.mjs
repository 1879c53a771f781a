// Reading what isn't in memory: rows of 1 MB in random order, one client against one h5py process, the system's pages
// of the files forgotten before each run (`dd iflag=nocache`, which takes no rights but reading).
//
//   node test/bench/cold.mjs [--rounds 5] [--rows 300]
//
// Needs python3-h5py, and a disk below $TMPDIR. What a hypervisor or a disk array keeps isn't forgotten: the system's count
// of bytes from the disk is printed, and without it nothing is claimed.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  EVB,
  HERE,
  inTemporaryFolder,
  interleave,
  median,
  numbers,
  PYTHON,
  report,
  run,
} from "./support.mjs";

const { rounds, rows } = numbers({ rounds: 5, rows: 300 });
/** Less from the disk, of what was read, and the files were in memory after all. */
const COLD_SHARE = 0.9;

inTemporaryFolder((folder) => {
  const data = join(folder, "run");
  const index = join(folder, "run.index.h5");
  const make = ["--files", "2", "--ints", "250000", "--chunk", "1", "--scatter"];
  run(PYTHON, [join(HERE, "peers/make_rows.py"), data, ...make, "--rows", String(rows)]);
  run(process.execPath, [EVB, "index", data, "-o", index, "--all", "--quiet"]);
  // What isn't on the disk yet can't be forgotten.
  run("sync", ["-f", data]);
  const checks = new Set();
  const cold = (measure) => () => {
    for (const name of readdirSync(data))
      run("dd", [`if=${join(data, name)}`, "of=/dev/null", "iflag=nocache", "count=0"]);
    const before = sectorsRead();
    const seconds = measure();
    return { seconds, fromDisk: (sectorsRead() - before) * 512 };
  };
  const seen = interleave(rounds, {
    evb: cold(() => {
      const out = join(folder, "out");
      const how = ["--clients", "1", "--analysis", "read", "--quiet"];
      run(process.execPath, [EVB, "run", index, "-o", out, ...how]);
      const { seconds, totals } = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
      rmSync(out, { recursive: true });
      checks.add(String(totals.first));
      return seconds;
    }),
    h5py: cold(() => {
      const rowsOf = [PYTHON, join(HERE, "peers/h5py_rows.py"), index, data, "{k}", "1"];
      const { stdout } = run(PYTHON, [join(HERE, "peers/together.py"), "1", ...rowsOf]);
      const [seconds, , check] = stdout.split(" ");
      checks.add(check.trim());
      return Number(seconds);
    }),
  });
  if (checks.size !== 1) throw new Error(`different rows were read: ${[...checks].join(", ")}`);
  const bytes = 2 * rows * 1e6;
  const seconds = (name) => median(seen[name].map((each) => each.seconds));
  const share = (name) => Math.min(...seen[name].map((each) => each.fromDisk)) / bytes;
  const isCold = ["evb", "h5py"].every((name) => share(name) >= COLD_SHARE);
  report("cold, 1 MB in random order, 1 client", [
    { what: "evb", value: bytes / seconds("evb") / 1e6, unit: "MB/s" },
    { what: "h5py", value: bytes / seconds("h5py") / 1e6, unit: "MB/s" },
    { what: "evb: from a disk, of all bytes, at least", value: share("evb"), unit: "×" },
    { what: "h5py: from a disk, of all bytes, at least", value: share("h5py"), unit: "×" },
    {
      what: isCold ? "h5py / evb" : "h5py / evb, but not cold",
      value: seconds("h5py") / seconds("evb"),
      unit: "×",
      ...(isCold && { must: 1, floor: 0.5 }),
    },
  ]);
});

/** Of all disks of this machine, in units of 512 bytes (Documentation/admin-guide/iostats.rst); parts of disks are left out. */
function sectorsRead() {
  let sectors = 0;
  for (const line of readFileSync("/proc/diskstats", "utf8").trim().split("\n")) {
    const [, , name, , , read] = line.trim().split(/\s+/);
    if (!/\d$/.test(name) || /^nvme\d+n\d+$/.test(name)) sectors += Number(read);
  }
  return sectors;
}
