import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { builtUrl } from "@evb/formats";
import { fault } from "../faults.ts";
import {
  sharedNowMs,
  type Done,
  type FromReader,
  type ReaderFiles,
  type ReadTask,
  type ToReader,
} from "./read-task.ts";

/** For the order to reach all readers before they begin. */
const START_MS = 3;
/** Node has 4 threads for asynchronous reads unless it is told: as many as reads that are tried in flight. */
export const IN_FLIGHT_MAX = 16;

/** Some processes that read. Whoever starts them ends them. */
export class Readers {
  readonly #processes: readonly ChildProcess[];

  constructor(count: number) {
    const path = fileURLToPath(builtUrl({ name: "./measure-worker.js", from: import.meta.url }));
    this.#processes = Array.from({ length: count }, () =>
      fork(path, [], {
        execArgv: [],
        env: { ...process.env, UV_THREADPOOL_SIZE: String(IN_FLIGHT_MAX) },
        serialization: "advanced",
        stdio: ["ignore", "ignore", "ignore", "ipc"],
      }),
    );
  }

  /** @throws EvbError "reader-failed" */
  async open(files: ReaderFiles): Promise<void> {
    await Promise.all(this.#processes.map((each) => ask(each, { kind: "open", files })));
  }

  /**
   * Lets the first `count` readers do the same at the same time.
   *
   * @returns what each did, and seconds from their beginning to the end of the last
   * @throws EvbError "reader-failed"
   */
  async read(
    count: number,
    task: (reader: number) => ReadTask,
    runMs: number,
  ): Promise<{ readonly done: readonly Done[]; readonly seconds: number }> {
    const some = this.#processes.slice(0, count);
    await Promise.all(some.map((each, k) => ask(each, { kind: "prepare", task: task(k) })));
    const beginMs = sharedNowMs() + START_MS;
    const endMs = beginMs + runMs;
    const answers = some.map((each) => ask(each, { kind: "read", beginMs, endMs }));
    const done = (await Promise.all(answers)).flatMap((word) =>
      word.kind === "done" ? [word.done] : [],
    );
    const lastMs = Math.max(...done.map((each) => each.endMs));
    return { done, seconds: (lastMs - beginMs) / 1000 };
  }

  close(): void {
    for (const each of this.#processes) if (each.connected) each.disconnect();
  }
}

function ask(reader: ChildProcess, order: ToReader): Promise<FromReader> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      reader.off("message", heard);
      reader.off("exit", gone);
    };
    const heard = (word: FromReader): void => {
      settle();
      if (word.kind === "failed") reject(fault("reader-failed", { reason: word.reason }));
      else resolve(word);
    };
    const gone = (code: number | null, signal: string | null): void => {
      settle();
      const reason = `its process ended with ${signal ?? `code ${String(code)}`}`;
      reject(fault("reader-failed", { reason }));
    };
    reader.on("message", heard);
    reader.on("exit", gone);
    reader.send(order, (error) => {
      if (error !== null) gone(reader.exitCode, reader.signalCode);
    });
  });
}
