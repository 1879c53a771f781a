import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { RunIndex, withSources, type DataPlace, type RunEvents } from "@evb/index";
import { isEvbError, type ExitCode } from "@evb/event";
import { Coordinator, type CoordinatorEvents, type RunOutcome } from "./coordinator/coordinator.ts";
import { EventTable } from "./coordinator/event-table.ts";
import type { Range } from "./coordinator/range-set.ts";
import { fault } from "./faults.ts";
import { makeOutFolder, type OutFolder } from "./out-folder.ts";
import { JournalWriter } from "./sink/journal.ts";
import { runReport, writeReport, type RunReport } from "./sink/report.ts";
import { writeResults } from "./sink/results.ts";
import type { AnalysisOrder } from "./wire/join.ts";
import { encodeValue } from "./wire/values.ts";
import { newKeyPair } from "./wire/keys.ts";
import { writeConnection } from "./wire/connection-file.ts";
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
  readonly clientsAwaited: number;
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
    const out = makeOutFolder(order.out, { force: order.force });
    const { link, connectionPath } = await openNetwork(network, out);
    const journal = new JournalWriter(out.journal);
    journal.append("start", 0, startRecord(order, index, range));
    const coordinator = new Coordinator({
      index: events,
      order: { ...order, range },
      link,
      journal,
      watcher,
    });
    try {
      watcher.listening(connectionPath);
      const outcome = await coordinator.run(signal);
      if (outcome.ended === undefined) journal.append("end", 0);
      closeJournal(journal, watcher);
      return await finish(order, events, out, outcome);
    } finally {
      if (connectionPath !== undefined) rmSync(connectionPath, { force: true });
    }
  } finally {
    index.close();
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

async function openNetwork(
  network: RunNetwork,
  out: OutFolder,
): Promise<{ link: CoordinatorLink; connectionPath: string | undefined }> {
  if (network.kind === "memory") return { link: network.link, connectionPath: undefined };
  const { host, port, ports, advertised, insecure } = network;
  const [server, client] = [newKeyPair(), newKeyPair()];
  const security = insecure ? undefined : { server, clients: new Set([client.publicKey]) };
  const link = await ZeromqCoordinatorLink.open({ host, port, ports, security });
  const connectionPath = network.connectionPath ?? out.connection;
  writeConnection(connectionPath, {
    run: randomUUID(),
    hosts: advertised,
    joinPort: link.endpoints.join,
    resultsPort: link.endpoints.results,
    security: security && { serverKey: server.publicKey, client },
  });
  return { link, connectionPath };
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

function closeJournal(journal: JournalWriter, watcher: CoordinatorEvents): void {
  try {
    journal.close();
  } catch (thrown) {
    watcher.notice(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** A run that was stopped keeps its journal; one that a failed event ended has results of what was done. */
async function finish(
  order: RunOrder,
  index: RunEvents,
  out: OutFolder,
  outcome: RunOutcome,
): Promise<RunResult> {
  const { ended, doneRanges, schema, totals } = outcome;
  const whole = ended === undefined || isEvbError(ended, "event-failed");
  const digest = whole
    ? await writeResults({
        journalPath: out.journal,
        path: out.results,
        index,
        schema,
        totals,
        done: doneRanges,
        evbVersion: order.evbVersion,
      })
    : undefined;
  const table = new EventTable(index);
  const fragments = doneRanges.reduce((sum, range) => sum + table.fragmentsOf(range), 0);
  const report = runReport(outcome, {
    evb: order.evbVersion,
    index: index.path,
    analysis: order.analysis.name,
    fragments,
    digest,
  });
  writeReport(out.report, report);
  return { report, out, ...verdict(outcome, out) };
}

function verdict(outcome: RunOutcome, out: OutFolder): Pick<RunResult, "exitCode" | "problem"> {
  const { ended, failures, done, events } = outcome;
  if (ended !== undefined) {
    const stopped = isEvbError(ended) ? ended : fault("stopped", { done, events, out: out.path });
    return { exitCode: stopped.exitCode, problem: stopped.message };
  }
  if (failures.length === 0) return { exitCode: 0, problem: undefined };
  const [first] = failures;
  const others = failures.length === 1 ? "" : ` (and ${String(failures.length - 1)} more)`;
  return {
    exitCode: 1,
    problem: `event ${String(first!.event)}${others} failed: ${first!.reason}; its status is 1 in ${out.results}, all failures are in ${out.report}`,
  };
}
