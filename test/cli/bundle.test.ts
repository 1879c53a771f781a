import { createRequire } from "node:module";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import { evb } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { endAll, ended, reportOf, start } from "../support/run-processes.ts";
import { smallRun } from "../support/run-small.ts";

const MINUTE = 60_000;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CLI = join(ROOT, "packages/cli");
const BUNDLE = join(CLI, "bundle");
/** Of evb and its libraries, in all threads; there are some 45. Of the same code in a file each there were 300. */
const ORDER_FILES_MAX = 60;
/** With yargs and zeromq, in both threads, there are 0.8 MB; of the pieces of all commands there were 2. */
const CLIENT_BYTES_MAX = 1_000_000;

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

const changedMs = (path: string): number => statSync(path).mtimeMs;

/** The JavaScript files that a command opened, once for each thread, as V8 tells where it is asked which code was run. */
async function filesOf(words: readonly string[], folder: string): Promise<string[]> {
  const told = join(folder, "told");
  const { code, stderr } = await ended(words, { cwd: folder, env: { NODE_V8_COVERAGE: told } });
  if (code !== 0) throw new Error(stderr);
  return filesIn(told, ".json").flatMap((path) =>
    (JSON.parse(readFileSync(path, "utf8")) as { result: { url: string }[] }).result
      .map(({ url }) => url)
      .filter((url) => url.startsWith("file:")),
  );
}

afterAll(endAll);

describe("the bundle", () => {
  test.each([
    ["the commands", "evb"],
    ["a client", "evb-client"],
    ["a client's working thread", "bench-worker"],
    ["its threads that decode", "decode-worker"],
    ["the thread of checksums", "checksum-worker"],
    ["the hooks for users' modules", "module-hooks"],
    ["evb/analysis", "evb-analysis"],
    ["evb/event", "evb-event"],
  ])("has %s as %s.js", (_, name) => {
    expect(existsSync(join(BUNDLE, `${name}.js`))).toBe(true);
  });

  test("is newer than what it is made of; npm run build makes it", () => {
    const made = Math.min(...filesIn(BUNDLE, ".js").map(changedMs));
    const newer = readdirSync(join(ROOT, "packages"))
      .flatMap((name) => filesIn(join(ROOT, "packages", name, "dist"), ".js"))
      .filter((path) => changedMs(path) > made);
    expect(newer).toEqual([]);
  });

  test("says the version of its package", () => {
    const { version } = JSON.parse(readFileSync(join(CLI, "package.json"), "utf8")) as {
      version: string;
    };
    expect(evb(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("has maps that name the sources", () => {
    const { sources } = JSON.parse(readFileSync(join(BUNDLE, "evb.js.map"), "utf8")) as {
      sources: string[];
    };
    expect(sources.map((source) => join(BUNDLE, source))).toContain(join(CLI, "src/mod.ts"));
  });

  test("speaks English, whatever the user's language: yargs' other words aren't in it", async () => {
    const { stdout } = await ended(["--help"], { env: { LC_ALL: "de_DE.UTF-8" } });
    expect(stdout).toMatch(/^Commands:$/m);
  });

  test(`evb order with one client opens ${String(ORDER_FILES_MAX)} files at most, and no library that it doesn't need`, () =>
    inFolder(async (folder) => {
      evb(["generate", "mock", "--format", "ring"], folder);
      const opened = await filesOf(["order", "mock", "-o", "out", "--window", "100"], folder);
      expect(opened.map((url) => basename(url))).toEqual(
        expect.arrayContaining(["evb.js", "bench-worker.js", "checksum-worker.js"]),
      );
      expect(opened.length).toBeLessThanOrEqual(ORDER_FILES_MAX);
      expect(opened.filter((url) => url.includes("/node_modules/"))).toEqual([]);
    }));

  test(
    "a client compiles what it runs and little more, in either of its threads",
    () =>
      inFolder(async (folder) => {
        const { indexPath } = await smallRun(folder, { size: { kind: "events", events: 3 } });
        const rank0 = start(["coordinator", indexPath, "-o", join(folder, "out"), "--quiet"]);
        const words = ["client", join(folder, "out/connection.json"), "--quiet"];
        const opened = (await filesOf(words, folder)).map((url) => new URL(url));
        expect((await rank0.ended).code).toBe(0);
        const paths = opened.map(({ pathname }) => pathname);
        const wanted = ["evb-client.js", "bench-worker.js"].map((name) => join(BUNDLE, name));
        expect(paths).toEqual(expect.arrayContaining(wanted));
        expect(paths).not.toContain(join(BUNDLE, "evb.js"));
        const bytes = opened.reduce((sum, url) => sum + statSync(url).size, 0);
        expect(bytes).toBeLessThan(CLIENT_BYTES_MAX);
      }),
    MINUTE,
  );

  test(
    "shares evb/event with a user's module: what the program throws is an EvbError there, too",
    () =>
      inFolder(async (folder) => {
        const { indexPath } = await smallRun(folder, { size: { kind: "events", events: 3 } });
        writeFileSync(join(folder, "mine.mjs"), MODULE);
        const words = ["run", indexPath, "-o", "out", "--clients", "1", "--json"];
        const done = evb([...words, "--analysis", "mine.mjs"], folder);
        expect(done).toMatchObject({ code: 0 });
        expect(reportOf(done).totals).toMatchObject({ known: "3", strange: "0" });
      }),
    MINUTE,
  );
});

const MODULE = `import { defineAnalysis } from "evb/analysis";
import { EvbError } from "evb/event";

export default defineAnalysis({
  setup: () => ({
    eventColumns: {},
    totals: { known: { type: "i8" }, strange: { type: "i8" } },
    event(event, totals) {
      try {
        totals.add("nothing of this name", 1);
      } catch (thrown) {
        totals.add(thrown instanceof EvbError ? "known" : "strange", 1);
      }
      return { columns: {} };
    },
  }),
});
`;

describe("what stands for string-width in the bundle", () => {
  test("measures all help as that does", async () => {
    const width = async (path: string): Promise<(text: string) => number> =>
      ((await import(path)) as { default: (text: string) => number }).default;
    // A library of yargs': what the bundle doesn't have.
    const yargs = createRequire(join(CLI, "node_modules/yargs/package.json"));
    const real = await width(yargs.resolve(["string", "width"].join("-")));
    const ours = await width(join(ROOT, "scripts/plain-width.mjs"));
    const commands = [...evb(["--help"]).stdout.matchAll(/^ {2}evb (\S+)/gm)].map(
      ([, name]) => name!,
    );
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands)
      for (const line of evb([command, "--help"]).stdout.split("\n")) {
        expect({ line, width: ours(line) }).toEqual({ line, width: real(line) });
        expect({ line, fits: ours(line) <= 80 }).toEqual({ line, fits: true });
      }
  });
});
