import { existsSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join, relative } from "node:path";
import { sentenceOf, type EvbError, type ExitCode } from "@evb/event";
import {
  fileState,
  fingerprintOf,
  KeptScan,
  scanRingRun,
  streamsByRun,
  type FileState,
  type KeptScanOrder,
  type RingRun,
  type RingScanOrder,
  type RingStream,
} from "@evb/index";
import { refuseLiveProcess } from "../begin-run.ts";
import { fault } from "../faults.ts";
import { connectionIn, outFolder, removeOutFolder } from "../out-folder.ts";
import type { RunNetwork } from "../run-network.ts";
import type { RunWatcher } from "../run-order.ts";
import { refuseLiveRun } from "../wire/connection-file.ts";
import { Checksum } from "./checksum.ts";
import {
  checksumName,
  emptyOrderOut,
  linkComplete,
  makeOrderOut,
  outPlaces,
  outputName,
  segmentName,
  stagePlaces,
  type OrderPlaces,
} from "./order-places.ts";
import {
  orderedRun,
  readOrderReport,
  writeOrderReport,
  type OrderedRun,
  type OrderReport,
} from "./order-report.ts";
import type { Building, PartLimits } from "./rebuild-order.ts";
import { rebuildRun, type RebuildOrder, type RebuildResult } from "./rebuild-run.ts";

/** What `evb order` is asked to do. */
export interface OrderJob extends Pick<
  RebuildOrder,
  | "places"
  | "clientsAwaited"
  | "clientsReturn"
  | "clientTimeoutMs"
  | "batchCap"
  | "tracePath"
  | "evbVersion"
  | "limits"
  | "memoryBytes"
  | "settings"
  | "resume"
> {
  readonly streams: readonly RingStream[];
  readonly out: string;
  /** The old system's folders below `out`. */
  readonly isStageArea: boolean;
  readonly force: boolean;
  readonly scan: RingScanOrder;
  /** Where what the scan finds is kept; undefined: nowhere. */
  readonly index: KeptScanOrder | undefined;
  readonly buildings: readonly Building[];
  /** Nothing is built: each source has files of its own. */
  readonly isSplit: boolean;
  readonly checksum: boolean;
}

/** Who works on a run: asked anew for each. */
export interface OrderClients {
  /** A way to clients that `started` will start. */
  network(): RunNetwork;
  readonly watcher: RunWatcher;
  /** Aborts when no client is left, or the command is to end. */
  signal(): AbortSignal;
  /** Before the run is scanned. @param folder the only one that clients may write in */
  prepare(folder: string): void;
  /** After its end. */
  end(): Promise<void>;
  readonly count: number;
}

export interface OrderOutcome {
  readonly report: OrderReport;
  readonly exitCode: 0 | ExitCode;
  readonly problem: string | undefined;
}

/**
 * Orders runs, one after another; the first that fails ends it. What was done stays.
 *
 * @throws EvbError what is wrong with inputs or OUT
 */
export async function orderRuns(job: OrderJob, clients: OrderClients): Promise<OrderOutcome> {
  const runs = streamsByRun(job.streams, job.scan.runNumber);
  const places = job.isStageArea ? stagePlaces(job.out) : outPlaces(job.out);
  const kept = job.index === undefined ? undefined : await KeptScan.find(job.index, runs);
  if (kept?.isThere === true)
    clients.watcher.notice(`${job.index!.path} is of these files: they are not scanned again`);
  const { folders, empty } = await prepareOut(job, places, [...runs.keys()]);
  try {
    return await orderAll(job, clients, { runs, places, kept, empty });
  } finally {
    // Where nothing was done the same command can be typed again.
    for (const folder of folders) removeIfEmpty(folder);
  }
}

async function orderAll(
  job: OrderJob,
  clients: OrderClients,
  {
    runs,
    places,
    kept,
    empty,
  }: {
    readonly runs: ReadonlyMap<number, readonly RingStream[]>;
    readonly places: OrderPlaces;
    readonly kept: KeptScan | undefined;
    readonly empty: () => void;
  },
): Promise<OrderOutcome> {
  const finished: OrderedRun[] = [];
  for (const [number, streams] of runs) {
    const before = job.resume
      ? finishedBefore(places, number, { settings: job.settings, inputs: inputsOf(streams) })
      : undefined;
    if (before !== undefined) {
      finished.push(...before);
      continue;
    }
    const { ordered, problem } = await orderRun(job, clients, places, {
      number,
      streams,
      kept,
      empty,
    });
    finished.push(...ordered);
    const report = { evb: job.evbVersion, runs: finished };
    if (problem !== undefined)
      return { report, exitCode: problem.exitCode, problem: problem.message };
  }
  return {
    report: { evb: job.evbVersion, runs: finished },
    exitCode: 0,
    problem: undefined,
  };
}

/** The folders that there are now, and what removes an earlier output: not before the inputs are known to be sound. */
async function prepareOut(
  job: OrderJob,
  places: OrderPlaces,
  runs: readonly number[],
): Promise<{ folders: string[]; empty: () => void }> {
  const { out, force, resume, isStageArea, streams } = job;
  if (force)
    for (const run of runs) {
      await refuseLiveRun(connectionIn(places.work(run)));
      refuseLiveProcess(places.work(run));
    }
  const inputs = streams.flatMap(({ files }) => files);
  const folders = isStageArea ? runs.map((run) => places.folder(run, "")) : [out];
  for (const folder of folders) makeOrderOut(folder, { force, resume, inputs });
  let isEmpty = !force;
  const empty = (): void => {
    if (isEmpty) return;
    isEmpty = true;
    for (const run of runs) removeOutFolder(outFolder(places.work(run)));
    for (const folder of folders) emptyOrderOut(folder);
  };
  return { folders, empty };
}

function removeIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

/**
 * What an earlier life of the command finished of a run.
 *
 * @throws EvbError "resume-differs"
 */
function finishedBefore(
  places: OrderPlaces,
  run: number,
  { settings, inputs }: { settings: OrderJob["settings"]; inputs: readonly string[] },
): OrderedRun[] | undefined {
  if (existsSync(places.work(run))) return undefined;
  const runs = readOrderReport(places.report(run))?.runs.filter((each) => each.run === run);
  if (runs === undefined || runs.length === 0) return undefined;
  const differ = (what: string, before: string, now: string): void => {
    if (before !== now) throw fault("resume-differs", { out: places.root, what, before, now });
  };
  differ("the options", optionsText(runs[0]!.options), optionsText(settings));
  differ("the inputs", runs[0]!.inputs.join(", "), inputs.join(", "));
  const files = runs.flatMap((each) => each.files).map((file) => join(places.root, file));
  if (!files.every((file) => existsSync(file))) return undefined;
  return runs;
}

/** Each file's name, size and fingerprint: it may lie elsewhere on another host. */
const inputsOf = (streams: readonly RingStream[]): string[] =>
  streams
    .flatMap(({ files }) => files)
    .map((path) => {
      const { sizeBytes, ends } = fingerprintOf(path);
      return `${basename(path)} ${String(sizeBytes)} ${ends.slice(0, FINGERPRINT_SHOWN)}`;
    });

/** Hexadecimal digits: 128 bit. */
const FINGERPRINT_SHOWN = 32;

const optionsText = (options: Readonly<Record<string, string>>): string =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

async function orderRun(
  job: OrderJob,
  clients: OrderClients,
  places: OrderPlaces,
  wanted: {
    readonly number: number;
    readonly streams: readonly RingStream[];
    readonly kept: KeptScan | undefined;
    readonly empty: () => void;
  },
): Promise<{ ordered: OrderedRun[]; problem: EvbError | undefined }> {
  const begun = performance.now();
  const folder = places.work(wanted.number);
  const inputs = inputsOf(wanted.streams);
  const states = statesOf(wanted.streams);
  clients.prepare(folder);
  const checksum = job.checksum ? new Checksum() : undefined;
  try {
    const run = (await wanted.kept?.run(job.scan)) ?? (await scanRingRun(wanted.streams, job.scan));
    checkInputs(run, wanted, { job, states });
    wanted.empty();
    const buildings = job.isSplit ? splitBuildings(run, job) : job.buildings;
    const windows = job.isSplit ? buildings.map(() => "") : windowNames(buildings);
    const outputs = buildings.map((building, row) => ({
      building,
      path: (segment: number): string => {
        const name = outputName(run.number, building.sourceOnly);
        return join(places.folder(run.number, windows[row]!), segmentName(name, segment));
      },
    }));
    const limits = job.isSplit ? splitLimits(job, buildings.length) : job.limits;
    const clientsEnded = (): Promise<void> => clients.end();
    const order = { ...job, limits, run, outputs, folder, checksum, clientsEnded };
    const result = await rebuildRun(order, clients.network(), clients.watcher, clients.signal());
    if (result.problem !== undefined) return { ordered: [], problem: result.problem };
    const ordered = result.outputs.map((output, row) => {
      const files = output.files.map((file) => relative(places.root, file));
      const more = {
        files,
        checksum: keepChecksum(places, run.number, windows[row]!, output),
        seconds: (performance.now() - begun) / 1000,
        clients: clients.count,
        redone: result.outcome.redone,
        options: job.settings,
        inputs,
      };
      if (job.isStageArea) linkComplete(job.out, windows[row]!, output.files);
      return orderedRun(run, output, more);
    });
    const known = readOrderReport(places.report(run.number))?.runs ?? [];
    const others = known.filter((each) => each.run !== run.number);
    writeOrderReport(places.report(run.number), {
      evb: job.evbVersion,
      runs: [...others, ...ordered],
    });
    rmSync(folder, { recursive: true, force: true });
    return { ordered, problem: undefined };
  } finally {
    checksum?.close();
    await clients.end();
  }
}

const statesOf = (streams: readonly RingStream[]): FileState[] =>
  streams.flatMap(({ files }) => files).map((path) => fileState(path));

/**
 * What changed while it was scanned belongs to no index; and a run whose number comes late may be another
 * one's in the same command.
 *
 * @throws EvbError "data-changed", "run-number-late"
 */
function checkInputs(
  run: RingRun,
  { number, streams }: { readonly number: number; readonly streams: readonly RingStream[] },
  { job, states }: { readonly job: OrderJob; readonly states: readonly FileState[] },
): void {
  run.files.forEach(({ path }, row) => {
    if (fileState(path) !== states[row]) throw fault("data-changed", { host: hostname(), path });
  });
  const isAlone = streams.length === job.streams.length && !job.isStageArea;
  if (run.number !== number && !isAlone)
    throw fault("run-number-late", { path: streams[0]!.path, found: run.number, first: number });
}

/** One for each source that has any item. @throws EvbError "split-nothing" */
function splitBuildings(run: RingRun, { buildings }: OrderJob): Building[] {
  if (run.sources.length === 0) throw fault("split-nothing", { run: run.number });
  return run.sources.map(({ source }) => ({ ...buildings[0]!, sourceOnly: source }));
}

/** A part of each source then comes from the same bytes of the input, which are read once for all. */
const splitLimits = ({ limits }: OrderJob, sources: number): PartLimits => ({
  ...limits,
  bytes: Math.max(SPLIT_PART_BYTES_MIN, limits.bytes / sources),
});

/** What is said of a part takes some hundred bytes, and some ten for each of its items. */
const SPLIT_PART_BYTES_MIN = 2 ** 16;

/** Where one window is enough, no folder is named after it. */
function windowNames(buildings: readonly Building[]): string[] {
  if (buildings.length === 1) return [""];
  return buildings.map(({ windowTicks }) => `window-${String(windowTicks ?? "none")}`);
}

/** In the form that sha512sum checks; of several segments it is over all, one behind the other, on its stdin. */
function keepChecksum(
  places: OrderPlaces,
  run: number,
  window: string,
  { sha512, files, building }: RebuildResult["outputs"][number],
): string | null {
  if (sha512 === undefined) return null;
  const name = outputName(run, building.sourceOnly);
  const path = join(places.folder(run, window), checksumName(name));
  const what = files.length === 1 ? segmentName(name, 0) : "-";
  try {
    writeFileSync(path, `${sha512}  ${what}\n`);
  } catch (thrown) {
    throw fault("output-failed", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  return relative(places.root, path);
}
