import { renameSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isEvbError, sentenceOf, type EvbError, type ExitCode } from "@evb/event";
import type { ChunkCompression, NewAttributes } from "@evb/formats";
import {
  EXTRACT_FORMAT,
  EXTRACT_VERSION,
  IndexLabels,
  RunIndex,
  withSources,
  type DataPlace,
  type RunEvents,
  type RunFile,
} from "@evb/index";
import { beginRun, EXTRACT, type BegunRun, type RunData } from "../begin-run.ts";
import { forgetOtherBoot, keepBoot } from "../boot.ts";
import { coordinate, endOf, isOurs, lastDoubt, putAway, watchData } from "../conduct.ts";
import type { Rebuild } from "../coordinator/coordinator-order.ts";
import type { RunOutcome } from "../coordinator/outcome.ts";
import type { Range } from "../coordinator/range-set.ts";
import { eventRange } from "../event-range.ts";
import { fault } from "../faults.ts";
import { removeOutFolder } from "../out-folder.ts";
import type { OrderClients } from "../rebuild/order-runs.ts";
import type { RunOrder } from "../run-order.ts";
import { TraceFile } from "../sink/trace-file.ts";
import { ROWS } from "../wire/extract-schema.ts";
import { assemble, type ExtractFailure } from "./assemble.ts";
import type { ExtractInput } from "./extract-columns.ts";
import { ExtractLayout } from "./extract-layout.ts";
import { ExtractOutput } from "./extract-output.ts";
import { checkOut, extractFolder, removeFolder } from "./extract-places.ts";
import { extractReport, type ExtractReport } from "./extract-report.ts";
import { ExtractShape, type ExtractSizes } from "./extract-shape.ts";
import { PartRecords } from "./part-records.ts";

/** What `evb extract` is asked to do. */
export interface ExtractJob extends Pick<
  RunOrder,
  | "indexPath"
  | "out"
  | "force"
  | "resume"
  | "places"
  | "sources"
  | "events"
  | "batchCap"
  | "clientsAwaited"
  | "clientTimeoutMs"
  | "strict"
  | "tracePath"
  | "evbVersion"
> {
  readonly sizes: ExtractSizes;
  /** Undefined: rows are written as they are. */
  readonly compression: ChunkCompression | undefined;
  /** Of each client. */
  readonly memoryBytes: number;
  /** Ends it, whatever clients do. */
  readonly signal: AbortSignal;
  /** All that the output depends on, and where parts are cut. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface ExtractResult {
  /** Undefined where it ended before its end, or was whole before its beginning. */
  readonly report: ExtractReport | undefined;
  readonly exitCode: 0 | ExitCode;
  /** Why it ended before its end, or that rows couldn't be read. */
  readonly problem: string | undefined;
}

/** Everything of an extract that is known before the first part. */
interface Prepared {
  readonly job: ExtractJob;
  readonly clients: OrderClients;
  readonly index: RunIndex;
  readonly events: RunEvents;
  readonly range: Range;
  readonly shape: ExtractShape;
  readonly labels: IndexLabels | undefined;
  readonly stamps: ExtractInput["stamps"];
  readonly layout: ExtractLayout;
}

/**
 * Writes the events of an index into one file, rows aligned over the sources: see docs/extract.md.
 *
 * @throws EvbError what is wrong before the first part: index, data, output, ports
 */
export async function runExtract(job: ExtractJob, clients: OrderClients): Promise<ExtractResult> {
  const index = await RunIndex.open(job.indexPath);
  try {
    const prepared = await prepare(job, clients, index);
    if (prepared !== undefined) return await extract(prepared);
    clients.watcher.notice(`${job.out} is whole already: nothing is left to do`);
    return { report: undefined, exitCode: 0, problem: undefined };
  } finally {
    await clients.end();
    index.close();
  }
}

/** Undefined where all is done. */
async function prepare(
  job: ExtractJob,
  clients: OrderClients,
  index: RunIndex,
): Promise<Prepared | undefined> {
  const { layout: kind = "" } = index.made;
  if (index.sources.some(({ storage }) => storage?.ring !== undefined))
    throw fault("extract-no-rows", { index: index.path, layout: kind });
  if (index.eventCount === 0) throw fault("extract-no-event", { index: index.path });
  const range = eventRange(job.events, index.eventCount);
  const events = job.sources === undefined ? index : withSources(index, job.sources);
  const attributes = attributesOf(job, index, range);
  const varying = events.sources.filter(({ varies }) => varies).map(({ name }) => name);
  if (varying.length > 0) throw fault("extract-varies", { index: index.path, sources: varying });
  if ((await checkOut(job, index, attributes)).isWhole) return undefined;
  index.checkFresh(job.places);
  const shape = new ExtractShape(events.sources, range.end - range.first, job.sizes);
  const labels = await IndexLabels.read(index.path);
  const stamps = stampsOf(index, events);
  const layout = new ExtractLayout(shape, {
    files: index.files,
    labels: labels?.labels ?? [],
    attributes,
    compression: job.compression,
    hasStamps: stamps !== undefined,
  });
  return { job, clients, index, events, range, shape, labels, stamps, layout };
}

/** In an exact match all fragments of an event have its stamp. */
function stampsOf(index: RunIndex, { sources }: RunEvents): ExtractInput["stamps"] {
  if (index.made["match"] === "exact") return undefined;
  const numbers = sources.map((source) => index.sources.indexOf(source));
  return (source, row) =>
    index.stamps(
      source.map((each) => numbers[each]!),
      row,
    );
}

/** Where it comes from, and how it was chosen: of the run, and not of the work. */
function attributesOf(job: ExtractJob, index: RunIndex, range: Range): NewAttributes {
  const { layout, match, select, require: required } = index.made;
  return {
    format: EXTRACT_FORMAT,
    version: EXTRACT_VERSION,
    evb: job.evbVersion,
    index: index.path,
    index_fingerprint: index.identity,
    root: index.root,
    layout: layout ?? "",
    match: match ?? "",
    select: select ?? "",
    require: required ?? "",
    events: `${String(range.first)}:${String(range.end)}`,
    sources: job.sources ?? index.made["sources"] ?? "*",
    compression: job.compression === undefined ? "none" : compressionText(job.compression),
    events_per_chunk: String(job.sizes.eventsPerChunk ?? "chosen by evb"),
  };
}

const compressionText = ({ gzip, shuffle }: ChunkCompression): string =>
  `gzip:${String(gzip)}${shuffle ? " shuffle" : ""}`;

async function extract(prepared: Prepared): Promise<ExtractResult> {
  const { job, clients, shape } = prepared;
  const folder = extractFolder(job.out);
  const data = new ExtractData(prepared);
  const range = { first: 0, end: shape.parts };
  await forgetOtherBoot(folder);
  const trace = job.tracePath === undefined ? undefined : new TraceFile(job.tracePath);
  const order = runOrder(job, folder);
  try {
    clients.prepare(folder);
    const begun = await beginRun(order, clients.network(), data, range);
    let output: ExtractOutput | undefined;
    try {
      output = makeOutput(prepared, begun);
      const watch = watchData(data, order, begun.data);
      try {
        const rebuild = rebuildOf(job, output, begun);
        const signal = AbortSignal.any([clients.signal(), watch.signal]);
        const parts = { order, begun, events: data, range, trace, rebuild };
        const outcome = await coordinate(parts, clients.watcher, signal);
        return await finish({ ...prepared, begun, output, outcome }, watch.check);
      } finally {
        watch.end();
      }
    } finally {
      output?.close();
      putAway(begun, { complete: false });
    }
  } finally {
    trace?.close();
  }
}

const partialOf = (run: string): string => `0-0.${run}.partial`;

/** The file with its columns, or nothing is left. */
function makeOutput(prepared: Prepared, begun: BegunRun): ExtractOutput {
  const { shape, layout, events, range, labels, stamps, job } = prepared;
  const { out, run, link, journal, before } = begun;
  try {
    keepBoot(out.path);
    const isCompressed = job.compression !== undefined;
    return ExtractOutput.make(join(out.path, partialOf(run)), {
      shape,
      layout,
      input: { events, range, labels, stamps },
      isCompressed,
      // Rows that were written are in no other file.
      mustBeThere: !isCompressed && (before?.schedule.done.length ?? 0) > 0,
    });
  } catch (thrown) {
    link.close();
    journal.close();
    if (before === undefined) removeOutFolder(out);
    throw thrown;
  }
}

/** Parts as events: they have no fragments of their own. */
class ExtractData implements RunData {
  readonly path: string;
  readonly root: string;
  readonly files: readonly RunFile[];
  readonly sources: RunEvents["sources"];
  readonly eventCount: number;
  readonly identity: string;
  readonly #index: RunIndex;

  constructor({ index, events, shape }: Prepared) {
    this.path = index.path;
    this.root = index.root;
    this.files = index.files;
    this.sources = events.sources;
    this.eventCount = shape.parts;
    this.identity = index.identity;
    this.#index = index;
  }

  placeOf(file: RunFile, places: readonly DataPlace[]): string {
    return this.#index.placeOf(file, places);
  }

  /** Parts say where their rows lie. */
  places(): undefined {
    return undefined;
  }

  slab(first: number, count: number): ReturnType<RunData["slab"]> {
    return {
      first,
      time: new BigUint64Array(count),
      start: new Uint32Array(count + 1),
      source: new Uint16Array(0),
      row: new Uint32Array(0),
    };
  }
}

const runOrder = (job: ExtractJob, folder: string): RunOrder => ({
  ...job,
  out: folder,
  analysis: { name: EXTRACT, sha256: undefined, settings: job.settings },
  events: undefined,
  clientsReturn: false,
  eventTimeoutMs: undefined,
  // A part that ended three clients can't be left out; rows that can't be read are no failed parts.
  strict: true,
});

function rebuildOf(job: ExtractJob, output: ExtractOutput, { run }: BegunRun): Rebuild {
  const { gzip = 0, shuffle = false } = job.compression ?? {};
  return {
    outputs: [partialOf(run)],
    host: hostname(),
    buildings: 1,
    memoryBytes: job.memoryBytes,
    extract: { gzip, shuffle, strict: job.strict },
    part: (number) => output.part(number),
    written: () => undefined,
  };
}

interface Finished extends Prepared {
  readonly begun: BegunRun;
  readonly output: ExtractOutput;
  readonly outcome: RunOutcome;
}

async function finish(done: Finished, check: () => void): Promise<ExtractResult> {
  const { begun, outcome, output } = done;
  const takenOver = isOurs(begun) ? undefined : fault("run-taken-over", { out: begun.out.path });
  const problem =
    takenOver ?? endOfParts(outcome, done) ?? lastDoubt(check) ?? wrongCount(output, outcome);
  if (problem !== undefined) return ended(done, problem);
  try {
    return await name(done);
  } catch (thrown) {
    if (isEvbError(thrown)) return ended(done, thrown);
    throw thrown;
  }
}

/** Where nothing was done that is worth going on with, nothing is left. */
function ended({ begun, outcome }: Finished, problem: EvbError): ExtractResult {
  const isFruitless = isEvbError(problem, "clients-refused", "clients-blind") && outcome.done === 0;
  const isHopeless = isEvbError(problem, "part-failed", "extract-miscounts");
  if (isFruitless || isHopeless) removeOutFolder(begun.out);
  return { report: undefined, exitCode: problem.exitCode, problem: problem.message };
}

/** Puts what clients kept to its place, and gives the file its name. */
async function name(done: Finished): Promise<ExtractResult> {
  const { job, clients, shape, range, index, begun, output, outcome } = done;
  const begunMs = performance.now();
  // A client that is frozen, with the file open, would touch it under its last name.
  await clients.end();
  const folder = begun.out.path;
  const records = PartRecords.read(begun.out.journal, {
    folder,
    run: begun.run,
    parts: shape.parts,
  });
  let failures: ExtractFailure[];
  try {
    failures = await assemble(output, { shape, records }, job.signal);
  } finally {
    records.close();
  }
  const bytesWritten = output.finish(failures.length);
  try {
    renameSync(output.path, job.out);
  } catch (thrown) {
    throw fault("output-failed", { path: job.out, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  removeFolder(folder);
  const seconds = outcome.seconds + (performance.now() - begunMs) / 1000;
  const report = extractReport({
    evb: job.evbVersion,
    index: index.path,
    out: job.out,
    first: range.first,
    shape,
    output,
    outcome,
    failures,
    bytesWritten,
    seconds,
  });
  return { report, ...verdict(report) };
}

function verdict({
  failures,
  failed,
  out,
}: ExtractReport): Pick<ExtractResult, "exitCode" | "problem"> {
  const [first] = failures;
  if (first === undefined) return { exitCode: 0, problem: undefined };
  const { message, exitCode } = fault("rows-failed", { ...first, failed, out });
  return { exitCode, problem: message };
}

/** Why it ended before its end, in words of parts. */
function endOfParts(outcome: RunOutcome, { begun }: Finished): EvbError | undefined {
  const problem = endOf(outcome, begun.out);
  const { done, events } = outcome;
  return isEvbError(problem, "stopped")
    ? fault("extract-stopped", { done, parts: events })
    : problem;
}

/** Rows that were asked for are those that the index says. */
function wrongCount(output: ExtractOutput, outcome: RunOutcome): EvbError | undefined {
  const rows = outcome.totals?.floats(ROWS)[0] ?? 0;
  const wanted = output.rowCount;
  return rows === wanted ? undefined : fault("extract-miscounts", { rows, wanted });
}
