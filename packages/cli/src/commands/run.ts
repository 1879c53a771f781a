import { availableParallelism } from "node:os";
import type { Argv, CommandModule } from "yargs";
import { parseDataPlace } from "@evb/index";
import {
  Client,
  MemoryNetwork,
  runCoordinator,
  type ReadingOrder,
  type RunNetwork,
  type RunOrder,
  type RunResult,
} from "@evb/runner";
import { Children } from "../children.ts";
import { listenOptions, readOptions, runOptions } from "../common-options.ts";
import { interruptSignal } from "../interrupts.ts";
import { parseCount } from "../sizes.ts";
import { log } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";
import {
  clientLine,
  CLIENTS_MAX,
  idleCores,
  networkOf,
  parseReading,
  printResult,
  runOrder,
  runWatcher,
  withTimeLimit,
  type NetworkArguments,
  type ReadWords,
  type RunArguments,
} from "./run-parts.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("index", { type: "string", demandOption: true, describe: "what evb index wrote" })
    .option("clients", { type: "string", describe: "clients to start (cores - 1, at least 1)" })
    .options(runOptions)
    .options(readOptions)
    .options({
      listen: listenOptions.listen,
      ports: listenOptions.ports,
      insecure: listenOptions.insecure,
    })
    .example("$0 run run1.index.h5 -o out", "statistics of every fragment")
    .example(
      "$0 run run1.index.h5 -o out --analysis mine.ts --set threshold=40",
      "your own analysis",
    )
    .example("$0 run night.yaml --resume", "all runs of a job file");

interface RunCommand extends RunArguments, NetworkArguments, ReadWords {
  readonly clients?: string | undefined;
  readonly listen?: string | undefined;
}

export const runCommand: CommandModule<object, RunCommand> = {
  command: "run <index>",
  describe: "coordinator and clients on this host, to the end",
  builder: builder as never,
  handler: async (argv) => {
    const signal = withTimeLimit(interruptSignal(argv), argv.timeLimit);
    const cores = availableParallelism();
    const clients =
      argv.clients === undefined
        ? Math.max(1, cores - 1)
        : parseCount("clients", argv.clients, { min: 1, max: CLIENTS_MAX });
    const order = runOrder(argv, { awaited: () => clients, return: false });
    const typed = parseReading(argv);
    const decodeThreads = typed.decodeThreads ?? idleCores({ cores, clients });
    const reading = { ...typed, decodeThreads };
    // Looked at even where no socket is opened: what is typed wrong is always said.
    const network = await networkOf(argv, argv.listen ?? "127.0.0.1", (connect) => [connect]);
    // A built-in analysis with one client needs no socket; a user's has a process of its own.
    const alone = clients === 1 && order.analysis.sha256 === undefined;
    const result = alone
      ? await runAlone(argv, order, reading, signal)
      : await runMany(argv, order, { clients, decodeThreads }, network, signal);
    process.exitCode = printResult(result, argv);
  },
};

async function runAlone(
  argv: RunCommand,
  order: RunOrder,
  reading: ReadingOrder,
  signal: AbortSignal,
): Promise<RunResult> {
  const network = new MemoryNetwork();
  const watcher = runWatcher(argv);
  const failed = new AbortController();
  const over = new AbortController();
  let working: Promise<void> | undefined;
  const start = ({ run }: { run: string }): void => {
    const client = new Client(network.client(), {
      run,
      places: argv.data.map(parseDataPlace),
      waitMs: Infinity,
      ...reading,
      coordinatorTimeoutMs: Infinity,
      evbVersion: EVB_VERSION,
      endpoint: "this process",
    });
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
  { clients, decodeThreads }: { readonly clients: number; readonly decodeThreads: number },
  network: RunNetwork,
  signal: AbortSignal,
): Promise<RunResult> {
  const watcher = runWatcher(argv);
  const children = new Children(clients, clientWords(argv, decodeThreads));
  if (argv.insecure) log("--insecure: everybody who reaches these ports can join this run");
  try {
    return await runCoordinator(
      // One that died before the beginning isn't waited for.
      { ...order, clientsAwaited: () => children.alive },
      network,
      {
        ...watcher,
        progress: (progress) => {
          watcher.progress(progress);
          children.progress(progress.done + progress.counted - 2 * progress.setAside);
        },
        listening: ({ connectionPath }) => {
          if (connectionPath !== undefined) children.start(connectionPath);
        },
      },
      AbortSignal.any([signal, children.allGone]),
    );
  } finally {
    watcher.clear();
    await children.end();
  }
}

/** What a client of this run is given behind its connection file. */
function clientWords(argv: RunCommand, decodeThreads: number): string[] {
  const { data, clientTimeout, readAhead, memory, quiet } = argv;
  const places = data.flatMap((place) => ["--data", place]);
  const ahead = [
    ...(readAhead === undefined ? [] : ["--read-ahead", readAhead]),
    ...(memory === undefined ? [] : ["--memory", memory]),
  ];
  const threads = ["--decode-threads", String(decodeThreads)];
  const words = [...places, ...ahead, ...threads, "--client-timeout", clientTimeout];
  return quiet ? [...words, "--quiet"] : words;
}
