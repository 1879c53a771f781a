import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { sizes } from "../sizes.ts";
import { describeWith } from "../support/capabilities.ts";
import { EVB, evb, output, python, run, temporaryFolder } from "../support/system.ts";

/** A hundred thousand rows of 1 MB, of which only the last ten are on the disk; their stamps alone are red. */
const SPARSE = `
import sys, h5py, numpy as np
rows, ints = 100_000, 250_000
with h5py.File(sys.argv[1], "w") as f:
    f["timestamp1"] = np.arange(rows, dtype="u8") * np.uint64(13) + np.uint64(1_700_000_000_000_000_000)
    f["smalldata"] = np.array([b"green"] * (rows - 10) + [b"red"] * 10, dtype="S5")
    d = f.create_dataset("bigdata1", (rows, ints), "i4")
    for row in range(rows - 10, rows):
        d[row] = np.full(ints, row, dtype="i4")
`;

describeWith(["h5py", "disk"], "large files", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);

  test("a sparse file of 100 GB is indexed and read at its end", () => {
    const data = join(folder.path, "sparse");
    output("mkdir", [data]);
    python(SPARSE, join(data, "file1.h5"));
    expect(statSync(join(data, "file1.h5")).size).toBeGreaterThan(100e9);
    evb("index", data, "-o", `${data}.index.h5`, "--quiet");
    const report = JSON.parse(
      evb("run", `${data}.index.h5`, "-o", `${data}.out`, "--json", "--quiet"),
    ) as {
      events: number;
      totals: { first: string };
    };
    expect(report.events).toBe(10);
    // 99990 + 99991 + … + 99999
    expect(report.totals.first).toBe("999945");
  });

  test("a first file of the size asked for takes less than 300 MB of memory", () => {
    const { gigabytes } = sizes.generateLarge;
    const data = join(folder.path, "mock");
    const args = [
      "generate",
      data,
      "--files",
      "1",
      "--file-size",
      `${String(gigabytes)}GB`,
      "--quiet",
    ];
    const timed = run("/usr/bin/python3", ["-c", PEAK, process.execPath, EVB, ...args]);
    expect(timed.stderr).toBe("");
    expect(timed.code).toBe(0);
    expect(Number(timed.stdout.trim().split("\n").at(-1))).toBeLessThan(300_000);
    const { size } = statSync(join(data, "file1.h5"));
    expect(Math.abs(size / (gigabytes * 1e9) - 1)).toBeLessThan(0.01);
    const truth = JSON.parse(readFileSync(join(data, "truth.json"), "utf8")) as { events: number };
    expect(Math.abs(truth.events * 1e6 - gigabytes * 1e9)).toBeLessThanOrEqual(1e6);
    output("rm", ["-r", data]);
  });
});

/** Peak resident memory of a command, in kB, as the kernel counted it. */
const PEAK = `
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
`;
