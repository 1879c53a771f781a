import type { Measured, RawFigure } from "./measure.ts";

/** What keeps reading from being faster, where the files are in memory. */
export type Bottleneck =
  /** Decoding takes this share of the time of evb's reader. */
  | { readonly kind: "filters"; readonly filters: readonly string[]; readonly share: number }
  /** Rows a second through evb's reader, decoding left out, against plain reads of the same ranges. */
  | { readonly kind: "evb"; readonly ratio: number }
  /** Four readers together against one. */
  | { readonly kind: "memory"; readonly ratio: number }
  /** So many readers together read most, that much more than one. */
  | { readonly kind: "readers"; readonly readers: number; readonly ratio: number };

/** Where the files are not in memory, and the disk is slower. */
export interface DiskLimit {
  readonly coldBytes: number;
  readonly warmBytes: number;
  /** Reads that were in flight, and how much more they brought. */
  readonly inFlight: number;
  readonly gain: number;
}

/** Decoding that takes more than half of the time is what is worth looking at. */
const DECODING_SHARE = 0.5;
/** evb's reader is slower than this of plain reads. */
const READER_RATIO = 0.9;
/** Four readers that are no faster than so many times one. */
const ALIKE_RATIO = 1.1;
/** A disk that gives less than this of what memory gives. */
const COLD_RATIO = 0.5;
/** Of less than so much nobody can tell: a pass takes some microseconds. */
const TELLING_BYTES_MIN = 2 ** 20;

export function bottleneckOf({ raw, rows }: Pick<Measured, "raw" | "rows">): Bottleneck {
  if (rows !== undefined && rows.bytes >= TELLING_BYTES_MIN) {
    const { filters, decodeShare, evbRows, rawRows } = rows;
    if (decodeShare > DECODING_SHARE) return { kind: "filters", filters, share: decodeShare };
    const ratio = evbRows / (1 - decodeShare) / rawRows;
    if (ratio < READER_RATIO) return { kind: "evb", ratio };
  }
  const large = largestReads(raw).filter(({ inFlight }) => inFlight === 0);
  const one = large.find(({ readers }) => readers === 1)!;
  const most = large.reduce((best, each) =>
    each.bytesPerSecond > best.bytesPerSecond ? each : best,
  );
  const last = large.at(-1)!;
  if (last.bytesPerSecond < ALIKE_RATIO * one.bytesPerSecond)
    return { kind: "memory", ratio: last.bytesPerSecond / one.bytesPerSecond };
  const ratio = most.bytesPerSecond / one.bytesPerSecond;
  return { kind: "readers", readers: most.readers, ratio };
}

/** Undefined where the disk is as fast as memory, or wasn't measured. */
export function diskLimitOf({ raw, cold }: Pick<Measured, "raw" | "cold">): DiskLimit | undefined {
  if (cold.kind === "unknown") return undefined;
  const warmBytes = largestReads(raw)[0]!.bytesPerSecond;
  const large = largestReads(cold.figures);
  const coldBytes = large.find(({ inFlight }) => inFlight === 0)!.bytesPerSecond;
  if (coldBytes >= COLD_RATIO * warmBytes) return undefined;
  const flying = large.find(({ inFlight }) => inFlight > 0)!;
  const gain = flying.bytesPerSecond / coldBytes;
  return { coldBytes, warmBytes, inFlight: flying.inFlight, gain };
}

function largestReads(figures: readonly RawFigure[]): RawFigure[] {
  const bytes = Math.max(...figures.map((figure) => figure.bytes));
  return figures.filter((figure) => figure.bytes === bytes);
}
