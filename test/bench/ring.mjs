// Ring items through `evb index` and `evb run`: whole commands, and the parts of them that say what takes the time. The file is
// made by peers/mkevt.py in /dev/shm where it has room, and removed.
//
//   node test/bench/ring.mjs [--rounds 5] [--mb 500]
import { existsSync, readFileSync, rmSync, statfsSync, statSync } from "node:fs";
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

const { rounds, mb } = numbers({ rounds: 5, mb: 500 });

const shm = existsSync("/dev/shm") ? statfsSync("/dev/shm") : undefined;
if (process.env.TMPDIR === undefined && shm !== undefined && shm.bavail * shm.bsize > 2.5e6 * mb)
  process.env.TMPDIR = "/dev/shm";

inTemporaryFolder((folder) => {
  const input = join(folder, "run-0001-00.evt");
  const index = join(folder, "run.index.h5");
  const out = join(folder, "out");
  // Four sources, fragments of some 280 bytes with their headers, one of a thousand late: as test/bench/order.mjs has them.
  const shape = [
    "--format",
    "12",
    "--sources",
    "4",
    "--payload",
    "80",
    "130",
    "--disorder",
    "0.001",
  ];
  run(PYTHON, [join(HERE, "peers/mkevt.py"), "-o", input, "--size-mb", String(mb), ...shape]);
  const megabytes = statSync(input).size / 1e6;
  const evb = (...words) => run(process.execPath, [EVB, ...words, "--force", "--quiet"]).seconds;
  const indexing = () => evb("index", input, "-o", index, "--window", "100");
  const analysing = (analysis, clients) => {
    const words = ["--analysis", analysis, "--clients", String(clients)];
    evb("run", index, "-o", out, ...words);
    return JSON.parse(readFileSync(join(out, "report.json"), "utf8")).seconds;
  };
  indexing();
  const seen = interleave(rounds, {
    order: () => {
      const seconds = evb(
        "order",
        input,
        "-o",
        `${out}.order`,
        "--window",
        "100",
        "--checksum",
        "none",
      );
      rmSync(`${out}.order`, { recursive: true });
      return seconds;
    },
    index: indexing,
    none: () => analysing("none", 1),
    read: () => analysing("read", 1),
    readTwo: () => analysing("read", 2),
    stats: () => analysing("stats", 1),
  });
  const { events, fragments } = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
  const of = Object.fromEntries(
    Object.entries(seen).map(([name, values]) => [name, median(values)]),
  );
  report("ring items", [
    { what: "evb index, whole command", value: of.index, unit: "s" },
    { what: "evb order, whole command, for its scan is the same", value: of.order, unit: "s" },
    { what: "bytes a fragment of the index", value: statSync(index).size / fragments, unit: "B" },
    { what: "none: dispatch alone", value: events / of.none, unit: "events/s" },
    { what: "read, one client", value: megabytes / of.read, unit: "MB/s" },
    { what: "read, two clients", value: megabytes / of.readTwo, unit: "MB/s" },
    { what: "stats, one client", value: megabytes / of.stats, unit: "MB/s" },
  ]);
});
