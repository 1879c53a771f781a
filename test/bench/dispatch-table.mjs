// Every figure of dispatch that something is asked of, by one command: batch sizes, and what dispatch costs.
//
//   node test/bench/dispatch-table.mjs [--rounds 5] [--megabytes 8000] [--events 10000000] [--leases 1000000]
//
// Needs what they need: python3-h5py, and 8 GB in /dev/shm or $TMPDIR. Takes an hour and a half. Exit code 1 where one
// of them is beyond its floor or ceiling.
import { numbers } from "./support.mjs";
import { printTable } from "./table.mjs";

const { rounds, megabytes, events, leases } = numbers({
  rounds: 5,
  megabytes: 8000,
  events: 10_000_000,
  leases: 1_000_000,
});

printTable(
  "dispatch",
  [
    ["batches.mjs", "--megabytes", String(megabytes)],
    ["dispatch.mjs", "--events", String(events), "--leases", String(leases)],
  ],
  rounds,
);
