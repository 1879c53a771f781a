// What faults cost, and what being ready for them costs; all with real processes, timed by what the
// coordinator traces. Takes five minutes on two free cores.
//
//   node test/bench/faults.mjs [--rounds 5] [--rows kill,kill-network,stop,cut,resume,journal,journal-1]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Network } from "../campaign/network.mjs";
import { endAll, FaultyRun, oneHost, Running, whereItsWorkWent } from "./faulty-run.mjs";
import { EVB, HERE, machine, median, run } from "./support.mjs";

/** Four clients of these on two cores leave most of them free: the clock, not the processor, is the limit. */
const EVENT_MS = 10;
const CLIENTS = 4;
/** A run of 3 s. */
const SHORT_EVENTS = 1200;
/** 32 s of work: 8 s with four clients. */
const LONG_EVENTS = 3200;
const MANY_EVENTS = 1_000_000;
/** A client is struck so long after the first lease, and somewhat later each round. */
const STRIKE_MS = 1000;
const STRIKE_MORE_MS = 77;
const TICK_MS = 5;

/** Measurements of one row, by name, in the order of the rounds. */
class Row {
  figures = new Map();

  note(name, value, more = {}) {
    const figure = this.figures.get(name) ?? { name, values: [], unit: "s", ...more };
    figure.values.push(value);
    this.figures.set(name, figure);
  }
}

const strikeMs = (round) => STRIKE_MS + STRIKE_MORE_MS * round;
const waitWords = (events) => [
  "--analysis",
  "wait",
  "--set",
  `ms=${EVENT_MS}`,
  "--events",
  `0:${events}`,
];

/** A run in a folder of its own; whatever it ends in, none of its processes is left. */
async function withRun(place, { events, hosts = oneHost }, use) {
  const folder = mkdtempSync(join(place.folder, "run-"));
  const words = waitWords(events);
  const given = { folder, index: place.few, events, hosts, clients: CLIENTS, words };
  const faulty = new FaultyRun(given);
  try {
    return await use(faulty);
  } finally {
    await faulty.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How late a timer of this process came at worst, in seconds, until it is asked: what a busy machine adds to every figure. */
function lateness() {
  let worstMs = 0;
  let atMs = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    worstMs = Math.max(worstMs, now - atMs - TICK_MS);
    atMs = now;
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    return worstMs / 1000;
  };
}

/** Strikes one of the clients, another one each round; when, and which. */
async function strike(faulty, round, how) {
  const startedAt = await faulty.workedFor(strikeMs(round));
  const client = faulty.clients[round % CLIENTS];
  const rank = await faulty.rankOf(client);
  const late = lateness();
  const struckAt = Date.now();
  await how(client, 1 + (round % CLIENTS));
  return { rank, struckAt, startedAt, late };
}

/** Strikes, and waits until all that the client had is leased to others; the run isn't waited for. */
const strikeAlone = (place, round, hosts, how) =>
  withRun(place, { events: LONG_EVENTS, hosts }, async (faulty) => {
    const struck = await strike(faulty, round, how);
    const went = await faulty.until((trace) => whereItsWorkWent(trace, struck));
    return { ...went, late: struck.late() };
  });

const kill = ({ child }) => child.kill("SIGKILL");
const stop = ({ child }) => child.kill("SIGSTOP");

function noteWork(row, where, went, must) {
  row.note(`${where}: its work is with another`, went.first, { must });
  row.note("  all its unfinished events", went.all);
  row.note("  a timer of this program meanwhile was late by", went.late);
}

const rows = {
  /** Against an undisturbed run of the same round: three are left for what four had before them. */
  async kill(row, place, round) {
    const events = SHORT_EVENTS;
    const undisturbed = await withRun(place, { events }, (faulty) => faulty.ended());
    await withRun(place, { events }, async (faulty) => {
      const struck = await strike(faulty, round, kill);
      const went = await faulty.until((trace) => whereItsWorkWent(trace, struck));
      noteWork(row, "kill -9, one host", { ...went, late: struck.late() }, 0.1);
      const { report } = await faulty.ended();
      const { last } = whereItsWorkWent(faulty.trace, struck);
      row.note("  and all that it had not counted", last);
      const { seconds } = undisturbed.report;
      const share = (seconds - (struck.struckAt - struck.startedAt) / 1000) / (CLIENTS - 1);
      const beyond = report.seconds - seconds - share;
      row.note("kill -9: cost to the run beyond its share", beyond, { must: 1 });
      row.note("  undisturbed", seconds);
      row.note("  its share", share);
    });
  },

  async "kill-network"(row, place, round) {
    noteWork(row, "kill -9, namespaces", await strikeAlone(place, round, place.network, kill), 1);
  },

  async stop(row, place, round) {
    noteWork(row, "SIGSTOP", await strikeAlone(place, round, oneHost, stop), 3);
  },

  async cut(row, place, round) {
    const { network } = place;
    const cut = (_client, host) => network.cut(host);
    noteWork(row, "link cut, namespaces", await strikeAlone(place, round, network, cut), 3);
    await network.join(1 + (round % CLIENTS));
  },

  /** Clients count what they compute; none of them is lost, so that their sum is all that was computed. */
  async resume(row, place, round) {
    await withRun(place, { events: LONG_EVENTS }, async (faulty) => {
      await faulty.workedFor(2 * strikeMs(round));
      const { struckAt, startedAt } = await faulty.resume();
      const { at: listening } = await faulty.entry(({ life }) => life === 2);
      const { at } = await faulty.entry(({ what, at }) => what === "lease" && at > listening);
      const { report, computed } = await faulty.ended();
      const first = (at - struckAt) / 1000;
      row.note("coordinator killed, --resume: first new lease", first, { must: 3 });
      row.note("  from the start of the new process", (at - startedAt) / 1000);
      const percent = (events) => (100 * events) / LONG_EVENTS;
      const twice = percent(computed - report.events);
      row.note("  events computed twice", twice, { must: 1, unit: "%" });
      row.note("  handed out again (redone)", percent(report.redone), { unit: "%" });
      const late = percent(report.faults.lateCopies);
      row.note("  results that came again (lateCopies)", late, { unit: "%" });
    });
  },

  journal: (row, place, round) => sinks(row, place, round, "default"),
  "journal-1": (row, place, round) => sinks(row, place, round, "1"),
};
const ON_NETWORK = ["kill-network", "cut"];

/** Next to each other, so that a noisy minute hits both; the other one first each round. */
async function sinks(row, place, round, batch) {
  const measured = {};
  const order = ["journal", "neither"];
  if (round % 2 === 1) order.reverse();
  for (const sink of order) measured[sink] = await dispatch(place, batch, sink);
  const { journal, neither } = measured;
  const more = (field) => 100 * (journal[field] / neither[field] - 1);
  const name = `journal and acknowledgements, batch ${batch}`;
  row.note(`${name}: seconds`, more("seconds"), { must: 20, unit: "%" });
  row.note("  CPU of the coordinator", more("cpuSeconds"), { unit: "%" });
  row.note("  seconds with them", journal.seconds);
  row.note("  seconds without", neither.seconds);
  if (batch !== "1") return;
  const rate = journal.batches / journal.seconds;
  row.note("leases of one event, 2 clients", rate, { atLeast: 100_000, unit: "/s" });
}

async function dispatch(place, batch, sink) {
  const out = join(mkdtempSync(join(place.folder, "run-")), "out");
  const words = [
    process.execPath,
    join(HERE, "sink-coordinator.mjs"),
    place.many,
    out,
    batch,
    "2",
    sink,
  ];
  const coordinator = new Running(words);
  const clients = [1, 2].map(
    () => new Running([process.execPath, EVB, "client", join(out, "connection.json"), "--quiet"]),
  );
  try {
    const { done, ...measured } = JSON.parse(await coordinator.succeeded());
    if (done !== MANY_EVENTS) throw new Error(`${done} events of ${MANY_EVENTS} were done`);
    await Promise.all(clients.map((client) => client.succeeded()));
    return measured;
  } finally {
    await Promise.all([coordinator, ...clients].map((each) => each.close()));
    rmSync(out, { recursive: true, force: true });
  }
}

/** One fragment for each event: the less a lease has in it, the more of its cost is the journal's. */
function prepare(folder, name, events, ...words) {
  const data = join(folder, name);
  const index = join(folder, `${name}.index.h5`);
  const size = ["--files", "1", "--events", `${events}`, "--labels", "red", "--quiet", ...words];
  run(process.execPath, [EVB, "generate", data, ...size]);
  run(process.execPath, [EVB, "index", data, "--all", "-o", index, "--quiet"]);
  return index;
}

const fails = ({ values, must = Infinity, atLeast = -Infinity }) =>
  median(values) > must || median(values) < atLeast;

const short = (value) =>
  Math.abs(value) >= 1000 ? `${Math.round(value / 1000)} k` : String(Number(value.toPrecision(3)));

function line(figure) {
  const { name, values, must, atLeast, unit } = figure;
  const bound =
    must !== undefined
      ? `≤ ${must} ${unit}`
      : atLeast !== undefined
        ? `≥ ${short(atLeast)}${unit}`
        : "";
  const range = `${short(Math.min(...values))} .. ${short(Math.max(...values))}`;
  const verdict = bound === "" ? "" : fails(figure) ? "NOT OK" : "ok";
  return `${name.padEnd(56)} ${bound.padEnd(11)} ${short(median(values)).padStart(8)} ${unit.padEnd(2)}  ${range.padEnd(18)} ${verdict}`.trimEnd();
}

function options() {
  try {
    const { values } = parseArgs({
      options: { rounds: { type: "string", default: "5" }, rows: { type: "string" } },
    });
    const names = values.rows?.split(",") ?? Object.keys(rows);
    const rounds = Number(values.rounds);
    if (Number.isInteger(rounds) && rounds > 0 && names.every((name) => name in rows))
      return { rounds, names };
  } catch {
    // What it should have been is said below.
  }
  console.error(`usage: --rounds N --rows ${Object.keys(rows).join(",")}`);
  return process.exit(2);
}

/** Each row once a round, so that a noisy minute hits all of them. */
async function measure(place, { rounds, names }, measured) {
  for (let round = 0; round < rounds; round++)
    for (const name of names) {
      if (!measured.has(name)) measured.set(name, new Row());
      await rows[name](measured.get(name), place, round);
    }
}

function printTable(measured) {
  const figures = [...measured.values()].flatMap(({ figures }) => [...figures.values()]);
  const counts = figures.map(({ values }) => values.length);
  console.log(`faults, medians of ${Math.min(...counts)} rounds, on ${machine()}`);
  for (const figure of figures) console.log(line(figure));
  console.log(`json ${JSON.stringify({ name: "faults", figures })}`);
  if (figures.some(fails)) process.exitCode = 1;
}

/** Undefined, with the reason said, where there can be none. */
async function networkFor(names) {
  if (!names.some((name) => ON_NETWORK.includes(name))) return undefined;
  try {
    return await Network.make({ tag: "b", hosts: 1 + CLIENTS });
  } catch (thrown) {
    console.log(`left out: ${ON_NETWORK.join(", ")}; ${thrown.message.trim()}`);
    return undefined;
  }
}

const { rounds, names } = options();
const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), "evb-bench-"));
const network = await networkFor(names);
process.once("exit", () => {
  endAll();
  network?.remove();
  rmSync(folder, { recursive: true, force: true });
});
const measured = new Map();
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    // On a busy machine it takes long; what there is so far may be enough.
    if (measured.size > 0) printTable(measured);
    process.exit(130);
  });

const few = prepare(folder, "few", LONG_EVENTS, "--event-size", "40");
const chunks = ["--event-size", "8", "--events-per-chunk", "65536"];
const many = prepare(folder, "many", MANY_EVENTS, ...chunks);
const possible = names.filter((name) => network !== undefined || !ON_NETWORK.includes(name));
await measure({ folder, network, few, many }, { rounds, names: possible }, measured);
printTable(measured);
