// One run of a coordinator and its clients, with the faults of its seed, and what is wrong with its end.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, now } from "./command.mjs";
import { KINDS, planFaults } from "./faults.mjs";
import { problemsOf } from "./judge.mjs";
import { countEvents, tearJournal } from "./journal.mjs";
import { Network } from "./network.mjs";
import { Random } from "./random.mjs";
import { Trace } from "./trace.mjs";

/** An undisturbed run takes 4 s, one with every fault in a row 25 s on a busy machine. */
const RUN_MS_MAX = 60_000;
/** How often the trace is looked at. */
const LOOK_MS = 5;
/** Coordinator and clients wait for each other so long: longer than any fault lasts. */
const LOST_SECONDS = 12;
/** Clients that heard BYE are gone by then, also where they start when all is over. */
const BYE_MS_MAX = 3000;
const TELL_CHANCE = 0.8;
/** And the others by then. */
const LEFT_MS_MAX = LOST_SECONDS * 1000 + 3000;

/**
 * @typedef {import("./faults.mjs").Fault} Fault
 * @typedef {{ index: string, events: number }} Input
 * @typedef {{ host: number, command: Command, code: number | null }} EndedClient
 */
export class OneRun {
  seed;
  folder;
  /** Undefined: all are on this host's loopback. @type {Network | undefined} */
  network;
  /** @type {Fault[]} */
  faults = [];
  /** @type {Trace} */
  trace;
  /** Its present life. @type {Command} */
  coordinator;
  /** All that ever ran. @type {Command[]} */
  commands = [];
  /** @type {EndedClient[]} */
  endedClients = [];
  /** What the journal had before each further life. @type {{ atMs: number, results: Uint16Array }[]} */
  lives = [];
  /** Said while it went on. @type {string[]} */
  problems = [];
  isOver = false;
  seconds = 0;
  #input;
  #set = { clients: 4, batch: undefined, ms: 3, slowness: 1, slowBy: 1 };
  #random;
  #hasNetwork;
  /** Hosts that a fault holds at present: no other strikes there. */
  #struck = new Set();
  /** Faults that are still to be undone. @type {Promise<void>[]} */
  #undoing = [];
  /** The last coordinator fault. @type {Fault | undefined} */
  #last;
  #ports = { join: 0, results: 0 };

  /**
   * @param {{ seed: number, folder: string, input: Input, hasNetwork: boolean, kinds: string[] }} order
   * folder: made by the run, holds all that it writes; kinds: of its faults, none for an undisturbed run
   */
  constructor({ seed, folder, input, hasNetwork, kinds }) {
    this.seed = seed;
    this.folder = folder;
    this.#input = input;
    this.#hasNetwork = hasNetwork;
    this.#random = new Random(seed);
    this.trace = new Trace(join(folder, "trace.jsonl"), input.events);
    if (kinds.length === 0) return;
    this.#set = drawSettings(this.#random);
    this.faults = planFaults(this.#random, { kinds, slowness: this.#set.slowness });
  }

  get out() {
    return join(this.folder, "out");
  }

  /** What was drawn, for people. */
  get settings() {
    const { clients, batch, ms, slowBy } = this.#set;
    return `${clients} clients, batch ${batch ?? "auto"}, ${ms} ms${slowBy > 1 ? `, client 1 ${slowBy}x slower` : ""}`;
  }

  /** @param {string} tag of its network @param {object} [undisturbed] the report to compare with */
  async play(tag, undisturbed) {
    mkdirSync(this.folder, { recursive: true });
    const begun = now();
    const hosts = this.#set.clients + 1;
    if (this.#hasNetwork) this.network = await Network.make({ tag, hosts });
    try {
      await this.#playToEnd();
      this.seconds = (now() - begun) / 1000;
      this.problems.push(...problemsOf(this, this.#input, undisturbed));
    } finally {
      this.end();
    }
  }

  /** Ends whatever is still on, at once. */
  end() {
    this.isOver = true;
    for (const command of this.commands) if (!command.isEnded) command.send("SIGKILL");
    this.network?.remove();
    this.network = undefined;
  }

  /** @param {number} host @returns {Command | undefined} */
  commandOn(host) {
    return this.commands.findLast((command) => command.host === host);
  }

  /** Of the connection file, or those that it had last. */
  ports() {
    try {
      const file = JSON.parse(readFileSync(join(this.out, "connection.json"), "utf8"));
      this.#ports = { join: file.joinPort, results: file.resultsPort };
    } catch {
      // It is not there while the coordinator is not.
    }
    return this.#ports;
  }

  async #playToEnd() {
    const { clients } = this.#set;
    const tending = Array.from({ length: clients }, (_, row) => this.#tend(row + 1));
    const striking = this.#said(this.#strikeAll());
    const deadline = new AbortController();
    const late = sleep(RUN_MS_MAX, "late", { signal: deadline.signal }).catch(() => "");
    const code = await Promise.race([this.#coordinate(), late]);
    this.isOver = true;
    if (code === "late") {
      const { committed, events } = this.trace.now();
      const seconds = RUN_MS_MAX / 1000;
      this.problems.push(`not over after ${seconds} s, ${committed} of ${events} events committed`);
      return;
    }
    deadline.abort();
    if (code !== 0) this.problems.push(`the coordinator ended with ${code}`);
    await striking;
    await Promise.all(this.#undoing);
    await this.#goHome(tending);
    this.trace.now();
  }

  /**
   * Clients that heard BYE are gone. Those that a fault kept from hearing it wait for the coordinator;
   * mostly they are told to leave, as a person would, and sometimes they have to find out by themselves.
   */
  async #goHome(tending) {
    const gone = Promise.all(tending).then(() => "gone");
    const isGone = async (ms) =>
      (await Promise.race([gone, sleep(ms, "", { ref: false })])) === "gone";
    if (await isGone(BYE_MS_MAX)) return;
    const left = this.commands.filter(({ isEnded }) => !isEnded);
    if (this.#random.chance(TELL_CHANCE)) for (const command of left) command.send("SIGTERM");
    if (await isGone(LEFT_MS_MAX)) return;
    for (const { name } of left.filter(({ isEnded }) => !isEnded))
      this.problems.push(`${name} is still there`);
  }

  /** One life after the other, until one ends that was not told to. @returns {Promise<number | null>} */
  async #coordinate() {
    for (let life = 1; ; life++) {
      this.coordinator = this.#start(0, `coordinator-${life}`, this.#coordinatorWords(life > 1));
      const code = await this.coordinator.ended;
      const { signals } = this.coordinator;
      // One that is told to end before it listens to signals is ended by the first.
      const isKilled = code === null && signals.some((signal) => /KILL|TERM/.test(signal));
      const isStopped = code === 4 && signals.includes("SIGTERM");
      if (!isKilled && !isStopped) return code;
      const { pauseMs, tears, random } = this.#last;
      if (tears) tearJournal(join(this.out, "journal"), random);
      const { results } = countEvents(join(this.out, "journal"), this.#input.events);
      this.lives.push({ atMs: now(), results });
      await sleep(pauseMs);
    }
  }

  /** A client on this host; when it is gone, another, as a batch system or a person would do. */
  async #tend(host) {
    const random = new Random(this.seed + host);
    for (let life = 1; !this.isOver; life++) {
      const command = this.#start(host, `client-${host}-${life}`, this.#clientWords());
      const code = await command.ended;
      this.endedClients.push({ host, command, code });
      this.#judgeEnd(command, code);
      await sleep(random.between(100, 1000));
      // It said BYE to all; but what it wrote last may be torn off, and then it needs us again.
      while (!this.isOver && this.trace.now().isFinished) await sleep(LOOK_MS);
    }
  }

  #judgeEnd({ name, signals }, code) {
    const isAsked = signals.includes("SIGTERM") || this.coordinator.signals.includes("SIGTERM");
    if (code === null && signals.includes("SIGKILL")) return;
    if (code === 0 && (isAsked || this.trace.now().isCommitted)) return;
    if (!this.isOver) this.problems.push(`${name} ended with ${code} before the run did`);
  }

  /** A fault that can't be made is a problem of the run; its other faults go on. */
  #said(striking) {
    return striking.catch((thrown) => this.problems.push(`the campaign failed: ${thrown.stack}`));
  }

  async #strikeAll() {
    for (const fault of this.faults) {
      if (fault.soonMs === undefined)
        await this.#until(() => this.trace.now().share >= fault.share);
      else await sleep(fault.soonMs);
      await this.#strike(fault);
    }
  }

  /** As soon as there is somebody whom it would hit; never, if the run is over before. */
  async #strike(fault) {
    const { strikes, strike, until } = KINDS[fault.kind];
    let hosts = [];
    await this.#until(() => (hosts = this.#targets(strikes)).length > 0);
    if (this.isOver || hosts.length === 0) return;
    fault.host = fault.random.pick(hosts);
    fault.pid = this.commandOn(fault.host).pid;
    fault.atMs = now();
    if (strikes === "coordinator") this.#last = fault;
    this.#struck.add(fault.host);
    await strike(this, fault);
    this.#undoing.push(this.#said(this.#undo(fault, until)));
  }

  async #undo(fault, until) {
    if (until !== undefined) {
      await sleep(fault.ms);
      await until(this, fault);
    }
    this.#struck.delete(fault.host);
  }

  /** Hosts where it would hit: the process there is free of other faults, and holds leases. */
  #targets(strikes) {
    const state = this.trace.now();
    if (!state.isOn) return [];
    const isFree = (host) => {
      const command = this.commandOn(host);
      const isEnding = command?.signals.some((signal) => /TERM|KILL/.test(signal));
      return !this.#struck.has(host) && command?.isEnded === false && !isEnding;
    };
    if (strikes === "coordinator") return isFree(0) && state.anyHolds ? [0] : [];
    const hosts = Array.from({ length: this.#set.clients }, (_, row) => row + 1);
    return hosts.filter((host) => isFree(host) && state.holds(this.commandOn(host).pid));
  }

  /** Waits until it holds, or the run is over. */
  async #until(holds) {
    while (!this.isOver && !holds()) await sleep(LOOK_MS);
  }

  #start(host, name, words) {
    const prefix = this.network?.prefix(host) ?? [];
    const command = new Command(words, { name, host, folder: this.folder, prefix });
    this.commands.push(command);
    return command;
  }

  #coordinatorWords(resumes) {
    const { clients, batch, ms, slowBy } = this.#set;
    return [
      ...["coordinator", this.#input.index, "-o", this.out, ...(resumes ? ["--resume"] : [])],
      ...["--listen", this.network?.address(0) ?? "127.0.0.1"],
      ...["--clients", `${clients}`, "--client-timeout", `${LOST_SECONDS}s`, "--json"],
      ...["--analysis", "wait", "--set", `ms=${ms}`, "--set", "slowRank=1"],
      ...["--set", `slowBy=${slowBy}`, ...(batch === undefined ? [] : ["--batch", `${batch}`])],
      ...["--trace", join(this.folder, "trace.jsonl")],
    ];
  }

  #clientWords() {
    const connection = join(this.out, "connection.json");
    const seconds = `${LOST_SECONDS}s`;
    return ["client", connection, "--wait", seconds, "--client-timeout", seconds];
  }
}

/** What may not change the answer, and so is another one in each run. */
function drawSettings(random) {
  const isLong = random.chance(0.2);
  return {
    clients: random.whole(3, 4),
    batch: random.pick([undefined, undefined, 1, 7, 100, 1000]),
    ms: isLong ? 6 : 3,
    slowness: isLong ? 2 : 1,
    slowBy: random.chance(0.3) ? 3 : 1,
  };
}
