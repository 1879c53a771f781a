// Does each deed of sabotages.mjs to a copy of this tree and runs the normal tests that must notice it.
//
//   node test/sabotage/run.mjs [--only PATTERN] [--share N] [--unharmed green] [--check] [--list] [--json]
//
// --only: those whose name or file matches. --unharmed green: these tests were run just now and passed, so they
// aren't run without a sabotage first. --share N: one in N of them, chosen by the commit. --check: only looks whether every line is there, once.
// --list: prints the names, as JSON. --json: the verdicts on stdout, as JSON; the lines for people on stderr.
// Exit code 1 where a sabotage stays green, or can't be applied, or a test is red without any.
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compilerOf } from "./compiler.mjs";
import { sabotages } from "./sabotages.mjs";

const ROOT = realpathSync(fileURLToPath(new URL("../..", import.meta.url)));
/** Two at a time: most tests wait for processes half of their time. */
const LANES = Math.min(2, availableParallelism());
/** A sabotage may hang its tests, which is noticed as well. Two minutes: a machine may be ten times slower than ours. */
const LIMIT_MS = 120_000;
/** A test that hangs is red after so long; without a sabotage none takes a tenth of it. */
const TEST_LIMIT_MS = 15_000;
/** Everything that must be green once, before the first sabotage. */
const UNHARMED_LIMIT_MS = 600_000;

const options = optionsOf(process.argv.slice(2));
const chosen = sharedOut(
  sabotages.filter(
    ({ name, file }) => options.only === undefined || options.only.test(`${name} ${file}`),
  ),
);
const say = (line) => (options.json ? process.stderr : process.stdout).write(`${line}\n`);
const running = new Set();
const compiler = compilerOf(ROOT);
let base;

if (options.list) console.log(JSON.stringify(chosen.map(({ name }) => name)));
else if (!isWhole(chosen)) process.exitCode = 1;
else if (!options.check) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.once(signal, () => {
      cleanUp();
      process.exit(130);
    });
  try {
    process.exitCode = await main();
  } finally {
    cleanUp();
  }
}

async function main() {
  base = realpathSync(mkdtempSync(join(tmpdir(), "evb-sabotage-")));
  const lanes = await copies();
  const unwell = options.isGreen ? [] : await redUnharmed(lanes);
  for (const reason of unwell) say(`red without any sabotage: ${reason}`);
  if (unwell.length > 0) return 1;
  const verdicts = [];
  const waiting = [...chosen];
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const verdict = await verdictOn(lane, next);
        verdicts.push(verdict);
        say(lineOf(verdict));
      }
    }),
  );
  const noticed = verdicts.filter((verdict) => verdict.noticed).length;
  const missed = verdicts.length - noticed;
  if (options.json) console.log(JSON.stringify(verdicts));
  say(`${verdicts.length} sabotages, ${noticed} noticed, ${missed} not noticed`);
  return missed > 0 || noticed === 0 ? 1 : 0;
}

function optionsOf(words) {
  const found = {
    only: undefined,
    share: 1,
    isGreen: false,
    check: false,
    list: false,
    json: false,
  };
  while (words.length > 0) {
    const word = words.shift();
    if (word === "--only" && words.length > 0) found.only = new RegExp(words.shift(), "i");
    else if (word === "--share" && Number(words[0]) >= 1) found.share = Number(words.shift());
    else if (word === "--unharmed" && words.shift() === "green") found.isGreen = true;
    else if (["--check", "--list", "--json"].includes(word)) found[word.slice(2)] = true;
    else {
      console.error(
        `sabotage: ${word} is no option; there are --only PATTERN, --share N, --unharmed green, --check, --list, --json`,
      );
      process.exit(2);
    }
  }
  return found;
}

/** Every commit tries another part: within some N commits all have been tried. */
function sharedOut(table) {
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], { cwd: ROOT });
  const commit = status === 0 ? parseInt(stdout.toString().slice(0, 8), 16) : 0;
  return table.filter((_, n) => n % options.share === commit % options.share);
}

/** Whether each sabotage can be applied, to this tree. Says of every one that can't why. */
function isWhole(table) {
  const problems = table.flatMap((sabotage) => {
    try {
      for (const test of sabotage.tests) if (!existsSync(testOf(ROOT, test))) throw noTest(test);
      sabotaged(readFileSync(join(ROOT, sabotage.file), "utf8"), sabotage);
      return [];
    } catch (thrown) {
      return [`"${sabotage.name}" can't be applied: ${thrown.message}`];
    }
  });
  const names = table.map(({ name }) => name);
  for (const name of new Set(names.filter((name, i) => names.indexOf(name) < i)))
    problems.push(`two sabotages are called "${name}"`);
  for (const problem of problems) say(problem);
  if (problems.length > 0)
    say("follow the code in test/sabotage/sabotages.mjs: each line must be there, once");
  return problems.length === 0;
}

function testOf(root, test) {
  return join(root, "test", `${test}.test.ts`);
}

function noTest(test) {
  return new Error(`there is no test/${test}.test.ts`);
}

/** The file's text with the one line replaced; its indentation stays. */
function sabotaged(text, { file, line, under, instead }) {
  const lines = text.split("\n");
  const rowsOf = (wanted) =>
    lines.flatMap((each, row) => (each.trim() === wanted && row >= from ? [row] : []));
  let from = 0;
  if (under !== undefined) {
    const above = rowsOf(under);
    if (above.length !== 1) throw notOnce(file, under, above.length);
    from = above[0] + 1;
  }
  const rows = rowsOf(line);
  if (rows.length === 0 || (under === undefined && rows.length > 1))
    throw notOnce(file, line, rows.length);
  const row = rows[0];
  lines[row] = lines[row].replace(line, () => instead);
  return lines.join("\n");
}

function notOnce(file, line, times) {
  const found = times === 0 ? "isn't there" : `is there ${times} times`;
  return new Error(`in ${file} the line \`${line}\` ${found}`);
}

/** One copy for each lane, built, so that a sabotage compiles one file. */
async function copies() {
  const first = { root: join(base, "1"), tmp: join(base, "tmp-1") };
  copyTree(first.root);
  mkdirSync(first.tmp);
  const { code, output } = await build(first);
  if (code !== 0) throw new Error(`the copy can't be built:\n${output}`);
  const lanes = [first];
  for (let n = 2; n <= LANES; n++) {
    const lane = { root: join(base, String(n)), tmp: join(base, `tmp-${n}`) };
    cpSync(first.root, lane.root, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
    mkdirSync(lane.tmp);
    lanes.push(lane);
  }
  return lanes;
}

/** What git knows or would add, and node_modules by links, but for our own packages: those are the copy's. */
function copyTree(root) {
  const listed = spawnSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { cwd: ROOT });
  if (listed.status !== 0)
    throw new Error(`git can't list this tree's files: ${listed.stderr ?? listed.error}`);
  for (const path of new Set(listed.stdout.toString().split("\0"))) {
    if (path === "" || !existsSync(join(ROOT, path))) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(join(ROOT, path), join(root, path));
  }
  const modules = join(root, "node_modules");
  mkdirSync(join(modules, "@evb"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules")))
    // Caches are each copy's own.
    if (name !== "@evb" && name !== ".cache")
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  for (const name of readdirSync(join(ROOT, "packages"))) {
    symlinkSync(join("../../packages", name), join(modules, "@evb", name));
    const own = join("packages", name, "node_modules");
    if (existsSync(join(ROOT, own))) symlinkSync(join(ROOT, own), join(root, own));
  }
}

/** Tests see the sources, threads of their own what is compiled, commands the bundle. */
async function build(lane) {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const compiled = await run(lane, [compiler, "--build", "packages/cli"], LIMIT_MS);
  return compiled.code === 0 ? bundle(lane) : compiled;
}

function bundle(lane) {
  return run(lane, ["scripts/bundle.mjs"], LIMIT_MS);
}

/** Why the chosen tests are not green as the tree is. A name that no test has counts as red, too. */
async function redUnharmed(lanes) {
  const groups = new Map();
  for (const { tests, named } of chosen) {
    const group = groups.get(named) ?? new Set();
    for (const test of tests) group.add(test);
    groups.set(named, group);
  }
  // All tests of one name are one run; those that are run whole are shared among the lanes.
  const runs = [...groups].flatMap(([named, tests]) =>
    lanes
      .map((_, n) => [...tests].filter((_, i) => named !== undefined || i % lanes.length === n))
      .slice(0, named === undefined ? lanes.length : 1)
      .filter((some) => some.length > 0)
      .map((some) => ({ named, tests: some })),
  );
  const reasons = [];
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = runs.shift(); next !== undefined; next = runs.shift()) {
        let { why, ran } = await jest(lane, next, UNHARMED_LIMIT_MS);
        if (why !== undefined) {
          say(`red without any sabotage, so it is run once more: ${why}`);
          ({ why, ran } = await jest(lane, next, UNHARMED_LIMIT_MS));
        }
        if (why !== undefined) reasons.push(why);
        else if (ran === 0) reasons.push(`no test of ${next.tests.join(", ")} has "${next.named}"`);
      }
    }),
  );
  return reasons;
}

async function verdictOn(lane, sabotage) {
  const begun = performance.now();
  const path = join(lane.root, sabotage.file);
  const built = path.replace("/src/", "/dist/").replace(/\.ts$/, ".js");
  const before = readFileSync(path, "utf8");
  const builtBefore = readFileSync(built, "utf8");
  const text = sabotaged(before, sabotage);
  let why;
  // The compiler is no test: it would notice the same thing said in another way.
  let problem = compiler.problemWith(sabotage.file, text);
  if (problem !== undefined) problem = `it doesn't compile: ${problem}`;
  else
    try {
      writeFileSync(path, text);
      writeFileSync(built, compiler.javaScriptOf(text));
      const { code, output } = await bundle(lane);
      if (code !== 0) problem = `it can't be bundled: ${output.trim().split("\n")[0]}`;
      else ({ why } = await jest(lane, sabotage, LIMIT_MS));
    } finally {
      writeFileSync(path, before);
      writeFileSync(built, builtBefore);
    }
  const seconds = (performance.now() - begun) / 1000;
  return { name: sabotage.name, noticed: why !== undefined, seconds, why, problem };
}

function lineOf({ name, noticed, seconds, why, problem }) {
  const after =
    problem !== undefined
      ? `can't be applied: ${problem}`
      : noticed
        ? why
        : "NO TEST NOTICES; write one that does";
  return `${noticed ? "red  " : "GREEN"} ${seconds.toFixed(1).padStart(5)} s  ${name}\n                 ${after}`;
}

/** Runs tests in a copy, up to the first that is red: `why`. Without it `ran` is how many were run. */
async function jest(lane, { tests, named }, limitMs) {
  const verdict = join(lane.tmp, "verdict.json");
  rmSync(verdict, { force: true });
  const { late, output } = await run(
    lane,
    [
      ...["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"],
      join(ROOT, "node_modules/jest/bin/jest.js"),
      ...["--reporters", join(ROOT, "test/sabotage/first-failure.mjs")],
      ...["--testTimeout", String(TEST_LIMIT_MS), "--runInBand", "--silent"],
      ...["--cacheDirectory", join(lane.tmp, "jest-cache")],
      ...(named === undefined ? [] : ["--testNamePattern", named]),
      ...["--runTestsByPath", ...tests.map((test) => testOf(lane.root, test))],
    ],
    limitMs,
    { EVB_FIRST_FAILURE: verdict },
  );
  if (late) return { why: `no end within ${limitMs / 1000} s: ${tests.join(", ")}`, ran: 0 };
  if (!existsSync(verdict)) return { why: `the tests died: ${output.trim().slice(-300)}`, ran: 0 };
  return JSON.parse(readFileSync(verdict, "utf8"));
}

/** Runs Node in a copy; after the limit it and all that it started are ended. */
function run(lane, args, limitMs, more = {}) {
  // The normal tests, whatever this is a part of.
  const { EVB_SIZES, EVB_CAPABILITIES, JEST_WORKER_ID, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: lane.root,
      // What a test leaves behind that was ended goes with the copy.
      env: { ...env, ...more, TMPDIR: lane.tmp },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    running.add(child);
    let output = "";
    let late = false;
    const keep = (text) => {
      output = (output + text).slice(-10_000);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    const limit = setTimeout(() => {
      late = true;
      endGroup(child);
    }, limitMs);
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(limit);
      running.delete(child);
      // Processes that a sabotaged test left would hold the pipes, and ports.
      endGroup(child);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, output, late });
    });
  });
}

function endGroup({ pid }) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended with all its children.
  }
}

function cleanUp() {
  for (const child of running) endGroup(child);
  if (base !== undefined) rmSync(base, { recursive: true, force: true });
}
