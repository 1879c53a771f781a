import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MockRingRun, RingTruth } from "@evb/generate";

/** A small run; cases change what they are about. */
export const SMALL_RING: Omit<MockRingRun, "directory"> = {
  run: 1,
  sources: 3,
  firstSource: 1,
  size: { kind: "events", events: 60 },
  eventBytes: 100,
  periodTicks: 1000,
  jitterTicks: 10,
  dropShare: 0.2,
  windowTicks: 100,
  nesting: 1,
  disorderShare: 0,
  delayTicks: 5000,
  stalls: [],
  duplicateShare: 0,
  nullShare: 0,
  missingHeaders: { kind: "none" },
  version: 12,
  littleEndian: true,
  extensionBytes: 0,
  scalersEvery: 20,
  pauses: 0,
  segmentBytes: undefined,
  damage: [],
  seed: 1,
};

/** What a body header says. */
interface ParsedHeader {
  readonly bytes: number;
  readonly stamp: bigint;
  readonly source: number;
  readonly barrier: number;
}

export interface ParsedItem {
  readonly file: string;
  readonly offset: number;
  readonly size: number;
  readonly type: number;
  readonly header: ParsedHeader | undefined;
  /** Where the body begins, from the beginning of the file. */
  readonly bodyAt: number;
  readonly bytes: Buffer;
}

/** A leaf of a built event, or a raw event. */
export interface ParsedFragment {
  /** Of the fragment header; of the body header if raw; undefined without either. */
  readonly stamp: bigint | undefined;
  readonly source: number;
  readonly item: number;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly sha1: string;
  /** Builders around it, from the outermost: the sources of the events that hold it. */
  readonly builders: readonly number[];
  /** What the body says of itself: stamp, source, number. */
  readonly ownStamp: bigint;
  readonly ownSource: number;
  readonly number: number;
}

export const NULL_STAMP = 0xffff_ffff_ffff_ffffn;

/** The items of whole files, one after another, by nothing but the sizes in them. */
export function parseItems(
  directory: string,
  run: Omit<MockRingRun, "directory">,
  truth: RingTruth,
): ParsedItem[] {
  const items: ParsedItem[] = [];
  for (const { file } of truth.files) {
    const bytes = readFileSync(join(directory, file));
    let offset = 0;
    while (offset < bytes.length) {
      const item = parseItem(bytes, offset, run);
      items.push({ ...item, file, offset, bytes: bytes.subarray(offset, offset + item.size) });
      offset += item.size;
    }
    if (offset !== bytes.length) throw new Error(`the last item of ${file} is cut off`);
  }
  return items;
}

type Layout = Pick<MockRingRun, "version" | "littleEndian">;

const u32 = (bytes: Buffer, at: number, { littleEndian }: Layout): number =>
  littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
const u64 = (bytes: Buffer, at: number, { littleEndian }: Layout): bigint =>
  littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);

function parseItem(
  bytes: Buffer,
  at: number,
  layout: Layout,
): Pick<ParsedItem, "size" | "type" | "header" | "bodyAt"> {
  const size = u32(bytes, at, layout);
  const type = u32(bytes, at + 4, layout);
  if (layout.version === 10) return { size, type, header: undefined, bodyAt: at + 8 };
  const word = u32(bytes, at + 8, layout);
  if (word < 20) return { size, type, header: undefined, bodyAt: at + 12 };
  const header = {
    bytes: word,
    stamp: u64(bytes, at + 12, layout),
    source: u32(bytes, at + 20, layout),
    barrier: u32(bytes, at + 24, layout),
  };
  return { size, type, header, bodyAt: at + 8 + word };
}

/** The leaves of all PHYSICS_EVENTs, `nesting` levels deep. */
export function parseFragments(
  directory: string,
  run: Omit<MockRingRun, "directory">,
  truth: RingTruth,
): ParsedFragment[] {
  const fragments: ParsedFragment[] = [];
  const items = parseItems(directory, run, truth);
  for (const [row, { file, offset, type, bytes }] of items.entries()) {
    if (type !== 30) continue;
    const open = (
      at: number,
      depth: number,
      builders: number[],
      stamp?: bigint,
      source?: number,
    ): void => {
      const item = parseItem(bytes, at, run);
      if (depth === run.nesting) {
        fragments.push({
          stamp: stamp ?? item.header?.stamp,
          source: source ?? item.header?.source ?? u32(bytes, item.bodyAt + 12, run),
          item: row,
          file,
          offset: offset + at,
          bytes: item.size,
          sha1: createHash("sha1")
            .update(bytes.subarray(at, at + item.size))
            .digest("hex"),
          builders,
          ownStamp: u64(bytes, item.bodyAt + 4, run),
          ownSource: u32(bytes, item.bodyAt + 12, run),
          number: u32(bytes, item.bodyAt + 16, run),
        });
        return;
      }
      const end = at + item.size;
      if (u32(bytes, item.bodyAt, run) !== end - item.bodyAt) throw new Error("a wrong byte count");
      const builder = item.header?.source ?? source ?? 0;
      for (let next = item.bodyAt + 4; next < end; next += 20 + u32(bytes, next + 12, run)) {
        if (u32(bytes, next + 12, run) !== u32(bytes, next + 20, run))
          throw new Error("a fragment's size isn't its payload's");
        open(
          next + 20,
          depth + 1,
          [...builders, builder],
          u64(bytes, next, run),
          u32(bytes, next + 8, run),
        );
      }
    };
    open(0, 0, []);
  }
  return fragments;
}
