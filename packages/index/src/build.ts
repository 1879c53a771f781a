import { existsSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isEvbError, sentenceOf } from "@evb/event";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { Selection } from "@evb/labels";
import { misplacedIn } from "./direct-storage.ts";
import { extractInput } from "./extract-input.ts";
import { scanExtract } from "./extract/scan-extract.ts";
import { fault } from "./faults.ts";
import { findEvents } from "./find-events.ts";
import { scanHdf5Run } from "./hdf5-run.ts";
import { INPUT_EXTENSIONS, findInputs } from "./inputs.ts";
import { namePattern } from "./name-pattern.ts";
import type { IndexContent, IndexOrder, SelectOrder } from "./order.ts";
import { matchReport, type MatchReport } from "./report.ts";
import { ringInputs } from "./ring-inputs.ts";
import { scanRingInputs } from "./ring/index-run.ts";
import type { IndexedSource, RunScan } from "./run-scan.ts";
import { INDEX_FORMAT, writeIndex } from "./write.ts";

export interface IndexOutcome {
  readonly report: MatchReport;
  /** What the index calls its layout. */
  readonly layout: string;
  /** What was selected out of how many labelled time stamps; undefined where every event was taken. */
  readonly selected:
    { readonly text: string; readonly stamps: number; readonly of: number } | undefined;
  /** Sources of which something can't be read, as it can't be where the file says, and what. */
  readonly misplaced: ReadonlyMap<string, string>;
}

/** A source is a u16 wherever fragments are columns. */
const SOURCES_MAX = 65_535;
/** Rows of fragments are u32 in the index. */
const FRAGMENTS_MAX = 2 ** 32 - 1;

/**
 * Scans the input files once, finds the events and writes the index.
 *
 * @throws EvbError what makes an input unusable, and "out-exists"; the index is then not written
 */
export async function buildIndex(
  order: IndexOrder,
  onScanned: (files: number, of: number) => void,
): Promise<IndexOutcome> {
  const begun = performance.now();
  if (existsSync(order.out)) await checkReplaceable(order);
  const scan = await scanInputs(order, onScanned);
  const sources = pickSources(scan, order.sources);
  if (typeof order.require === "number" && order.require > sources.length)
    throw fault("require-too-many", { require: order.require, sources: sources.length });
  const { wanted, selected } = wantedStamps(order.select, scan);
  const found = findEvents(order, scan, sources, wanted);
  const report = matchReport(found.match, sources, scan, (performance.now() - begun) / 1000);
  const files = scan.filesOf(sources);
  await writeWhole(order, { scan, files, sources, ...found, report, selection: selected?.text });
  const seconds = (performance.now() - begun) / 1000;
  const misplaced = allMisplaced(sources);
  return { report: { ...report, seconds }, layout: scan.layout, selected, misplaced };
}

/** Only an index is replaced, and never a file that somebody else wrote: it may be the run's own data. */
async function checkReplaceable({ out, force }: IndexOrder): Promise<void> {
  if (!force) throw fault("out-exists", { path: out });
  const hdf5 = await loadHdf5();
  let format: unknown;
  try {
    const file = new Hdf5File(hdf5, out);
    format = file.attribute("format");
    file.close();
  } catch (thrown) {
    if (!isEvbError(thrown)) throw thrown;
  }
  if (format !== INDEX_FORMAT) throw fault("out-foreign", { path: out });
}

async function scanInputs(
  order: IndexOrder,
  onScanned: (files: number, of: number) => void,
): Promise<RunScan> {
  const inputs = await findInputs(order.inputs, INPUT_EXTENSIONS);
  if (inputs.length > SOURCES_MAX)
    throw fault("too-many-sources", { sources: inputs.length, max: SOURCES_MAX });
  const ring = await ringInputs(inputs, order);
  if (ring !== undefined) return scanRingInputs(ring, order.ring);
  const extract = await extractInput(inputs, order);
  return extract === undefined
    ? scanHdf5Run(inputs, order, onScanned)
    : scanExtract(extract, order.select);
}

const allMisplaced = (sources: readonly IndexedSource[]): Map<string, string> =>
  new Map(
    sources.flatMap(({ name, storage }) => {
      const what = misplacedIn(storage);
      return what === undefined ? [] : [[name, what] as const];
    }),
  );

function pickSources({ sources }: RunScan, pattern: string | undefined): IndexedSource[] {
  const matches = pattern === undefined ? () => true : namePattern(pattern);
  let fragmentFirst = 0;
  const picked: IndexedSource[] = [];
  for (const source of sources) {
    if (!matches(source.name)) continue;
    picked.push({ ...source, fragmentFirst });
    fragmentFirst += source.times.length;
  }
  if (picked.length === 0)
    throw fault("no-such-source", {
      pattern: pattern ?? "*",
      known: sources.map(({ name }) => name),
    });
  if (fragmentFirst > FRAGMENTS_MAX)
    throw fault("too-many-fragments", { fragments: fragmentFirst });
  return picked;
}

/** Labels belong to time stamps: a stamp is wanted if any of its rows in the label table is selected. */
function wantedStamps(
  select: SelectOrder,
  { labels, layout, defaultSelection }: RunScan,
): { wanted: BigUint64Array | undefined; selected: IndexOutcome["selected"] } {
  const text = select.kind === "expression" ? select.text : defaultSelection;
  if (select.kind === "all" || text === undefined)
    return { wanted: undefined, selected: undefined };
  const selection = new Selection(text);
  if (labels === undefined) throw fault("no-labels", { layout });
  const rows = selection.rows(labels.columns, labels.times.length);
  const wanted = new BigUint64Array(rows.length);
  for (let i = 0; i < rows.length; i++) wanted[i] = labels.times[rows[i]!]!;
  const of = labels.times.length;
  return { wanted, selected: { text: selection.text, stamps: rows.length, of } };
}

/** Written under a temporary name and renamed, so that a half-written index is never taken for one. */
async function writeWhole(order: IndexOrder, content: IndexContent): Promise<void> {
  const partial = join(
    dirname(order.out),
    `.${basename(order.out)}.${String(process.pid)}.partial`,
  );
  try {
    writeIndex(await loadHdf5(), partial, order, content);
    renameSync(partial, order.out);
  } catch (thrown) {
    // Where a part of the path is a file, even an attempt to remove what isn't there fails.
    if (existsSync(partial)) rmSync(partial);
    const reason = unwritableReason(thrown);
    throw fault("out-unwritable", { path: order.out, reason }, { cause: thrown });
  }
}

/** The writer names the temporary file, which nobody asked for; its reason alone is of use. */
function unwritableReason(thrown: unknown): string {
  if (!isEvbError(thrown, "hdf5-write-failed")) return sentenceOf(thrown);
  return (thrown.at as { reason: string }).reason;
}
