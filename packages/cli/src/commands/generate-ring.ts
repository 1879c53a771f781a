import type { Damage, MissingHeaders, MockRingRun, Stall } from "@evb/generate";
import { fault } from "../faults.ts";
import { parseCount, parseShare, parseSize } from "../sizes.ts";
import type { GenerateArguments } from "./generate-options.ts";

const COUNT_MAX = 2 ** 32 - 1;
const TICKS_MAX = 2 ** 48;

/** The run that the command line asks for. @throws EvbError "bad-option", "options-exclude" */
export function mockRingRun(argv: GenerateArguments, size: MockRingRun["size"]): MockRingRun {
  const count = (option: string, text: string | undefined, start: number): number =>
    text === undefined ? start : parseCount(option, text, { min: 0, max: COUNT_MAX });
  const ticks = (option: string, text: string | undefined, start: number): number =>
    text === undefined ? start : parseCount(option, text, { min: 0, max: TICKS_MAX });
  return {
    directory: argv.dir,
    run: count("run", argv.run, 1),
    sources: count("sources", argv.sources, 4),
    firstSource: count("first-source", argv.firstSource, 1),
    size,
    eventBytes: parseSize("event-size", argv.eventSize ?? "200"),
    periodTicks: ticks("period", argv.period, 1000),
    jitterTicks: ticks("jitter", argv.jitter, 10),
    dropShare: parseShare("drop", argv.drop ?? "0.1"),
    windowTicks: ticks("window", argv.window, 100),
    nesting: nestingOf(argv),
    disorderShare: parseShare("disorder", argv.disorder),
    delayTicks: ticks("delay", argv.delay, 5000),
    stalls: listOf(argv.lateSource).map(parseStall),
    duplicateShare: parseShare("duplicate", argv.duplicate),
    nullShare: parseShare("null-stamps", argv.nullStamps ?? "0"),
    missingHeaders: parseMissingHeaders(argv.missingHeaders ?? "none"),
    version: ({ "10": 10, "11": 11, "12": 12 } as const)[argv.itemVersion ?? "12"],
    littleEndian: argv.bigEndian !== true,
    extensionBytes: count("extension", argv.extension, 0),
    scalersEvery: count("scalers-every", argv.scalersEvery, 100),
    pauses: count("pauses", argv.pauses, 0),
    segmentBytes:
      argv.segmentSize === undefined ? undefined : parseSize("segment-size", argv.segmentSize),
    damage: listOf(argv.damage).map(parseDamage),
    seed: parseCount("seed", argv.seed, { min: 0, max: COUNT_MAX }),
  };
}

function nestingOf({ unbuilt, nesting }: GenerateArguments): number {
  if (unbuilt !== true)
    return nesting === undefined ? 1 : parseCount("nesting", nesting, { min: 1, max: 9 });
  if (nesting !== undefined) throw fault("options-exclude", { one: "unbuilt", other: "nesting" });
  return 0;
}

const listOf = (text: string | undefined): string[] => (text === undefined ? [] : text.split(","));

function parseStall(text: string): Stall {
  const words = /^(\d+):(\d+):(\d+)$/.exec(text)?.slice(1).map(Number);
  if (words?.every((word) => word <= TICKS_MAX) !== true)
    throw fault("bad-option", {
      option: "late-source",
      text,
      wanted: "SOURCE:START:TICKS, numbers with colons, such as 2:50000:20000",
    });
  const [source, startTicks, lengthTicks] = words as [number, number, number];
  return { source, startTicks, lengthTicks };
}

function parseMissingHeaders(text: string): MissingHeaders {
  if (text === "none" || text === "run-items" || text === "all") return { kind: text };
  const sources = text.split(",").map((id) => (/^\d+$/.test(id) ? Number(id) : NaN));
  if (sources.some(Number.isNaN))
    throw fault("bad-option", {
      option: "missing-headers",
      text,
      wanted: "none, run-items, all, or ids of sources with commas",
    });
  return { kind: "sources", sources };
}

const DAMAGE = /^(?:(truncate|zero-size|bad-count):(\d{1,9})|garbage:(\d{1,9}):(\d{1,6}))$/;

function parseDamage(text: string): Damage {
  const [, kind, number, item, bytes] = DAMAGE.exec(text) ?? [];
  if (item !== undefined) return { kind: "garbage", item: Number(item), bytes: Number(bytes) };
  if (kind === "truncate") return { kind, bytes: Number(number) };
  if (kind === "zero-size" || kind === "bad-count") return { kind, item: Number(number) };
  throw fault("bad-option", {
    option: "damage",
    text,
    wanted: "truncate:BYTES, zero-size:ITEM, bad-count:ITEM or garbage:ITEM:BYTES",
  });
}
