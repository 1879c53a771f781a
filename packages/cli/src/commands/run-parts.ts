import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { parseDataPlace } from "@evb/index";
import {
  analysisOrder,
  BATCH_CAP,
  type CoordinatorEvents,
  type ReadingOrder,
  type RunOrder,
  type RunNetwork,
  type RunResult,
} from "@evb/runner";
import { bytesText, counted, ProgressBar, runSummary } from "@evb/watch";
import { fault } from "../faults.ts";
import {
  parseCount,
  parseDuration,
  parseListen,
  parsePorts,
  parseSettings,
  parseSize,
} from "../sizes.ts";
import { log, print, printJson, type Output } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";

/** What yargs made of the options that `run` and `coordinator` share. */
export interface RunArguments extends Output {
  readonly index: string;
  readonly out: string;
  readonly force: boolean;
  readonly resume: boolean;
  readonly data: string[];
  readonly analysis: string;
  readonly set: string[];
  readonly events?: string | undefined;
  readonly sources?: string | undefined;
  readonly batch?: string | undefined;
  readonly strict: boolean;
  readonly eventTimeout?: string | undefined;
  readonly clientTimeout: string;
  readonly trace?: string | undefined;
  readonly timeLimit?: string | undefined;
  readonly attached: boolean;
}

const BATCH_MAX = 1e9;

/** @param clients.return they outlive this process, and find the one that goes on with the run */
export function runOrder(
  argv: RunArguments,
  clients: { readonly awaited: () => number; readonly return: boolean },
): RunOrder {
  const { batch, eventTimeout } = argv;
  if (argv.force && argv.resume) throw fault("options-exclude", { one: "force", other: "resume" });
  return {
    indexPath: argv.index,
    out: argv.out,
    force: argv.force,
    resume: argv.resume,
    places: argv.data.map(parseDataPlace),
    analysis: analysisOrder(argv.analysis, parseSettings(argv.set)),
    sources: argv.sources,
    events: argv.events,
    batchCap:
      batch === undefined ? BATCH_CAP : parseCount("batch", batch, { min: 1, max: BATCH_MAX }),
    clientsAwaited: clients.awaited,
    clientsReturn: clients.return,
    clientTimeoutMs: parseDuration("client-timeout", argv.clientTimeout),
    eventTimeoutMs: parseEventTimeout(eventTimeout),
    strict: argv.strict,
    tracePath: argv.trace,
    evbVersion: EVB_VERSION,
  };
}

/** Whole milliseconds; 0 and undefined: none. */
export function parseEventTimeout(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Math.ceil(parseDuration("event-timeout", text));
}

/** More reads at once than any disk takes. */
const READ_AHEAD_MAX = 1024;

const parseReadAhead = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseCount("read-ahead", text, { min: 0, max: READ_AHEAD_MAX });

/** A client with so many has nothing left to read. */
const DECODE_THREADS_MAX = 64;
/** So many that evb starts by itself: eight decode more than one thread analyses. */
const DECODE_THREADS_CHOSEN_MAX = 8;

const parseDecodeThreads = (text: string | undefined): number | undefined =>
  text === undefined
    ? undefined
    : parseCount("decode-threads", text, { min: 0, max: DECODE_THREADS_MAX });

/** What yargs makes of the options of `run` and `client`. */
export interface ReadWords {
  readonly readAhead?: string | undefined;
  readonly decodeThreads?: string | undefined;
  readonly memory?: string | undefined;
}

/** What was typed of how a client reads. @throws EvbError "bad-option" */
export const parseReading = ({ readAhead, decodeThreads, memory }: ReadWords): ReadingOrder => ({
  readAhead: parseReadAhead(readAhead),
  decodeThreads: parseDecodeThreads(decodeThreads),
  memoryBytes: memory === undefined ? undefined : parseSize("memory", memory),
});

/** Cores that this host's clients leave idle, for each of them. */
export const idleCores = ({ cores, clients }: { cores: number; clients: number }): number =>
  Math.max(0, Math.min(DECODE_THREADS_CHOSEN_MAX, Math.floor(cores / clients) - 1));

/** A client's number is a u16 in every frame, and none is used twice. */
export const CLIENTS_MAX = 65_535;

/** Where a coordinator listens, as typed. */
export interface NetworkArguments {
  readonly ports?: string | undefined;
  readonly connection?: string | undefined;
  readonly insecure: boolean;
}

/**
 * What the options say of the network; whatever is typed wrong is said here.
 *
 * @param listen HOST or HOST:PORT
 * @param advertised the hosts that clients try, from the host by which they connect and the one that is bound
 */
export async function networkOf(
  { ports, connection, insecure }: NetworkArguments,
  listen: string,
  advertised: (connect: string, bind: string) => string[],
): Promise<RunNetwork & { kind: "tcp" }> {
  const { host, port } = parseListen(listen);
  const { bind, connect } = await listenPlace(host);
  return {
    kind: "tcp",
    host: bind,
    port,
    ports: ports === undefined ? undefined : parsePorts(ports),
    advertised: advertised(connect, bind),
    connectionPath: connection,
    insecure,
  };
}

/**
 * What to bind to for `--listen HOST`, and what clients are told. ZeroMQ binds to addresses and to
 * names of interfaces; clients connect to addresses and to names of hosts.
 */
async function listenPlace(host: string): Promise<{ bind: string; connect: string }> {
  if (host === "*" || host === "0.0.0.0") return { bind: host, connect: "127.0.0.1" };
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0) return { bind: host, connect: host };
  const own = networkInterfaces()[host]?.find(({ family }) => family === "IPv4");
  if (own !== undefined) return { bind: own.address, connect: own.address };
  try {
    return { bind: (await lookup(host, { family: 4 })).address, connect: host };
  } catch {
    // ZeroMQ's sentence says what it thinks of the name.
    return { bind: host, connect: host };
  }
}

/** Ends with whichever comes first: an interrupt, or the time limit. */
export function withTimeLimit(signal: AbortSignal, text: string | undefined): AbortSignal {
  if (text === undefined) return signal;
  // AbortSignal.timeout() in AbortSignal.any() is garbage for Node 20: it was collected, and never fired.
  const limit = new AbortController();
  const timer = setTimeout(
    () => {
      limit.abort(new Error("the time limit came"));
    },
    parseDuration("time-limit", text),
  );
  timer.unref();
  return AbortSignal.any([signal, limit.signal]);
}

export function runWatcher(output: Output): CoordinatorEvents & { clear(): void } {
  const bar = new ProgressBar(
    process.stderr,
    "events",
    (events) => `${counted(Math.round(events), "event")}/s`,
  );
  return {
    progress: ({ done, events, bytes }) => {
      if (!output.quiet && bytes >= 0) bar.show(done, events);
    },
    notice: (sentence) => {
      bar.clear();
      if (!output.quiet) log(sentence);
    },
    clear: () => {
      bar.clear();
    },
  };
}

export function printResult(result: RunResult, output: Output): number {
  if (output.json) printJson(result.report);
  else if (result.report.clients.length > 0) {
    print(runSummary(result.report));
    if (result.report.digest !== undefined) print(`results ${result.out.results}`);
  }
  if (result.problem !== undefined) log(result.problem);
  return result.exitCode;
}

/** What a client prints at its end, as the old system's ranks did. */
export function clientLine(
  rank: number,
  events: number,
  times: { bytes: number; seconds: number },
): string {
  return `client ${String(rank)}: ${counted(events, "event")}, ${bytesText(times.bytes)} in ${times.seconds.toFixed(3)} s`;
}
