import { existsSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { sentenceOf, type EvbError, type ExitCode } from "@evb/event";
import { firstRunNumber, scanRingRun, type RingScanOrder, type RingStream } from "@evb/index";
import { fault } from "../faults.ts";
import type { RunNetwork } from "../run-network.ts";
import type { RunWatcher } from "../run-order.ts";
import { Checksum } from "./checksum.ts";
import {
  checksumName,
  linkComplete,
  makeOrderOut,
  outPlaces,
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
import type { Building } from "./rebuild-order.ts";
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
  readonly buildings: readonly Building[];
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
  const runs = runsOf(job);
  const places = job.isStageArea ? stagePlaces(job.out) : outPlaces(job.out);
  prepareOut(job, places, [...runs.keys()]);
  const finished: OrderedRun[] = [];
  for (const [number, streams] of runs) {
    const before = job.resume ? finishedBefore(places, number) : undefined;
    if (before !== undefined) {
      finished.push(...before);
      continue;
    }
    const { ordered, problem } = await orderRun(job, clients, places, { number, streams });
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

/** Streams by the number of their run, ascending. */
function runsOf({ streams, scan }: OrderJob): Map<number, RingStream[]> {
  const runs = new Map<number, RingStream[]>();
  for (const stream of streams) {
    const number = scan.runNumber ?? firstRunNumber(stream);
    runs.set(number, [...(runs.get(number) ?? []), stream]);
  }
  return new Map([...runs].sort(([one], [other]) => one - other));
}

function prepareOut(job: OrderJob, places: OrderPlaces, runs: readonly number[]): void {
  const { out, force, resume, isStageArea, streams } = job;
  const inputs = streams.flatMap(({ files }) => files);
  if (!isStageArea) {
    makeOrderOut(out, { force, resume, inputs });
    return;
  }
  for (const run of runs) makeOrderOut(places.folder(run, ""), { force, resume, inputs });
}

function finishedBefore(places: OrderPlaces, run: number): OrderedRun[] | undefined {
  if (existsSync(places.work(run))) return undefined;
  const runs = readOrderReport(places.report(run))?.runs.filter((each) => each.run === run);
  return runs === undefined || runs.length === 0 ? undefined : runs;
}

async function orderRun(
  job: OrderJob,
  clients: OrderClients,
  places: OrderPlaces,
  { number: wanted, streams }: { number: number; streams: readonly RingStream[] },
): Promise<{ ordered: OrderedRun[]; problem: EvbError | undefined }> {
  const begun = performance.now();
  const folder = places.work(wanted);
  clients.prepare(folder);
  const checksum = job.checksum ? new Checksum() : undefined;
  try {
    const run = scanRingRun(streams, job.scan);
    const windows = windowNames(job.buildings);
    const outputs = job.buildings.map((building, row) => ({
      building,
      path: (segment: number): string =>
        join(places.folder(run.number, windows[row]!), segmentName(run.number, segment)),
    }));
    const order = { ...job, run, outputs, folder, checksum };
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
    return { ordered, problem: undefined };
  } finally {
    checksum?.close();
    await clients.end();
  }
}

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
  { sha512, files }: RebuildResult["outputs"][number],
): string | null {
  if (sha512 === undefined) return null;
  const path = join(places.folder(run, window), checksumName(run));
  const what = files.length === 1 ? segmentName(run, 0) : "-";
  try {
    writeFileSync(path, `${sha512}  ${what}\n`);
  } catch (thrown) {
    throw fault("output-failed", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  return relative(places.root, path);
}
