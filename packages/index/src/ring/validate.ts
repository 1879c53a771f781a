import { resolve } from "node:path";
import { itemTypeName, RingReader, type Damage, type RingItem } from "@evb/formats";
import { inNaturalOrder } from "../inputs.ts";
import { ContentComparison, type ContentCounts } from "./compare-content.ts";
import { ringRecordsOf, type RingRecord } from "./ring-records.ts";
import { Problems, StreamCheck, type ProblemKind, type RingProblem } from "./stream-check.ts";
import { streamsOf } from "./streams.ts";

/** So many problems of each kind are listed; all are counted. A run in disorder has hundreds. */
const LISTED_MAX = 1000;

/** What a validation found. */
export interface RingReport {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly items: number;
  /** How many there are of each kind. */
  readonly problemCounts: Readonly<Partial<Record<ProblemKind, number>>>;
  /** The first of each kind, in the order in which they were found. */
  readonly problems: readonly RingProblem[];
  readonly warnings: readonly string[];
  /** Undefined where there was nothing to compare with. */
  readonly against: ContentReport | undefined;
}

/** What the files that were compared hold: the inputs of a rebuild, and what it wrote. */
export interface ContentReport {
  readonly files: readonly string[];
  readonly inputs: ContentCounts;
  readonly outputs: ContentCounts;
}

/**
 * Reads the files of a run and lists everything that is wrong with them; given the files that it was
 * made from, also which fragments and run items it lost, and which it has that those didn't have.
 * It shares nothing with the scan and the writers of `evb order`.
 *
 * @param paths ring-item files
 * @param against the inputs that they were made from; none: they are not compared
 * @throws EvbError "ring-unreadable", "ring-empty", "ring-no-items"
 */
export function validateRingFiles(
  paths: readonly string[],
  against: readonly string[],
): RingReport {
  const files = inOrder(paths);
  const inputs = inOrder(against);
  const problems = new Problems({ keptMax: LISTED_MAX });
  const warnings: string[] = [];
  const comparison = inputs.length > 0 ? new ContentComparison() : undefined;
  if (comparison !== undefined)
    for (const path of inputs)
      walk(
        path,
        (item) => {
          comparison.addInput(item, ringRecordsOf(item));
        },
        (damage) => {
          warnings.push(
            `${damage.fault.message} (${String(damage.skippedBytes)} bytes were not compared)`,
          );
        },
      );
  const seen = checkStreams(files, { problems, warnings, comparison });
  if (comparison !== undefined) nameDifferences(comparison, { files, inputs, problems });
  return {
    files,
    ...seen,
    problemCounts: problems.counts,
    problems: problems.kept,
    warnings,
    against: comparison && {
      files: inputs,
      inputs: comparison.inputs,
      outputs: comparison.outputs,
    },
  };
}

/** Each once, as it was named. */
function inOrder(paths: readonly string[]): string[] {
  return [...new Map(paths.map((path) => [resolve(path), path])).values()].sort(inNaturalOrder);
}

/** @returns the file's bytes */
function walk(
  path: string,
  onItem: (item: RingItem) => void,
  onDamage: (damage: Damage) => void,
): number {
  const file = new RingReader(path);
  try {
    for (const item of file.items(onDamage)) onItem(item);
    return file.sizeBytes;
  } finally {
    file.close();
  }
}

function checkStreams(
  files: readonly string[],
  into: {
    readonly problems: Problems;
    readonly warnings: string[];
    readonly comparison: ContentComparison | undefined;
  },
): { bytes: number; items: number } {
  const { problems, warnings, comparison } = into;
  const seen = { bytes: 0, items: 0 };
  for (const stream of streamsOf(files, (missing) => warnings.push(missing.message))) {
    const check = new StreamCheck(problems);
    for (const path of stream.files)
      seen.bytes += walk(
        path,
        (item) => {
          seen.items++;
          const records = ringRecordsOf(item);
          check.check(item, records, path);
          comparison?.addOutput(item, records);
        },
        ({ offset, item, skippedBytes, fault }) => {
          const sentence = `${fault.message} (${String(skippedBytes)} bytes are no items)`;
          problems.add({ kind: "damage", file: path, offset, item, sentence });
        },
      );
    warnings.push(...check.warnings(stream));
  }
  return seen;
}

/** Walks the files again where they differ, so that each record that is lost or added has a name. */
function nameDifferences(
  comparison: ContentComparison,
  {
    files,
    inputs,
    problems,
  }: {
    readonly files: readonly string[];
    readonly inputs: readonly string[];
    readonly problems: Problems;
  },
): void {
  const { lost, added } = comparison.differences();
  if (lost + added === 0) return;
  const name = (
    kind: "lost" | "added",
    path: string,
    item: RingItem,
    records: RingRecord[],
  ): void => {
    for (const record of records) problems.add(problemOf(kind, path, item, record));
  };
  const skip = (): void => undefined;
  for (const path of files)
    walk(
      path,
      (item) => {
        name("added", path, item, comparison.addedIn(item));
      },
      skip,
    );
  for (const path of inputs)
    walk(
      path,
      (item) => {
        name("lost", path, item, comparison.lostIn(item));
      },
      skip,
    );
  const rest = comparison.differences();
  if (rest.added > 0) problems.counts.added = (problems.counts.added ?? 0) + rest.added;
  if (rest.lost > 0) problems.counts.lost = (problems.counts.lost ?? 0) + rest.lost;
}

function problemOf(
  kind: "lost" | "added",
  file: string,
  item: RingItem,
  record: RingRecord,
): RingProblem {
  const what =
    record.kind === "fragment"
      ? `fragment of source ${String(record.source ?? "unknown")}, time stamp ${String(record.stamp ?? "none")}`
      : (itemTypeName(record.type) ?? `item of type ${String(record.type)}`);
  const where = `${file}, byte ${String(item.offset)} (item ${String(item.number)})`;
  const verdict =
    kind === "lost"
      ? "is not in the files that were made from it, or was changed there"
      : "is not in the inputs, or is not as it was there";
  const bytes = `${String(record.end - record.at)} bytes`;
  return {
    kind,
    file,
    offset: item.offset,
    item: item.number,
    sentence: `${where}: ${what}, ${bytes}, ${verdict}`,
  };
}
