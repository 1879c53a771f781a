import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { notPrinted, pageScript, pageSteps } from "../support/launching-page.ts";
import { output, ROOT, run, temporaryFolder } from "../support/system.ts";

/** 6.1 MB and 19 MB (2026-11-28); zeromq's binaries of other systems alone would be 26 MB more. */
const PACKED_BYTES_MAX = 8e6;
const UNPACKED_BYTES_MAX = 25e6;
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

interface Packed {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

describeWith(["namespaces", "mounts"], "the package", () => {
  const folder = temporaryFolder();
  const steps = pageSteps("install.md");
  let report = "";
  let printed = "";
  afterAll(folder.remove);

  beforeAll(() => {
    report = output("npm", ["run", "--silent", "package", "--", folder.path]);
    execFileSync("chown", ["-R", "nobody", folder.path]);
    printed = output("unshare", ["--net", "--mount", "sh", "-euc", ALONE, folder.path, script()]);
  }, 300_000);

  /** Without the folder of the sources, without a network, without rights, without what others set. */
  const ALONE = `mount -t tmpfs none '${ROOT}'
ip link set lo up
cd "$0"
exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -i HOME="$0/home" PATH='${dirname(process.execPath)}:/usr/bin:/bin' bash -c "$1" 2>&1`;

  /** Before the last step, which removes everything, what was installed is kept to be looked at. */
  function script(): string {
    const last = steps.length - 1;
    const keep = `cp -a "$HOME/evb/lib/node_modules/evb" "$HOME/kept"\n`;
    return pageScript(
      steps.map((step, i) => (i === last ? { ...step, typed: keep + step.typed } : step)),
    );
  }

  const kept = (path: string): string => join(folder.path, "home/kept", path);

  test("is one file of a bounded size, and says it", () => {
    const said = /evb-0\.1\.0\.tgz: ([\d.]+) MB, \d+ files, ([\d.]+) MB when unpacked/.exec(report);
    expect(Number(said?.[1]) * 1e6).toBeLessThan(PACKED_BYTES_MAX);
    expect(Number(said?.[2]) * 1e6).toBeLessThan(UNPACKED_BYTES_MAX);
    process.stdout.write(report);
  });

  test("is installed and used as docs/launching/install.md says: no root, no network, no sources", () => {
    expect(steps.length).toBeGreaterThan(5);
    expect(notPrinted(steps, printed)).toEqual([]);
  });

  test("gives the digest that the sources give, and evb's version", () => {
    const there = JSON.parse(readFileSync(join(folder.path, "out/report.json"), "utf8")) as object;
    const words = ["--events", "300", "--event-size", "100kB", "--quiet"];
    const evb = (...args: string[]): string =>
      output(process.execPath, [join(ROOT, "packages/cli/bin/evb.js"), ...args], folder.path);
    mkdirSync(join(folder.path, "here"));
    evb("generate", "here/run1", "--files", "4", ...words);
    evb("index", "here/run1", "-o", "here/run1.index.h5", "--all", "--quiet");
    const here = evb("run", "here/run1.index.h5", "-o", "here/out", "--clients", "1", "--json");
    const { digest } = JSON.parse(here) as { digest: string };
    expect(there).toMatchObject({ digest, evb: "0.1.0" });
  });

  test("declares the types of evb/analysis and evb/event: of two modules tsc refuses the wrong one", () => {
    const mine = join(folder.path, "mine");
    const wrong = `import { EvbError } from "evb/event";
import { defineAnalysis } from "evb/analysis";
export const tagOf = (thrown: EvbError): string => thrown.tag;
export default defineAnalysis({ setup: () => ({ event: (event) => ({ columns: { n: event.nothing } }) }) });
`;
    writeFileSync(join(mine, "wrong.ts"), wrong);
    const { stdout } = run(process.execPath, [TSC], mine);
    const found = stdout.trim().split("\n");
    expect(found).toEqual([
      expect.stringMatching(/^wrong\.ts\(4,.*'nothing' does not exist on type 'AnalysisEvent'/),
    ]);
  });

  test("has production libraries only, each with its licence, and runs nothing when it is installed", () => {
    const { name, dependencies } = readPackage(kept("package.json"));
    expect(name).toBe("evb");
    expect(Object.keys(dependencies)).toEqual(
      expect.arrayContaining(["zeromq", "h5wasm", "@swc/wasm-typescript", "picomatch"]),
    );
    const packages = readdirSync(kept("node_modules"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith("package.json"))
      .map((path) => readPackage(kept(join("node_modules", path))));
    expect(packages.map((each) => each.name).sort()).toEqual(Object.keys(dependencies).sort());
    expect(packages.filter((each) => "scripts" in each)).toEqual([]);
    const notices = readFileSync(kept("NOTICES.md"), "utf8");
    const named = [...notices.matchAll(/^## (\S+) [\d.]+ \(/gm)].map(([, each]) => each);
    expect(named).toEqual(expect.arrayContaining(["jsep", "msgpackr", "tinyglobby", "yargs"]));
    const also = ["docs/launching/install.md", "docker-compose.yml", "jobs/job.schema.json"];
    for (const path of ["LICENSE", "README.md", ...also]) expect(existsSync(kept(path))).toBe(true);
  });

  test.each(["zeromq", "h5wasm/node", "@swc/wasm-typescript", "picomatch", "yaml", "ajv"])(
    "has all that %s needs",
    (library) => {
      const words = ["--input-type=module", "--eval", `await import("${library}")`];
      expect(run(process.execPath, words, kept("packages"))).toMatchObject({ code: 0, stderr: "" });
    },
  );

  test("isn't made by npm pack in the folder of the sources, which says what makes it", () => {
    const { code, stderr } = run("npm", ["pack", "--dry-run"]);
    expect(code).toBe(1);
    expect(stderr).toContain("npm run package makes the package");
  });
});

const readPackage = (path: string): Packed => JSON.parse(readFileSync(path, "utf8")) as Packed;
