import { bodyOffsetOf, FRAGMENT_HEADER_BYTES, ringLayout, type RingLayout } from "@evb/formats";
import { fault } from "../faults.ts";

/** What a mock run of ring items is to be; see docs/generate.md, "Ring items". */
export interface MockRingRun {
  /** Where `run-RRRR-SS.evt` and `truth.json` go. It is made if it isn't there. */
  readonly directory: string;
  readonly run: number;
  /** Their ids ascend by one from `firstSource`. */
  readonly sources: number;
  readonly firstSource: number;
  /** So many triggers, or as many as make all segments together this large. */
  readonly size:
    | { readonly kind: "events"; readonly events: number }
    | { readonly kind: "file-size"; readonly bytes: number };
  /** Bytes of a fragment's payload, a whole item, on average; each has 3/4 to 5/4 of the body that makes it so. */
  readonly eventBytes: number;
  /** Ticks from trigger to trigger. */
  readonly periodTicks: number;
  /** A fragment's stamp is at most so far from its trigger. */
  readonly jitterTicks: number;
  /** Share of the triggers that each source misses. */
  readonly dropShare: number;
  /** Of the built events that are written, and of those that truth.json expects. */
  readonly windowTicks: number;
  /** 0: raw items; 1: built once; 2: builders of two sources each feed another builder; … */
  readonly nesting: number;
  /** Share of the fragments that come up to `delayTicks` late. */
  readonly disorderShare: number;
  readonly delayTicks: number;
  readonly stalls: readonly Stall[];
  /** Share of the fragments that have the stamp of the one before in their source. */
  readonly duplicateShare: number;
  readonly nullShare: number;
  readonly missingHeaders: MissingHeaders;
  readonly version: RingLayout["version"];
  readonly littleEndian: boolean;
  /** Bytes that an application put behind each body header of a source's items. */
  readonly extensionBytes: number;
  /** Each source's scalers come every so many triggers; 0: never. */
  readonly scalersEvery: number;
  /** Groups of a PAUSE_RUN and a RESUME_RUN of each source. */
  readonly pauses: number;
  /** No segment is larger unless a single item is; undefined: one segment. */
  readonly segmentBytes: number | undefined;
  readonly damage: readonly Damage[];
  /** 0 … 2^32 − 1. The same run with the same seed has the same bytes. */
  readonly seed: number;
}

/** A source stalls: what has a stamp in `length` ticks from `start` on (from the run's first tick) comes after them. */
export interface Stall {
  readonly source: number;
  readonly startTicks: number;
  readonly lengthTicks: number;
}

/** Which items have no body header: none, those that aren't PHYSICS_EVENTs, all, or all of some sources. */
export type MissingHeaders =
  | { readonly kind: "none" | "run-items" | "all" }
  | { readonly kind: "sources"; readonly sources: readonly number[] };

/** What is wrong with the files. Items are counted from 0 through all segments, without the damage. */
export type Damage =
  | { readonly kind: "truncate"; readonly bytes: number }
  | { readonly kind: "zero-size"; readonly item: number }
  | { readonly kind: "bad-count"; readonly item: number }
  | { readonly kind: "garbage"; readonly item: number; readonly bytes: number };

/** The ids of a run's sources, ascending. */
export const sourceIds = (run: MockRingRun): number[] =>
  Array.from({ length: run.sources }, (_, row) => run.firstSource + row);

export const layoutOf = (run: MockRingRun): RingLayout => ringLayout(run.version, run.littleEndian);

/**
 * What the body of a fragment's item begins with, so that each says what it is:
 *
 *     16-bit words u32, its own two included | stamp u64 | source u32 | number u32 | noise
 *
 * The number counts the fragments of a run in the order of triggers and sources, from 0.
 */
export const BODY_HEAD_BYTES = 20;

/** Bytes in front of a body that has a header. */
export const fragmentHeadBytes = (run: MockRingRun): number =>
  bodyOffsetOf(layoutOf(run), {
    stamp: 0n,
    source: 0,
    barrier: 0,
    extension: new Uint8Array(run.extensionBytes),
  });

/** Builders' ids are 1000 times their level, from 1, and their number, from 1. */
export const BUILDER_LEVEL_STEP = 1000;

const TRIGGERS_MAX = 1e8;
/** glom collects 1001 of them in an event. */
const EVENT_BYTES_MAX = 2 ** 20;
/** All stamps of a run are exact in a double, counted from its first tick. */
const RUN_TICKS_MAX = 2 ** 52;
const TICKS_MAX = 2 ** 48;

/** @throws EvbError "mock-run-unusable", which lists every problem */
export function checkMockRingRun(run: MockRingRun): void {
  const problems = [
    ...limitsOf(run)
      .filter(([, value, lowest, highest]) => !(value >= lowest && value <= highest))
      .map(
        ([option, value, lowest, highest]) =>
          `${option} is ${String(value)}, and must be from ${String(lowest)} to ${String(highest)}`,
      ),
    ...contradictions(run),
  ];
  if (problems.length > 0) throw fault("mock-run-unusable", { problems });
}

/** Lowest and highest are allowed. */
type Limit = readonly [option: string, value: number, lowest: number, highest: number];

function limitsOf(run: MockRingRun): Limit[] {
  const smallest = fragmentHeadBytes(run) + BODY_HEAD_BYTES;
  return [
    ["--sources", run.sources, 1, BUILDER_LEVEL_STEP - 1],
    ["--first-source", run.firstSource, 0, 2 ** 24 - BUILDER_LEVEL_STEP],
    ["--events", run.size.kind === "events" ? run.size.events : 1, 1, TRIGGERS_MAX],
    ["--event-size", run.eventBytes, smallest, EVENT_BYTES_MAX],
    ["--period", run.periodTicks, 1, TICKS_MAX],
    ["--jitter", run.jitterTicks, 0, TICKS_MAX],
    ["--drop", run.dropShare, 0, 1],
    ["--window", run.windowTicks, 0, TICKS_MAX],
    ["--nesting", run.nesting, 0, 9],
    ["--disorder", run.disorderShare, 0, 1],
    ["--delay", run.delayTicks, 1, 2 ** 32 - 1],
    ["--duplicate", run.duplicateShare, 0, 1],
    ["--null-stamps", run.nullShare, 0, 1],
    ["--extension", run.extensionBytes, 0, 65_536],
    ["--pauses", run.pauses, 0, 1000],
    ["--run", run.run, 0, 2 ** 32 - 1],
  ];
}

function contradictions(run: MockRingRun): string[] {
  const problems: string[] = [];
  const ids = sourceIds(run);
  for (const { source } of run.stalls)
    if (!ids.includes(source)) problems.push(`--late-source names ${noSource(source, ids)}`);
  if (run.missingHeaders.kind === "sources")
    for (const source of run.missingHeaders.sources)
      if (!ids.includes(source)) problems.push(`--missing-headers names ${noSource(source, ids)}`);
  if (run.version === 10 && (run.missingHeaders.kind !== "none" || run.extensionBytes > 0))
    problems.push(
      "items of version 10 have no body headers, so none can be missing or be extended",
    );
  if (run.nesting === 0 && run.damage.some(({ kind }) => kind === "bad-count"))
    problems.push("--damage bad-count is for built events, and with --unbuilt there are none");
  if (triggersMax(run) * run.periodTicks > RUN_TICKS_MAX)
    problems.push(`--period and the number of triggers make a run longer than 2^52 ticks`);
  return problems;
}

const noSource = (source: number, ids: readonly number[]): string =>
  `source ${String(source)}, and the run has ${String(ids[0])} to ${String(ids.at(-1))}`;

/** More triggers than a run can have. */
export function triggersMax(run: MockRingRun): number {
  if (run.size.kind === "events") return run.size.events;
  // Rough where nobody has anything: a run that can't grow ends with the most triggers that are allowed.
  return Math.min(TRIGGERS_MAX, Math.ceil(run.size.bytes / triggerBytes(run)) * 2 + 10);
}

/** A built event's headers and byte count. */
export const BUILT_HEAD_BYTES = 32;
/** Scalers and two counts. */
const READING_BYTES = 180;

/** Bytes that a trigger adds on average: fragments, the event around them, and its share of a reading of the scalers. */
export function triggerBytes(run: MockRingRun): number {
  const fragments = run.sources * (1 - run.dropShare);
  const built = run.nesting === 0 ? 0 : FRAGMENT_HEADER_BYTES * fragments + BUILT_HEAD_BYTES;
  const readings = run.scalersEvery === 0 ? 0 : (run.sources * READING_BYTES) / run.scalersEvery;
  return Math.max(1, fragments * run.eventBytes + built + readings);
}
