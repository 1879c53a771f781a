import type { FaultCounts } from "../coordinator/counts.ts";
import type { ClientShare, RunOutcome } from "../coordinator/outcome.ts";
import type { ExtractFailure } from "./assemble.ts";
import type { ExtractOutput } from "./extract-output.ts";
import type { ExtractShape } from "./extract-shape.ts";

/** What `evb extract --json` prints. */
export interface ExtractReport {
  readonly evb: string;
  readonly index: string;
  readonly out: string;
  readonly events: number;
  /** Rows of sources that the events have. */
  readonly fragments: number;
  /** Further fragments of a source in an event that a window made: an extract has the first one. */
  readonly leftOut: number;
  /** Of those that events have, rows that couldn't be read. */
  readonly failed: number;
  /** The first {@link FAILURES_MAX}. */
  readonly failures: readonly {
    readonly event: number;
    readonly source: string;
    readonly reason: string;
  }[];
  /** Decoded bytes of rows. */
  readonly bytes: number;
  /** Bytes taken from the files. */
  readonly bytesRead: number;
  /** Bytes of the output. */
  readonly bytesWritten: number;
  /** From the first part handed out until the output has its name. */
  readonly seconds: number;
  readonly gigabytesPerSecond: number;
  readonly sources: readonly ExtractedSourceReport[];
  readonly parts: number;
  readonly redone: number;
  readonly clients: readonly ClientShare[];
  /** What went wrong and was mended. */
  readonly faults: FaultCounts;
}

interface ExtractedSourceReport {
  readonly source: string;
  /** Events that have it. */
  readonly rows: number;
  readonly failed: number;
  /** Null: rows lie one behind the other. */
  readonly eventsPerChunk: number | null;
  readonly chunks: number;
  readonly bytes: number;
  readonly bytesStored: number;
}

const FAILURES_MAX = 1000;

export function extractReport(parts: {
  readonly evb: string;
  readonly index: string;
  readonly out: string;
  /** Number of the first event. */
  readonly first: number;
  readonly shape: ExtractShape;
  readonly output: ExtractOutput;
  readonly outcome: RunOutcome;
  readonly failures: readonly ExtractFailure[];
  readonly bytesWritten: number;
  readonly seconds: number;
}): ExtractReport {
  const { shape, output, outcome, failures, seconds, first } = parts;
  const { clients, redone, faults } = outcome;
  const bytes = clients.reduce((sum, client) => sum + client.bytes, 0);
  return {
    evb: parts.evb,
    index: parts.index,
    out: parts.out,
    events: shape.events,
    fragments: output.rowCount,
    leftOut: output.leftOut,
    failed: failures.length,
    failures: failures.slice(0, FAILURES_MAX).map(({ event, source, reason }) => ({
      event: first + event,
      source: shape.sources[source]!.source.name,
      reason,
    })),
    bytes,
    bytesRead: clients.reduce((sum, client) => sum + client.bytesRead, 0),
    bytesWritten: parts.bytesWritten,
    seconds,
    gigabytesPerSecond: seconds > 0 ? bytes / seconds / 1e9 : 0,
    sources: shape.sources.map((_, source) => sourceReport(source, parts)),
    parts: shape.parts,
    redone,
    clients,
    faults,
  };
}

function sourceReport(
  row: number,
  {
    shape,
    output,
    failures,
  }: Pick<Parameters<typeof extractReport>[0], "shape" | "output" | "failures">,
): ExtractedSourceReport {
  const { source, rowBytes, chunkEvents } = shape.sources[row]!;
  const { chunks, storedBytes } = output.chunksOf(row);
  const rows = output.rows[row]!;
  return {
    source: source.name,
    rows,
    failed: failures.reduce((count, failure) => count + Number(failure.source === row), 0),
    eventsPerChunk: chunkEvents === 0 ? null : chunkEvents,
    chunks,
    bytes: rows * rowBytes,
    bytesStored: storedBytes,
  };
}
