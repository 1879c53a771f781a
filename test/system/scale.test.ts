import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { sizes } from "../sizes.ts";
import { describeWith } from "../support/capabilities.ts";
import { until } from "../support/run-links.ts";
import { EVB, evb, output, python, temporaryFolder } from "../support/system.ts";

/** One source of rows of one byte: row k is k modulo 101. */
const MAKE = `
import h5py, numpy as np, sys
rows, step = int(sys.argv[2]), 2_000_000
with h5py.File(sys.argv[1], "w", libver="latest") as f:
    stamps = f.create_dataset("timestamp1", (rows,), "<u8")
    cells = f.create_dataset("bigdata1", (rows,), "i1")
    for at in range(0, rows, step):
        some = np.arange(at, min(rows, at + step), dtype="u8")
        stamps[at:at + step] = some * np.uint64(13) + np.uint64(1_700_000_000_000_000_000)
        cells[at:at + step] = (some % np.uint64(101)).astype("i1")
`;

const LONG_MS = 900_000;

interface Done {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function command(words: readonly string[]): { pid: number; ended: Promise<Done> } {
  const child = spawn(process.execPath, [EVB, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Done>((resolve) => {
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  return { pid: child.pid!, ended };
}

/** The most that a process has had in memory so far; undefined when it has ended. */
function peakMegabytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
    return peak === undefined ? undefined : Number(peak) / 1024;
  } catch {
    return undefined;
  }
}

interface Together {
  readonly report: RunReport;
  /** Of the coordinator. */
  readonly megabytes: number;
  readonly clientCodes: readonly (number | null)[];
}

/** A coordinator and so many client processes, to the end. */
async function together(
  indexPath: string,
  out: string,
  clients: number,
  words: readonly string[],
): Promise<Together> {
  const common = ["-o", out, "--listen", "127.0.0.1", "--json", "--quiet"];
  const rank0 = command([
    "coordinator",
    indexPath,
    ...common,
    "--clients",
    String(clients),
    ...words,
  ]);
  const connection = join(out, "connection.json");
  await until(() => existsSync(connection), "connection file", 60_000);
  const ranks = Array.from({ length: clients }, () => command(["client", connection, "--quiet"]));
  let megabytes = 0;
  const watch = setInterval(() => {
    megabytes = peakMegabytes(rank0.pid) ?? megabytes;
  }, 20);
  const done = await rank0.ended;
  clearInterval(watch);
  const clientCodes = (await Promise.all(ranks.map(({ ended }) => ended))).map(({ code }) => code);
  if (done.code !== 0) throw new Error(done.stderr);
  return { report: JSON.parse(done.stdout) as RunReport, megabytes, clientCodes };
}

describeWith(["h5py"], "large runs", () => {
  const folder = temporaryFolder();
  // EVB_MILLIONS=100 takes some minutes, and 5 GB in TMPDIR.
  const millions = Number(process.env["EVB_MILLIONS"] ?? sizes.indexEvents.millions);
  const EVENTS = millions * 1e6;
  const indexPath = join(folder.path, "many.index.h5");
  beforeAll(() => {
    const data = join(folder.path, "many");
    mkdirSync(data);
    python(MAKE, join(data, "file1.h5"), String(EVENTS));
    evb("index", data, "-o", indexPath, "--all", "--quiet");
  }, LONG_MS);
  afterAll(folder.remove);

  test(
    "64 client processes work on one coordinator, and find what one finds",
    async () => {
      const some = ["--events", "0:20000", "--analysis", "wait", "--set", "ms=1"];
      const alone = join(folder.path, "alone");
      const one = JSON.parse(
        evb(
          "run",
          indexPath,
          "-o",
          alone,
          ...some.slice(0, 4),
          "--set",
          "ms=0",
          "--json",
          "--quiet",
        ),
      ) as RunReport;
      const { report, megabytes, clientCodes } = await together(
        indexPath,
        join(folder.path, "out64"),
        64,
        some,
      );
      expect(report).toMatchObject({ events: 20_000, lost: 0, failed: 0, digest: one.digest });
      expect(report.clients.length).toBe(64);
      expect(new Set(clientCodes)).toEqual(new Set([0]));
      process.stderr.write(`64 clients: the coordinator's peak is ${megabytes.toFixed(0)} MB\n`);
      expect(megabytes).toBeLessThan(400);
    },
    LONG_MS,
  );

  // 18 bytes of each event alone would be 180 MB more, and were.
  test(
    `a coordinator of ${String(millions)} million events has less than 300 MB`,
    async () => {
      const none = ["--analysis", "none"];
      const { report, megabytes } = await together(indexPath, join(folder.path, "all"), 2, none);
      expect(report).toMatchObject({ events: EVENTS, lost: 0, failed: 0 });
      process.stderr.write(
        `${String(millions)} million events: the coordinator's peak is ${megabytes.toFixed(0)} MB\n`,
      );
      expect(megabytes).toBeLessThan(300);
    },
    LONG_MS,
  );

  test("a few events of many take as little memory as of few", () => {
    const words = ["run", indexPath, "-o", join(folder.path, "few"), "--events", "0:1000"];
    const peak = output("/usr/bin/python3", [
      ...["-c", PEAK, process.execPath, EVB, ...words],
      ...["--analysis", "none", "--quiet"],
    ]);
    expect(Number(peak.trim().split("\n").at(-1))).toBeLessThan(200_000);
  });
});

/** Peak resident memory of a command, in kB, as the kernel counted it. */
const PEAK = `
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
`;
