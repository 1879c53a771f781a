import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { until } from "../support/run-links.ts";
import {
  endAll,
  ended,
  processesIn,
  reportOf,
  sentencesOf,
  start,
} from "../support/run-processes.ts";
import { smallRun, type SmallRun } from "../support/run-small.ts";

const MINUTE = 60_000;
let folder: string;
let run: SmallRun;
let outs = 0;
const newOut = (): string => join(folder, `out${String(++outs)}`);

beforeAll(async () => {
  // Outside the repository, and with a blank, as in people's homes.
  folder = mkdtempSync(join(tmpdir(), "evb modules-"));
  run = await smallRun(folder, { size: { kind: "events", events: 40 } });
}, MINUTE);
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const runWith = (module: string, out: string, ...words: string[]) =>
  ended(["run", run.indexPath, "-o", out, "--clients", "1", "--analysis", module, ...words]);

const TYPED = `import { defineAnalysis, type AnalysisEvent } from "evb/analysis";

interface Peak { readonly height: number }
const peakOf = (event: AnalysisEvent): Peak => ({ height: Number(event.fragments[0]!.data[0]) });

export default defineAnalysis({
  options: { scale: { default: 1, help: "multiplies" } },
  setup: ({ options, sources }) => ({
    eventColumns: { height: "f8", fragments: "u2" },
    fragmentColumns: { twice: "i8" },
    totals: { heights: { type: "f8" }, bySource: { type: "f8", length: 3 } },
    event(event, totals) {
      const { height } = peakOf(event);
      totals.add("heights", height * options.scale);
      for (const { source } of event.fragments) totals.add("bySource", 1, sources.indexOf(source));
      return {
        columns: { height: height * options.scale, fragments: event.fragments.length },
        fragments: { twice: event.fragments.map(({ data }) => 2 * Number(data[0])) },
      };
    },
  }),
});
`;

async function columnOf(out: string, path: string): Promise<number[]> {
  const file = new Hdf5File(await loadHdf5(), join(out, "results.h5"));
  try {
    return Array.from(file.dataSet(path).readColumn() as ArrayLike<number | bigint>, Number);
  } finally {
    file.close();
  }
}

describe("a user's analysis", () => {
  test(
    "in TypeScript, anywhere on disk, gets its settings and returns columns and totals",
    async () => {
      const out = newOut();
      const module = written("typed.ts", TYPED);
      const done = await runWith(module, out, "--set", "scale=2", "--json");
      expect({ code: done.code, stderr: sentencesOf(done) }).toMatchObject({ code: 0 });
      const report = reportOf(done);
      const rows = run.truth.files.map((file) => file.matched);
      const heights = await columnOf(out, "/events/columns/height");
      expect(report.totals).toEqual({
        heights: heights.reduce((a, b) => a + b, 0),
        bySource: rows,
      });
      const count = await columnOf(out, "/events/columns/fragments");
      expect(count.reduce((a, b) => a + b, 0)).toBe(run.truth.all.fragments);
      // 2 × the first element of each fragment, which truth.json sums.
      const twice = await columnOf(out, "/fragments/twice");
      expect(twice.reduce((a, b) => a + b, 0)).toBe(2 * Number(run.truth.all.first));
    },
    MINUTE,
  );

  test(
    "with an enum, which types alone can't be blanked out of, names the right line",
    async () => {
      const lines = TYPED.split("\n");
      lines[2] = "enum Kind {\n  Low,\n  High,\n}\ninterface Peak { readonly height: number }";
      const at = lines.findIndex((line) => line.includes("const { height }"));
      lines[at] =
        "      if (event.id === 7 && Kind.High === 1) throw new Error(`no peak in ${String(event.id)}`);\n" +
        lines[at]!;
      const text = lines.join("\n");
      const line = text.split("\n").findIndex((each) => each.includes("no peak in")) + 1;
      const done = await runWith(written("enum.ts", text), newOut(), "--json");
      expect(done.code).toBe(1);
      expect(reportOf(done).failures).toEqual([
        { event: 7, reason: `no peak in 7 (enum.ts:${String(line)})` },
      ]);
    },
    MINUTE,
  );

  test(
    "in JavaScript is taken, too, also through a link",
    async () => {
      const text = `import { defineAnalysis } from "evb/analysis";
import { ticksOf } from "./part.mjs";
export default defineAnalysis({ setup: () => ({
  eventColumns: { low: "u4" },
  event: ({ time }) => ({ columns: { low: ticksOf(time) } }),
}) });
`;
      mkdirSync(join(folder, "js"), { recursive: true });
      written("js/part.mjs", "export const ticksOf = (time) => Number(time & 0xffffn);\n");
      const module = written("js/mine.js", text);
      const link = join(folder, "js", "link.js");
      symlinkSync(module, link);
      const digests: unknown[] = [];
      for (const path of [module, link]) {
        const done = await runWith(path, newOut(), "--json");
        expect({ code: done.code, said: sentencesOf(done).length }).toEqual({ code: 0, said: 1 });
        digests.push(reportOf(done).digest);
      }
      expect(digests[0]).toBe(digests[1]);
    },
    MINUTE,
  );

  const THROWS = `import { defineAnalysis } from "evb/analysis";

export default defineAnalysis({
  setup: () => ({
    eventColumns: { id: "i4" },
    totals: { count: { type: "i8" } },
    event(event, totals) {
      totals.add("count", 1);
      if (event.id % 10 === 3) {
        throw new Error("too hot");
      }
      return { columns: { id: event.id } };
    },
  }),
});
`;

  test(
    "that throws fails that event, by number and line; the others are finished",
    async () => {
      const out = newOut();
      const done = await runWith(written("throws.ts", THROWS), out, "--json");
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toBe(
        `event 3 (and 3 more) failed: too hot (throws.ts:10); its status is 1 in ${join(out, "results.h5")}, all failures are in ${join(out, "report.json")}`,
      );
      const report = reportOf(done);
      // What the failed events added doesn't count.
      expect(report).toMatchObject({ events: 40, failed: 4, lost: 0, totals: { count: "36" } });
      expect(report.failures.map(({ event }) => event)).toEqual([3, 13, 23, 33]);
      const status = await columnOf(out, "/events/status");
      expect(status.flatMap((each, event) => (each === 1 ? [event] : []))).toEqual([3, 13, 23, 33]);
      expect((await columnOf(out, "/events/columns/id")).slice(2, 5)).toEqual([2, 0, 4]);
    },
    MINUTE,
  );

  test(
    "that throws ends a --strict run there; what was done is kept",
    async () => {
      const out = newOut();
      const done = await runWith(
        join(folder, "throws.ts"),
        out,
        "--strict",
        "--batch",
        "1",
        "--json",
      );
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toBe("event 3 failed: too hot (throws.ts:10)");
      const report = reportOf(done);
      expect(report.events).toBeLessThan(40);
      expect((await columnOf(out, "/events/status"))[3]).toBe(1);
      expect(processesIn(out)).toEqual([]);
    },
    MINUTE,
  );

  test(
    "whose results are wrong fails those events, and says what is wrong with each",
    async () => {
      const wrong: [body: string, words: RegExp][] = [
        [
          "return { columns: { id: 1e12 } };",
          /1000000000000 for the column id, but that column is i4/,
        ],
        ["return { columns: { id: 1, it: 2 } };", /the column it, but it declares none/],
        ["totals.add('peaks', 1);", /a total peaks, but it declares none/],
        ["return undefined;", /undefined for the column id/],
        ["return Promise.resolve();", /a promise, but the next event is read at once/],
      ];
      const bodies = wrong.map(([body], event) => `if (event.id === ${String(event)}) { ${body} }`);
      const text = THROWS.replace(/if \(event[^]*?\n {6}\}\n/, bodies.join("\n"));
      const done = await runWith(written("returns.js", text), newOut(), "--json");
      expect(done.code).toBe(1);
      const { failures, totals } = reportOf(done);
      expect(failures.map(({ event }) => event)).toEqual([0, 1, 2, 3, 4]);
      wrong.forEach(([, words], event) => {
        expect(failures[event]!.reason).toMatch(words);
      });
      expect(totals).toEqual({ count: "35" });
    },
    MINUTE,
  );

  test.each<[string, string, string, number, RegExp]>([
    [
      "a syntax error in TypeScript",
      "bad.ts",
      "const a = 1;\nconst b: = 2;\n",
      2,
      /can't be loaded: .* in line 2 of .*bad\.ts/,
    ],
    [
      "a syntax error in JavaScript",
      "bad.mjs",
      "const a = 1;\nconst b = = 2;\n",
      2,
      /can't be loaded: .* in line 2 of .*bad\.mjs/,
    ],
    [
      "no default export",
      "none.js",
      "export const setup = 1;\n",
      2,
      /its default export has no setup\(\)/,
    ],
    [
      "an import that isn't there",
      "import.ts",
      'import "./nothing.ts";\n',
      2,
      /can't be loaded: .*nothing\.ts/,
    ],
    [
      "a top level that throws",
      "top.ts",
      "\nthrow new Error('not today');\n",
      2,
      /can't be loaded: not today \(top\.ts:2\)/,
    ],
    [
      "a setup that throws",
      "setup.ts",
      "export default {\n  setup() {\n    throw new Error('no table');\n  },\n};\n",
      2,
      /setup\(\) of the analysis .*setup\.ts failed: no table \(setup\.ts:3\)/,
    ],
    [
      "a setup that returns nothing",
      "nothing.js",
      "export default { setup() {} };\n",
      2,
      /its setup\(\) returned no object with an event\(\)/,
    ],
    [
      "a column of an unknown type",
      "type.js",
      "export default { setup: () => ({ eventColumns: { a: 'i3' }, event() {} }) };\n",
      2,
      /its column a has the unknown type i3/,
    ],
  ])(
    "with %s is refused, by file and line",
    async (_, name, text, code, words) => {
      const out = newOut();
      const done = await runWith(written(name, text), out);
      const sentences = sentencesOf(done);
      expect(done.code).toBe(code);
      expect(sentences[0]).toMatch(words);
      expect(sentences.at(-1)).toMatch(/^none of 1 clients could begin/);
      expect(existsSync(out)).toBe(false);
    },
    MINUTE,
  );

  test(
    "whose option is unknown, or of the wrong kind, is refused",
    async () => {
      const unknown = await runWith(join(folder, "typed.ts"), newOut(), "--set", "skale=2");
      expect({ code: unknown.code, said: sentencesOf(unknown)[0] }).toEqual({
        code: 2,
        said: `the analysis ${join(folder, "typed.ts")} has no option skale; it has scale`,
      });
      const wrong = await runWith(join(folder, "typed.ts"), newOut(), "--set", "scale=two");
      expect(wrong.code).toBe(2);
    },
    MINUTE,
  );

  test(
    "whose total doesn't fit ends with 1, a sentence and a report",
    async () => {
      const text = THROWS.replace(/if \(event[^]*?\n {6}\}\n/, "totals.add('count', 2n ** 62n);\n");
      const out = newOut();
      const done = await runWith(written("big.ts", text), out, "--json");
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toMatch(
        /^the total count is \d+, which doesn't fit into a signed 64 bit integer; total it as f8$/,
      );
      expect(reportOf(done).digest).toBeUndefined();
      expect(existsSync(join(out, "report.json"))).toBe(true);
      expect(existsSync(join(out, "results.h5"))).toBe(false);
    },
    MINUTE,
  );

  test(
    "that another client has in another version is refused by it, and the others go on",
    async () => {
      const out = newOut();
      const module = written("moves.ts", THROWS.replace("% 10 === 3", "< 0"));
      const before = join(folder, "moves.before.ts");
      copyFileSync(module, before);
      const coordinator = start([
        "coordinator",
        run.indexPath,
        "-o",
        out,
        "--analysis",
        module,
        "--listen",
        "127.0.0.1",
        "--json",
      ]);
      await until(() => existsSync(join(out, "connection.json")), "connection file");
      writeFileSync(module, `${readFileSync(module, "utf8")}\n// Saved meanwhile.\n`);
      const differs = await ended(["client", join(out, "connection.json")]);
      expect(differs.code).toBe(3);
      expect(sentencesOf(differs)[0]).toMatch(
        /^the analysis .*moves\.ts on \S+ is not the file that the coordinator has; put/,
      );
      rmSync(module);
      const missing = await ended(["client", join(out, "connection.json")]);
      expect({ code: missing.code, said: sentencesOf(missing)[0] }).toMatchObject({ code: 3 });
      expect(sentencesOf(missing)[0]).toContain("is not there");
      copyFileSync(before, module);
      expect((await ended(["client", join(out, "connection.json")])).code).toBe(0);
      const done = await coordinator.ended;
      expect({ code: done.code, events: reportOf(done).events }).toEqual({ code: 0, events: 40 });
    },
    MINUTE,
  );
});
