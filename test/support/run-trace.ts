import { existsSync, readFileSync } from "node:fs";
import { pause } from "./run-links.ts";
import type { Running } from "./run-processes.ts";

/** A line of `--trace FILE`. */
export interface Traced {
  readonly at: number;
  readonly what: string;
  readonly life?: number;
  readonly rank?: number;
  readonly pid?: number;
  readonly came?: "new" | "same-session" | "new-session";
  readonly first?: number;
  readonly end?: number;
  readonly again?: boolean;
  readonly double?: boolean;
  readonly event?: number;
}

/** Nothing of these tests takes a third of it alone on two cores. */
const PATIENCE_MS = 45_000;

/** What a coordinator says that it does, over all its lives. */
export class Trace {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** A line may be in the making, or torn by kill -9. */
  get lines(): readonly Traced[] {
    if (!existsSync(this.path)) return [];
    return readFileSync(this.path, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Traced);
  }

  all(what: string): readonly Traced[] {
    return this.lines.filter((line) => line.what === what);
  }

  /** Events that count, of this rank or of all. */
  committed(rank?: number): number {
    return this.all("commit")
      .filter((line) => rank === undefined || line.rank === rank)
      .reduce((sum, line) => sum + line.end! - line.first!, 0);
  }

  /** Process of the client that joined last as this rank. */
  pidOf(rank: number): number {
    return this.all("joined").findLast((line) => line.rank === rank)!.pid!;
  }

  /** Waits until it holds while the command is on. */
  async until(running: Running, what: string, holds: (trace: Trace) => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!holds(this)) {
      if (!running.isOn) throw new Error(`ended before ${what}: ${running.stderr}`);
      if (performance.now() > deadline) throw new Error(`in vain waited for: ${what}`);
      await pause(10);
    }
  }

  /** Waits until so many events count. */
  untilCommitted(running: Running, events: number, rank?: number): Promise<void> {
    const of = rank === undefined ? "" : ` of rank ${String(rank)}`;
    return this.until(running, `${String(events)} events${of}`, () => {
      return this.committed(rank) >= events;
    });
  }
}
