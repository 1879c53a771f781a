// One run of real processes, `evb coordinator --trace` and some `evb client`, to which something is done.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Trace } from "../campaign/trace.mjs";
import { EVB } from "./support.mjs";

const POLL_MS = 5;
/** No run of a benchmark takes a sixth of it alone on two cores. */
const TIMEOUT_MS = 90_000;

const started = new Set();

/** At the end of this process, however it comes. */
export function endAll() {
  for (const child of started) child.kill("SIGKILL");
}

/** A process of ours: it ends with us, whatever becomes of it before. */
export class Running {
  stdout = "";
  stderr = "";

  constructor([command, ...words], { timeoutMs = TIMEOUT_MS, env = process.env } = {}) {
    this.child = spawn(command, words, { env, stdio: ["ignore", "pipe", "pipe"] });
    started.add(this.child);
    this.child.stdout.setEncoding("utf8").on("data", (text) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    const deadline = globalThis.setTimeout(() => this.child.kill("SIGKILL"), timeoutMs);
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code) => {
        clearTimeout(deadline);
        started.delete(this.child);
        resolve(code);
      });
    });
  }

  get pid() {
    return this.child.pid;
  }

  async succeeded() {
    const code = await this.ended;
    if (code !== 0)
      throw new Error(`${this.child.spawnargs.join(" ")} ended with ${code}: ${this.stderr}`);
    return this.stdout;
  }

  async close() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** All processes here. */
export const oneHost = { prefix: () => [], address: () => "127.0.0.1" };

export class FaultyRun {
  clients = [];
  #given;
  #out;
  #tracePath;
  #trace;

  /**
   * @param given.hosts where it runs: the coordinator on host 0, clients on 1, 2, …
   * @param given.words of the coordinator
   */
  constructor(given) {
    this.#given = given;
    this.#out = join(given.folder, "out");
    this.#tracePath = join(given.folder, "trace");
    this.#trace = new Trace(given.events);
    this.#trace.follow(this.#tracePath);
    this.#startCoordinator();
    for (let client = 1; client <= given.clients; client++)
      this.clients.push(
        this.#start(client, ["client", join(this.#out, "connection.json"), "--wait", "60s"]),
      );
  }

  /** What the coordinator has written so far. */
  get trace() {
    this.#trace.now();
    return this.#trace.lines;
  }

  #start(host, words) {
    return new Running([...this.#given.hosts.prefix(host), process.execPath, EVB, ...words]);
  }

  #startCoordinator(...more) {
    const { index, hosts, clients, words } = this.#given;
    this.coordinator = this.#start(0, [
      "coordinator",
      index,
      "-o",
      this.#out,
      "--listen",
      hosts.address(0),
      "--advertise",
      hosts.address(0),
      "--clients",
      `${clients}`,
      "--trace",
      this.#tracePath,
      "--json",
      "--quiet",
      ...words,
      ...more,
    ]);
  }

  /** Ends the coordinator as the kernel would, and starts it anew at once; when each was. */
  async resume() {
    const { coordinator } = this;
    const struckAt = Date.now();
    coordinator.child.kill("SIGKILL");
    const startedAt = Date.now();
    this.#startCoordinator("--resume");
    await coordinator.ended;
    return { struckAt, startedAt };
  }

  /** What `look` finds in the trace, now or later. */
  async until(look) {
    const deadline = Date.now() + TIMEOUT_MS;
    for (;;) {
      const found = look(this.trace);
      if (found !== undefined) return found;
      if (Date.now() > deadline || this.coordinator.child.exitCode !== null)
        throw new Error(`it never came: ${look}; ${this.coordinator.stderr}`);
      await setTimeout(POLL_MS);
    }
  }

  /** The first entry that it holds for. */
  entry(holds) {
    return this.until((trace) => trace.find(holds));
  }

  /** Waits until so long after the first lease. */
  async workedFor(ms) {
    const { at } = await this.entry(({ what }) => what === "started");
    await setTimeout(Math.max(0, at + ms - Date.now()));
    return at;
  }

  /** The rank of a client, which is the order in which they came. */
  async rankOf(client) {
    const { pid } = client;
    return (await this.entry((entry) => entry.what === "joined" && entry.pid === pid)).rank;
  }

  /** Waits for the end; what report.json says, and how many events each of the clients that were not killed has computed. */
  async ended() {
    const report = JSON.parse(await this.coordinator.succeeded());
    const alive = this.clients.filter(({ child }) => child.signalCode === null && !child.killed);
    const computed = await Promise.all(alive.map(computedBy));
    return { report, computed: computed.reduce((sum, events) => sum + events, 0) };
  }

  async close() {
    await Promise.all([this.coordinator, ...this.clients].map((each) => each.close()));
  }
}

/** `client 1: 1,234 events, …` */
async function computedBy(client) {
  const stdout = await client.succeeded();
  const events = /^client \d+: ([\d,]+) events?,/m.exec(stdout)?.[1];
  if (events === undefined) throw new Error(`a client didn't say what it did: ${stdout}`);
  return Number(events.replaceAll(",", ""));
}

/**
 * What became of the work of a client to which something happened: seconds until the first of its
 * unfinished events was leased to another, until all were, and until the last lease of that kind so far,
 * which may be of events that it had done, but sent no totals of. Undefined while not all are.
 */
export function whereItsWorkWent(trace, { rank, struckAt }) {
  const noticed = trace.findIndex(
    (entry) => ["late", "lost"].includes(entry.what) && entry.rank === rank && entry.at > struckAt,
  );
  if (noticed < 0) return undefined;
  const unfinished = new Set();
  for (const entry of trace.slice(0, noticed)) {
    if (entry.what === "lease" && entry.rank === rank)
      forEach(entry, (event) => unfinished.add(event));
    if (entry.what === "commit") forEach(entry, (event) => unfinished.delete(event));
  }
  if (unfinished.size === 0) throw new Error("it was struck while it held nothing");
  let [first, all, last] = [];
  for (const entry of trace.slice(noticed)) {
    if (entry.what !== "lease" || entry.rank === rank || !(entry.again || entry.double)) continue;
    last = (entry.at - struckAt) / 1000;
    forEach(entry, (event) => {
      if (unfinished.delete(event)) first ??= last;
    });
    if (unfinished.size === 0) all ??= last;
  }
  return all === undefined ? undefined : { first, all, last };
}

function forEach({ first, end }, take) {
  for (let event = first; event < end; event++) take(event);
}
