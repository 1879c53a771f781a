// Runs every check and test, and ends with one plain line: N passed, N failed, N skipped.
//
//   node test/run.mjs [--all]
//
// Without --all: what needs Node and npm alone. With it: also what needs root, system packages, docker,
// other versions of Node, long campaigns, large files or more than a minute (test/system), at the full sizes of
// test/sizes.ts.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, mkdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { probe, table } from "./probe.mjs";

/** They measure, kill at shares of what a run takes, or fill the disk: nothing runs beside them. */
const ALONE =
  "/test/system/(bench|campaign|demo|large|order-deaths|sabotage|scale|slow-network)\\.test\\.ts$";

const root = fileURLToPath(new URL("..", import.meta.url));
const all = process.argv.includes("--all");
const unknown = process.argv.slice(2).filter((word) => word !== "--all");
if (unknown.length > 0) {
  console.error(`test: ${unknown.join(" ")} is no option; there is --all`);
  process.exit(2);
}
const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
/** [seconds, what] of every test. */
const durations = [];
const SLOWEST = 15;

const capabilities = all ? probe() : {};
if (all) console.log(`What this machine can do:\n${table(capabilities)}\n`);

await check("types", "npx", ["--no-install", "tsc", "--build"]);
await check("bundle", "node", ["scripts/bundle.mjs"]);
await Promise.all([
  check("lint", "npx", ["--no-install", "eslint", "--config", ".ci/eslint.config.js", "."]),
  check("format", "npx", ["--no-install", "prettier", "--check", "--log-level", "warn", "."]),
  check("floors", "npm", ["run", "--silent", "floors"]),
  check("unused", "npx", ["--no-install", "knip"]),
  // Only describeWith() of test/support/capabilities.ts may skip, and it prints why.
  check("no test is left out by hand", "sh", [
    "-c",
    "! grep -rnE '\\b(describe|test|it)\\.(skip|only|todo)\\b|\\bx(it|test|describe)\\(' test --include='*.ts' | grep -v '^test/support/capabilities.ts:'",
  ]),
]);
// Tests wait for processes half of their time.
const TWO = ["--maxWorkers", "2"];
jest("tests", ["--testPathIgnorePatterns", "/node_modules/", "/test/system/", ...TWO]);
if (all) {
  jest("system", ["--testPathIgnorePatterns", "/node_modules/", ALONE, ...TWO, "/test/system/"]);
  jest("alone", ["--testPathIgnorePatterns", "/node_modules/", "--runInBand", ALONE]);
}
durations.sort(([one], [other]) => other - one);
for (const [seconds, what] of durations.slice(0, SLOWEST))
  console.log(`slow:  ${seconds.toFixed(0).padStart(4)} s ${what}`);
// Once more at the end, where nobody has to look for them.
for (const sentence of failures) console.log(`failed: ${sentence}`);
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;

async function check(name, command, args) {
  const begun = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (said += text));
  const passed = await new Promise((resolve) => {
    child.once("error", (error) => {
      said += error.message;
      resolve(false);
    });
    child.once("close", (code) => resolve(code === 0));
  });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  counts[passed ? "passed" : "failed"]++;
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (passed) return;
  failures.push(name);
  console.log(said);
}

function jest(name, words) {
  const folder = join(root, "node_modules/.cache/evb-tests");
  mkdirSync(folder, { recursive: true });
  const summary = join(folder, `${name}.json`);
  rmSync(summary, { force: true });
  const args = [
    ...["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"],
    join(root, "node_modules/jest/bin/jest.js"),
    ...["--json", "--outputFile", summary, ...words],
  ];
  const env = {
    ...process.env,
    EVB_CAPABILITIES: JSON.stringify(capabilities),
    ...(all && { EVB_SIZES: "full" }),
  };
  const begun = performance.now();
  // Jest's own report goes to stderr; --json would print the summary once more.
  spawnSync(process.execPath, args, { cwd: root, env, stdio: ["ignore", "ignore", "inherit"] });
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  try {
    const result = JSON.parse(readFileSync(summary, "utf8"));
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
    counts.passed += result.numPassedTests;
    counts.failed += failed;
    counts.skipped += result.numPendingTests + result.numTodoTests;
    console.log(`${failed === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
    failures.push(...failuresIn(result));
    for (const { name: path, assertionResults } of result.testResults)
      for (const { duration, fullName } of assertionResults)
        durations.push([(duration ?? 0) / 1000, `${relative(root, path)}: ${fullName}`]);
  } catch {
    failures.push(`${name}: the test runner left no result`);
    counts.failed++;
  }
}

/** A line for each test that failed, and for each file that couldn't be run. */
function failuresIn({ testResults }) {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === "failed");
    const path = relative(root, name);
    if (failed.length === 0 && assertionResults.length === 0 && message)
      return [`${path}: ${message.split("\n")[0]}`];
    return failed.map(({ fullName }) => `${path}: ${fullName}`);
  });
}
