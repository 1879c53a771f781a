// One run of a coordinator and its clients, with the faults of its seed, and what is wrong with its end.
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, now } from "./command.mjs";
import { KINDS, planFaults } from "./faults.mjs";
import { problemsOf } from "./judge.mjs";
import { countEvents, loseTail, tearJournal } from "./journal.mjs";
import { Network } from "./network.mjs";
import { Random } from "./random.mjs";
import { Trace } from "./trace.mjs";

/** A run that doesn't get on for so long hangs, on however slow a machine. */
const STILL_MS_MAX = 60_000;
/** However slow the machine is. */
const RUN_MS_MAX = 180_000;
/** What the coordinator says when it gets on. */
const MOVES = new Set(["listening", "joined", "lease", "commit", "counted"]);
/** How often the trace is looked at. */
const LOOK_MS = 5;
/** Coordinator and clients wait for each other so long: longer than any fault lasts. */
const LOST_SECONDS = 25;
/** A coordinator that is started again is there by then. */
const WAIT_SECONDS = 15;
/** What was written before so long is on the disk: the coordinator asks for it every second. */
const SYNC_MS = 1000;
const MEASURE_MS = 50;
/** Clients that heard BYE are gone by then, also where they start when all is over. */
const BYE_MS_MAX = 3000;
const TELL_CHANCE = 0.9;
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
  /** The host of the network that it runs on: 0, or the last one, where another goes on. */
  place = 0;
  /** Coordinators that another one has gone on for. @type {Replaced[]} */
  replaced = [];
  /** All that ever ran. @type {Command[]} */
  commands = [];
  /** @type {EndedClient[]} */
  endedClients = [];
  /** What the journal had before each life. @type {{ atMs: number, results: Uint16Array }[]} */
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
  /** The journal's lately. @type {{ atMs: number, bytes: number }[]} */
  #sizes = [];
  #goOnElsewhere = () => {};
  #coordinators = 0;

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
    this.trace = new Trace(input.events);
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
    const hosts = this.#set.clients + 2;
    if (this.#hasNetwork) this.network = await Network.make({ tag, hosts });
    const measuring = setInterval(() => this.#measure(), MEASURE_MS);
    try {
      await this.#playToEnd();
      this.seconds = (now() - begun) / 1000;
      this.problems.push(...problemsOf(this, this.#input, undisturbed));
    } finally {
      clearInterval(measuring);
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
    const code = await Promise.race([this.#coordinate(), this.#hangs()]);
    this.isOver = true;
    if (code === "hangs") {
      const { committed, events } = this.trace.now();
      this.problems.push(`it hangs, ${committed} of ${events} events committed`);
      return;
    }
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
      const startedAtMs = now();
      this.coordinator = this.#startCoordinator({ resumes: life > 1 });
      const elsewhere = new Promise((resolve) => {
        this.#goOnElsewhere = () => resolve("elsewhere");
      });
      const code = await Promise.race([this.coordinator.ended, elsewhere]);
      this.#noteLife(startedAtMs);
      if (code === "elsewhere") continue;
      const { signals } = this.coordinator;
      // One that is told to end before it listens to signals is ended by the first.
      const isKilled = code === null && signals.some((signal) => /KILL|TERM/.test(signal));
      const isStopped = code === 4 && signals.includes("SIGTERM");
      if (!isKilled && !isStopped) return code;
      const { pauseMs, tears, loss, random } = this.#last;
      if (tears) tearJournal(this.#journal, random);
      if (loss !== undefined) {
        const keptBytes = this.#sizes.findLast(
          ({ atMs }) => atMs < this.#last.atMs - SYNC_MS,
        )?.bytes;
        loseTail(this.#journal, { keptBytes: keptBytes ?? 0, loss, random });
      }
      await sleep(pauseMs);
      if (loss !== undefined) await this.network?.join(this.place);
    }
  }

  /** What the coordinator that spoke last had found in the journal, before the next one finds it otherwise. */
  #noteLife(startedAtMs) {
    this.trace.now();
    const { life, lifeAtMs } = this.trace;
    // One that never came to speak has committed nothing.
    if (life === undefined || lifeAtMs < startedAtMs) return;
    const { results } = countEvents(this.#journal, this.#input.events, life);
    this.lives.push({ atMs: startedAtMs, results });
  }

  #measure() {
    const stats = statSync(this.#journal, { throwIfNoEntry: false });
    const atMs = now();
    this.#sizes.push({ atMs, bytes: stats?.size ?? 0 });
    // The last one that is old enough stays.
    while (this.#sizes[1]?.atMs < atMs - 5 * SYNC_MS) this.#sizes.shift();
  }

  get #journal() {
    return join(this.out, "journal");
  }

  /**
   * Cuts the coordinator off, and has another one go on elsewhere.
   *
   * @typedef {{ command: Command, place: number, code: number | null | undefined }} Replaced
   * @returns {Promise<Replaced>} where it was, once the other one is there
   */
  async replaceCoordinator() {
    const replaced = { command: this.coordinator, place: this.place, code: undefined };
    await this.network.cut(this.place);
    const { life } = this.trace;
    this.place = this.place === 0 ? this.#set.clients + 1 : 0;
    this.#goOnElsewhere();
    await this.#until(() => {
      this.trace.now();
      return this.trace.life > life;
    });
    // It may have come to its end just before.
    if (this.trace.life > life) this.replaced.push(replaced);
    return replaced;
  }

  /** It is back, and finds that it has been replaced. @param {Replaced} replaced */
  async giveBack(replaced) {
    const { command, place } = replaced;
    await this.network.join(place);
    command.send("SIGCONT");
    const late = sleep(LEFT_MS_MAX, undefined, { ref: false });
    replaced.code = await Promise.race([command.ended, late]);
  }

  /** Resolves when nothing goes on any more. */
  async #hangs() {
    const begun = now();
    while (!this.isOver) {
      await sleep(100);
      this.trace.now();
      const movedMs = this.trace.lines.findLast(({ what }) => MOVES.has(what))?.at ?? begun;
      if (now() - movedMs > STILL_MS_MAX || now() - begun > RUN_MS_MAX) return "hangs";
    }
    return "over";
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

  #judgeEnd({ name, signals, startedAtMs }, code) {
    const isAskedByOne = ({ host, askedAtMs }) => host === 0 && isWithin(askedAtMs, startedAtMs);
    const isAsked = signals.includes("SIGTERM") || this.commands.some(isAskedByOne);
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
    const { strikes, strike, until, isThere = false } = KINDS[fault.kind];
    let hosts = [];
    await this.#until(() => (hosts = this.#targets(strikes, isThere)).length > 0);
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
  #targets(strikes, isThere) {
    const state = this.trace.now();
    if (!state.isOn || (isThere && !this.#hasSpoken())) return [];
    const isFree = (host) => {
      const command = this.commandOn(host);
      const isEnding = command?.signals.some((signal) => /TERM|KILL/.test(signal));
      return !this.#struck.has(host) && command?.isEnded === false && !isEnding;
    };
    if (strikes === "coordinator") return isFree(0) && state.anyHolds ? [0] : [];
    const hosts = Array.from({ length: this.#set.clients }, (_, row) => row + 1);
    return hosts.filter((host) => isFree(host) && state.holds(this.commandOn(host).pid));
  }

  /** The coordinator of now has, not only one before it. */
  #hasSpoken() {
    return this.trace.lifeAtMs > this.coordinator.startedAtMs;
  }

  /** Waits until it holds, or the run is over. */
  async #until(holds) {
    while (!this.isOver && !holds()) await sleep(LOOK_MS);
  }

  #startCoordinator({ resumes }) {
    const name = `coordinator-${++this.#coordinators}`;
    const trace = join(this.folder, `${name}.trace`);
    this.trace.follow(trace);
    return this.#start(0, name, this.#coordinatorWords({ resumes, trace }));
  }

  #start(host, name, words) {
    const prefix = this.network?.prefix(host === 0 ? this.place : host) ?? [];
    const command = new Command(words, { name, host, folder: this.folder, prefix });
    this.commands.push(command);
    return command;
  }

  #coordinatorWords({ resumes, trace }) {
    const { clients, batch, ms, slowBy } = this.#set;
    return [
      ...["coordinator", this.#input.index, "-o", this.out, ...(resumes ? ["--resume"] : [])],
      ...["--listen", this.network?.address(this.place) ?? "127.0.0.1"],
      ...["--clients", `${clients}`, "--client-timeout", `${LOST_SECONDS}s`, "--json"],
      ...["--analysis", "wait", "--set", `ms=${ms}`, "--set", "slowRank=1"],
      ...["--set", `slowBy=${slowBy}`, ...(batch === undefined ? [] : ["--batch", `${batch}`])],
      ...["--trace", trace],
    ];
  }

  #clientWords() {
    const connection = join(this.out, "connection.json");
    const seconds = `${LOST_SECONDS}s`;
    return ["client", connection, "--wait", `${WAIT_SECONDS}s`, "--client-timeout", seconds];
  }
}

const isWithin = (atMs, sinceMs) => atMs >= sinceMs && atMs < Infinity;

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
