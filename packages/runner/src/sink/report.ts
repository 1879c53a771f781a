import { renameSync, rmSync, writeFileSync } from "node:fs";
import type { Totals } from "@evb/analysis";
import { sentenceOf } from "@evb/event";
import { fault } from "../faults.ts";
import type { FaultCounts } from "../coordinator/counts.ts";
import type { ClientEnd, ClientShare, RunOutcome } from "../coordinator/outcome.ts";

/** report.json, as CLI.md names its fields. */
export interface RunReport {
  readonly evb: string;
  readonly index: string;
  readonly analysis: string;
  readonly events: number;
  readonly fragments: number;
  /** Decoded bytes given to the analysis. */
  readonly bytes: number;
  /** Bytes taken from the files. */
  readonly bytesRead: number;
  /** From the first batch handed out to the last result. */
  readonly seconds: number;
  readonly gigabytesPerSecond: number;
  /** At the end, from the first client that had nothing to do any more to the last result. */
  readonly tailSeconds: number;
  /** The run would have taken so long had each client worked all the time, as fast as it was. */
  readonly idealSeconds: number;
  readonly batches: number;
  readonly lost: number;
  readonly redone: number;
  readonly failed: number;
  /** The failed events, the first {@link FAILURES_MAX}. */
  readonly failures: readonly { readonly event: number; readonly reason: string }[];
  /** Undefined where the run ended before its end. */
  readonly digest: string | undefined;
  readonly totals: Readonly<Record<string, string | number | number[]>>;
  readonly clients: readonly ReportedClient[];
  /** What went wrong and was mended. */
  readonly faults: FaultCounts & {
    readonly leasedAgain: number;
    readonly doubled: number;
    readonly revoked: number;
  };
  /** Undefined where every event is done. */
  readonly ended: string | undefined;
}

/** A client's part, and how it spent the run: shares of the run's seconds, of which reading is a part of working. */
interface ReportedClient extends ClientShare {
  readonly workedShare: number;
  readonly waitedShare: number;
  readonly readShare: number;
  /** It went without a word, and didn't come back; of others there is no such field. */
  readonly lost?: true;
  /** The last lines of such a client's log, where somebody keeps logs. */
  readonly lastWords?: readonly string[];
}

/** Of a client that was lost. */
type LastWords = (client: ClientShare) => readonly string[];

const FAILURES_MAX = 1000;
/** Longer totals are in results.h5 only. */
const TOTAL_LENGTH_MAX = 256;

export function runReport(
  outcome: RunOutcome,
  more: {
    evb: string;
    index: string;
    analysis: string;
    fragments: number;
    digest: string | undefined;
    ended: string | undefined;
    lastWords: LastWords | undefined;
  },
): RunReport {
  const { digest, ended, fragments, lastWords, ...named } = more;
  const bytes = sumOf(outcome.clients, (client) => client.bytes);
  const { seconds } = outcome;
  return {
    ...named,
    events: outcome.done,
    fragments,
    bytes,
    bytesRead: sumOf(outcome.clients, (client) => client.bytesRead),
    seconds,
    gigabytesPerSecond: seconds > 0 ? bytes / seconds / 1e9 : 0,
    tailSeconds: outcome.tailSeconds,
    idealSeconds: idealSeconds(outcome),
    batches: outcome.batches,
    lost: ended === undefined ? outcome.events - outcome.done : 0,
    redone: outcome.redone,
    failed: outcome.failed,
    failures: outcome.failures.slice(0, FAILURES_MAX),
    digest,
    totals: totalsOf(outcome.totals),
    clients: outcome.clients.map((client) => reported(client, seconds, lastWords)),
    faults: {
      ...outcome.faults,
      leasedAgain: outcome.redone,
      doubled: outcome.doubled,
      revoked: outcome.revoked,
    },
    ended,
  };
}

function reported(
  { lost, ...client }: ClientEnd,
  runSeconds: number,
  lastWords: LastWords | undefined,
): ReportedClient {
  const { waitSeconds, readSeconds } = client;
  const share = (seconds: number): number => (runSeconds > 0 ? seconds / runSeconds : 0);
  return {
    ...client,
    workedShare: share(workedSeconds(client)),
    waitedShare: share(waitSeconds),
    readShare: share(readSeconds),
    ...(lost && { lost }),
    ...(lost && lastWords && { lastWords: lastWords(client) }),
  };
}

const workedSeconds = ({ seconds, waitSeconds }: ClientShare): number =>
  Math.max(0, seconds - waitSeconds);

/** All events, divided by the events a second that all clients do while they work. */
function idealSeconds({ done, clients }: RunOutcome): number {
  const speed = sumOf(clients, (client) =>
    client.events === 0 ? 0 : client.events / workedSeconds(client),
  );
  return speed > 0 ? done / speed : 0;
}

/** Renamed when whole, so that nobody reads half of it. @throws EvbError "out-unwritable" */
export function writeReport(path: string, report: RunReport): void {
  try {
    writeFileSync(`${path}.partial`, `${JSON.stringify(report, null, 2)}\n`);
    renameSync(`${path}.partial`, path);
  } catch (thrown) {
    rmSync(`${path}.partial`, { force: true });
    throw fault("out-unwritable", { out: path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

function totalsOf(totals: Totals | undefined): RunReport["totals"] {
  const named: Record<string, string | number | number[]> = {};
  totals?.schema.forEach(({ name, type, length }, row) => {
    const bins = [...totals.floats(row).subarray(0, TOTAL_LENGTH_MAX)];
    if (type !== "f8") named[name] = String(totals.integer(row));
    else if (length === 1) named[name] = bins[0]!;
    else if (length <= TOTAL_LENGTH_MAX) named[name] = bins;
  });
  return named;
}

const sumOf = (clients: readonly ClientShare[], of: (client: ClientShare) => number): number =>
  clients.reduce((sum, client) => sum + of(client), 0);
