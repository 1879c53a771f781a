import type { Options } from "yargs";
import { distancesFrom, gapsOf, tryWindows, windowsToTry } from "@evb/event";
import { findInputs, scanRingRun, streamsByRun, streamsOf, type RingRun } from "@evb/index";
import { fault } from "../faults.ts";
import { log, printJson, printLines } from "../terminal.ts";
import { parseWindows, ringScan, type RingScanWords } from "./ring-scan.ts";
import { windowsJson, windowsText, type TriedWindows } from "./windows-text.ts";

/** So many windows fit on a page with the rest. */
const WINDOWS_MAX = 16;

export const windowOptions = {
  windows: {
    type: "boolean",
    default: false,
    describe: "which events windows would give, from the time stamps alone",
  },
  window: {
    type: "string",
    array: true,
    default: [] as string[],
    describe: "the same for this window, in ticks; repeatable",
  },
  match: {
    choices: ["window", "gap"] as const,
    default: "window" as const,
    describe: "count the window from the first fragment or the one before",
  },
  reference: {
    type: "string",
    describe: "source that others are compared with (the one with most fragments)",
  },
} as const satisfies Record<string, Options>;

/** What yargs makes of them. */
export interface WindowWords {
  readonly windows: boolean;
  readonly window: string[];
  readonly match: "window" | "gap";
  readonly reference?: string | undefined;
  readonly json: boolean;
}

/**
 * Shows for each run what windows would give; with --json a line for each.
 *
 * @throws EvbError what is wrong with the files
 */
export async function showWindowsOfFiles(
  files: readonly string[],
  words: WindowWords & RingScanWords,
): Promise<void> {
  const paths = (await findInputs(files, ["evt"])).map(({ path }) => path);
  const scan = ringScan(words);
  const streams = streamsOf(paths, (reason) => {
    log(reason.message);
  });
  for (const ofRun of streamsByRun(streams, scan.runNumber).values())
    await showWindows(await scanRingRun(ofRun, scan), words);
}

/** @throws EvbError "bad-option" */
export async function showWindows(run: RingRun, words: WindowWords): Promise<void> {
  const tried = windowsOf(run, words);
  if (words.json) printJson(windowsJson(tried));
  else await printLines(windowsText(tried));
}

function windowsOf(run: RingRun, { window, match, reference }: WindowWords): TriedWindows {
  const { rows, order } = run;
  const columns = { order, stamp: rows.stamp, kind: rows.kind, source: rows.source };
  const gaps = gapsOf(columns);
  const asked = parseWindows(window);
  const windows = asked.length > 0 ? asked : windowsToTry(gaps.behind, WINDOWS_MAX);
  const counts = run.sources.map(({ fragments }) => fragments);
  const from = referenceOf(run, reference);
  const found = from === undefined ? [] : distancesFrom(columns, from, counts);
  return {
    run: run.number,
    match,
    fragments: run.fragments,
    sources: run.sources.filter(({ fragments }) => fragments > 0),
    windows: tryWindows(columns, { windows, match }),
    gaps,
    reference: from === undefined ? undefined : run.sources[from]!.source,
    distances: found.flatMap((distances, row) =>
      row === from || counts[row] === 0 ? [] : [{ source: run.sources[row]!.source, distances }],
    ),
  };
}

/** Row of the source that is named, or has most fragments; the first of several. */
function referenceOf({ sources }: RingRun, named: string | undefined): number | undefined {
  const has = sources.flatMap(({ fragments }, row) => (fragments > 0 ? [row] : []));
  if (named !== undefined) {
    const row = has.find((each) => String(sources[each]!.source) === named);
    if (row !== undefined) return row;
    const ids = has.map((each) => String(sources[each]!.source)).join(", ");
    const wanted = ids === "" ? "none: no source has fragments" : `one of the sources ${ids}`;
    throw fault("bad-option", { option: "reference", text: named, wanted });
  }
  const most = Math.max(...has.map((row) => sources[row]!.fragments));
  return has.find((row) => sources[row]!.fragments === most);
}
