import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

/** How a command ended: with a code, or by a signal. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A command that a rank runs; it ends when this process does, however that ends. */
export class RankChild {
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcess;

  /**
   * @param command program and words; with `--attached` it stops politely when its stdin ends
   * @param take each line of stderr, and of stdout where `print` is undefined
   * @param print what comes on stdout, as it comes
   */
  constructor(
    command: readonly string[],
    take: (line: string) => void,
    print?: (text: string) => void,
  ) {
    const [program, ...words] = command;
    const child = spawn(program!, words, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    // It may have ended already.
    child.stdin.on("error", () => undefined);
    byLine(child.stderr, take);
    if (print === undefined) byLine(child.stdout, take);
    else child.stdout.setEncoding("utf8").on("data", print);
    process.once("exit", this.#kill);
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => {
        take(`it can't be started: ${error.message}`);
        resolve({ code: 1, signal: null });
      });
      child.once("close", (code, signal) => {
        process.off("exit", this.#kill);
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Politely. Not by a signal: a batch system sends one to all processes of a job, and a second one would end it at once. */
  stop(): void {
    this.#child.stdin?.end();
  }

  /** For commands that leave nothing behind. */
  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  readonly #kill = (): void => {
    this.#child.kill("SIGKILL");
  };
}

export const endText = ({ code, signal }: ChildEnd): string =>
  signal === null ? `ended with exit code ${String(code)}` : `was ended by ${signal}`;

function byLine(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") take(line);
  });
  stream.once("end", () => {
    if (rest !== "") take(rest);
  });
}
