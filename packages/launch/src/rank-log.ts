import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** Of a crashed client so many lines are in report.json. */
const LAST_LINES = 5;
const LOG = /^rank-.*\.log$/;
/** More of a log isn't searched. */
const LOG_BYTES_MAX = 2 ** 26;

/** What one rank says, with time, host and rank in front of each line: OUT.logs/rank-0003.log. */
export class RankLog {
  readonly #fd: number | undefined;
  readonly #who: string;
  readonly #show: (line: string) => void;

  /** @param rank undefined: it has none; @param show where lines go as well */
  constructor(folder: string, rank: number | undefined, show: (line: string) => void) {
    this.#show = show;
    const name = rank === undefined ? `${hostname()}-${String(process.pid)}` : pad(rank);
    this.#who = `${hostname()} rank ${rank === undefined ? `of process ${String(process.pid)}` : String(rank)}`;
    try {
      mkdirSync(folder, { recursive: true });
      this.#fd = openSync(join(folder, `rank-${name}.log`), "a");
    } catch {
      // The run's own folder is beside it, and whoever can't write there says so.
    }
  }

  /** On stderr, too. */
  say(sentence: string): void {
    this.note(sentence);
    this.#show(sentence);
  }

  note(sentence: string): void {
    if (this.#fd === undefined) return;
    writeSync(this.#fd, `${new Date().toISOString()} ${this.#who}: ${sentence}\n`);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

const pad = (rank: number): string => String(rank).padStart(4, "0");

/** What a rank's log says of its client. */
export const CLIENT_BEGINS = (pid: number): string => `client process ${String(pid)} begins`;

/** The last lines of the client's log: what it said before it was lost, and how it ended, as far as that is known. */
export function lastWords(
  folder: string,
  { host, pid }: { readonly host: string; readonly pid: number },
): string[] {
  const begins = ` ${host} rank `;
  for (const name of logsIn(folder)) {
    const lines = linesOf(join(folder, name));
    const first = lines.findLastIndex(
      (line) => line.includes(begins) && line.endsWith(`: ${CLIENT_BEGINS(pid)}`),
    );
    if (first < 0) continue;
    const next = lines.findIndex((line, i) => i > first && line.endsWith(" begins"));
    return lines.slice(first, next < 0 ? undefined : next).slice(-LAST_LINES);
  }
  return [];
}

function logsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => LOG.test(name));
  } catch {
    return [];
  }
}

function linesOf(path: string): string[] {
  try {
    const text = readFileSync(path, "utf8").slice(-LOG_BYTES_MAX);
    return text.split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}
