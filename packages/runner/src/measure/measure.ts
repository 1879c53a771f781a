import { availableParallelism, freemem, loadavg } from "node:os";
import { filterNameOf } from "@evb/formats";
import type { DataPlace } from "@evb/index";
import { forgetPages } from "./forget-pages.ts";
import { IN_FLIGHT_MAX, Readers } from "./readers.ts";
import type { Done, ReadTask, Stretch } from "./read-task.ts";
import { sampleRowBytes, type RowSample } from "./row-sample.ts";
import { findTargets, type Targets } from "./targets.ts";

/** What is to be measured. */
export interface MeasureOrder {
  /** An index, or data files, or any files. */
  readonly paths: readonly string[];
  /** Where the data of an index lie on this host. */
  readonly places: readonly DataPlace[];
  /** All of it takes about ten times as long. */
  readonly seconds: number;
  /** Whether the system may be asked to forget what it holds of the files. */
  readonly cold: boolean;
}

/** Figures of this host and these files; every one is the median of its runs. */
export interface Measured {
  readonly files: number;
  /** That are read at random places, in memory. */
  readonly bytes: number;
  /** Processes that want a core, on average of the last minute, before it began; and how many cores there are. */
  readonly load: number;
  readonly cores: number;
  readonly runs: number;
  readonly runSeconds: number;
  /** One reader first. */
  readonly raw: readonly RawFigure[];
  /** Undefined where no row can be read where it lies. */
  readonly rows: RowFigures | undefined;
  readonly cold:
    | { readonly kind: "known"; readonly figures: readonly RawFigure[] }
    | { readonly kind: "unknown"; readonly reason: string };
  readonly unread: Targets["unread"];
}

/** Reads of one size at random places, of some processes together. */
export interface RawFigure {
  readonly bytes: number;
  readonly readers: number;
  /** Asynchronous reads at a time; 0: one synchronous read after the other. */
  readonly inFlight: number;
  readonly bytesPerSecond: number;
  readonly readsPerSecond: number;
}

/** The same rows by plain reads of the same ranges and by evb's reader, one process each. */
export interface RowFigures {
  readonly sources: number;
  readonly rows: number;
  /** Decoded. */
  readonly bytes: number;
  /** Rows in a second. */
  readonly rawRows: number;
  readonly evbRows: number;
  /** Decoded bytes in a second, through evb's reader. */
  readonly evbBytesPerSecond: number;
  /** Of the time of evb's reader. */
  readonly decodeShare: number;
  readonly filters: readonly string[];
}

/** The median of five says something, and five of each fit in the time. */
const RUNS = 5;
/** The first one is for the compiler, and isn't counted. */
const TRIAL_RUNS = 1;
/** Shares of ten times `seconds`: the rest is for what goes before and after. */
const WARM_SHARE = 0.65;
const COLD_SHARE = 0.15;
const LOADING_SHARE = 0.07;
const RUN_MS_MIN = 5;

const LARGE_BYTES = 1_000_000;
const SMALL_BYTES = 256;
const READERS = [1, 2, 4];
const IN_FLIGHT = [4, 8, IN_FLIGHT_MAX];
/** Tried on the cold disk. */
const COLD_IN_FLIGHT = 8;
/** Of files that are read at random places; of more, some that lie evenly among them. */
const FILES_MAX = 16;
/** In all of them, or a quarter of what memory is free: it is to stay there. */
const STRETCHES_BYTES_MAX = 2 ** 30;

/**
 * Measures how fast this host reads, and how fast evb does. Nothing is written.
 *
 * @throws EvbError what is wrong with the files; "reader-failed"
 */
export async function measureReading(order: MeasureOrder): Promise<Measured> {
  const targets = await findTargets(order.paths, order.places);
  const load = loadavg()[0]!;
  const readers = new Readers(Math.max(...READERS));
  try {
    const budgetMs = 10_000 * order.seconds;
    const loaded = await fetchOnce(readers, targets, LOADING_SHARE * budgetMs);
    const warm = await measureWarm(readers, loaded, WARM_SHARE * budgetMs);
    const cold = order.cold
      ? await measureCold(readers, loaded.stretches, COLD_SHARE * budgetMs)
      : { kind: "unknown" as const, reason: "--no-cold was given" };
    return {
      files: loaded.stretches.length,
      bytes: loaded.stretches.reduce((sum, { bytes }) => sum + bytes, 0),
      load,
      cores: availableParallelism(),
      runs: RUNS,
      ...warm,
      cold,
      unread: targets.unread,
    };
  } finally {
    readers.close();
  }
}

interface Loaded {
  readonly stretches: readonly Stretch[];
  readonly sample: RowSample | undefined;
}

/** Reads what will be measured once, so that it is in memory: as much of it as there is time for. */
async function fetchOnce(readers: Readers, targets: Targets, shareMs: number): Promise<Loaded> {
  const stretches = stretchesOf(targets.files);
  const { sample } = targets;
  await readers.open({ stretches, sample });
  const far = await readers.read(1, () => ({ kind: "stretches" }), shareMs);
  const reached = far.done[0]!.bytes;
  const shorter = stretches.map(({ path, bytes }) => ({ path, bytes: Math.min(bytes, reached) }));
  let rows = sample;
  if (sample !== undefined) {
    const read = await readers.read(1, () => ({ kind: "ranges", again: false }), shareMs);
    rows = firstRows(sample, read.done[0]!.count);
  }
  await readers.open({ stretches: shorter, sample: rows });
  return { stretches: shorter, sample: rows };
}

function stretchesOf(files: Targets["files"]): Stretch[] {
  const count = Math.min(FILES_MAX, files.length);
  const some = Array.from(
    { length: count },
    (_, k) => files[Math.floor((k * files.length) / count)]!,
  );
  const all = Math.min(STRETCHES_BYTES_MAX, Math.max(LARGE_BYTES, freemem() / 4));
  const each = Math.max(LARGE_BYTES, Math.floor(all / count));
  return some.map(({ path, bytes }) => ({ path, bytes: Math.min(bytes, each) }));
}

const firstRows = (sample: RowSample, count: number): RowSample => ({
  ...sample,
  source: sample.source.slice(0, count),
  row: sample.row.slice(0, count),
  placesFirst: sample.placesFirst.slice(0, count),
});

/** What one subject did in one run. */
interface Run {
  readonly bytes: number;
  readonly count: number;
  readonly seconds: number;
  readonly decodeSeconds: number;
}

interface Subject {
  readonly readers: number;
  readonly task: (seed: number) => ReadTask;
}

async function measureWarm(
  readers: Readers,
  { stretches, sample }: Loaded,
  shareMs: number,
): Promise<Pick<Measured, "raw" | "rows" | "runSeconds">> {
  const shapes = [
    ...READERS.map((count) => ({
      bytes: sizeOf(stretches, LARGE_BYTES),
      readers: count,
      inFlight: 0,
    })),
    ...IN_FLIGHT.map((inFlight) => ({
      bytes: sizeOf(stretches, LARGE_BYTES),
      readers: 1,
      inFlight,
    })),
    ...READERS.map((count) => ({
      bytes: sizeOf(stretches, SMALL_BYTES),
      readers: count,
      inFlight: 0,
    })),
  ];
  const subjects = shapes.map((shape) => randomSubject(shape, { again: true }));
  if (sample !== undefined)
    for (const kind of ["ranges", "rows"] as const)
      subjects.push({ readers: 1, task: () => ({ kind, again: true }) });
  const runMs = Math.max(RUN_MS_MIN, shareMs / ((TRIAL_RUNS + RUNS) * subjects.length));
  const seen: Run[][] = subjects.map(() => []);
  for (let round = -TRIAL_RUNS; round < RUNS; round++)
    for (const [s, { readers: count, task }] of subjects.entries()) {
      const { done, seconds } = await readers.read(count, (k) => task(seedOf(round, k)), runMs);
      if (round >= 0) seen[s]!.push(runOf(done, seconds));
    }
  const raw = shapes.map((shape, s) => rawFigure(shape, seen[s]!));
  const [ranges, rows] = seen.slice(shapes.length);
  return {
    raw,
    rows: sample === undefined ? undefined : rowFigures(sample, ranges!, rows!),
    runSeconds: runMs / 1000,
  };
}

/** Between any two runs the system forgets the files; what it doesn't fetch again wasn't forgotten. */
async function measureCold(
  readers: Readers,
  stretches: readonly Stretch[],
  shareMs: number,
): Promise<Measured["cold"]> {
  const shapes = [
    { bytes: sizeOf(stretches, LARGE_BYTES), readers: 1, inFlight: 0 },
    { bytes: sizeOf(stretches, LARGE_BYTES), readers: 1, inFlight: COLD_IN_FLIGHT },
    { bytes: sizeOf(stretches, SMALL_BYTES), readers: 1, inFlight: 0 },
  ];
  const subjects = shapes.map((shape) => randomSubject(shape, { again: false }));
  const runMs = Math.max(RUN_MS_MIN, shareMs / (RUNS * subjects.length));
  const seen: Run[][] = subjects.map(() => []);
  for (let round = 0; round < RUNS; round++)
    for (const [s, { task }] of subjects.entries()) {
      const reason = stretches.reduce<string | undefined>(
        (before, { path }) => before ?? forgetPages(path),
        undefined,
      );
      if (reason !== undefined) return { kind: "unknown", reason };
      const { done, seconds } = await readers.read(1, (k) => task(seedOf(round, k)), runMs);
      const doubt = doubtOf(done[0]!);
      if (doubt !== undefined) return { kind: "unknown", reason: doubt };
      seen[s]!.push(runOf(done, seconds));
    }
  return { kind: "known", figures: shapes.map((shape, s) => rawFigure(shape, seen[s]!)) };
}

/** A system that reads ahead fetches more; one that had kept the files fetches nothing. */
function doubtOf({ bytes, diskBytes }: Done): string | undefined {
  if (diskBytes === undefined)
    return "this system doesn't say what comes from a disk (/proc/self/io), so nobody could tell";
  return diskBytes < bytes / 2
    ? "the system was asked to forget these files and kept them in memory, as it does where that is all they have"
    : undefined;
}

const randomSubject = (
  { bytes, readers, inFlight }: Pick<RawFigure, "bytes" | "readers" | "inFlight">,
  { again }: { readonly again: boolean },
): Subject => ({
  readers,
  task: (seed) => ({ kind: "random", bytes, inFlight, again, seed }),
});

/** No more than the longest file has. */
const sizeOf = (stretches: readonly Stretch[], bytes: number): number =>
  Math.min(bytes, Math.max(...stretches.map((stretch) => stretch.bytes)));

/** Readers that begin together go different ways. */
const seedOf = (round: number, reader: number): number => 64 * (1 + round) + reader + 1;

const runOf = (done: readonly Done[], seconds: number): Run => ({
  bytes: done.reduce((sum, { bytes }) => sum + bytes, 0),
  count: done.reduce((sum, { count }) => sum + count, 0),
  decodeSeconds: done.reduce((sum, { decodeSeconds }) => sum + decodeSeconds, 0),
  seconds,
});

const rawFigure = (
  shape: Pick<RawFigure, "bytes" | "readers" | "inFlight">,
  runs: readonly Run[],
): RawFigure => ({
  ...shape,
  bytesPerSecond: median(runs.map(({ bytes, seconds }) => bytes / seconds)),
  readsPerSecond: median(runs.map(({ count, seconds }) => count / seconds)),
});

function rowFigures(sample: RowSample, ranges: readonly Run[], rows: readonly Run[]): RowFigures {
  const used = sample.sources.filter((_, s) => sample.source.includes(s));
  const filters = used.flatMap(({ layout }) => layout.filters.map(({ id }) => filterNameOf(id)));
  const perSecond = (runs: readonly Run[]): number =>
    median(runs.map(({ count, seconds }) => count / seconds));
  return {
    sources: used.length,
    rows: sample.row.length,
    bytes: sample.row.reduce((sum, _, k) => sum + sampleRowBytes(sample, k), 0),
    rawRows: perSecond(ranges),
    evbRows: perSecond(rows),
    evbBytesPerSecond: median(rows.map(({ bytes, seconds }) => bytes / seconds)),
    decodeShare: median(rows.map(({ decodeSeconds, seconds }) => decodeSeconds / seconds)),
    filters: [...new Set(filters)],
  };
}

/** Of an odd number. */
function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(sorted.length / 2)]!;
}
