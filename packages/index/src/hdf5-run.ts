import { realpathSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { rowsInOrder } from "@evb/event";
import { loadHdf5 } from "@evb/formats";
import { isExtract } from "./extract-input.ts";
import { fault } from "./faults.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { INPUT_EXTENSIONS, rootOf, sourceNames, type Input } from "./inputs.ts";
import { DEFAULT_SELECTION, TICK } from "./layouts.ts";
import type { IndexOrder } from "./order.ts";
import type { RunScan, ScannedFile, ScannedSource } from "./run-scan.ts";
import { scanFile, type Scan } from "./scan.ts";

/**
 * Scans a run of HDF5 files: each is a source.
 *
 * @throws EvbError "input-own", "extract-mixed", "input-none", "layout-mixed", and what is wrong with a file
 */
export async function scanHdf5Run(
  inputs: readonly Input[],
  order: Pick<IndexOrder, "inputs" | "layout">,
  onScanned: (files: number, of: number) => void,
): Promise<RunScan> {
  const scans = await scanAll(inputs, order, onScanned);
  const root = rootOf(scans.flatMap((scan) => [scan.path, ...elsewhere(scan)]));
  const found = scans[0]!.source.layout;
  return {
    layout: found,
    root,
    sources: sourcesOf(scans, root),
    labels: scans.find((scan) => scan.labels !== undefined)?.labels,
    known: undefined,
    tick: TICK[found],
    defaultSelection: DEFAULT_SELECTION[found],
    options: {},
    warnings: undefined,
    filesOf,
    rowsOf: rowsInOrder,
  };
}

async function scanAll(
  inputs: readonly Input[],
  order: Pick<IndexOrder, "inputs" | "layout">,
  onScanned: (files: number, of: number) => void,
): Promise<Scan[]> {
  const hdf5 = await loadHdf5();
  const scans: Scan[] = [];
  for (const [done, { path, named }] of inputs.entries()) {
    const scan = await scanFile(hdf5, path, order.layout);
    if (scan === undefined) {
      if (named) throw fault((await isExtract(path)) ? "extract-mixed" : "input-own", { path });
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
    onScanned(done + 1, inputs.length);
    await setImmediate();
  }
  if (scans.length === 0)
    throw fault("input-none", { inputs: order.inputs, extensions: INPUT_EXTENSIONS });
  return scans;
}

/** The file behind an external link. */
function elsewhere({ path, storage }: Scan): string[] {
  return storage.kind === "direct" && storage.path !== realpathSync(path) ? [storage.path] : [];
}

function sourcesOf(scans: readonly Scan[], root: string): ScannedSource[] {
  const names = sourceNames(
    scans.map((scan) => scan.path),
    root,
  );
  const others = new Map<string, ScannedFile>();
  return scans.map((scan, i) => {
    const { path, fingerprint, source, times, disorder, storage } = scan;
    const file = { path, fingerprint };
    const [other] = elsewhere(scan);
    const payloadFile = other === undefined ? file : fileOnce(others, other);
    const { time, payload, type, storedType, itemShape, varies } = source;
    const layout = { time, payload, type, storedType, itemShape, varies };
    return { name: names[i]!, file, payloadFile, ...layout, times, disorder, storage };
  });
}

function fileOnce(files: Map<string, ScannedFile>, path: string): ScannedFile {
  const known = files.get(path);
  const file = known ?? { path, fingerprint: fingerprintOf(path) };
  files.set(path, file);
  return file;
}

/** One for each source, then those behind external links. */
const filesOf = (sources: readonly ScannedSource[]): ScannedFile[] => [
  ...new Set([
    ...sources.map(({ file }) => file),
    ...sources.map(({ payloadFile }) => payloadFile),
  ]),
];
