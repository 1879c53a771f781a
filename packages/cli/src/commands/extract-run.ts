import { availableParallelism } from "node:os";
import { parseDataPlace } from "@evb/index";
import { runExtract, type ExtractJob, type ExtractResult } from "@evb/runner";
import { extractSummary } from "@evb/watch";
import { fault } from "../faults.ts";
import { interruptSignal } from "../interrupts.ts";
import { parseCompression, parseCount, parseDuration, parseSize } from "../sizes.ts";
import { log, print, printJson } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";
import type { ExtractArguments } from "./extract-arguments.ts";
import { orderClients } from "./order-clients.ts";
import { CLIENTS_MAX, withTimeLimit } from "./run-parts.ts";

/** Some milliseconds' work, compressed some hundred: what is lost when a client dies. */
const PART_BYTES = 2 ** 22;
/** What is told of a part is some 10 kB, and up to 1 MB where rows are numbers. */
const PARTS_PER_LEASE = 8;
/** Of a compressed chunk, where nothing else is said: what HDF5's own cache holds. */
const CHUNK_BYTES = 2 ** 20;
const COUNT_MAX = 1e9;

/** Returns what the process should end with. */
export async function runExtractCommand(argv: ExtractArguments): Promise<number> {
  const signal = withTimeLimit(interruptSignal(), argv.timeLimit);
  const count =
    argv.clients === undefined
      ? Math.max(1, availableParallelism() - 1)
      : parseCount("clients", argv.clients, { min: 1, max: CLIENTS_MAX });
  const job = extractJob(argv);
  const clients = await orderClients(argv, { count, kind: "extract" }, signal);
  const awaited = (): number => clients.awaited();
  return tell(await runExtract({ ...job, signal, clientsAwaited: awaited }, clients), argv);
}

/** @throws EvbError "bad-option", "options-exclude", "usage" */
function extractJob(argv: ExtractArguments): Omit<ExtractJob, "clientsAwaited" | "signal"> {
  const { force, resume, shuffle, batch, eventsPerChunk } = argv;
  if (force && resume) throw fault("options-exclude", { one: "force", other: "resume" });
  const gzip = parseCompression(argv.compression);
  if (shuffle && gzip === undefined)
    throw fault("usage", {
      reason: "--shuffle does nothing without --compression gzip:1 … gzip:9",
      command: "evb extract",
    });
  const partEvents =
    batch === undefined ? Infinity : parseCount("batch", batch, { min: 1, max: COUNT_MAX });
  return {
    indexPath: argv.index,
    out: argv.out,
    force,
    resume,
    places: argv.data.map(parseDataPlace),
    sources: argv.sources,
    events: argv.events,
    sizes: {
      partBytes: PART_BYTES,
      partEvents,
      eventsPerChunk:
        eventsPerChunk === undefined
          ? undefined
          : parseCount("events-per-chunk", eventsPerChunk, { min: 1, max: COUNT_MAX }),
      chunkBytes: CHUNK_BYTES,
      isCompressed: gzip !== undefined,
    },
    compression: gzip === undefined ? undefined : { gzip, shuffle },
    memoryBytes: parseSize("memory", argv.memory),
    batchCap: PARTS_PER_LEASE,
    clientTimeoutMs: parseDuration("client-timeout", argv.clientTimeout),
    strict: argv.strict,
    tracePath: argv.trace,
    evbVersion: EVB_VERSION,
    settings: settingsOf(argv),
  };
}

const settingsOf = (argv: ExtractArguments): Record<string, string> => ({
  events: argv.events ?? "all",
  compression: argv.compression,
  shuffle: String(argv.shuffle),
  "events-per-chunk": argv.eventsPerChunk ?? "none",
  batch: argv.batch ?? "none",
});

function tell({ report, exitCode, problem }: ExtractResult, argv: ExtractArguments): number {
  if (report !== undefined) {
    if (argv.json) printJson(report);
    else print(extractSummary(report));
  }
  if (problem !== undefined) log(problem);
  return exitCode;
}
