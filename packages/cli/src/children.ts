import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runnerFault } from "@evb/runner";
import { log } from "./terminal.ts";

/** A client that is still there so long after the end is told to go, and then ended. */
const CLIENT_TOLD_MS = 500;
const CLIENT_END_MS = 5000;
/**
 * So many clients may die without any event done between them: an event that ends clients takes
 * three, and ten of those may follow each other.
 */
const FRUITLESS_MAX = 30;
/** After the first of them the next one waits, twice as long each time, at most a quarter of a second. */
const PAUSE_MS = 25;
const PAUSE_MS_MAX = 250;
/** Its work was done, it was used wrongly, or it can't read its data: another one would fare no better. */
const LAST_CODES: readonly (number | null)[] = [0, 2, 3];

/** The client processes of a run; every one that was started here is ended here. */
export class Children {
  readonly #count: number;
  readonly #words: readonly string[];
  readonly #running = new Set<ChildProcess>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  readonly #gone = new AbortController();
  readonly #codes: number[] = [];
  #connection = "";
  #progress = 0;
  #fruitless = 0;
  #ending = false;
  #wake: (() => void) | undefined;

  /** @param words options of each client */
  constructor(count: number, words: readonly string[]) {
    this.#count = count;
    this.#words = words;
    // A second interrupt ends this process at once, and leaves none behind.
    process.once("exit", this.#killAll);
  }

  /** Before the start: all that will be. */
  get alive(): number {
    return this.#count - this.#codes.length;
  }

  /** Aborts when the last of them has ended, and no other one takes its place. */
  get allGone(): AbortSignal {
    return this.#gone.signal;
  }

  start(connection: string): void {
    this.#connection = connection;
    for (let i = 0; i < this.#count; i++) this.#startOne();
  }

  /** @param progress grows with what the run gets done; events that are left out aren't */
  progress(progress: number): void {
    if (progress > this.#progress) this.#fruitless = 0;
    this.#progress = progress;
  }

  async end(): Promise<void> {
    this.#ending = true;
    for (const pause of this.#pauses) clearTimeout(pause);
    // They have heard BYE, but for those that hadn't joined when the run ended.
    const told = setTimeout(() => {
      this.#kill("SIGTERM");
    }, CLIENT_TOLD_MS);
    const deadline = setTimeout(() => {
      this.#kill("SIGKILL");
    }, CLIENT_END_MS);
    while (this.#running.size > 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    clearTimeout(told);
    clearTimeout(deadline);
    process.off("exit", this.#killAll);
  }

  readonly #killAll = (): void => {
    this.#kill("SIGKILL");
  };

  #kill(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }

  #startOne(): void {
    const bin = fileURLToPath(new URL("../bin/client.js", import.meta.url));
    // stdout is the run's own: with --json it holds nothing but the report. The pipe to stdin ends with
    // this process, however that ends, and with the pipe the client.
    const words = [bin, this.#connection, "--attached", ...this.#words];
    const child = spawn(process.execPath, words, { stdio: ["pipe", 2, 2] });
    this.#running.add(child);
    child.once("error", (error) => {
      log(`a client can't be started: ${error.message}`);
    });
    child.once("close", (code) => {
      this.#running.delete(child);
      this.#closed(code);
      this.#wake?.();
    });
  }

  #closed(code: number | null): void {
    if (!this.#ending && !LAST_CODES.includes(code) && this.#fruitless < FRUITLESS_MAX) {
      this.#replace();
      return;
    }
    this.#codes.push(code ?? 1);
    if (this.#running.size === 0 && this.#pauses.size === 0) this.#gone.abort(this.#reason());
  }

  #replace(): void {
    const again = this.#fruitless++;
    const pauseMs = again === 0 ? 0 : Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (again - 1));
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#startOne();
    }, pauseMs);
    this.#pauses.add(pause);
  }

  /** All failed alike, before anything was done: then their code is the run's, too. */
  #reason(): Error {
    const [code] = this.#codes;
    const alike = this.#codes.every((each) => each === code);
    const kind =
      alike && code === 2
        ? "clients-refused"
        : alike && code === 3
          ? "clients-blind"
          : "clients-failed";
    return runnerFault(kind, { clients: this.#count });
  }
}
