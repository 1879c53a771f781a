import type { Options } from "yargs";
import { parseStampPlace } from "@evb/formats";
import {
  headerlessRuleTexts,
  parseHeaderlessRules,
  type RingScanOrder,
  type Span,
} from "@evb/index";
import { fault } from "../faults.ts";
import { parseCount } from "../sizes.ts";

/** How ring items are to be understood. */
export const ringScanOptions = {
  depth: { type: "string", describe: "event-builder levels to open (all)" },
  run: { type: "string", describe: "all inputs are one run of this number" },
  "timestamp-at": {
    type: "string",
    describe: "OFFSET:u64le: stamp in bodies of events without header",
  },
  headerless: {
    type: "string",
    array: true,
    default: [] as string[],
    describe: "which source items without body header are of; repeatable",
  },
  salvage: {
    type: "boolean",
    default: false,
    describe: "go on behind damage, and list what is skipped",
  },
} as const satisfies Record<string, Options>;

/** What yargs makes of them. */
export interface RingScanWords {
  readonly depth?: string | undefined;
  readonly run?: string | undefined;
  readonly timestampAt?: string | undefined;
  readonly headerless: string[];
  readonly salvage: boolean;
}

const DEPTH_MAX = 64;
const ID_MAX = 2 ** 32 - 1;

/** @throws EvbError "bad-option", "bad-headerless-rule" */
export function ringScan(words: RingScanWords): RingScanOrder {
  const { depth, run, timestampAt, headerless, salvage } = words;
  return {
    depth: depth === undefined ? Infinity : parseCount("depth", depth, { min: 0, max: DEPTH_MAX }),
    salvage,
    stampAt: stampAt(timestampAt),
    rules: parseHeaderlessRules(headerless),
    runNumber: run === undefined ? undefined : parseCount("run", run, { min: 0, max: ID_MAX }),
  };
}

/** All that a scan depends on, as text: an index says whether it is of the same. @throws EvbError "input-unreadable" */
export function ringScanSettings(words: RingScanWords): Record<string, string> {
  const { depth, run, timestampAt, headerless, salvage } = words;
  return {
    depth: depth ?? "all",
    run: run ?? "none",
    "timestamp-at": timestampAt ?? "none",
    headerless: headerlessRuleTexts(headerless).join("\n") || "none",
    salvage: String(salvage),
  };
}

function stampAt(text: string | undefined): RingScanOrder["stampAt"] {
  if (text === undefined) return undefined;
  const place = parseStampPlace(text);
  const wanted = "OFFSET:u64le, or with u16, u32, u48 and be, such as 0:u48be";
  if (place === undefined) throw fault("bad-option", { option: "timestamp-at", text, wanted });
  return place;
}

const TICKS_MAX = 2n ** 64n - 1n;
const UNITS_NS: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
]);

/** `100` are ticks, `1.5us` are 1500 ns. @throws EvbError "bad-option" */
export function parseSpan(text: string): Span {
  const [, whole, fraction = "", unit = ""] = /^(\d+)(?:\.(\d+))?\s*([a-z]*)$/.exec(text) ?? [];
  const scale = UNITS_NS.get(unit);
  const digits = String(scale ?? 1).length - 1;
  const isWhole = fraction.length <= digits && (unit === "" || scale !== undefined);
  const count = whole !== undefined && isWhole ? BigInt(whole + fraction.padEnd(digits, "0")) : -1n;
  if (count >= 0n && count <= TICKS_MAX) return { text, unit: unit === "" ? "ticks" : "ns", count };
  const wanted = "ticks from 0 to 2^64 - 1, or a time such as 110ns, 1.5us, 3ms or 1s";
  throw fault("bad-option", { option: "window", text, wanted });
}

/** Windows of ring items, which don't say what a tick is, in the order given, each once. @throws EvbError "bad-option" */
export function parseWindows(texts: readonly string[]): bigint[] {
  const windows = texts.map((text) => {
    const ticks = /^\d+$/.test(text) ? BigInt(text) : -1n;
    if (ticks < 0n || ticks > TICKS_MAX)
      throw fault("bad-option", { option: "window", text, wanted: "ticks from 0 to 2^64 - 1" });
    return ticks;
  });
  return [...new Set(windows)];
}
