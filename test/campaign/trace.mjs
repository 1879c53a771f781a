import { closeSync, openSync, readSync } from "node:fs";

/**
 * What the coordinators say that they do (`--trace FILE`, each its own), read while it is written.
 *
 * @typedef {{ at: number, what: string, life: number, rank: number, pid: number, first: number, end: number }} Line
 */
export class Trace {
  /** @type {Line[]} */
  lines = [];
  #file = new LineFile(undefined);
  /** What comes next, as soon as there is something in it. @type {LineFile | undefined} */
  #next;
  #state;

  /** @param {number} events of the run */
  constructor(events) {
    this.#state = new State(events);
  }

  /**
   * Goes on with this file once its coordinator says something: what the one before it says from then
   * on is of nobody's run.
   *
   * @param {string} path
   */
  follow(path) {
    this.now();
    this.#next = new LineFile(path);
  }

  /** The state after all that has been said so far. */
  now() {
    this.#take(this.#file);
    const lines = this.#next?.read() ?? [];
    if (lines.length > 0) {
      this.#file = this.#next;
      this.#next = undefined;
      for (const line of lines) this.#takeLine(line);
    }
    return this.#state;
  }

  /** The state as it was then. @param {number} atMs */
  at(atMs) {
    const state = new State(this.#state.events);
    for (const line of this.lines) if (line.at <= atMs) state.take(line);
    return state;
  }

  /** The life of the coordinator that was the last to speak; undefined before the first. */
  get life() {
    return this.#listening()?.life;
  }

  /** When it began to listen. */
  get lifeAtMs() {
    return this.#listening()?.at;
  }

  #listening() {
    return this.lines.findLast(({ what }) => what === "listening");
  }

  #take(file) {
    for (const line of file.read()) this.#takeLine(line);
  }

  #takeLine(line) {
    this.lines.push(line);
    this.#state.take(line);
  }
}

/** Lines of JSON that somebody appends to a file. */
class LineFile {
  #path;
  #offset = 0;
  #rest = "";

  /** @param {string | undefined} path undefined: there is nothing in it */
  constructor(path) {
    this.#path = path;
  }

  /** @returns {Line[]} those that are new */
  read() {
    if (this.#path === undefined) return [];
    const bytes = readFrom(this.#path, this.#offset);
    this.#offset += bytes.length;
    const lines = (this.#rest + bytes.toString("latin1")).split("\n");
    this.#rest = lines.pop();
    return lines.flatMap(parsed);
  }
}

/** A life that was killed may leave half a line. */
function parsed(line) {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

function readFrom(path, offset) {
  let fd;
  try {
    fd = openSync(path, "r");
  } catch {
    return Buffer.alloc(0); // It isn't there yet.
  }
  try {
    const chunks = [];
    for (;;) {
      const chunk = Buffer.alloc(65_536);
      const got = readSync(fd, chunk, 0, chunk.length, offset);
      if (got === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, got));
      offset += got;
    }
  } finally {
    closeSync(fd);
  }
}

/** Who holds leases on what, as far as the lines that were taken say. */
class State {
  events;
  #committed;
  /** rank → events that it was leased and that nobody has committed. @type {Map<number, Set<number>>} */
  #held = new Map();
  /** process number → rank. @type {Map<number, number>} */
  #ranks = new Map();
  committed = 0;
  hasLeased = false;
  isFinished = false;

  /** @param {number} events */
  constructor(events) {
    this.events = events;
    this.#committed = new Uint8Array(events);
  }

  /** @param {Line} line */
  take(line) {
    const { what, rank } = line;
    if (what === "listening") this.#begin();
    else if (what === "joined") this.#ranks.set(line.pid, rank);
    else if (what === "lease") this.#lease(line);
    else if (what === "commit") this.#commit(line);
    else if (what === "revoked")
      for (const [first, end] of line.ranges)
        for (let event = first; event < end; event++) this.#held.get(rank)?.delete(event);
    else if (what === "lost" || what === "left") this.#held.delete(rank);
    else if (what === "finished") this.isFinished = true;
  }

  /** @param {number} pid */
  holds(pid) {
    return (this.#held.get(this.#ranks.get(pid))?.size ?? 0) > 0;
  }

  get anyHolds() {
    return [...this.#held.values()].some((events) => events.size > 0);
  }

  /** Between the first lease and the last commit. */
  get isOn() {
    return this.hasLeased && !this.isCommitted;
  }

  get isCommitted() {
    return this.committed === this.events;
  }

  get share() {
    return this.committed / this.events;
  }

  /** A new life: what the one before had leased is void, and it may find that it isn't finished. */
  #begin() {
    this.#held.clear();
    this.isFinished = false;
  }

  #lease({ rank, first, end }) {
    this.hasLeased = true;
    const held = this.#held.get(rank) ?? new Set();
    this.#held.set(rank, held);
    for (let event = first; event < end; event++) if (this.#committed[event] === 0) held.add(event);
  }

  #commit({ first, end }) {
    for (let event = first; event < end; event++) {
      this.committed += 1 - this.#committed[event];
      this.#committed[event] = 1;
      for (const held of this.#held.values()) held.delete(event);
    }
  }
}
