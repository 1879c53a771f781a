import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { endAll, processesIn, start } from "../support/run-processes.ts";
import { evb, oracle, output, run, EVB, temporaryFolder } from "../support/system.ts";

/** Runs by h5py, aligned rows by numpy: evb's own code has no part in either. File 7 is big-endian, some are filtered. */
const RUNS = {
  seed: { make: ["--layout", "seed"], select: "red", files: 10 },
  lcls: { make: ["--layout", "lcls", "--types", "mixed"], select: "red", files: 10 },
  integers: { make: ["--layout", "lcls", "--types", "integers"], select: null, files: 10 },
} as const;

interface Written {
  readonly words: readonly string[];
  /** As extract_check.py wants it. */
  readonly expected: object;
}

const WRITTEN: readonly Written[] = [
  { words: [], expected: {} },
  { words: ["--events-per-chunk", "1"], expected: { chunk: 1 } },
  { words: ["--events-per-chunk", "13"], expected: { chunk: 13 } },
  { words: ["--compression", "gzip:4"], expected: { gzip: 4 } },
  {
    words: ["--compression", "gzip:1", "--shuffle", "--events-per-chunk", "5"],
    expected: { gzip: 1, shuffle: true, chunk: 5 },
  },
  {
    words: ["--compression", "gzip:9", "--shuffle", "--events-per-chunk", "100000"],
    expected: { gzip: 9, shuffle: true, chunk: 100_000 },
  },
];

const MINUTES = 300_000;
const folder = temporaryFolder();
afterAll(folder.remove);

/** What extract_check.py is told of a run. */
function order(layout: "seed" | "lcls", data: string, files: number): object {
  const isSeed = layout === "seed";
  return {
    files: Array.from({ length: files }, (_, k) => ({
      source: `file${String(k + 1)}`,
      path: join(data, `file${String(k + 1)}.h5`),
      time: isSeed ? `timestamp${String(k + 1)}` : "small_data/time_stamp",
      payload: isSeed ? `bigdata${String(k + 1)}` : "cspad_data/image_data",
    })),
    labels: {
      path: join(data, "file1.h5"),
      time: isSeed ? "timestamp1" : "small_data/all_timestamps",
      column: isSeed ? "smalldata" : "small_data/diode_values",
      name: isSeed ? "smalldata" : "diode_values",
    },
  };
}

const check = (expected: object): string =>
  oracle("extract_check.py", JSON.stringify(expected)).trim();

describeWith(["h5py"], "an extract", () => {
  describe.each(Object.entries(RUNS))("of a run of h5py's, %s", (name, { make, select, files }) => {
    const data = join(folder.path, name);
    const index = `${data}.index.h5`;

    beforeAll(() => {
      oracle("make_run.py", data, ...make, "--events", "600", "--files", String(files));
      evb("index", data, "-o", index, "--quiet", ...(select === null ? ["--all"] : []));
    }, MINUTES);

    test.each(WRITTEN)(
      "has numpy's rows, labels and types: $words",
      ({ words, expected }) => {
        const out = `${data}.${words.join("")}.h5`;
        evb("extract", index, "-o", out, ...words, "--quiet");
        const whole = { ...order(make[1], data, files), out, select, ...expected };
        expect(check(whole)).toMatch(/^ok: \d{3,4} events of 10 sources$/);
      },
      MINUTES,
    );
  });

  test(
    "has the same bytes for 1, 2 and 5 clients, whatever the batch and the memory",
    () => {
      const data = join(folder.path, "seed");
      const some = [WRITTEN[0]!, WRITTEN[2]!, WRITTEN[4]!];
      for (const { words } of some) {
        const [first, ...others] = ["1", "2", "5"].map((clients, k) => {
          const out = join(folder.path, `same${String(k)}.h5`);
          const work = [
            "--clients",
            clients,
            "--batch",
            String(1 + 40 * k),
            "--memory",
            `${String(1 + k)}kB`,
          ];
          evb("extract", `${data}.index.h5`, "-o", out, ...words, ...work, "--force", "--quiet");
          return readFileSync(out);
        });
        for (const other of others) expect(other.equals(first!)).toBe(true);
      }
    },
    MINUTES,
  );

  test(
    "of some events and sources has these, numbered as in the index",
    () => {
      const data = join(folder.path, "lcls");
      const out = join(folder.path, "some.h5");
      const words = ["--events", "20:61", "--sources", "file[178]"];
      evb("extract", `${data}.index.h5`, "-o", out, ...words, "--quiet");
      const [first, second, third] = evb("inspect", out).split("\n");
      expect([first, second, third].join()).toMatch(/events/);
      const shapes = oracleShapes(out);
      expect(shapes).toEqual(["file1 41", "file7 41", "file8 41"]);
    },
    MINUTES,
  );
});

const oracleShapes = (out: string): string[] =>
  output("/usr/bin/python3", [
    "-c",
    "import h5py,sys\nf=h5py.File(sys.argv[1])\nfor n in sorted(f['sources']): print(n, len(f['sources'][n]['data']))",
    out,
  ])
    .trim()
    .split("\n");

describeWith(["h5py", "hdf5tools"], "HDF5's own tools", () => {
  test(
    "take an extract, copy it, and find no difference",
    () => {
      const data = join(folder.path, "seed");
      const out = join(folder.path, "tools.h5");
      const copy = join(folder.path, "copy.h5");
      evb(
        "extract",
        `${data}.index.h5`,
        "-o",
        out,
        "--compression",
        "gzip:3",
        "--shuffle",
        "--quiet",
      );
      expect(output("h5dump", ["-H", "-p", out])).toContain("COMPRESSION DEFLATE { LEVEL 3 }");
      expect(output("h5ls", ["-r", out])).toContain("/sources/file10/data");
      expect(output("h5stat", [out])).toContain("# of unique datasets: 36");
      output("h5repack", [out, copy]);
      // No event has file4, so nothing of it is stored.
      expect(output("h5diff", ["-c", out, copy])).toMatch(
        /^(Not comparable: <\/sources\/file4\/data> .* empty dataset\n)?$/,
      );
    },
    MINUTES,
  );
});

describeWith(["h5py"], "an extract whose client is killed", () => {
  afterEach(endAll);

  test(
    "has the same bytes as one that nobody disturbed",
    async () => {
      const data = join(folder.path, "killed");
      const index = `${data}.index.h5`;
      evb("generate", data, "--files", "3", "--events", "300", "--event-size", "200kB", "--quiet");
      evb("index", data, "-o", index, "--all", "--quiet");
      const words = ["--compression", "gzip:6", "--events-per-chunk", "2", "--batch", "2"];
      const whole = join(folder.path, "whole.h5");
      evb("extract", index, "-o", whole, ...words, "--quiet");
      const out = join(folder.path, "disturbed.h5");
      const running = start(["extract", index, "-o", out, ...words, "--clients", "2"]);
      const work = join(folder.path, ".disturbed.h5.extract");
      let killed = 0;
      while (running.isOn && killed < 3) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const writing =
          existsSync(work) && readdirSync(work).some((name) => /^[1-9]\d*-/.test(name));
        const [victim] = writing ? processesIn(work) : [];
        if (victim === undefined) continue;
        process.kill(victim, "SIGKILL");
        killed++;
      }
      const { code } = await running.ended;
      expect([code, killed]).toEqual([0, 3]);
      expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
      expect(existsSync(work)).toBe(false);
    },
    MINUTES,
  );

  test(
    "that was stopped goes on with --resume, to the same bytes",
    () => {
      const index = join(folder.path, "killed.index.h5");
      const out = join(folder.path, "stopped.h5");
      for (const words of [["--compression", "gzip:6"], []]) {
        const whole = join(folder.path, "whole.h5");
        evb("extract", index, "-o", whole, ...words, "--force", "--quiet");
        const all = ["extract", index, "-o", out, ...words, "--batch", "1", "--force", "--quiet"];
        const stopped = run(process.execPath, [EVB, ...all, "--time-limit", "400ms"]);
        // Nothing is said of a machine that was faster than the limit.
        if (stopped.code !== 0) {
          expect(stopped.code).toBe(4);
          evb(...all.with(all.indexOf("--force"), "--resume"));
        }
        expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
      }
    },
    MINUTES,
  );
});
