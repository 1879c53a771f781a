import { planTotals, type RunPlan, type SourcePlan } from "@evb/index";
import { table } from "./table.ts";
import { bytesText, counted, countText, secondsText } from "./units.ts";
import { wrapped } from "./wrap.ts";

/** What is said of a plan. */
export interface PlanShown {
  readonly plan: RunPlan;
  /** By source: why only the HDF5 library reads it. */
  readonly library: ReadonlyMap<string, string>;
  /** Bytes from files in a second; undefined: nobody said. */
  readonly rateBytes: number | undefined;
}

/** More sources than this are not listed one by one; `--json` has them all. */
const SOURCES_SHOWN = 20;
/** Of sources with something to say about them. */
const REMARKS_SHOWN = 5;
/** So that a line of the table stays below 80 columns. */
const NAME_LETTERS = 16;
/** A factor that is shown as 1.00. */
const NEARLY_ONE = 1.005;

/** What `evb plan` prints. */
export function planSummary({ plan, library, rateBytes }: PlanShown): string {
  const wanted = plan.sources.filter(({ fragments }) => fragments > 0);
  return [
    `${counted(plan.events, "event")}, ${counted(plan.fragments, "fragment")} of ${counted(wanted.length, "source")}`,
    ...totalLines(plan, rateBytes),
    ...sourceTable(plan.sources),
    ...remarks("can't be read where they lie", wanted.flatMap(libraryRemark(library))),
    ...remarks("would gain from other chunks", bySaving(wanted).flatMap(chunkRemark)),
    ...remarks("have rows out of order", wanted.flatMap(jumpRemark)),
  ].join("\n");
}

function totalLines(plan: RunPlan, rateBytes: number | undefined): string[] {
  const totals = planTotals(plan);
  const { bytesNeeded, bytesRead, bytesUnpacked, reads, unknownSources } = totals;
  const least = unknownSources > 0 ? "at least " : "";
  const beside = unknownSources > 0 ? ` (${counted(unknownSources, "source")} unknown)` : "";
  const lines = [
    `needed    ${neededText(plan)}`,
    `to read   ${least}${bytesText(bytesRead)} in ${counted(reads, "read")}${beside}`,
  ];
  if (plan.sources.some(({ reading }) => (reading?.filters.length ?? 0) > 0))
    lines.push(
      `unpacked  ${least}${bytesText(bytesUnpacked)}, ${factorText(bytesUnpacked, bytesNeeded)} of what is needed${beside}`,
    );
  lines.push(
    rateBytes === undefined
      ? "time      unknown without a rate: give --rate (5GB/s); evb bench measures it"
      : `time      ${least}${secondsText(bytesRead / rateBytes)} at ${bytesText(rateBytes)}/s, for reading alone`,
  );
  return lines;
}

/** At least so much, where sources have rows of which nobody knows how long they are. */
function neededText({ bytesNeeded, sources }: RunPlan): string {
  if (bytesNeeded !== undefined) return bytesText(bytesNeeded);
  const known = sources.reduce((sum, each) => sum + (each.bytesNeeded ?? 0), 0);
  const unknown = sources.filter((each) => each.bytesNeeded === undefined).length;
  return `at least ${bytesText(known)} (${counted(unknown, "source")} unknown)`;
}

function sourceTable(sources: readonly SourcePlan[]): string[] {
  const shown = sources.slice(0, SOURCES_SHOWN);
  const header = ["fragments", "needed", "to read", "reads", "factor", "chunk", "filters"];
  const names = shown.map(({ source }) => source.slice(0, NAME_LETTERS));
  const lines = table(["source", ...names], [header, ...shown.map(sourceCells)]);
  const more = sources.length - shown.length;
  return more > 0 ? [...lines, `… and ${countText(more)} more sources (--json lists all)`] : lines;
}

function sourceCells({ fragments, bytesNeeded, reading }: SourcePlan): string[] {
  const known = [countText(fragments), bytesNeeded === undefined ? "?" : bytesText(bytesNeeded)];
  if (reading === undefined) return [...known, "?", "?", "?", "?", "library"];
  const { bytesRead, bytesUnpacked, reads, filters, chunks } = reading;
  return [
    ...known,
    bytesText(bytesRead),
    countText(reads),
    factorText(bytesUnpacked, bytesNeeded),
    chunks === undefined ? "none" : countText(chunks.eventsPerChunk),
    filters.join("+") || "none",
  ];
}

/** `1.90 x`; of nothing that is needed there is no factor. */
const factorText = (bytes: number, needed = 0): string =>
  needed === 0 ? "-" : `${(bytes / needed).toFixed(2)} x`;

const libraryRemark =
  (library: ReadonlyMap<string, string>) =>
  ({ source, reading }: SourcePlan): string[] =>
    reading === undefined
      ? [
          `${source} is read through the HDF5 library (${library.get(source) ?? "the index says so"}), and how many bytes that reads isn't known`,
        ]
      : [];

const bySaving = (sources: readonly SourcePlan[]): SourcePlan[] =>
  [...sources].sort((a, b) => savingOf(b) - savingOf(a));

const savingOf = ({ reading }: SourcePlan): number => {
  const better = reading?.chunks?.better;
  return better === undefined ? 0 : reading!.bytesUnpacked - better.bytesUnpacked;
};

function chunkRemark({ source, bytesNeeded = 0, reading }: SourcePlan): string[] {
  const chunks = reading?.chunks;
  if (chunks?.better === undefined) return [];
  const { eventsPerChunk, better } = chunks;
  if (reading!.bytesUnpacked < NEARLY_ONE * bytesNeeded) return [];
  const share = Math.round((100 * bytesNeeded) / reading!.bytesUnpacked);
  return [
    `${source}: ${counted(eventsPerChunk, "event")} a chunk, of which ${String(share)} % are wanted, so ${factorText(reading!.bytesUnpacked, bytesNeeded)} of what is needed is decoded; chunks of ${counted(better.eventsPerChunk, "event")} would make it ${factorText(better.bytesUnpacked, bytesNeeded)}`,
  ];
}

function jumpRemark({ source, reading }: SourcePlan): string[] {
  const chunks = reading?.chunks;
  if (chunks === undefined || chunks.decodes <= chunks.count) return [];
  return [
    `${source}: its rows are not in the order of time, and a client keeps only the last chunk: ${counted(chunks.count, "chunk")}, decoded ${countText(chunks.decodes)} times`,
  ];
}

function remarks(what: string, all: readonly string[]): string[] {
  const lines = all.slice(0, REMARKS_SHOWN).flatMap(wrapped);
  const more = all.length - REMARKS_SHOWN;
  return more > 0
    ? [...lines, `… and ${counted(more, "more source")} that ${what} (--json lists all)`]
    : lines;
}
