import { basename, dirname } from "node:path";
import { firstBegin } from "@evb/formats";
import { fault } from "../faults.ts";

/** The files of one event log, one after another: run-0001-00.evt, run-0001-01.evt …, or one file alone. */
export interface RingStream {
  /** Of its first file. */
  readonly path: string;
  /** Absolute, in order. */
  readonly files: readonly string[];
  /** What the names say; undefined where they say nothing. */
  readonly runNumber: number | undefined;
}

/** prefix-RRRR-SS.evt */
const SEGMENT = /^(.*)-(\d+)-(\d+)\.evt$/;

interface Segment {
  readonly path: string;
  readonly number: number;
}

/**
 * Puts segments of one run together, as their names say; what is named otherwise is a stream of its own.
 *
 * @param paths absolute, in natural order
 * @param missing what to do where a segment is missing: an error, or a word about it
 * @throws EvbError "segment-missing"
 */
export function streamsOf(
  paths: readonly string[],
  missing: (reason: Error) => void,
): RingStream[] {
  const logs = new Map<string, { run: number | undefined; segments: Segment[] }>();
  for (const path of paths) {
    const [, prefix, run, number] = SEGMENT.exec(basename(path)) ?? [];
    const log = prefix === undefined ? path : `${dirname(path)}/${prefix}-${run!}`;
    const known = logs.get(log) ?? {
      run: run === undefined ? undefined : Number(run),
      segments: [],
    };
    logs.set(log, known);
    known.segments.push({ path, number: Number(number ?? 0) });
  }
  return [...logs.values()].map(({ run, segments }) => {
    segments.sort((one, other) => one.number - other.number);
    if (run !== undefined) checkWhole(segments, missing);
    const files = segments.map(({ path }) => path);
    return { path: files[0]!, files, runNumber: run };
  });
}

function checkWhole(segments: readonly Segment[], missing: (reason: Error) => void): void {
  segments.forEach(({ path, number }, k) => {
    const wanted = k === 0 ? 0 : segments[k - 1]!.number + 1;
    if (number !== wanted) missing(fault("segment-missing", { path, wanted }));
  });
}

/**
 * The run that a stream is of: its first BEGIN_RUN says so, or its name; 0 where neither does. Where
 * the beginning is damaged the name counts.
 */
function firstRunNumber({ path, runNumber }: RingStream): number {
  return firstBegin(path) ?? runNumber ?? 0;
}

/**
 * Streams by the number of their run, ascending.
 *
 * @param given all streams are of this run, whatever they say
 */
export function streamsByRun(
  streams: readonly RingStream[],
  given: number | undefined,
): Map<number, RingStream[]> {
  const runs = new Map<number, RingStream[]>();
  for (const stream of streams) {
    const number = given ?? firstRunNumber(stream);
    runs.set(number, [...(runs.get(number) ?? []), stream]);
  }
  return new Map([...runs].sort(([one], [other]) => one - other));
}
