// Every figure of reading that something is asked of, by one command: runs the benchmarks of reading one after the other,
// at their full sizes, and prints their table.
//
//   node test/bench/reading-table.mjs [--rounds 5] [--megabytes 8000]
//
// Needs what they need: python3-h5py, python3-mpi4py, openmpi-bin, cc, and 10 GB in /dev/shm or $TMPDIR. Takes an hour
// at most. Exit code 1 where one of them is beyond its floor or ceiling.
import { numbers } from "./support.mjs";
import { printTable } from "./table.mjs";

const { rounds, megabytes } = numbers({ rounds: 5, megabytes: 8000 });
const size = ["--megabytes", String(megabytes)];
const BENCHMARKS = [["read.mjs", ...size], ["reading.mjs", ...size], ["filters.mjs"], ["cold.mjs"]];

printTable("reading", BENCHMARKS, rounds);
