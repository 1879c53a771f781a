// What is wrong with a run that has ended: its answer, its books, what its processes said.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { countEvents, countStale } from "./journal.mjs";

/** What must be as in the run that nothing disturbed. */
const SAME = ["digest", "totals", "events", "fragments", "failed", "lost"];
/** A defect is told by its stack; what the world does, by a sentence. */
const STACK = /^\s+at |node:internal|defect of evb|Unhandled/m;

/**
 * @param {import("./one-run.mjs").OneRun} run @param {{ events: number }} input
 * @param {object} [undisturbed] its report; absent for the run that is compared with
 * @returns {string[]} sentences; none where all is well
 */
export function problemsOf(run, input, undisturbed) {
  judgeFaults(run);
  return [
    ...answerProblems(run, undisturbed),
    ...journalProblems(run, input),
    ...commitProblems(run, input),
    ...processProblems(run),
    ...replacedProblems(run),
  ];
}

/** A fault counts if it fell between the first lease and the last commit, and struck one that held leases. */
function judgeFaults({ faults, trace }) {
  for (const fault of faults) {
    const then = fault.atMs === undefined ? undefined : trace.at(fault.atMs);
    const struck = fault.host === 0 ? then?.anyHolds : then?.holds(fault.pid);
    fault.hit = then?.isOn === true && struck === true;
  }
}

/** @returns {object | undefined} report.json */
export function reportOf({ out }) {
  const path = join(out, "report.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

function answerProblems(run, undisturbed) {
  const report = reportOf(run);
  if (report === undefined) return ["there is no report.json"];
  if (report.digest === undefined) return ["report.json has no digest"];
  return SAME.filter(
    (field) => undisturbed !== undefined && !isDeepStrictEqual(report[field], undisturbed[field]),
  ).map((field) => `${field} is ${say(report[field])}, undisturbed ${say(undisturbed[field])}`);
}

/** Every event has a result, and is in exactly one epoch of totals, in what the journal holds at the end. */
function journalProblems({ out }, { events }) {
  const path = join(out, "journal");
  if (!existsSync(path)) return ["there is no journal"];
  const { results, epochs } = countEvents(path, events);
  return [
    ...sayEvents("have no result in the journal", rowsOf(results, isNone)),
    ...sayEvents("are in no epoch of the journal", rowsOf(epochs, isNone)),
    ...sayEvents(
      "are in two epochs of the journal",
      rowsOf(epochs, (times) => times > 1),
    ),
  ];
}

/**
 * By the trace, each life commits an event once, and only one that the journal didn't have when that
 * life began: a commit that the journal lost with the life before it, or with a torn record, isn't one.
 */
function commitProblems({ trace, lives }, { events }) {
  let had = new Uint8Array(events);
  const ever = new Uint8Array(events);
  const again = new Uint8Array(events);
  for (const { at, what, first, end } of trace.lines) {
    if (what === "listening") {
      const life = lives.findLast(({ atMs }) => atMs <= at);
      if (life !== undefined) had = Uint8Array.from(life.results, Math.sign);
    }
    if (what !== "commit") continue;
    for (let event = first; event < end; event++) {
      again[event] ||= had[event];
      had[event] = ever[event] = 1;
    }
  }
  // What a life wrote last may be in the journal only.
  for (const { results } of lives) results.forEach((times, event) => (ever[event] ||= times));
  return [
    ...sayEvents(
      "are committed again in one life, or in one whose journal had them",
      rowsOf(again, isSome),
    ),
    ...sayEvents("are never committed by the trace", rowsOf(ever, isNone)),
  ];
}

function processProblems({ commands, endedClients, faults, trace }) {
  const problems = [];
  for (const command of commands) {
    const stack = command
      .said("err")
      .split("\n")
      .find((line) => STACK.test(line));
    if (stack !== undefined) problems.push(`${command.name} printed a stack: ${stack.trim()}`);
  }
  const isCalm = (host) => faults.every((fault) => fault.host !== host && fault.host !== 0);
  for (const { host, command, code } of endedClients)
    // One that comes when all is done finds nobody.
    if (
      code !== 0 &&
      isCalm(host) &&
      !command.signals.includes("SIGTERM") &&
      !trace.at(command.startedAtMs).isCommitted
    )
      problems.push(`${command.name}, which nothing struck, ended with ${code}`);
  return problems;
}

/** Who wakes up and finds that another went on says so, and has harmed nothing. */
function replacedProblems({ replaced, out }) {
  const path = join(out, "journal");
  const stale = existsSync(path) ? countStale(path) : 0;
  return [
    ...replaced.flatMap(({ command, code }) => {
      const isSaid = command.said("err").includes("another coordinator has gone on with the run");
      if (code === 1 && isSaid) return [];
      return [`${command.name}, which was replaced, ended with ${code ?? "nothing yet"}`];
    }),
    ...(stale === 0
      ? []
      : [`${stale} records in the journal are of a coordinator that was replaced`]),
  ];
}

const isNone = (times) => times === 0;
const isSome = (times) => times > 0;

const rowsOf = (counts, holds) => Array.from(counts.keys()).filter((event) => holds(counts[event]));

const say = (value) => JSON.stringify(value) ?? "absent";

function sayEvents(what, events) {
  if (events.length === 0) return [];
  return [`${events.length} events ${what}, the first is ${events[0]}`];
}
