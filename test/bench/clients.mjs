// What clients take: time to begin on a run of a thousand files, and memory, at events of any size up to 16 MB, as chunks
// and filters have them. Real processes: `evb client` under `evb coordinator`, and `evb run --clients 1`.
//
//   node test/bench/clients.mjs [--rounds 5] [--files 1000] [--megabytes 192] [--only N]
//
// --megabytes: of each run that memory is measured on. Needs python3-h5py, and room in /dev/shm (else $TMPDIR).
import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
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

const { rounds, files, megabytes, only } = numbers({
  rounds: 5,
  files: 1000,
  megabytes: 192,
  only: -1,
});
preferMemory(4e6 * megabytes);

/** What issue 5 asks for. */
const START_SECONDS_MAX = 0.5;
const MEGABYTES_MAX = 250;

/** Runs of one file, by megabytes an event and rows a chunk (0: contiguous). */
const LAYOUTS = [
  { what: "256 B, contiguous", size: 256e-6, chunk: 0 },
  { what: "256 B, 4096 a chunk, gzip", size: 256e-6, chunk: 4096, more: ["--gzip", "1"] },
  { what: "1 MB, a chunk an event", size: 1, chunk: 1 },
  { what: "1 MB, 16 a chunk, gzip", size: 1, chunk: 16, more: ["--gzip", "1"] },
  { what: "16 MB, contiguous", size: 16, chunk: 0 },
  { what: "16 MB, a chunk an event, gzip", size: 16, chunk: 1, more: ["--gzip", "1"] },
  {
    what: "16 MB, shuffle and gzip",
    size: 16,
    chunk: 1,
    more: ["--gzip", "1", "--shuffle"],
  },
  { what: "16 MB, by the HDF5 library", size: 16, chunk: 1, more: ["--scaleoffset"] },
];

inTemporaryFolder((folder) => {
  const start = only < 1 ? startFigures(folder) : [];
  const memory = LAYOUTS.filter((_, n) => only < 0 || n + 1 === only).flatMap((layout) =>
    memoryFigures(folder, layout),
  );
  report("clients", [...start, ...memory]);
});

/** From a client's start to its first event, whose fragments lie in all files: each is opened and looked at. */
function startFigures(folder) {
  const subjects = {};
  for (const count of [1, files]) {
    const data = join(folder, `run${count}`);
    const made = [
      "--files",
      `${count}`,
      "--events",
      "20",
      "--event-size",
      "10kB",
      "--labels",
      "red",
    ];
    run(process.execPath, [EVB, "generate", data, ...made, "--quiet"]);
    const index = `${data}.index.h5`;
    run(process.execPath, [EVB, "index", data, "-o", index, "--all", "--quiet"]);
    subjects[count] = () => coordinated(folder, index);
  }
  const seen = interleave(rounds, subjects);
  const seconds = (count, what) => median(seen[count].map((each) => each[what]));
  const figure = (count, what) => ({
    what: `${count} file${count === 1 ? "" : "s"}: until its first ${what === "joined" ? "word" : "event"}`,
    value: seconds(count, what),
    unit: "s",
  });
  return [
    ...[1, files].flatMap((count) => [figure(count, "joined"), figure(count, "committed")]),
    {
      what: `${files} files: later than with one`,
      value: seconds(files, "committed") - seconds(1, "committed"),
      unit: "s",
      most: START_SECONDS_MAX,
      // A busy machine is slower at all of it.
      ceiling: 8 * START_SECONDS_MAX,
    },
  ];
}

function memoryFigures(folder, { what, size, chunk, more = [] }) {
  const data = join(folder, "run");
  const index = `${data}.index.h5`;
  const rows = Math.max(2, Math.round((size < 1 ? megabytes / 6 : megabytes) / size));
  const shape = ["--files", "1", "--ints", `${size * 250_000}`, "--rows", `${rows}`];
  run(PYTHON, [join(HERE, "peers/make_rows.py"), data, ...shape, "--chunk", `${chunk}`, ...more]);
  run(process.execPath, [EVB, "index", data, "-o", index, "--all", "--quiet"]);
  const seen = interleave(rounds, {
    "evb client": () => coordinated(folder, index),
    "evb run": () => alone(folder, index),
  });
  rmSync(data, { recursive: true });
  rmSync(index);
  return Object.entries(seen).map(([name, peaks]) => ({
    what: `${what}: ${name}`,
    value: median(peaks.map(({ peakMegabytes }) => peakMegabytes)),
    unit: "MB",
    most: MEGABYTES_MAX,
    ceiling: 1.1 * MEGABYTES_MAX,
  }));
}

/** Of the client: memory, and seconds from its start to its first word and to its first event. */
function coordinated(folder, index) {
  const [out, trace] = [join(folder, "out"), join(folder, "trace")];
  const words = [process.execPath, dirname(EVB), index, out, "stats", trace];
  const { startMs, peakMegabytes } = watched(folder, "client.js", (env) => {
    run("sh", [join(HERE, "coordinated-client.sh"), ...words], { env });
  });
  const entries = readFileSync(trace, "utf8").trim().split("\n").map(JSON.parse);
  rmSync(trace);
  rmSync(out, { recursive: true });
  const first = (kind) => entries.find(({ what }) => what === kind).at;
  const since = (ms) => (ms - startMs) / 1000;
  return { peakMegabytes, joined: since(first("joined")), committed: since(first("commit")) };
}

/** Coordinator and client in one process. */
function alone(folder, index) {
  const out = join(folder, "out");
  const words = [EVB, "run", index, "-o", out, "--clients", "1", "--quiet"];
  const figures = watched(folder, "evb.js", (env) => run(process.execPath, words, { env }));
  rmSync(out, { recursive: true });
  return figures;
}

/** What the process of a program says of itself at its end. */
function watched(folder, program, use) {
  const path = join(folder, "figures");
  use({
    ...process.env,
    NODE_OPTIONS: `--require=${join(HERE, "peers/process-figures.cjs")}`,
    EVB_FIGURES: path,
    EVB_PROGRAM: program,
  });
  const figures = JSON.parse(readFileSync(path, "utf8"));
  rmSync(path);
  return figures;
}
