import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { hostname } from "node:os";
import { builtInAnalysis, optionsOf } from "@evb/analysis";
import { fileState, type DataPlace, type RunEvents, type RunFile } from "@evb/index";
import type { RunBefore } from "./coordinator/coordinator-order.ts";
import { EventTable } from "./coordinator/event-table.ts";
import type { Range } from "./coordinator/range-set.ts";
import {
  readCoordinatorFile,
  writeCoordinatorFile,
  type CoordinatorFile,
} from "./coordinator-file.ts";
import { fault } from "./faults.ts";
import {
  connectionIn,
  makeOutFolder,
  outFolder,
  removeOutFolder,
  type OutFolder,
} from "./out-folder.ts";
import { listen, type RunNetwork } from "./run-network.ts";
import { isOn, thisProcess } from "./process-place.ts";
import type { RunOrder } from "./run-order.ts";
import {
  encodeStart,
  readJournalState,
  type JournalStart,
  type JournalState,
} from "./sink/journal-state.ts";
import { JournalWriter } from "./sink/journal.ts";
import { refuseLiveRun, writeConnection } from "./wire/connection-file.ts";
import type { CoordinatorLink } from "./wire/link.ts";
import type { AnalysisOrder } from "./wire/join.ts";
import { encodeValue } from "./wire/values.ts";

/** The analysis of a run that writes its events anew. */
export const REBUILD = "rebuild";
/** …and of one that writes their rows. */
export const EXTRACT = "extract";

/** What a run works on. */
export interface RunData extends RunEvents {
  /** Is another one whenever results would be. */
  readonly identity: string;
  /** Where the file lies on this host. */
  placeOf(file: RunFile, places: readonly DataPlace[]): string;
}

/** A run that is about to begin, or to go on. */
export interface BegunRun {
  readonly run: string;
  readonly life: number;
  readonly out: OutFolder;
  readonly link: CoordinatorLink;
  readonly journal: JournalWriter;
  /** Undefined where it begins. */
  readonly before: RunBefore | undefined;
  readonly connection: { readonly path: string; readonly run: string } | undefined;
  /** Of each data file, when the run began. */
  readonly data: readonly string[];
}

/**
 * OUT, the sockets, the journal and the files of keys: all of them, or nothing is left, so that the
 * same command can be typed again.
 *
 * @throws EvbError "run-is-on", "out-exists", "out-foreign", "out-unwritable", "resume-differs",
 * "journal-damaged", "data-changed"; what is wrong with the ports
 */
export async function beginRun(
  order: RunOrder,
  network: RunNetwork,
  index: RunData,
  range: Range,
): Promise<BegunRun> {
  const connection = connectionIn(order.out);
  if (network.kind === "tcp") await refuseLiveRun(network.connectionPath ?? connection);
  // What is in a folder that --force empties, or --resume goes on with, may be of a run that is on.
  if (order.force || order.resume) {
    await refuseLiveRun(connection);
    refuseLiveProcess(order.out);
  }
  const start = startOf(order, index, range);
  const old = order.resume && hasJournal(order.out) ? outFolder(order.out) : undefined;
  if (old !== undefined) return goOn(order, network, old, { index, start });
  const out = makeOutFolder(order.out, order);
  try {
    return await beginAnew(order, network, out, { index, start });
  } catch (thrown) {
    removeOutFolder(out);
    throw thrown;
  }
}

/** Of a coordinator without sockets nobody can ask whether it is on. @throws EvbError "run-is-on" */
export function refuseLiveProcess(out: string): void {
  const { coordinator } = outFolder(out);
  const { process, ports } = readCoordinatorFile(coordinator) ?? {};
  // One with sockets that doesn't answer is frozen: it writes nothing more when it wakes up.
  if (process !== undefined && ports === undefined && isOn(process))
    throw fault("run-is-on", { path: out, sign: `process ${String(process.pid)} lives` });
}

/** A coordinator that was ended before it wrote a record had done nothing. */
function hasJournal(out: string): boolean {
  try {
    return statSync(outFolder(out).journal).size > 0;
  } catch {
    return false;
  }
}

async function beginAnew(
  order: RunOrder,
  network: RunNetwork,
  out: OutFolder,
  { index, start }: { index: RunData; start: JournalStart },
): Promise<BegunRun> {
  const journal = new JournalWriter(out.journal);
  const data = statesOf(index, order);
  const opened = await openNetwork(order, network, out, { run: start.run, life: 1, data });
  try {
    journal.append("start", 0, encodeStart(start));
    journal.flush();
  } catch (thrown) {
    opened.link.close();
    throw thrown;
  }
  return { run: start.run, life: 1, out, journal, before: undefined, data, ...opened };
}

async function goOn(
  order: RunOrder,
  network: RunNetwork,
  out: OutFolder,
  { index, start }: { index: RunData; start: JournalStart },
): Promise<BegunRun> {
  const state = readJournalState(out.journal);
  checkSame(out.path, state.start, start);
  const kept = readCoordinatorFile(out.coordinator);
  const { run } = state.start;
  const life = Math.max(state.life, kept?.life ?? 0) + 1;
  const now = statesOf(index, order);
  if (kept !== undefined) checkData(index, order, { before: kept.data, now });
  const data = kept?.data ?? now;
  const opened = await openNetwork(order, network, out, { run, life, data }, kept);
  try {
    const journal = JournalWriter.resume(out.journal, { keepBytes: state.goodBytes, life });
    const cutBytes = state.restBytes;
    const who = { host: hostname(), pid: process.pid, cutBytes };
    journal.append("resume", 0, encodeValue(who));
    journal.flush();
    const before = runBefore(state, new EventTable(index));
    return { run, life, out, journal, before, data, ...opened };
  } catch (thrown) {
    opened.link.close();
    throw thrown;
  }
}

async function openNetwork(
  order: RunOrder,
  network: RunNetwork,
  out: OutFolder,
  file: Pick<CoordinatorFile, "run" | "life" | "data">,
  kept?: CoordinatorFile,
): Promise<Pick<BegunRun, "link" | "connection">> {
  if (network.kind === "memory") {
    const place = { ports: undefined, keys: undefined, process: thisProcess() };
    writeCoordinatorFile(out.coordinator, { ...file, ...place });
    return { link: network.link, connection: undefined };
  }
  const listening = await listen(network, file.run, order.clientsAwaited(), kept);
  try {
    const path = network.connectionPath ?? out.connection;
    writeCoordinatorFile(out.coordinator, {
      ...file,
      ...listening.place,
      process: thisProcess(),
    });
    writeConnection(path, listening.connection);
    return { link: listening.link, connection: { path, run: file.run } };
  } catch (thrown) {
    listening.link.close();
    throw thrown;
  }
}

/** What the journal's results belong to. */
function startOf(order: RunOrder, index: RunData, range: Range): JournalStart {
  return {
    evb: order.evbVersion,
    host: hostname(),
    index: index.path,
    indexEnds: index.identity,
    events: index.eventCount,
    range,
    analysis: order.analysis,
    sources: order.sources,
    run: randomUUID(),
  };
}

/** @throws EvbError "resume-differs" */
function checkSame(out: string, before: JournalStart, now: JournalStart): void {
  const differ = (what: string, was: string, is: string): void => {
    if (was !== is) throw fault("resume-differs", { out, what, before: was, now: is });
  };
  const text = ({ first, end }: Range): string => `${String(first)}:${String(end)}`;
  const settings = (start: JournalStart): string =>
    Object.entries(settingsOf(start.analysis))
      .map(([name, value]) => `${name}=${String(value)}`)
      .sort()
      .join(" ") || "none";
  const isRebuild = now.analysis.name === REBUILD;
  // They say where parts begin, so they are named first.
  if (isRebuild || now.analysis.name === EXTRACT) {
    differ("the options", settings(before), settings(now));
    // Another version may cut parts elsewhere.
    differ("evb", before.evb, now.evb);
  }
  if (before.indexEnds !== now.indexEnds)
    differ(
      isRebuild ? "the inputs" : "the index",
      before.index,
      before.index === now.index ? `${now.index}, made anew` : now.index,
    );
  differ("--events", text(before.range), text(now.range));
  differ("--sources", before.sources ?? "all", now.sources ?? "all");
  differ("--analysis", before.analysis.name, now.analysis.name);
  const sha = ({ analysis: { name, sha256 = "none" } }: JournalStart): string =>
    `${name} of sha-256 ${sha256}`;
  differ("--analysis", sha(before), sha(now));
  differ("--set", settings(before), settings(now));
}

/** A built-in's options with those that were left out; a module's as they were typed. */
function settingsOf({ name, settings }: AnalysisOrder): Readonly<Record<string, unknown>> {
  const builtIn = builtInAnalysis(name);
  return builtIn === undefined ? settings : optionsOf(name, builtIn, settings);
}

const statesOf = (index: RunData, order: RunOrder): string[] =>
  index.files.map((file) => fileState(index.placeOf(file, order.places)));

/** @throws EvbError "data-changed" */
export function checkData(
  index: RunData,
  order: RunOrder,
  { before, now }: { before: readonly string[]; now?: readonly string[] },
): void {
  const states = now ?? statesOf(index, order);
  index.files.forEach((file, row) => {
    // What another host began with, or what lies elsewhere now, is not comparable.
    if (before[row] === "" || states[row] === "" || before[row] === states[row]) return;
    const path = index.placeOf(file, order.places);
    throw fault("data-changed", { host: hostname(), path });
  });
}

function runBefore(state: JournalState, table: EventTable): RunBefore {
  const { progress, start, schema, totals, failures, failed } = state;
  const { doubled = 0, revoked = 0, ...counts } = progress.counters;
  return {
    schedule: {
      done: state.done.ranges,
      counted: state.counted.ranges,
      uncounted: new Map([...state.uncounted].map(([rank, { ranges }]) => [rank, ranges])),
      handedOut: Math.max(progress.handedOut, start.range.first),
      suspects: state.suspects,
    },
    agreed: schema && totals && { schema, totals },
    failures,
    failed,
    clients: [...state.clients].map(([rank, { partly, fragments, ...client }]) => ({
      ...client,
      rank,
      fragments: partly.reduce((sum, part) => sum + table.fragmentsOf(part), fragments),
      greeted: true,
      lost: false,
    })),
    batches: progress.batches,
    redone: progress.redone,
    doubled,
    revoked,
    seconds: progress.seconds,
    counts: {
      ...counts,
      journalCuts: (counts["journalCuts"] ?? 0) + +(state.restBytes > 0),
    },
  };
}
