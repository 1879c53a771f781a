import { resolve } from "node:path";
import { parseDataPlace, type RingStream } from "@evb/index";
import type { Building, OrderJob } from "@evb/runner";
import { parseCount, parseDuration, parseSize } from "../sizes.ts";
import { EVB_VERSION } from "../version.ts";
import type { OrderArguments } from "./order-arguments.ts";
import { parseWindows, ringScan, ringScanSettings } from "./ring-scan.ts";

const ID_MAX = 2 ** 32 - 1;
const COUNT_MAX = 1e9;
/** Some milliseconds' work: what is lost when a client dies. */
const PART_BYTES = 2 ** 22;
/** What is told of a part is some 100 kB. */
const PARTS_PER_LEASE = 8;

/** What NSCLDAQ's programs do where nothing is said. They let an event have one fragment more than they say. */
const LIKE = {
  glom: { policy: "earliest", fragmentsMax: 1000, ticksWithoutWindow: 0n },
  offlineevb: { policy: "latest", fragmentsMax: 1000, ticksWithoutWindow: 1n },
} as const;
const LIKE_NONE = { policy: "earliest", fragmentsMax: Infinity, ticksWithoutWindow: 0n } as const;

/** @throws EvbError "bad-option", "options-exclude", "usage" */
export function orderJob(
  argv: OrderArguments,
  streams: readonly RingStream[],
  { signal, awaited }: { readonly signal: AbortSignal; readonly awaited: () => number },
): OrderJob {
  const { out, stagearea, split } = argv;
  const buildings = buildingsOf(argv);
  const events = argv.batch === undefined ? Infinity : count("batch", argv.batch, 1, COUNT_MAX);
  const segmentBytes =
    argv.segmentSize === undefined ? Infinity : parseSize("segment-size", argv.segmentSize);
  return {
    streams,
    out: resolve(out ?? stagearea ?? split ?? ""),
    isStageArea: stagearea !== undefined,
    force: argv.force,
    resume: argv.resume,
    scan: { ...ringScan(argv), signal },
    index:
      argv.index === undefined
        ? undefined
        : {
            path: resolve(argv.index),
            options: ringScanSettings(argv),
            force: argv.force,
            evbVersion: EVB_VERSION,
          },
    buildings,
    isSplit: split !== undefined,
    checksum: argv.checksum === "sha512",
    limits: { bytes: PART_BYTES, events, segmentBytes },
    memoryBytes: parseSize("memory", argv.memory),
    places: argv.data.map(parseDataPlace),
    clientsAwaited: awaited,
    clientsReturn: false,
    clientTimeoutMs: parseDuration("client-timeout", argv.clientTimeout),
    batchCap: PARTS_PER_LEASE,
    tracePath: argv.trace,
    evbVersion: EVB_VERSION,
    settings: settingsOf(argv, buildings),
  };
}

/** One for each window, or one that is in order only. */
function buildingsOf(argv: OrderArguments): Building[] {
  const like = argv.like === undefined ? LIKE_NONE : LIKE[argv.like];
  const most =
    argv.maxFragments === undefined
      ? like.fragmentsMax
      : count("max-fragments", argv.maxFragments, 1, COUNT_MAX);
  const building = {
    match: argv.match,
    policy: argv.policy ?? like.policy,
    fragmentsMax: most + (argv.like === undefined ? 0 : 1),
    sourceId: count("source-id", argv.sourceId, 0, ID_MAX),
    ticksWithoutWindow: like.ticksWithoutWindow,
  };
  const windows = parseWindows(argv.window);
  if (windows.length === 0) return [{ ...building, windowTicks: undefined }];
  return windows.map((windowTicks) => ({ ...building, windowTicks }));
}

const count = (option: string, text: string, min: number, max: number): number =>
  parseCount(option, text, { min, max });

/** All that the bytes of the output depend on, and where they are cut. */
function settingsOf(argv: OrderArguments, buildings: readonly Building[]): Record<string, string> {
  const { segmentSize, batch } = argv;
  const [{ match, policy, fragmentsMax, sourceId }] = buildings as [Building];
  return {
    window: buildings.map(({ windowTicks }) => String(windowTicks ?? "none")).join(","),
    match,
    policy,
    "max-fragments": String(fragmentsMax),
    "source-id": String(sourceId),
    like: argv.like ?? "none",
    ...ringScanSettings(argv),
    "segment-size": segmentSize ?? "none",
    batch: batch ?? "none",
    split: String(argv.split !== undefined),
  };
}
