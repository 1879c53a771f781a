import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes } from "../support/ring-bytes.ts";
import { builtOf, rawOf } from "./ring-listing.ts";
import { wordsOf, writeFiles, type Files } from "./ring-order.ts";

/** `evb inspect --windows`: numbers to choose a window by. */
const ring = new RingBytes({ version: 11, littleEndian: true });

/** Three triggers, 1000 apart; source 1 has all, source 2 comes some ticks before or behind it. */
const RUN: Files = {
  "run-0004-00.evt": [
    ring.format(),
    ring.state("BEGIN_RUN", { run: 4 }, { source: 1, barrier: 1 }),
    builtOf(ring, "1@1000 2@1003 2@1990"),
    ...rawOf(ring, "1@2000 1@3000 2@3003"),
    ring.scalers({ values: [1] }, { stamp: 1500n, source: 2 }),
    ring.state("END_RUN", { run: 4 }, { source: 1, barrier: 2 }),
  ],
};

function inspect(folder: string, files: Files, options: string): unknown {
  const names = writeFiles(folder, files);
  const { code, stdout, stderr } = evb(
    ["inspect", ...names, ...wordsOf(options), "--json"],
    folder,
  );
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe("evb inspect --windows --json", () => {
  test("has events, multiplicities and distances", () =>
    inFolder((folder) => {
      expect(inspect(folder, RUN, "--window 2 --window 3 --window 10 --window 3")).toEqual({
        run: 4,
        match: "window",
        fragments: 6,
        sources: [
          { source: 1, fragments: 3 },
          { source: 2, fragments: 3 },
        ],
        windows: [
          {
            window: "2",
            events: 6,
            meanMultiplicity: 1,
            multiplicity: { 1: 6 },
            allSources: 0,
            sourceTwice: 0,
          },
          {
            window: "3",
            events: 4,
            meanMultiplicity: 1.5,
            multiplicity: { 1: 2, 2: 2 },
            allSources: 2,
            sourceTwice: 0,
          },
          {
            window: "10",
            events: 3,
            meanMultiplicity: 2,
            multiplicity: { 2: 3 },
            allSources: 3,
            sourceTwice: 0,
          },
        ],
        // 1000 1003 1990 2000 3000 3003
        gaps: {
          count: 5,
          quantiles: { "0": "3", "0.01": "3", "0.5": "10", "0.99": "1000", "1": "1000" },
          histogram: expect.arrayContaining([
            { from: "2", to: "3", before: 0, behind: 2 },
            { from: "8", to: "15", before: 0, behind: 1 },
            { from: "512", to: "1023", before: 0, behind: 2 },
          ]) as unknown,
        },
        reference: 1,
        distances: [
          {
            source: 2,
            count: 3,
            quantiles: { "0": "-10", "0.01": "-10", "0.5": "3", "0.99": "3", "1": "3" },
            histogram: [
              { from: "2", to: "3", before: 0, behind: 2 },
              { from: "4", to: "7", before: 0, behind: 0 },
              { from: "8", to: "15", before: 1, behind: 0 },
            ],
          },
        ],
      });
    }));

  test("counts from the fragment before with --match gap, and from the reference that is named", () =>
    inFolder((folder) => {
      const files = { "a.evt": rawOf(ring, "1@10 2@14 1@18 2@22") };
      expect(inspect(folder, files, "--window 4 --match gap --reference 2")).toMatchObject({
        match: "gap",
        windows: [{ window: "4", events: 1, allSources: 1, sourceTwice: 1 }],
        reference: 2,
        distances: [{ source: 1, quantiles: { "0": "-4", "1": "4" } }],
      });
    }));

  test("says as many events as evb order makes", () =>
    inFolder((folder) => {
      const words =
        "generate g --format ring --events 500 --disorder 0.05 --pauses 3 --event-size 100";
      evb(wordsOf(words), folder);
      const found = inspect(folder, {}, "g --windows") as { windows: Tried[] };
      expect(found.windows.length).toBeGreaterThan(5);
      const windows = found.windows.flatMap(({ window }) => ["--window", window]);
      const { stdout } = evb(["order", "g", "-o", "out", ...windows, "--json"], folder);
      const { runs } = JSON.parse(stdout) as { runs: Tried[] };
      expect(runs.map(({ window, events }) => [window, events])).toEqual(
        found.windows.map(({ window, events }) => [window, events]),
      );
    }));

  test("puts segments and streams of a run together, and has a line for each run", () =>
    inFolder((folder) => {
      const [first, second] = [rawOf(ring, "1@10 1@20"), rawOf(ring, "2@11 2@21")];
      const names = writeFiles(folder, {
        "run-0001-00.evt": first,
        "run-0001-01.evt": second,
        "run-0002-00.evt": second,
      });
      const { stdout } = evb(["inspect", ...names, "--window", "1", "--json"], folder);
      const runs = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as object);
      expect(runs).toMatchObject([
        { run: 1, windows: [{ events: 2 }] },
        { run: 2, windows: [{ events: 2 }], distances: [] },
      ]);
    }));
});

interface Tried {
  readonly window: string;
  readonly events: number;
}

describe("evb inspect --windows", () => {
  test("fits a terminal of 80 columns, and shows where the events stop falling", () =>
    inFolder((folder) => {
      evb(wordsOf("generate g --format ring --events 2000 --event-size 100"), folder);
      const { code, stdout, stderr } = evb(["inspect", "g", "--windows"], folder);
      expect([code, stderr]).toEqual([0, ""]);
      const lines = stdout.split("\n");
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      // Triggers 1000 apart, fragments up to 10 around them: one event a trigger from 20 to 500 ticks.
      const flat = lines.filter((line) => /^ *(50|100|200|500) +2,000 +0 % /.test(line));
      expect(flat).toHaveLength(4);
      expect(lines).toContain(
        "ticks from the nearest fragment of source 1 (behind it: positive):".replace(
          "source 1",
          referenceIn(stdout),
        ),
      );
    }));

  const referenceIn = (stdout: string): string =>
    /nearest fragment of (source \d)/.exec(stdout)?.[1] ?? "none";

  test.each([
    [
      "stamps of 64 bits",
      rawOf(ring, `1@0 2@${String(2n ** 64n - 2n)} 1@5 3@${String(2n ** 63n)}`),
    ],
    ["one fragment", rawOf(ring, "1@5")],
    ["no fragment", [ring.scalers({ values: [1] }, { stamp: 5n, source: 1 })]],
    [
      "thirty sources",
      rawOf(
        ring,
        Array.from({ length: 300 }, (_, k) => `${String(k % 30)}@${String(k * k)}`).join(" "),
      ),
    ],
  ])("fits for %s", (_, items) =>
    inFolder((folder) => {
      writeFileSync(join(folder, "a.evt"), Buffer.concat(items));
      const { code, stdout, stderr } = evb(["inspect", "a.evt", "--windows"], folder);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
      expect(stdout).not.toMatch(/NaN|undefined|Infinity/);
    }),
  );
});

describe("what can't be asked", () => {
  test.each([
    ["--window x", "ticks from 0 to 2^64 - 1"],
    ["--windows --items", "exclude each other"],
    ["--windows --events", "exclude each other"],
    ["--windows --reference 9", "one of the sources 1, 2"],
  ])("%s", (options, reason) =>
    inFolder((folder) => {
      const names = writeFiles(folder, RUN);
      const ended = evb(["inspect", ...names, ...wordsOf(options)], folder);
      expect(ended.code).toBe(2);
      expect(sentenceOf(ended)).toContain(reason);
    }),
  );

  test("several files without --windows", () =>
    inFolder((folder) => {
      const names = writeFiles(folder, { "a.evt": [ring.format()], "b.evt": [ring.format()] });
      const ended = evb(["inspect", ...names], folder);
      expect(ended.code).toBe(2);
      expect(sentenceOf(ended)).toContain("--windows");
    }));
});
