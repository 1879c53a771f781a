import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import type { MockRun } from "@evb/generate";
import type { RunReport } from "@evb/runner";
import type { Ended } from "./evb.ts";
import { until } from "./run-links.ts";
import { endAll, ended, processesIn, reportOf, start, type Running } from "./run-processes.ts";
import { smallRun, type SmallRun } from "./run-small.ts";
import { Trace } from "./run-trace.ts";

/** Starting a process takes a second where others test, too; these tests start up to ten one after another. */
export const MINUTES = 150_000;
const PATIENCE_MS = 45_000;

/** A small run, what an undisturbed run of it gives, and the commands to disturb others. */
export class Trial {
  readonly folder: string;
  readonly run: SmallRun;
  /** Of analysis `wait`, however long it waits. */
  readonly undisturbed: RunReport;
  #outs = 0;

  private constructor(folder: string, run: SmallRun, undisturbed: RunReport) {
    this.folder = folder;
    this.run = run;
    this.undisturbed = undisturbed;
  }

  static async begin(change: Partial<MockRun> = {}): Promise<Trial> {
    const folder = mkdtempSync(join(tmpdir(), "evb-trial-"));
    const run = await smallRun(folder, change);
    const words = ["--analysis", "wait", "--set", "ms=0", "--clients", "1", "--json"];
    const done = await ended(["run", run.indexPath, "-o", join(folder, "undisturbed"), ...words]);
    return new Trial(folder, run, reportOf(done));
  }

  end(): void {
    endAll();
    rmSync(this.folder, { recursive: true, force: true });
  }

  newOut(): string {
    return join(this.folder, `out${String(++this.#outs)}`);
  }

  /** Of a run into this folder. */
  trace(out: string): Trace {
    return new Trace(`${out}.trace`);
  }

  /** `evb run` or `evb coordinator`, with JSON on stdout and a trace. */
  start(command: "run" | "coordinator", out: string, words: readonly string[]): Running {
    const rank0 = command === "coordinator" ? ["--listen", "127.0.0.1"] : [];
    const more = ["--json", "--trace", `${out}.trace`];
    return start([command, this.run.indexPath, "-o", out, ...rank0, ...more, ...words]);
  }

  /** The same, when clients can join. */
  async listening(
    command: "run" | "coordinator",
    out: string,
    words: readonly string[],
  ): Promise<Running> {
    const lives = this.trace(out).all("listening").length;
    const running = this.start(command, out, words);
    await this.trace(out).until(running, "listening", (trace) => {
      return trace.all("listening").length > lives;
    });
    return running;
  }

  client(out: string, ...words: string[]): Running {
    return start(["client", connectionOf(out), ...words]);
  }

  /** As if nothing had happened: the same rows and totals, nothing missing. */
  expectUndisturbed(done: Ended): RunReport {
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
    const report = reportOf(done);
    const { digest, totals, events, fragments } = this.undisturbed;
    const truth = this.run.truth.all;
    expect(totals).toEqual({ count: String(truth.events), first: truth.first });
    expect(report).toMatchObject({ digest, totals, events, fragments, lost: 0, failed: 0 });
    expect(report.ended).toBeUndefined();
    expect(report.clients.reduce((sum, client) => sum + client.events, 0)).toBeGreaterThanOrEqual(
      events,
    );
    return report;
  }

  /** The law, by what the coordinator said: each event counts once. For runs whose coordinator lived. */
  expectOnce(out: string): void {
    const times = new Map<number, number>();
    for (const { first, end } of this.trace(out).all("commit"))
      for (let event = first!; event < end!; event++) times.set(event, (times.get(event) ?? 0) + 1);
    expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
    expect(times.size).toBe(this.undisturbed.events);
  }
}

export const wait = (ms: number): string[] => ["--analysis", "wait", "--set", `ms=${String(ms)}`];

export const connectionOf = (out: string): string => join(out, "connection.json");
export const journalOf = (out: string): string => join(out, "journal");
export const resultsOf = (out: string): string => join(out, "results.h5");

/** A column of results.h5. */
export async function columnOf(out: string, path: string): Promise<number[]> {
  const file = new Hdf5File(await loadHdf5(), resultsOf(out));
  try {
    return Array.from(file.dataSet(path).readColumn() as ArrayLike<number | bigint>, Number);
  } finally {
    file.close();
  }
}

/** Ends it as a crash does, and waits for its end. */
export async function crash(running: Running): Promise<Ended> {
  running.kill("SIGKILL");
  return running.ended;
}

/** No process that names the folder is left. */
export const expectNobody = (folder: string): Promise<void> =>
  until(() => processesIn(folder).length === 0, `end of all processes in ${folder}`, PATIENCE_MS);
