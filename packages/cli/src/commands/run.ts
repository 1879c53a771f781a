import { spawn, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Argv, CommandModule } from "yargs";
import { parseDataPlace } from "@evb/index";
import {
  Client,
  MemoryNetwork,
  runCoordinator,
  runnerFault,
  type RunNetwork,
  type RunOrder,
  type RunResult,
} from "@evb/runner";
import { listenOptions, runOptions } from "../common-options.ts";
import { interruptSignal } from "../interrupts.ts";
import { parseCount } from "../sizes.ts";
import { log } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";
import {
  clientLine,
  CLIENTS_MAX,
  networkOf,
  printResult,
  runOrder,
  runWatcher,
  withTimeLimit,
  type NetworkArguments,
  type RunArguments,
} from "./run-parts.ts";

/** A client that is still there so long after the end is told to go, and then ended. */
const CLIENT_TOLD_MS = 500;
const CLIENT_END_MS = 5000;

const builder = (yargs: Argv) =>
  yargs
    .positional("index", { type: "string", demandOption: true, describe: "what evb index wrote" })
    .option("clients", { type: "string", describe: "clients to start (cores - 1, at least 1)" })
    .options(runOptions)
    .options({
      listen: listenOptions.listen,
      ports: listenOptions.ports,
      insecure: listenOptions.insecure,
    })
    .example("$0 run run1.index.h5 -o out", "statistics of every fragment")
    .example(
      "$0 run run1.index.h5 -o out --analysis mine.ts --set threshold=40",
      "your own analysis",
    );

interface RunCommand extends RunArguments, NetworkArguments {
  readonly clients?: string | undefined;
  readonly listen?: string | undefined;
}

export const runCommand: CommandModule<object, RunCommand> = {
  command: "run <index>",
  describe: "coordinator and clients on this host, to the end",
  builder: builder as never,
  handler: async (argv) => {
    const signal = withTimeLimit(interruptSignal(), argv.timeLimit);
    const clients =
      argv.clients === undefined
        ? Math.max(1, availableParallelism() - 1)
        : parseCount("clients", argv.clients, { min: 1, max: CLIENTS_MAX });
    const order = runOrder(argv, clients);
    // Looked at even where no socket is opened: what is typed wrong is always said.
    const network = await networkOf(argv, argv.listen ?? "127.0.0.1", (connect) => [connect]);
    // A built-in analysis with one client needs no socket; a user's has a process of its own.
    const alone = clients === 1 && order.analysis.sha256 === undefined;
    const result = alone
      ? await runAlone(argv, order, signal)
      : await runMany(argv, order, clients, network, signal);
    process.exitCode = printResult(result, argv);
  },
};

async function runAlone(
  argv: RunCommand,
  order: RunOrder,
  signal: AbortSignal,
): Promise<RunResult> {
  const network = new MemoryNetwork();
  const watcher = runWatcher(argv);
  const failed = new AbortController();
  const client = new Client(network.client(), {
    places: argv.data.map(parseDataPlace),
    waitMs: Infinity,
    coordinatorTimeoutMs: Infinity,
    evbVersion: EVB_VERSION,
    endpoint: "this process",
  });
  const over = new AbortController();
  let working: Promise<void> | undefined;
  const start = (): void => {
    working = client.run(over.signal).then(
      ({ rank, events, times }) => {
        watcher.clear();
        if (!argv.quiet) process.stderr.write(`${clientLine(rank, events, times)}\n`);
      },
      (thrown: unknown) => {
        failed.abort(thrown);
      },
    );
  };
  const result = await runCoordinator(
    order,
    { kind: "memory", link: network.coordinator },
    { ...watcher, listening: start },
    AbortSignal.any([signal, failed.signal]),
  );
  watcher.clear();
  // A run that ended before its client had joined has said BYE to nobody.
  over.abort();
  await working;
  return result;
}

async function runMany(
  argv: RunCommand,
  order: RunOrder,
  clients: number,
  network: RunNetwork,
  signal: AbortSignal,
): Promise<RunResult> {
  const watcher = runWatcher(argv);
  const children = new Children(argv, clients);
  if (argv.insecure) log("--insecure: everybody who reaches these ports can join this run");
  try {
    return await runCoordinator(
      // One that died before the beginning isn't waited for.
      { ...order, clientsAwaited: () => children.alive },
      network,
      {
        ...watcher,
        listening: (connection) => {
          if (connection !== undefined) children.start(connection);
        },
      },
      AbortSignal.any([signal, children.allGone]),
    );
  } finally {
    watcher.clear();
    await children.end();
  }
}

/** The client processes of this run; every one that was started here is ended here. */
class Children {
  readonly #argv: RunCommand;
  readonly #count: number;
  readonly #running = new Set<ChildProcess>();
  readonly #gone = new AbortController();
  readonly #codes: number[] = [];
  #wake: (() => void) | undefined;

  constructor(argv: RunCommand, count: number) {
    this.#argv = argv;
    this.#count = count;
    // A second interrupt ends this process at once, and leaves none behind.
    process.once("exit", () => {
      this.#kill("SIGKILL");
    });
  }

  /** Before the start: all that will be. */
  get alive(): number {
    return this.#count - this.#codes.length;
  }

  /** Aborts when the last of them has ended. */
  get allGone(): AbortSignal {
    return this.#gone.signal;
  }

  start(connection: string): void {
    for (let i = 0; i < this.#count; i++) this.#startOne(connection);
  }

  async end(): Promise<void> {
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
  }

  #kill(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }

  #startOne(connection: string): void {
    const bin = fileURLToPath(new URL("../../bin/client.js", import.meta.url));
    const data = this.#argv.data.flatMap((place) => ["--data", place]);
    const quiet = this.#argv.quiet ? ["--quiet"] : [];
    const timeout = ["--client-timeout", this.#argv.clientTimeout];
    // stdout is the run's own: with --json it holds nothing but the report.
    const child = spawn(process.execPath, [bin, connection, ...data, ...timeout, ...quiet], {
      stdio: ["ignore", 2, 2],
    });
    this.#running.add(child);
    child.once("error", (error) => {
      log(`a client can't be started: ${error.message}`);
    });
    child.once("close", (code) => {
      this.#running.delete(child);
      this.#codes.push(code ?? 1);
      if (this.#running.size === 0) this.#gone.abort(this.#reason());
      this.#wake?.();
    });
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
