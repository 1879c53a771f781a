import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isEvbError, type EvbError } from "@evb/event";
import {
  belowRoot,
  fingerprintOf,
  placeOf,
  rootOf,
  type DataPlace,
  type RingRun,
  type RunFile,
} from "@evb/index";
import { forgetOtherBoot, keepBoot } from "../boot.ts";
import { beginRun, REBUILD, type BegunRun, type RunData } from "../begin-run.ts";
import { coordinate, endOf, isOurs, lastDoubt, putAway, watchData } from "../conduct.ts";
import type { RunOutcome } from "../coordinator/outcome.ts";
import { fault } from "../faults.ts";
import { removeOutFolder, type OutFolder } from "../out-folder.ts";
import type { RunNetwork } from "../run-network.ts";
import type { RunOrder, RunWatcher } from "../run-order.ts";
import { TraceFile } from "../sink/trace-file.ts";
import { BACKWARD_STEPS, EVENTS, FRAGMENTS } from "../wire/rebuild-schema.ts";
import type { Checksum } from "./checksum.ts";
import { makeOutputs, nameOutputs, type OutputFile } from "./outputs.ts";
import type { Building, PartLimits } from "./rebuild-order.ts";
import { RebuildPlan } from "./rebuild-plan.ts";

/** An output of a run: how it is built, and where its files go. */
interface RebuildOutput {
  readonly building: Building;
  /** Absolute; of the segment with a number from 0. */
  path(segment: number): string;
}

/** What a run of ring items is rebuilt to. */
export interface RebuildOrder extends Pick<
  RunOrder,
  | "places"
  | "clientsAwaited"
  | "clientsReturn"
  | "clientTimeoutMs"
  | "batchCap"
  | "tracePath"
  | "evbVersion"
> {
  readonly run: RingRun;
  readonly outputs: readonly RebuildOutput[];
  /** The folder of what is needed until the end: on the file system of the outputs. */
  readonly folder: string;
  readonly resume: boolean;
  readonly limits: PartLimits;
  /** Of each client. */
  readonly memoryBytes: number;
  /** A thread that waits; undefined: no checksum. */
  readonly checksum: Checksum | undefined;
  /** Comes when no client of this host is left. */
  clientsEnded(): Promise<void>;
  /** What was asked for, for whoever resumes with something else. */
  readonly settings: Readonly<Record<string, string>>;
}

/** What came of one output. */
export interface RebuiltOutput {
  readonly building: Building;
  readonly events: number;
  /** As the bytes say that were written. */
  readonly fragmentsOut: number;
  readonly backwardStepsOut: number;
  readonly files: readonly string[];
  readonly bytes: number;
  /** Hexadecimal sha-512 of all files, one behind the other. */
  readonly sha512: string | undefined;
}

export interface RebuildResult {
  readonly outcome: RunOutcome;
  /** Empty where it ended before its end. */
  readonly outputs: readonly RebuiltOutput[];
  readonly problem: EvbError | undefined;
}

/**
 * Rebuilds a run: hands out its parts, and names the files when all are written. Whoever asked for it removes
 * the folder when all is told: until then `resume` finds there that it is done.
 *
 * @throws EvbError what is wrong before the first part
 */
export async function rebuildRun(
  order: RebuildOrder,
  network: RunNetwork,
  watcher: RunWatcher,
  signal: AbortSignal,
): Promise<RebuildResult> {
  const plan = new RebuildPlan(
    order.run,
    order.outputs.map(({ building }) => building),
    order.limits,
  );
  const data = new RebuildData(order, plan);
  const range = { first: 0, end: plan.parts.length };
  await forgetOtherBoot(order.folder);
  const trace = order.tracePath === undefined ? undefined : new TraceFile(order.tracePath);
  const asked = runOrder(order);
  const begun = await beginRun(asked, network, data, range);
  let complete = false;
  try {
    const files = outputFiles(order, plan, begun.run);
    prepare(order.folder, files, begun);
    const watch = watchData(data, asked, begun.data);
    try {
      const rebuild = rebuildOf(order, plan, files, begun);
      const parts = { order: asked, begun, events: data, range, trace, rebuild };
      const signals = AbortSignal.any([signal, watch.signal]);
      const outcome = await coordinate(parts, watcher, signals);
      const result = await finish({ order, plan, files, begun, outcome }, watch.check);
      complete = result.problem === undefined;
      return result;
    } finally {
      watch.end();
    }
  } finally {
    trace?.close();
    putAway(begun, { complete });
  }
}

/** All files, or nothing is left. */
function prepare(
  folder: string,
  files: readonly OutputFile[],
  { out, link, journal, before }: BegunRun,
): void {
  try {
    keepBoot(folder);
    const hasParts = (before?.schedule.done.length ?? 0) > 0;
    makeOutputs(folder, files, { goesOn: before !== undefined, hasParts });
  } catch (thrown) {
    link.close();
    journal.close();
    if (before === undefined) removeOutFolder(out);
    throw thrown;
  }
}

/** Parts as events: they have no fragments of their own, and lie in all files. */
class RebuildData implements RunData {
  readonly path: string;
  readonly root: string;
  readonly files: readonly RunFile[];
  readonly sources = [];
  readonly eventCount: number;
  readonly identity: string;

  constructor({ run }: RebuildOrder, plan: RebuildPlan) {
    this.path = run.files[0]!.path;
    const paths = run.files.map(({ path }) => path);
    this.root = rootOf(paths);
    this.files = paths.map((path) => ({
      path: belowRoot(path, this.root),
      ...fingerprintOf(path),
    }));
    this.eventCount = plan.parts.length;
    const hash = createHash("sha256");
    for (const { path, sizeBytes, ends } of this.files)
      hash.update(`${path} ${String(sizeBytes)} ${ends} `);
    this.identity = hash.digest("hex");
  }

  placeOf({ path }: RunFile, places: readonly DataPlace[]): string {
    return placeOf(path, this.root, places);
  }

  /** Parts say where their bytes lie. */
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

function runOrder(order: RebuildOrder): RunOrder {
  return {
    ...order,
    indexPath: order.run.files[0]!.path,
    out: order.folder,
    force: false,
    analysis: { name: REBUILD, sha256: undefined, settings: order.settings },
    sources: undefined,
    events: undefined,
    eventTimeoutMs: undefined,
    strict: true,
  };
}

function outputFiles(order: RebuildOrder, plan: RebuildPlan, run: string): OutputFile[] {
  return plan.buildings.flatMap(({ fileBytes }, building) =>
    fileBytes.map((bytes, segment) => ({
      path: order.outputs[building]!.path(segment),
      partial: `${String(building)}-${String(segment)}.${run}.partial`,
      bytes,
    })),
  );
}

function rebuildOf(
  order: RebuildOrder,
  plan: RebuildPlan,
  files: readonly OutputFile[],
  { before }: BegunRun,
): NonNullable<Parameters<typeof coordinate>[0]["rebuild"]> {
  const prefix = plan.progress();
  const { checksum } = order;
  const written = (parts: readonly { first: number; end: number }[]): void => {
    for (const { output, bytes } of prefix.take(parts)) checksum?.written(output, bytes);
  };
  checksum?.begin({
    outputs: plan.buildings.map(({ fileFirst, fileBytes }) =>
      fileBytes.map((bytes, segment) => {
        const { path, partial } = files[fileFirst + segment]!;
        const made = join(order.folder, partial);
        return { path: existsSync(made) ? made : path, bytes };
      }),
    ),
  });
  written(before?.schedule.done ?? []);
  return {
    outputs: files.map(({ partial }) => partial),
    host: hostname(),
    buildings: plan.buildings.length,
    memoryBytes: order.memoryBytes,
    part: (number) => plan.encode(number),
    written,
  };
}

async function finish(
  parts: {
    order: RebuildOrder;
    plan: RebuildPlan;
    files: readonly OutputFile[];
    begun: BegunRun;
    outcome: RunOutcome;
  },
  check: () => void,
): Promise<RebuildResult> {
  const { order, plan, files, begun, outcome } = parts;
  const ended = (problem: EvbError): RebuildResult => {
    // No client could begin: nothing was done that is worth a folder.
    if (isEvbError(problem, "clients-refused", "clients-blind") && outcome.done === 0)
      removeOutFolder(begun.out);
    return { outcome, outputs: [], problem };
  };
  const takenOver = isOurs(begun) ? undefined : fault("run-taken-over", { out: begun.out.path });
  const problem =
    takenOver ?? endOfParts(outcome, begun.out) ?? lastDoubt(check) ?? wrongCount(plan, outcome);
  if (problem !== undefined) return ended(problem);
  try {
    const digests = await order.checksum?.digests();
    // A client that is frozen, with a file open, would touch it under its last name.
    await order.clientsEnded();
    nameOutputs(order.folder, files);
    const outputs = plan.buildings.map(({ building, events, fileBytes, fileFirst }, row) => ({
      building,
      events,
      fragmentsOut: countOf(outcome, FRAGMENTS, row),
      backwardStepsOut: countOf(outcome, BACKWARD_STEPS, row),
      files: files.slice(fileFirst, fileFirst + fileBytes.length).map(({ path }) => path),
      bytes: fileBytes.reduce((sum, bytes) => sum + bytes, 0),
      sha512: digests?.[row],
    }));
    return { outcome, outputs, problem: undefined };
  } catch (thrown) {
    if (isEvbError(thrown)) return ended(thrown);
    throw thrown;
  }
}

/** Why it ended before its end, in words of parts. */
function endOfParts(outcome: RunOutcome, out: OutFolder): EvbError | undefined {
  const ended = endOf(outcome, out);
  const { done, events } = outcome;
  return isEvbError(ended, "stopped") ? fault("order-stopped", { done, parts: events }) : ended;
}

/** Fragments in are fragments out, as the bytes say that were written; and none stands before an earlier one. */
function wrongCount({ buildings }: RebuildPlan, outcome: RunOutcome): EvbError | undefined {
  for (const [row, { events, fragments }] of buildings.entries()) {
    const out = {
      fragmentsOut: countOf(outcome, FRAGMENTS, row),
      eventsOut: countOf(outcome, EVENTS, row),
      backwardStepsOut: countOf(outcome, BACKWARD_STEPS, row),
    };
    if (out.fragmentsOut !== fragments || out.eventsOut !== events || out.backwardStepsOut !== 0)
      return fault("rebuild-miscounts", { ...out, fragments, events });
  }
  return undefined;
}

const countOf = ({ totals }: RunOutcome, total: number, building: number): number =>
  totals?.floats(total)[building] ?? 0;
