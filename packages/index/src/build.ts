import { existsSync, realpathSync, renameSync, rmSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { basename, dirname, join } from "node:path";
import { isEvbError, matchExact, sentenceOf } from "@evb/event";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { Selection } from "@evb/labels";
import { misplacedIn } from "./direct-storage.ts";
import { fault } from "./faults.ts";
import { HDF5_EXTENSIONS, belowRoot, findInputs, rootOf, sourceNames } from "./inputs.ts";
import { namePattern } from "./name-pattern.ts";
import { DEFAULT_SELECTION, type Layout } from "./layouts.ts";
import type { IndexContent, IndexedSource, IndexOrder, SelectOrder } from "./order.ts";
import { matchReport, type MatchReport } from "./report.ts";
import { scanFile, type LabelTable, type Scan } from "./scan.ts";
import { INDEX_FORMAT, writeIndex } from "./write.ts";

export interface IndexOutcome {
  readonly report: MatchReport;
  /** What was selected out of how many labelled time stamps; undefined with `all`. */
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
  const scans = await scanAll(order, onScanned);
  const root = rootOf(scans.flatMap((scan) => [scan.path, ...elsewhere(scan)]));
  const sources = pickSources(placed(scans, root), order.sources);
  if (typeof order.require === "number" && order.require > sources.length)
    throw fault("require-too-many", { require: order.require, sources: sources.length });
  const labels = scans.find((scan) => scan.labels !== undefined)?.labels;
  const { wanted, selected } = wantedStamps(order.select, scans[0]!.source.layout, labels);
  const match = matchExact(
    sources.map(({ scan, fragmentFirst }) => ({
      times: scan.times,
      fragmentFirst,
      disorder: scan.disorder,
    })),
    wanted,
    order.require,
  );
  const report = matchReport(match, sources, (performance.now() - begun) / 1000);
  await writeWhole(order, { root, sources, labels, match, report, selection: selected?.text });
  const seconds = (performance.now() - begun) / 1000;
  return { report: { ...report, seconds }, selected, misplaced: allMisplaced(sources) };
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

async function scanAll(
  order: IndexOrder,
  onScanned: (files: number, of: number) => void,
): Promise<Scan[]> {
  const files = await findInputs(order.inputs);
  if (files.length > SOURCES_MAX)
    throw fault("too-many-sources", { sources: files.length, max: SOURCES_MAX });
  const hdf5 = await loadHdf5();
  const scans: Scan[] = [];
  for (const [done, { path, named }] of files.entries()) {
    const scan = await scanFile(hdf5, path, order.layout);
    if (scan === undefined) {
      if (named) throw fault("input-own", { path });
      continue;
    }
    const first = scans[0];
    if (first !== undefined && first.source.layout !== scan.source.layout)
      throw fault("layout-mixed", {
        path,
        layout: scan.source.layout,
        first: first.path,
        firstLayout: first.source.layout,
      });
    scans.push(scan);
    onScanned(done + 1, files.length);
    await setImmediate();
  }
  if (scans.length === 0)
    throw fault("input-none", { inputs: order.inputs, extensions: HDF5_EXTENSIONS });
  return scans;
}

const allMisplaced = (sources: readonly IndexedSource[]): Map<string, string> =>
  new Map(
    sources.flatMap(({ name, scan }) => {
      const what = misplacedIn(scan.storage);
      return what === undefined ? [] : [[name, what] as const];
    }),
  );

/** The file behind an external link. */
function elsewhere({ path, storage }: Scan): string[] {
  return storage.kind === "direct" && storage.path !== realpathSync(path) ? [storage.path] : [];
}

function placed(scans: readonly Scan[], root: string): IndexedSource[] {
  const names = sourceNames(
    scans.map((scan) => scan.path),
    root,
  );
  let fragmentFirst = 0;
  return scans.map((scan, i) => {
    const file = belowRoot(scan.path, root);
    const payloadFile = elsewhere(scan).map((path) => ({ path, name: belowRoot(path, root) }))[0];
    const source = { name: names[i]!, file, payloadFile, scan, fragmentFirst };
    fragmentFirst += scan.times.length;
    return source;
  });
}

function pickSources(all: readonly IndexedSource[], pattern: string | undefined): IndexedSource[] {
  const matches = pattern === undefined ? () => true : namePattern(pattern);
  let fragmentFirst = 0;
  const picked: IndexedSource[] = [];
  for (const source of all) {
    if (!matches(source.name)) continue;
    picked.push({ ...source, fragmentFirst });
    fragmentFirst += source.scan.times.length;
  }
  if (picked.length === 0)
    throw fault("no-such-source", { pattern: pattern ?? "*", known: all.map(({ name }) => name) });
  if (fragmentFirst > FRAGMENTS_MAX)
    throw fault("too-many-fragments", { fragments: fragmentFirst });
  return picked;
}

/** Labels belong to time stamps: a stamp is wanted if any of its rows in the label table is selected. */
function wantedStamps(
  select: SelectOrder,
  layout: Layout,
  labels: LabelTable | undefined,
): { wanted: BigUint64Array | undefined; selected: IndexOutcome["selected"] } {
  if (select.kind === "all") return { wanted: undefined, selected: undefined };
  const selection = new Selection(
    select.kind === "default" ? DEFAULT_SELECTION[layout] : select.text,
  );
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
