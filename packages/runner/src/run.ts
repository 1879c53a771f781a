import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { RunIndex, withSources, type DataPlace, type RunEvents } from "@evb/index";
import { isEvbError, type EvbError, type ExitCode } from "@evb/event";
import { Coordinator, type CoordinatorEvents } from "./coordinator/coordinator.ts";
import type { RunOutcome } from "./coordinator/outcome.ts";
import { EventTable } from "./coordinator/event-table.ts";
import type { Range } from "./coordinator/range-set.ts";
import { fault } from "./faults.ts";
import { connectionIn, makeOutFolder, removeOutFolder, type OutFolder } from "./out-folder.ts";
import { JournalWriter } from "./sink/journal.ts";
import { runReport, writeReport, type RunReport } from "./sink/report.ts";
import { writeResults } from "./sink/results.ts";
import type { AnalysisOrder } from "./wire/join.ts";
import { encodeValue } from "./wire/values.ts";
import { newKeyPair } from "./wire/keys.ts";
import {
  refuseLiveRun,
  removeConnection,
  writeConnection,
  type Connection,
} from "./wire/connection-file.ts";
import type { CoordinatorLink } from "./wire/link.ts";
import { ZeromqCoordinatorLink } from "./wire/zeromq-coordinator.ts";

/** What `evb run` and `coordinator` are asked to do. */
export interface RunOrder {
  readonly indexPath: string;
  readonly out: string;
  readonly force: boolean;
  readonly places: readonly DataPlace[];
  readonly analysis: AnalysisOrder;
  /** A glob over source names: only their fragments are read. */
  readonly sources: string | undefined;
  /** `A:B`, or undefined for all. */
  readonly events: string | undefined;
  readonly batchCap: number;
  /** The clock starts when so many clients are there; asked anew each time. */
  readonly clientsAwaited: () => number;
  readonly clientTimeoutMs: number;
  readonly strict: boolean;
  readonly evbVersion: string;
}

/** How a coordinator is reached; in memory it is not. */
export type RunNetwork =
  | { readonly kind: "memory"; readonly link: CoordinatorLink }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly ports: { readonly low: number; readonly high: number } | undefined;
      /** What the connection file tells clients to try, in turn. */
      readonly advertised: readonly string[];
      /** Undefined: OUT/connection.json. */
      readonly connectionPath: string | undefined;
      readonly insecure: boolean;
    };

export interface RunResult {
  readonly report: RunReport;
  readonly out: OutFolder;
  /** 0, or what the process should end with. */
  readonly exitCode: 0 | ExitCode;
  /** Why it ended before its end, or that events failed. */
  readonly problem: string | undefined;
}

/**
 * Runs a coordinator from the index to results.h5 and report.json.
 *
 * @param watcher `listening` is called once clients may come, with the connection file, if there is one
 * @throws EvbError what is wrong before the first batch: index, data, OUT, ports
 */
export async function runCoordinator(
  order: RunOrder,
  network: RunNetwork,
  watcher: CoordinatorEvents & { listening(connectionPath: string | undefined): void },
  signal: AbortSignal,
): Promise<RunResult> {
  const index = await RunIndex.open(order.indexPath);
  try {
    const range = eventRange(order.events, index.eventCount);
    const events = order.sources === undefined ? index : withSources(index, order.sources);
    index.checkFresh(order.places);
    const out = await openOut(order, network);
    const { link, journal, connection } = await beginRun(network, out, order.clientsAwaited());
    try {
      journal.append("start", 0, startRecord(order, index, range));
      const coordinator = new Coordinator({
        index: events,
        order: { ...order, range },
        link,
        journal,
        watcher,
      });
      watcher.listening(connection?.path);
      const outcome = await coordinator.run(signal);
      return await finish(order, events, out, withJournalClosed(journal, outcome));
    } finally {
      if (connection !== undefined) removeConnection(connection.path, connection);
    }
  } finally {
    index.close();
  }
}

/** @throws EvbError "run-is-on", "out-exists", "out-foreign", "out-unwritable" */
async function openOut(order: RunOrder, network: RunNetwork): Promise<OutFolder> {
  if (network.kind === "tcp")
    await refuseLiveRun(network.connectionPath ?? connectionIn(order.out));
  // What is in a folder that --force empties may belong to a run that is still on.
  if (order.force) await refuseLiveRun(connectionIn(order.out));
  return makeOutFolder(order.out, { force: order.force });
}

/** All that is written or listens, or nothing: then the same command can be typed again. */
async function beginRun(
  network: RunNetwork,
  out: OutFolder,
  clients: number,
): Promise<{
  link: CoordinatorLink;
  journal: JournalWriter;
  connection: { path: string; run: string } | undefined;
}> {
  let link: CoordinatorLink | undefined;
  try {
    const journal = new JournalWriter(out.journal);
    if (network.kind === "memory") return { link: network.link, journal, connection: undefined };
    const listening = await listen(network, clients);
    link = listening.link;
    const path = network.connectionPath ?? out.connection;
    writeConnection(path, listening.connection);
    return { link, journal, connection: { path, run: listening.connection.run } };
  } catch (thrown) {
    link?.close();
    removeOutFolder(out);
    throw thrown;
  }
}

/** @throws EvbError "events-range" */
function eventRange(text: string | undefined, events: number): Range {
  if (text === undefined) return { first: 0, end: events };
  const parts = /^(\d*):(\d*)$/.exec(text);
  const [first, end] = [Number(parts?.[1] ?? 0), parts?.[2] ? Number(parts[2]) : events];
  if (parts === null || first >= end || end > events) throw fault("events-range", { text, events });
  return { first, end };
}

async function listen(
  network: Extract<RunNetwork, { kind: "tcp" }>,
  clients: number,
): Promise<{ link: CoordinatorLink; connection: Connection }> {
  const { host, port, ports, advertised, insecure } = network;
  checkPorts(network, clients);
  const [server, client] = [await newKeyPair(), await newKeyPair()];
  const security = insecure ? undefined : { server, clients: new Set([client.publicKey]) };
  const link = await ZeromqCoordinatorLink.open({ host, port, ports, security });
  const connection = {
    run: randomUUID(),
    hosts: advertised,
    joinPort: link.endpoints.join,
    resultsPort: link.endpoints.results,
    security: security && { serverKey: server.publicKey, client },
  };
  return { link, connection };
}

/** Clients that find no port would wait, and the others with them. @throws EvbError "ports-too-few" */
function checkPorts(
  { ports, port }: { ports: { low: number; high: number } | undefined; port: number },
  clients: number,
): void {
  if (ports === undefined) return;
  const needed = clients + (port === 0 ? 2 : 1);
  if (ports.high - ports.low + 1 >= needed) return;
  const text = `${String(ports.low)}-${String(ports.high)}`;
  throw fault("ports-too-few", { ports: text, clients, needed });
}

/** What the journal's results belong to. */
function startRecord(order: RunOrder, index: RunIndex, range: Range): Uint8Array<ArrayBuffer> {
  return encodeValue({
    evb: order.evbVersion,
    host: hostname(),
    index: index.path,
    events: index.eventCount,
    range: [range.first, range.end],
    analysis: order.analysis,
  });
}

/** A result that the disk doesn't have is none. */
function withJournalClosed(journal: JournalWriter, outcome: RunOutcome): RunOutcome {
  try {
    if (outcome.ended === undefined) journal.append("end", 0);
    journal.close();
    return outcome;
  } catch (thrown) {
    return { ...outcome, ended: outcome.ended ?? (thrown as Error), stopped: false };
  }
}

/** A run that was stopped keeps its journal; one that a failed event ended has results of what was done. */
async function finish(
  order: RunOrder,
  index: RunEvents,
  out: OutFolder,
  outcome: RunOutcome,
): Promise<RunResult> {
  const { doneRanges } = outcome;
  let ended = endOf(outcome, out);
  let digest: string | undefined;
  if (ended === undefined || isEvbError(ended, "event-failed")) {
    const results = await resultsOf(order, index, out, outcome);
    if (typeof results === "string") digest = results;
    else ended = results;
  }
  const table = new EventTable(index);
  const fragments = doneRanges.reduce((sum, range) => sum + table.fragmentsOf(range), 0);
  const report = runReport(outcome, {
    evb: order.evbVersion,
    index: index.path,
    analysis: order.analysis.name,
    fragments,
    digest,
    ended: ended?.message,
  });
  // No client could begin: nothing was done that is worth a folder.
  if (isEvbError(ended, "clients-refused", "clients-blind") && outcome.done === 0)
    removeOutFolder(out);
  else ended = keepReport(out, report) ?? ended;
  return { report, out, ...verdict(outcome, out, ended) };
}

/** Undefined, too, where something else went wrong before: a disk that is full is said to be once. */
function keepReport(out: OutFolder, report: RunReport): EvbError | undefined {
  try {
    writeReport(out.report, report);
    return undefined;
  } catch (thrown) {
    if (report.ended !== undefined) return undefined;
    if (isEvbError(thrown)) return thrown;
    throw thrown;
  }
}

/** Why the run ended before its end. What is no fault of the world is one of ours, and thrown. */
function endOf(outcome: RunOutcome, out: OutFolder): EvbError | undefined {
  const { ended, stopped, done, events } = outcome;
  if (ended === undefined || isEvbError(ended)) return ended;
  if (!stopped) throw ended;
  return fault("stopped", { done, events, out: out.path }, { cause: ended });
}

/** The digest, or what kept results.h5 from being written; the journal has everything in any case. */
async function resultsOf(
  order: RunOrder,
  index: RunEvents,
  out: OutFolder,
  { schema, totals, doneRanges }: RunOutcome,
): Promise<string | EvbError> {
  try {
    return await writeResults({
      journalPath: out.journal,
      path: out.results,
      index,
      schema,
      totals,
      done: doneRanges,
      evbVersion: order.evbVersion,
    });
  } catch (thrown) {
    if (isEvbError(thrown)) return thrown;
    throw thrown;
  }
}

function verdict(
  { failures, failed }: RunOutcome,
  out: OutFolder,
  ended: EvbError | undefined,
): Pick<RunResult, "exitCode" | "problem"> {
  if (ended !== undefined) return { exitCode: ended.exitCode, problem: ended.message };
  const [first] = failures;
  if (first === undefined) return { exitCode: 0, problem: undefined };
  const others = failed === 1 ? "" : ` (and ${String(failed - 1)} more)`;
  return {
    exitCode: 1,
    problem: `event ${String(first.event)}${others} failed: ${first.reason}; its status is 1 in ${out.results}, all failures are in ${out.report}`,
  };
}
