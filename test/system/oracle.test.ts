import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sizes } from "../sizes.ts";
import { describeWith } from "../support/capabilities.ts";
import { evb, oracle, output, ROOT, temporaryFolder } from "../support/system.ts";

/** Runs by h5py, answers by numpy: evb's own code has no part in either. */
const RUNS = [
  { name: "seed", make: ["--layout", "seed"], select: [] },
  { name: "seed, every event", make: ["--layout", "seed", "--seed", "2"], select: ["--all"] },
  { name: "lcls, mixed types", make: ["--layout", "lcls", "--types", "mixed"], select: [] },
  { name: "lcls, integer types", make: ["--layout", "lcls", "--types", "integers"], select: [] },
  {
    name: "lcls, events in all of 12 files",
    make: ["--layout", "lcls", "--no-empty", "--chunk", "3", "--files", "12"],
    select: ["--require", "all"],
  },
] as const;

/** What `evb index` gets where the oracle gets `--select red`: nothing, as red is the default. */
const BATCHES = ["1", "7", "1000"];

interface Report {
  readonly digest: string;
  readonly totals: Record<string, string>;
}

describeWith(["h5py"], "a run made by h5py", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);

  describe.each(RUNS)("$name", ({ make, select }) => {
    const data = join(folder.path, make.join("").replaceAll("-", "") + select.join(""));
    const index = `${data}.index.h5`;

    let indexed = "";
    beforeAll(() => {
      oracle("make_run.py", data, ...make);
      indexed = evb("index", data, "-o", index, "--json", "--quiet", ...select);
    });

    test("has exactly numpy's events", () => {
      const events = evb("inspect", index, "--events", "--json");
      expect(events).toBe(oracle("answer.py", data, ...select));
    });

    test("has numpy's match report", () => {
      const { seconds, ...report } = JSON.parse(indexed) as { seconds: number };
      expect(seconds).toBeGreaterThan(0);
      expect(report).toEqual(JSON.parse(oracle("answer.py", data, "--report", ...select)));
    });

    test("gives numpy's statistics, read back with h5py", () => {
      const out = `${data}.stats`;
      evb("run", index, "-o", out, "--clients", "2", "--analysis", "stats", "--quiet");
      expect(oracle("check_results.py", data, join(out, "results.h5"), ...select)).toMatch(
        /^results ok/,
      );
    });

    test("has the digest that h5py computes", () => {
      const out = `${data}.digest`;
      evb("run", index, "-o", out, "--clients", "1", "--quiet");
      const { digest } = reportOf(out);
      expect(oracle("digest.py", join(out, "results.h5")).trim()).toBe(digest);
      expect(documentedDigest(join(out, "results.h5"))).toBe(digest);
    });
  });

  test("gives the same digest and totals for 1, 2 and 5 clients and batch 1, 7, 1000", () => {
    const data = join(folder.path, "same");
    oracle("make_run.py", data, "--layout", "lcls", "--types", "integers", "--seed", "7");
    evb("index", data, "-o", `${data}.index.h5`, "--quiet");
    const reports = ["1", "2", "5"].flatMap((clients) =>
      BATCHES.map((batch) => {
        const out = `${data}.${clients}.${batch}`;
        evb(
          "run",
          `${data}.index.h5`,
          "-o",
          out,
          "--clients",
          clients,
          "--batch",
          batch,
          "--quiet",
        );
        const { digest, totals } = reportOf(out);
        return JSON.stringify({ digest, totals });
      }),
    );
    expect(new Set(reports).size).toBe(1);
  });

  test("is the same at events of 1 MB", () => {
    const data = join(folder.path, "large");
    const { events, ints } = sizes.oracleLarge;
    oracle("make_run.py", data, "--events", String(events), "--ints", String(ints), "--files", "7");
    evb("index", data, "-o", `${data}.index.h5`, "--quiet");
    evb("run", `${data}.index.h5`, "-o", `${data}.out`, "--clients", "2", "--quiet");
    expect(oracle("check_results.py", data, join(`${data}.out`, "results.h5"))).toMatch(
      /^results ok/,
    );
    output("rm", ["-r", data]);
  });
});

function reportOf(out: string): Report {
  return JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report;
}

/** The script that docs/results-format.md prints for everybody. */
function documentedDigest(results: string): string {
  const text = readFileSync(join(ROOT, "docs/results-format.md"), "utf8");
  const script = /digest\.py[^\n]*\n+```python\n(.*?)```/s.exec(text)?.[1];
  if (script === undefined) throw new Error("docs/results-format.md has no digest.py any more");
  return output("/usr/bin/python3", ["-c", script, results]).trim();
}
