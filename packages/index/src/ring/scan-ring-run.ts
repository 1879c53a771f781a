import { statSync } from "node:fs";
import { orderSources, ShownStamps } from "@evb/event";
import {
  BlockScanner,
  ITEM_TYPE,
  itemTypeName,
  newFound,
  RingRows,
  ROW,
  scanRingFile,
  type ScanFound,
  type ScannedFile,
  type Skipped,
  type StateItem,
} from "@evb/formats";
import { fault } from "../faults.ts";
import { findSources } from "./headerless.ts";
import { pauseGroups } from "./pause-groups.ts";
import type { EndItem, RingFile, RingRun, RingScanOrder } from "./ring-run.ts";
import type { RingStream } from "./streams.ts";
import { runWarnings } from "./warnings.ts";

/**
 * Scans the streams of one run, finds sources and stamps of what has none, and orders all.
 *
 * @throws EvbError "ring-unreadable", "ring-damaged", "ring-two-runs", "segments-swapped", "ring-scan-stopped"
 */
export async function scanRingRun(
  streams: readonly RingStream[],
  order: RingScanOrder,
): Promise<RingRun> {
  const files = filesOf(streams);
  const rows = new RingRows();
  const found = newFound();
  const { streamEnds, ...scanned } = await scanAll(streams, files, { rows, found }, order);
  const { states } = found;
  const number = runNumberOf(states, streams, files, order.runNumber);
  checkSegments(streams, states, files);
  const version: RingRun["version"] = scanned.v10 ? 10 : versionOf(states);
  const { ofStates, given } = findSources(rows, found, { rules: order.rules, files, version });
  const sourceOf = (k: number): number | undefined => states[k]!.source ?? ofStates.get(k);
  states.forEach((_, k) => {
    const source = sourceOf(k);
    if (source !== undefined) rows.sourceRow(source);
  });
  rows.sortSources();
  const shown = showStamps(rows, { states, sourceOf, streamEnds, streams });
  const groups = pauseGroups(rows, states);
  const items = states.map((state, k) => endItem(state, sourceOf(k) ?? 0));
  const ofType = (...types: number[]): EndItem[] =>
    items.filter(({ type }) => types.includes(type)).sort(byTypeAndSource);
  const sources = rows.sourceIds.map((source, row) => ({ source, ...shown.of(row) }));
  const run = {
    ...scanned,
    version,
    number,
    files,
    rows,
    order: inOrder(rows, groups),
    groups,
    begins: ofType(ITEM_TYPE.BEGIN_RUN),
    ends: ofType(ITEM_TYPE.END_RUN, ITEM_TYPE.ABNORMAL_ENDRUN),
    format: formatOf(items),
    builtEvents: found.builtEvents,
    fragments: sources.reduce((sum, source) => sum + source.fragments, 0),
    backwardSteps: shown.backwardSteps,
    sources,
  };
  return { ...run, warnings: runWarnings(run, found, given) };
}

function filesOf(streams: readonly RingStream[]): RingFile[] {
  let base = 0;
  return streams
    .flatMap(({ files }) => files)
    .map((path) => {
      const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      const file = { path, base, sizeBytes };
      base += sizeBytes;
      return file;
    });
}

interface Scanned {
  readonly itemsIn: number;
  readonly v10: boolean;
  readonly bigEndian: boolean;
  readonly skipped: readonly Skipped[];
  /** Rows up to the end of each stream. */
  readonly streamEnds: readonly number[];
}

async function scanAll(
  streams: readonly RingStream[],
  files: readonly RingFile[],
  { rows, found }: { rows: RingRows; found: ScanFound },
  order: RingScanOrder,
): Promise<Scanned> {
  const { salvage, signal } = order;
  const scanner = new BlockScanner(rows, found, order);
  const bytesOfAll = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const streamEnds: number[] = [];
  const results: ScannedFile[] = [];
  let file = 0;
  for (const stream of streams) {
    let v10: boolean | undefined;
    for (const path of stream.files) {
      const { base } = files[file]!;
      const how = { path, file, base, bytesOfAll, salvage, signal, v10 };
      const one = await scanRingFile(scanner, rows, how);
      ({ v10 } = one);
      results.push(one);
      file++;
    }
    streamEnds.push(rows.count);
  }
  return {
    itemsIn: results.reduce((sum, { items }) => sum + items, 0),
    v10: results.every((one) => one.v10),
    bigEndian: results.find(({ bigEndian }) => bigEndian !== undefined)?.bigEndian ?? false,
    skipped: results.flatMap(({ skipped }) => skipped),
    streamEnds,
  };
}

/** As state changes show, or RING_FORMAT, which alone could be a builder's. */
function versionOf(states: readonly StateItem[]): 11 | 12 {
  const known = states.filter(({ version }) => version !== undefined);
  const change = known.filter(({ type }) => type !== ITEM_TYPE.RING_FORMAT);
  const shown = (change.length > 0 ? change : known).map(({ version }) => version!);
  return shown.length > 0 && Math.max(...shown) < 12 ? 11 : 12;
}

/** Of BEGIN_RUN; where there is none, of another state change, or of the file's name. @throws EvbError "ring-two-runs" */
function runNumberOf(
  states: readonly StateItem[],
  streams: readonly RingStream[],
  files: readonly RingFile[],
  given: number | undefined,
): number {
  if (given !== undefined) return given;
  const numbered = states.filter(({ runNumber }) => runNumber !== undefined);
  const begin = numbered.find(({ type }) => type === ITEM_TYPE.BEGIN_RUN);
  const number = (begin ?? numbered[0])?.runNumber ?? streams[0]!.runNumber ?? 0;
  const other = numbered.find(({ runNumber }) => runNumber !== number);
  if (other !== undefined) {
    const { file, offset, item, runNumber, type } = other;
    const { path, base } = files[file]!;
    const at = { path, offset: offset - base, item, type: itemTypeName(type)! };
    throw fault("ring-two-runs", { ...at, run: runNumber!, first: number });
  }
  return number;
}

/** A run that begins in a later segment: the files were swapped. @throws EvbError "segments-swapped" */
function checkSegments(
  streams: readonly RingStream[],
  states: readonly StateItem[],
  files: readonly RingFile[],
): void {
  let first = 0;
  for (const stream of streams) {
    const ofStream = states.filter(
      ({ file, type }) =>
        type === ITEM_TYPE.BEGIN_RUN && file >= first && file < first + stream.files.length,
    );
    if (ofStream.length > 0 && ofStream[0]!.file !== first) {
      const { file, offset, item } = ofStream[0]!;
      const { path, base } = files[file]!;
      const at = { path, offset: offset - base, item, first: files[first]!.path };
      throw fault("segments-swapped", at);
    }
    first += stream.files.length;
  }
}

/** Stamps of rows without one, in the order in which the sources showed theirs. */
function showStamps(
  rows: RingRows,
  parts: {
    states: readonly StateItem[];
    sourceOf: (k: number) => number | undefined;
    streamEnds: readonly number[];
    streams: readonly RingStream[];
  },
): ShownStamps {
  const { states, sourceOf, streamEnds, streams } = parts;
  const shown = new ShownStamps(rows, rows.sourceIds.length);
  let row = 0;
  let state = 0;
  let fileEnd = 0;
  for (const [k, end] of streamEnds.entries()) {
    shown.beginStream();
    fileEnd += streams[k]!.files.length;
    for (; state < states.length && states[state]!.file < fileEnd; state++) {
      const { rowsBefore, stamp } = states[state]!;
      const source = sourceOf(state);
      shown.take(row, rowsBefore);
      row = rowsBefore;
      if (source !== undefined) shown.show(rows.sourceRow(source), stamp);
    }
    shown.take(row, end);
    row = end;
  }
  return shown;
}

/** A group stands where the last of its items would. */
function inOrder(rows: RingRows, groups: RingRun["groups"]): Uint32Array {
  const { count } = rows;
  const stamp = rows.stamp.subarray(0, count);
  const order = orderSources({ stamp, source: rows.source.subarray(0, count) });
  return groups.size === 0 ? order : order.filter((row) => (rows.kind[row]! & ROW.absent) === 0);
}

function endItem(state: StateItem, source: number): EndItem {
  const { type, offset, size, v10 } = state;
  const kind =
    ROW.item |
    (state.isBare ? ROW.headerless : 0) |
    (state.bigEndian ? ROW.bigEndian : 0) |
    (v10 ? ROW.v10 : 0);
  return { type, offset, size, source, barrier: state.barrier, kind };
}

const byTypeAndSource = (one: EndItem, other: EndItem): number =>
  one.type - other.type || one.source - other.source;

/** The last one before the run begins: what a builder wrote before it is of the builder. */
function formatOf(items: readonly EndItem[]): EndItem | undefined {
  const begin = items.findIndex(({ type }) => type === ITEM_TYPE.BEGIN_RUN);
  const isFormat = ({ type }: EndItem): boolean => type === ITEM_TYPE.RING_FORMAT;
  const before = items.slice(0, begin === -1 ? items.length : begin).findLast(isFormat);
  return before ?? items.find(isFormat);
}
