// `evb extract` against a plain h5py script that does the same reduction (peers/extract.py): whole seconds of either's own
// clock, interleaved. Files are made by evb generate in /dev/shm where it has room, and removed.
//
//   node test/bench/extract.mjs [--rounds 5] [--events 200] [--clients 2]
//
// At 200 events of 1 MB in two files it takes 0.8 GB. Exits 1 where a ratio is below its floor.
import { existsSync, rmSync, statfsSync } from "node:fs";
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

const { rounds, events, clients } = numbers({ rounds: 5, events: 200, clients: 2 });
const NEEDED = 4.5e6 * events;

const { bavail, bsize } = existsSync("/dev/shm") ? statfsSync("/dev/shm") : { bavail: 0, bsize: 0 };
if (process.env.TMPDIR === undefined && bavail * bsize > NEEDED) process.env.TMPDIR = "/dev/shm";

const KINDS = [
  { what: "1 MB events, as they are", words: [], peer: "none", floor: 0.7 },
  {
    what: "1 MB events, gzip 4",
    words: ["--compression", "gzip:4", "--events-per-chunk", "1"],
    peer: "gzip:4",
    floor: 0.9,
  },
  {
    what: "1 MB events, shuffle and gzip 4",
    words: ["--compression", "gzip:4", "--shuffle", "--events-per-chunk", "1"],
    peer: "gzip:4:shuffle",
    floor: 0.9,
  },
];

const evb = (...words) => run(process.execPath, [EVB, ...words, "--quiet"]).stdout;

inTemporaryFolder((folder) => {
  const data = join(folder, "run");
  const index = join(folder, "run.index.h5");
  evb("generate", data, "--files", "2", "--events", String(events), "--event-size", "1MB");
  evb("index", data, "-o", index, "--all");
  const out = join(folder, "out.h5");
  // Left-over dirty pages make the next write slow.
  const removed = (seconds) => {
    rmSync(out);
    return seconds;
  };
  const extract = (count, words) => {
    const work = ["--clients", String(count), "--json"];
    return removed(JSON.parse(evb("extract", index, "-o", out, ...words, ...work)).seconds);
  };
  const peer = (mode) =>
    removed(Number(run(PYTHON, [join(HERE, "peers/extract.py"), data, "2", out, mode]).stdout));
  const rows = KINDS.flatMap(({ what, words, peer: mode, floor }) => {
    const seen = interleave(rounds, {
      h5py: () => peer(mode),
      one: () => extract(1, words),
      many: () => extract(clients, words),
    });
    const ratio = (name) => median(seen.h5py.map((seconds, k) => seconds / seen[name][k]));
    return [
      { what: `${what}, 1 client: against h5py`, value: ratio("one"), unit: "×", floor },
      { what: `${what}, ${clients} clients: against h5py`, value: ratio("many"), unit: "×", floor },
    ];
  });
  report("evb extract", rows);
});
