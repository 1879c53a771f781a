import { join } from "node:path";
import {
  Client,
  MemoryNetwork,
  startThread,
  type OrderClients,
  type RunNetwork,
  type StartedThread,
} from "@evb/runner";
import { parseDataPlace } from "@evb/index";
import { ProgressBar } from "@evb/watch";
import { Children } from "../children.ts";
import { log } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";
import type { OrderArguments } from "./order-arguments.ts";
import { networkOf } from "./run-parts.ts";

type ThreadKind = Parameters<typeof startThread>[0];

/** What of the options says how clients work. */
type WriterArguments = Pick<
  OrderArguments,
  "data" | "quiet" | "clientTimeout" | "connection" | "listen" | "advertise" | "ports" | "insecure"
>;

/** Who writes, and how many of them there still are. */
export type OrderWriters = OrderClients & { awaited(): number };

/**
 * One client is in this process, and needs no socket; several are processes of their own.
 *
 * @param work how many, and what their threads load before they are told what to do
 */
export async function orderClients(
  argv: WriterArguments,
  work: { readonly count: number; readonly kind: ThreadKind },
  signal: AbortSignal,
): Promise<OrderWriters> {
  const { count, kind } = work;
  // Looked at even where no socket is opened: what is typed wrong is always said.
  const network = await networkOf(argv, argv.listen ?? "127.0.0.1", (connect) => [
    argv.advertise ?? connect,
  ]);
  if (count === 1 && argv.listen === undefined) return new OwnClient(argv, kind, signal);
  if (argv.insecure) log("--insecure: everybody who reaches these ports can join this run");
  return new ClientProcesses(argv, { count, network }, signal);
}

/** The client of this process, and the thread that it works in. */
class OwnClient implements OrderWriters {
  readonly count = 1;
  readonly watcher: OrderClients["watcher"];
  readonly #argv: WriterArguments;
  readonly #kind: ThreadKind;
  readonly #interrupted: AbortSignal;
  readonly #bar: Bar;
  #memory = new MemoryNetwork();
  #failed = new AbortController();
  #over = new AbortController();
  #thread: StartedThread | undefined;
  #folder = "";
  #working: Promise<void> | undefined;

  constructor(argv: WriterArguments, kind: ThreadKind, interrupted: AbortSignal) {
    this.#argv = argv;
    this.#kind = kind;
    this.#interrupted = interrupted;
    this.#bar = new Bar(argv.quiet);
    this.watcher = {
      ...this.#bar.watcher,
      listening: ({ run }) => {
        this.#start(run);
      },
    };
  }

  awaited(): number {
    return 1;
  }

  /** The thread loads what it needs while this one scans. */
  prepare(folder: string): void {
    this.#folder = folder;
    this.#memory = new MemoryNetwork();
    this.#failed = new AbortController();
    this.#over = new AbortController();
    this.#thread = startThread(this.#kind);
  }

  network(): RunNetwork {
    return { kind: "memory", link: this.#memory.coordinator };
  }

  signal(): AbortSignal {
    return AbortSignal.any([this.#interrupted, this.#failed.signal]);
  }

  async end(): Promise<void> {
    // A run that ended before its client had joined has said BYE to nobody.
    this.#over.abort();
    await this.#working;
    this.#working = undefined;
    await this.#thread?.worker.terminate();
    this.#thread = undefined;
    this.#bar.clear();
  }

  #start(run: string): void {
    const client = new Client(this.#memory.client(), {
      run,
      places: this.#argv.data.map(parseDataPlace),
      out: this.#folder,
      thread: this.#thread,
      waitMs: Infinity,
      coordinatorTimeoutMs: Infinity,
      evbVersion: EVB_VERSION,
      endpoint: "this process",
    });
    this.#working = client.run(this.#over.signal).then(
      () => undefined,
      (thrown: unknown) => {
        this.#failed.abort(thrown);
      },
    );
  }
}

/** Longer than any scan takes: clients wait for the connection file meanwhile. */
const SCAN_WAIT = "240h";

/** Client processes of this host, for each run anew. */
class ClientProcesses implements OrderWriters {
  readonly count: number;
  readonly watcher: OrderClients["watcher"];
  readonly #argv: WriterArguments;
  readonly #network: RunNetwork;
  readonly #interrupted: AbortSignal;
  readonly #bar: Bar;
  #children: Children | undefined;

  constructor(
    argv: WriterArguments,
    parts: { count: number; network: RunNetwork },
    interrupted: AbortSignal,
  ) {
    this.#argv = argv;
    this.count = parts.count;
    this.#network = parts.network;
    this.#interrupted = interrupted;
    this.#bar = new Bar(argv.quiet);
    const { progress, notice } = this.#bar.watcher;
    this.watcher = {
      notice,
      progress: (now) => {
        progress(now);
        this.#children?.progress(now.done + now.counted - 2 * now.setAside);
      },
      listening: () => undefined,
    };
  }

  /** One that died before the beginning isn't waited for. */
  awaited(): number {
    return this.#children?.alive ?? this.count;
  }

  prepare(folder: string): void {
    const { data, clientTimeout } = this.#argv;
    const places = data.flatMap((place) => ["--data", place]);
    const times = ["--client-timeout", clientTimeout, "--wait", SCAN_WAIT];
    this.#children = new Children(this.count, ["--out", folder, ...places, ...times, "--quiet"]);
    // They load what they need while this process scans.
    this.#children.start(this.#argv.connection ?? join(folder, "connection.json"));
  }

  network(): RunNetwork {
    return this.#network;
  }

  signal(): AbortSignal {
    const { allGone } = this.#children!;
    return AbortSignal.any([this.#interrupted, allGone]);
  }

  async end(): Promise<void> {
    await this.#children?.end();
    this.#bar.clear();
  }
}

/** How many parts are written. */
class Bar {
  readonly #bar = new ProgressBar(process.stderr, "parts", (parts) => `${parts.toFixed(0)}/s`);
  readonly watcher: Pick<OrderClients["watcher"], "progress" | "notice">;

  constructor(quiet: boolean) {
    this.watcher = {
      progress: ({ done, events }) => {
        if (!quiet) this.#bar.show(done, events);
      },
      notice: (sentence) => {
        this.clear();
        if (!quiet) log(sentence);
      },
    };
  }

  clear(): void {
    this.#bar.clear();
  }
}
