// The main job against the old one: peers/mpi_analysis.py (mpi4py + h5py, rank 0 deals batches on
// request) with 2 client ranks, and evb with 2 clients and `read`, on the same files and events.
// Reported: `seconds` as each counts them, and whole commands. Needs python3-h5py, python3-mpi4py, openmpi-bin.
//
//   node test/bench/read.mjs [--rounds 5] [--megabytes 2000] [--batch 100]
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

const { rounds, megabytes, batch } = numbers({ rounds: 5, megabytes: 2000, batch: 100 });
preferMemory(1.2e6 * megabytes);
/** One label, so that every event is matched: 4 files hold 2.5 × the first one. */
const FILES = 4;

inTemporaryFolder((folder) => {
  const data = join(folder, "run1");
  const index = join(folder, "run1.index.h5");
  const pickle = join(folder, "run1.pkl");
  const size = `${Math.round(megabytes / 2.5)}MB`;
  run(process.execPath, [
    EVB,
    "generate",
    data,
    "--files",
    `${FILES}`,
    "--file-size",
    size,
    "--labels",
    "red",
  ]);
  run(process.execPath, [EVB, "index", data, "-o", index]);
  run(PYTHON, [join(HERE, "peers/numpy_index.py"), data, pickle]);
  const mpi = [
    "--allow-run-as-root",
    "--oversubscribe",
    "-n",
    "3",
    PYTHON,
    join(HERE, "peers/mpi_analysis.py"),
    data,
    pickle,
    `${batch}`,
  ];
  let checks = new Set();
  const seen = interleave(rounds, {
    evb: () => {
      const out = join(folder, "out");
      const whole = run(process.execPath, [
        EVB,
        "run",
        index,
        "-o",
        out,
        "--clients",
        "2",
        "--analysis",
        "read",
        "--quiet",
      ]);
      const { seconds, bytes, totals } = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
      rmSync(out, { recursive: true });
      checks.add(totals.first);
      return { seconds, whole: whole.seconds, bytes };
    },
    mpi: () => {
      const whole = run("mpirun", mpi);
      const [, gigabytes, seconds, check] =
        /([\d.]+) GB ([\d.]+) s [\d.]+ GB\/s check (-?\d+)/.exec(whole.stdout);
      checks.add(check);
      return { seconds: Number(seconds), whole: whole.seconds, bytes: Number(gigabytes) * 1e9 };
    },
  });
  // Both add up the first integer of every row: the same rows were read.
  if (checks.size !== 1)
    throw new Error(`the peers read different rows: ${[...checks].join(", ")}`);
  const of = (name, field) => median(seen[name].map((each) => each[field]));
  const bytes = seen.evb[0].bytes;
  report(`read ${(bytes / 1e9).toFixed(2)} GB in events of 1 MB fragments, 2 clients`, [
    { what: "evb read", value: bytes / of("evb", "seconds") / 1e9, unit: "GB/s" },
    { what: "mpi4py + h5py", value: bytes / of("mpi", "seconds") / 1e9, unit: "GB/s" },
    {
      what: "seconds: mpi4py + h5py / evb",
      value: of("mpi", "seconds") / of("evb", "seconds"),
      unit: "×",
      must: 2.5,
      floor: 0.8,
    },
    {
      what: "whole command: mpi4py + h5py / evb",
      value: of("mpi", "whole") / of("evb", "whole"),
      unit: "×",
      must: 2.5,
    },
  ]);
});
