import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What `npx evb` starts. */
export const EVB = fileURLToPath(new URL("../../packages/cli/bin/evb.js", import.meta.url));

/** One evb process. What it says goes to files, so that nobody has to read it in time. */
export class Command {
  name;
  host;
  isEnded = false;
  /** The signals that the campaign sent, in order. */
  signals = [];
  startedAtMs = now();
  /** When it was told to end. */
  askedAtMs = Infinity;
  /** Resolves to its exit code; null where a signal ended it. */
  ended;
  #child;
  #folder;

  /**
   * @param {readonly string[]} words what to type after `evb`
   * @param {{ name: string, host: number, folder: string, prefix: readonly string[] }} where name: of
   * the files in folder; host: 0 is the coordinator's, wherever it runs; prefix: what runs a command there
   */
  constructor(words, { name, host, folder, prefix }) {
    this.name = name;
    this.host = host;
    this.#folder = folder;
    const files = ["out", "err"].map((end) => openSync(join(folder, `${name}.${end}`), "w"));
    const [command, ...rest] = [...prefix, process.execPath, EVB, ...words];
    this.#child = spawn(command, rest, { stdio: ["ignore", ...files] });
    files.forEach(closeSync);
    this.ended = new Promise((resolve) => {
      const end = (code) => {
        this.isEnded = true;
        resolve(code);
      };
      this.#child.once("exit", end);
      this.#child.once("error", () => end(-1));
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** @param {NodeJS.Signals} signal */
  send(signal) {
    this.signals.push(signal);
    if (signal === "SIGTERM") this.askedAtMs = now();
    this.#child.kill(signal);
  }

  /** @param {"out" | "err"} end */
  said(end) {
    return readFileSync(join(this.#folder, `${this.name}.${end}`), "utf8");
  }
}

/** Milliseconds since 1970, with a fraction, as in the coordinator's trace. */
export const now = () => performance.timeOrigin + performance.now();
