import type { Argv, CommandModule } from "yargs";
import { Hdf5File, isRingFile, loadHdf5, type DataSetShape } from "@evb/formats";
import { INDEX_FORMAT, RING_INDEX_FORMAT, RunIndex, type EventSlab } from "@evb/index";
import { counted, multiplicityLines, sourceLines } from "@evb/watch";
import { common } from "../common-options.ts";
import { fault } from "../faults.ts";
import { isRingInput } from "../file-kind.ts";
import { print, printJson } from "../terminal.ts";
import { inspectRingFile } from "./inspect-ring.ts";
import { inspectRingIndex } from "./inspect-ring-index.ts";
import { listRingItems } from "./inspect-ring-items.ts";
import { showWindowsOfFiles, windowOptions, type WindowWords } from "./inspect-windows.ts";
import { ringScanOptions, type RingScanWords } from "./ring-scan.ts";

/** Events that are read from the index at a time. */
const SLAB_EVENTS = 10_000;
/** Entries of a file that are listed. */
const NODES_MAX = 10_000;

const builder = (yargs: Argv) =>
  yargs
    .positional("file", {
      type: "string",
      array: true,
      demandOption: true,
      describe: "a .h5 file: data, index or results; or an .evt file",
    })
    .option("events", { type: "boolean", default: false, describe: "list the events of an index" })
    .option("items", {
      type: "boolean",
      default: false,
      describe: "list the items of an .evt file",
    })
    .options(windowOptions)
    .options(ringScanOptions)
    .option("json", common.json)
    .example("$0 inspect run1.index.h5", "what the index was made from")
    .example("$0 inspect run1.index.h5 --events --json", "one line per event")
    .example("$0 inspect run-0001-00.evt", "sources, times, what to tell evb order")
    .example("$0 inspect run-0001-00.evt --items | less", "every item, decoded")
    .example("$0 inspect run-0001-*.evt --windows", "which window to give evb order");

interface InspectCommand extends WindowWords, RingScanWords {
  readonly file: string[];
  readonly events: boolean;
  readonly items: boolean;
  readonly json: boolean;
}

/** What is shown of one file. */
interface Shown extends WindowWords {
  readonly file: string;
  readonly events: boolean;
  readonly items: boolean;
  readonly json: boolean;
}

export const inspectCommand: CommandModule<object, InspectCommand> = {
  command: "inspect <file..>",
  describe: "what is in a data, index or results file",
  builder: builder,
  handler: async (argv) => {
    checkQuestion(argv);
    const [file] = argv.file as [string];
    const asksWindows = argv.windows || argv.window.length > 0;
    if (asksWindows && argv.file.every(isRingInput)) await showWindowsOfFiles(argv.file, argv);
    else if (argv.file.length > 1) throw fault("inspect-one-file", { file });
    else if (isRingFile(file)) await showRingFile({ ...argv, file });
    else await showHdf5({ ...argv, file }, asksWindows);
  },
};

function checkQuestion({ events, items, windows, window }: InspectCommand): void {
  const asked = Object.entries({ events, items, windows: windows || window.length > 0 });
  const [one, other] = asked.flatMap(([name, is]) => (is ? [name] : []));
  if (other !== undefined) throw fault("options-exclude", { one: one!, other });
}

async function showRingFile({ file, events, items, json }: Shown): Promise<void> {
  if (events) throw fault("inspect-not-an-index", { path: file });
  if (items) await listRingItems(file, { json });
  else inspectRingFile(file, { json });
}

async function showHdf5(argv: Shown, asksWindows: boolean): Promise<void> {
  const hdf5 = await loadHdf5();
  const file = new Hdf5File(hdf5, argv.file);
  const format = file.attribute("format");
  const isIndex = format === INDEX_FORMAT;
  if (format === RING_INDEX_FORMAT && !argv.items && !argv.events) {
    file.close();
    await inspectRingIndex(argv.file, argv, asksWindows);
    return;
  }
  try {
    if (asksWindows) throw fault("inspect-no-windows", { path: argv.file });
    if (argv.items) throw fault("inspect-not-ring", { path: argv.file });
    if (!isIndex && argv.events) throw fault("inspect-not-an-index", { path: argv.file });
    if (!isIndex) showFile(file, argv.json);
  } finally {
    file.close();
  }
  if (isIndex) await showIndex(argv);
}

async function showIndex(argv: Shown): Promise<void> {
  const index = await RunIndex.open(argv.file);
  try {
    if (argv.events) await showEvents(index, argv.json);
    else if (argv.json)
      printJson({ ...index.made, root: index.root, files: filesOf(index), ...reportOf(index) });
    else showSummary(index);
  } finally {
    index.close();
  }
}

/** As the match reports, without how long it took. */
function reportOf(index: RunIndex): object {
  const { events, fragments, multiplicity, sources } = index.report;
  return { events, fragments, multiplicity, sources };
}

const filesOf = (index: RunIndex): object[] =>
  index.files.map(({ path, sizeBytes, mtimeNs, ends }) => ({
    path,
    size: sizeBytes,
    mtime: String(mtimeNs),
    fingerprint: ends,
  }));

function showSummary(index: RunIndex): void {
  const { made, report } = index;
  print(
    `index of ${counted(index.files.length, "file")} below ${index.root}, made by evb ${made["evb"] ?? "?"}`,
  );
  print(
    `layout ${made["layout"] ?? "?"}, match ${made["match"] ?? "?"}${made["reference"] === undefined ? "" : ` to ${made["reference"]}`}${made["window"] === undefined ? "" : ` within ${made["window"]} ticks`}, select ${made["select"] ?? "?"}, require ${made["require"] ?? "?"}`,
  );
  print(`${counted(report.events, "event")}, ${counted(report.fragments, "fragment")}`);
  for (const line of [...multiplicityLines(report), ...sourceLines(report)]) print(line);
}

async function showEvents(index: RunIndex, json: boolean): Promise<void> {
  for (let first = 0; first < index.eventCount; first += SLAB_EVENTS) {
    const events = Math.min(SLAB_EVENTS, index.eventCount - first);
    const slab = listed(index, index.slab(first, events));
    const lines: string[] = [];
    for (let k = 0; k < slab.time.length; k++)
      lines.push(json ? eventJson(index, slab, k) : eventText(index, slab, k));
    const flushed = process.stdout.write(`${lines.join("\n")}\n`);
    if (!flushed) await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
}

/** What is listed of some events, as columns beside those of their slab. */
interface ListedSlab extends EventSlab {
  /** Shape (fragments), u64 ticks. */
  readonly stamps: BigUint64Array;
  /** Shape (fragments): rows of the index's files. */
  readonly files: Uint32Array;
}

function listed(index: RunIndex, slab: EventSlab): ListedSlab {
  const { source, row } = slab;
  return { ...slab, stamps: index.stamps(source, row), files: index.filesOf(source, row) };
}

function eventJson(index: RunIndex, slab: ListedSlab, k: number): string {
  const time = String(slab.time[k]!);
  return JSON.stringify({ event: slab.first + k, time, fragments: fragmentsOf(index, slab, k) });
}

function eventText(index: RunIndex, slab: ListedSlab, k: number): string {
  const fragments = fragmentsOf(index, slab, k).map(
    ({ source, row }) => `${source}[${String(row)}]`,
  );
  return `${String(slab.first + k)}  ${String(slab.time[k]!)}  ${fragments.join(" ")}`;
}

/** By source; those of one source as the event has them, by time. */
function fragmentsOf(
  index: RunIndex,
  slab: ListedSlab,
  k: number,
): { source: string; file: string; row: number; time: string }[] {
  const [begin, end] = [slab.start[k]!, slab.start[k + 1]!];
  return Array.from({ length: end - begin }, (_, n) => begin + n)
    .sort((one, other) => slab.source[one]! - slab.source[other]! || one - other)
    .map((f) => ({
      source: index.sources[slab.source[f]!]!.name,
      file: index.files[slab.files[f]!]!.path,
      row: slab.row[f]!,
      time: String(slab.stamps[f]!),
    }));
}

function showFile(file: Hdf5File, json: boolean): void {
  const nodes = [...file.contents(NODES_MAX)];
  if (json) {
    printJson({
      file: file.path,
      contents: nodes.map(({ path, kind, shape }) => ({
        path,
        kind,
        ...(shape && {
          shape: shape.shape,
          type: shape.typeName,
          chunk: shape.chunk ?? null,
          filters: shape.filters,
        }),
      })),
    });
    return;
  }
  for (const { path, kind, shape } of nodes)
    print(shape === undefined ? `${path}  ${kind}` : `${path}  ${shapeText(shape)}`);
  if (nodes.length === NODES_MAX) print(`… the first ${String(NODES_MAX)} entries`);
}

function shapeText({ shape, typeName, isEnumeration, chunk, filters }: DataSetShape): string {
  const storage = chunk === undefined ? "" : `, chunks (${chunk.join(", ")})`;
  const filtered = filters.length === 0 ? "" : `, ${filters.join(" + ")}`;
  const named = isEnumeration ? " with names" : "";
  return `(${shape.join(", ")}) of ${typeName}${named}${storage}${filtered}`;
}
