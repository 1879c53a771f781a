// Runs of real processes to which everything happens that may: clients and the coordinator are killed,
// stopped, cut off and started again at random moments, and each run must end with the answer of the
// run that nothing disturbed.
//
//   npm run campaign -- [--runs 50] [--seed 1] [--at-once 3] [--minutes M] [--local] [--only KIND] [--keep]
//
//   --runs N     how many; run k has the seed S + k, and can be had again alone by --runs 1 --seed S+k
//   --at-once N  they mostly sleep, so some share two cores
//   --minutes M  after so long no other run begins: for a machine that is slow, or busy with other things
//   --local      on the loopback, without root: processes are killed, stopped and ended, links aren't cut
//   --only KIND  this kind of fault alone, such as "kill client" (repeatable)
//   --keep       leaves the folders of runs that failed
//
// Exit code 1 if a run failed, if under 90 % of the faults hit, if --minutes were enough for under 10
// runs, or, from 30 runs on, if one of the counters is 0 in all of them: then what it counts was not
// tried (not with --only).
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EVB } from "./command.mjs";
import { KINDS, sayFault } from "./faults.mjs";
import { reportOf } from "./judge.mjs";
import { removeForsaken } from "./network.mjs";
import { OneRun } from "./one-run.mjs";

const EVENTS = 4000;
const HITS_MIN = 0.9;
/** Each kind of fault is then drawn some times. */
const RUNS_FOR_COUNTERS = 30;
/** With fewer --minutes were too few to say anything. */
const RUNS_MIN = 10;
/** What is said of each process of a run that failed. */
const LAST_LINES = 6;

/** report.json's faults → what they are called here. */
const COUNTERS = {
  leasedAgain: "again",
  revoked: "taken back",
  doubled: "doubled",
  lateCopies: "late",
  gapsAsked: "gaps",
  epochsRefused: "refused",
  journalCuts: "cuts",
  rejoinsSameSession: "same",
  rejoinsNewSession: "new",
};

/** These stay 0 where nothing happens; others need not, on a machine that is busy with other things. */
const NOTHING_HAPPENED = ["clientsLost", "journalCuts", "rejoinsSameSession", "rejoinsNewSession"];

const { runs, seed, atOnce, minutes, local, only, keep } = options();
const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), "evb-campaign-"));
/** @type {Set<OneRun>} */
const going = new Set();
/** @type {OneRun[]} */
const played = [];
/** A run failed, and its folder is to be looked at. */
let isKept = false;

// Also after a defect of its own, or when nobody reads what it prints any more.
process.once("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));

if (!local) removeForsaken();
process.exitCode = (await playAll()) ? 0 : 1;

/** @returns {Promise<boolean>} whether all is well */
async function playAll() {
  const input = makeInput();
  const undisturbed = await playUndisturbed(input);
  if (undisturbed === undefined) return false;
  let next = 0;
  const playSome = async (_, row) => {
    const tag = `n${row}`;
    while (next < runs && !isTimeOver()) await playOne(seed + next++, { input, tag, undisturbed });
  };
  await Promise.all(Array.from({ length: atOnce }, playSome));
  return summary();
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: "string", default: "50" },
        seed: { type: "string", default: "1" },
        "at-once": { type: "string", default: "3" },
        minutes: { type: "string", default: "1000" },
        local: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: Object.keys(KINDS) },
        keep: { type: "boolean", default: false },
      },
    });
    const { runs, seed, minutes, "at-once": atOnce, ...flags } = values;
    const unknown = flags.only.find((kind) => !(kind in KINDS));
    if (unknown !== undefined) throw new Error(`there is no fault called ${unknown}`);
    return { ...flags, ...counts({ runs, seed, minutes, atOnce }) };
  } catch (thrown) {
    console.error(`campaign: ${thrown.message}`);
    process.exit(2);
  }
}

function counts(words) {
  const known = Object.entries(words).map(([name, word]) => {
    if (!/^\d{1,9}$/.test(word)) throw new Error(`${name} takes a number, not ${word}`);
    return [name, Number(word)];
  });
  return Object.fromEntries(known);
}

function isTimeOver() {
  return performance.now() > 60_000 * minutes;
}

function endAll() {
  for (const run of going) run.end();
  if (isKept) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}

/** Small events: time goes by in the analysis, which sleeps. */
function makeInput() {
  const [data, index] = [join(folder, "run"), join(folder, "run.index.h5")];
  const evb = (...words) => execFileSync(process.execPath, [EVB, ...words], { stdio: "pipe" });
  const size = ["--files", "3", "--events", `${EVENTS}`, "--event-size", "200B"];
  evb("generate", data, ...size, "--drop", "0.3", "--quiet");
  evb("index", data, "-o", index, "--all", "--quiet");
  return { index, events: EVENTS };
}

/** @returns {Promise<object | undefined>} its report; undefined where it failed, and with it all others would */
async function playUndisturbed(input) {
  const run = newRun(seed, { name: "undisturbed", input, disturbed: false });
  await play(run, "n");
  const report = reportOf(run);
  const counted = NOTHING_HAPPENED.filter((name) => report?.faults[name] > 0);
  if (counted.length > 0) run.problems.push(`it counts ${counted.join(", ")}`);
  if (run.problems.length > 0) {
    console.log("FAILED the run that nothing disturbed");
    tellAll(run);
    return undefined;
  }
  console.log(`undisturbed: ${run.seconds.toFixed(1)} s, digest ${report.digest}`);
  return report;
}

async function playOne(seed, { input, tag, undisturbed }) {
  const run = newRun(seed, { name: `seed-${seed}`, input, disturbed: true });
  await play(run, tag, undisturbed);
  played.push(run);
  run.counters = reportOf(run)?.faults ?? {};
  tell(run);
  if (run.problems.length === 0 || !keep) rmSync(run.folder, { recursive: true, force: true });
}

function newRun(seed, { name, input, disturbed }) {
  const kinds = disturbed ? only.filter((kind) => !local || !KINDS[kind].network) : [];
  return new OneRun({ seed, folder: join(folder, name), input, hasNetwork: !local, kinds });
}

/** Whatever fails, the other runs go on. */
async function play(run, tag, undisturbed) {
  going.add(run);
  try {
    await run.play(tag, undisturbed);
  } catch (thrown) {
    run.problems.push(`the campaign itself failed: ${thrown.stack}`);
  }
  going.delete(run);
}

function tell(run) {
  const { seed, faults, problems, seconds, counters } = run;
  const verdict = problems.length === 0 ? "ok    " : "FAILED";
  const hits = `${faults.filter(({ hit }) => hit).length}/${faults.length}`;
  const counted = Object.entries(COUNTERS)
    .filter(([name]) => counters[name] > 0)
    .map(([name, short]) => `${short} ${counters[name]}`);
  console.log(
    `${verdict} seed ${seed}  ${seconds.toFixed(1)} s  hits ${hits}  ${faults.map(sayFault).join(", ")}  [${counted.join(", ")}]`,
  );
  if (problems.length > 0) tellAll(run);
}

function tellAll({ settings, problems, commands, folder }) {
  isKept ||= keep;
  console.log(`  ${settings}${keep ? `, in ${folder}` : ""}`);
  for (const problem of problems) console.log(`  - ${problem}`);
  for (const command of commands) {
    const lines = command.said("err").trimEnd().split("\n").slice(-LAST_LINES);
    console.log(`  ${command.name} (${command.signals.join(", ")}):`);
    for (const line of lines) console.log(`      ${line}`);
  }
}

/** @returns {boolean} whether all is well */
function summary() {
  const faults = played.flatMap((run) => run.faults);
  const failed = played.filter(({ problems }) => problems.length > 0);
  const hits = faults.filter(({ hit }) => hit).length;
  const sums = Object.fromEntries(
    Object.entries(COUNTERS).map(([name, short]) => [
      short,
      played.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0),
    ]),
  );
  const kinds = Object.keys(KINDS).map(
    (kind) => `${kind} ${faults.filter((fault) => fault.kind === kind && fault.hit).length}`,
  );
  const isWhole = played.length >= RUNS_FOR_COUNTERS && only.length === Object.keys(KINDS).length;
  const untried = Object.keys(sums).filter((short) => sums[short] === 0);
  const unplayed = runs - played.length;
  const left = unplayed === 0 ? "" : `, ${unplayed} not begun in ${minutes} minutes`;
  console.log(`\n${played.length} runs, ${failed.length} failed${left}`);
  console.log(`${faults.length} faults: ${hits} hits, ${faults.length - hits} misses`);
  console.log(`hits by kind: ${kinds.join(", ")}`);
  console.log(
    `counters: ${Object.entries(sums)
      .map(([short, sum]) => `${short} ${sum}`)
      .join(", ")}`,
  );
  const problems = [
    ...failed.map(({ seed }) => `seed ${seed} failed`),
    ...(hits < HITS_MIN * faults.length ? [`under ${100 * HITS_MIN} % of the faults hit`] : []),
    ...(played.length < Math.min(runs, RUNS_MIN) ? [`${minutes} minutes are too few`] : []),
    ...(!isWhole ? [] : untried.map((short) => `${short} is 0`)),
  ];
  for (const problem of problems) console.log(`FAILED: ${problem}`);
  return problems.length === 0;
}
