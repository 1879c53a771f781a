import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RunReport } from "@evb/runner";
import type { Ended } from "./evb.ts";

const BIN = fileURLToPath(new URL("../../packages/cli/bin/evb.js", import.meta.url));
/** No command of these tests takes a tenth of it alone on two cores; less than a test's own time-out. */
const TIMEOUT_MS = 130_000;

interface Surroundings {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What `ulimit -n` says. */
  readonly openFiles?: number;
}

/** A command that is on, and what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  #wake: (() => void)[] = [];

  constructor(words: readonly string[], { openFiles, ...options }: Surroundings = {}) {
    const command = [process.execPath, BIN, ...words];
    const limited = ["sh", "-c", `ulimit -n ${String(openFiles)}; exec "$0" "$@"`, ...command];
    const [program, ...args] = openFiles === undefined ? command : limited;
    this.child = spawn(program!, args, {
      ...options,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.add(this.child);
    const deadline = setTimeout(() => {
      this.stderr += "\n(the test's time-out ended it)";
      this.child.kill("SIGKILL");
    }, TIMEOUT_MS);
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#tell();
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#tell();
    });
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code) => {
        clearTimeout(deadline);
        started.delete(this.child);
        this.#tell();
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isOn(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until it has said so, on stdout or stderr. */
  async said(words: RegExp): Promise<void> {
    while (!words.test(this.stderr) && !words.test(this.stdout)) {
      if (!this.isOn) throw new Error(`ended before it said ${String(words)}: ${this.stderr}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

const started = new Set<ChildProcess>();

/** At the end of a test's file: only what it started, by its id. */
export function endAll(): void {
  for (const child of started) child.kill("SIGKILL");
}

export const start = (words: readonly string[], options?: Surroundings): Running =>
  new Running(words, options);

export const ended = (words: readonly string[], options?: Surroundings): Promise<Ended> =>
  start(words, options).ended;

/** What `--json` printed: one object on one line, alone on stdout. */
export function reportOf({ stdout, stderr }: Ended): RunReport {
  if (!/^\{[^\n]*\}\n$/.test(stdout))
    throw new Error(`stdout is not one object: ${stdout}${stderr}`);
  return JSON.parse(stdout) as RunReport;
}

/** All that people get to read: sentences, and never a stack. */
export function sentencesOf({ stderr }: Ended): string[] {
  const lines = stderr.split("\n").filter((line) => line !== "");
  const stack = lines.find((line) =>
    /^\s+at |node:internal|defect of evb|UnhandledPromise/.test(line),
  );
  if (stack !== undefined) throw new Error(`a stack, or a defect: ${stderr}`);
  return lines.map((line) => line.replace(/^evb: /, ""));
}

/** Processes on this host, other than this one, whose command line names the folder. */
export function processesIn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
      } catch {
        return false; // It has ended meanwhile.
      }
    })
    .map(Number);
}
