import { ITEM_TYPE, itemTypeName, type ScanFound, type Skipped } from "@evb/formats";
import type { GivenSources } from "./headerless.ts";
import type { EndItem, RingSource } from "./ring-run.ts";

/** What is said of sources, before a list becomes too long to read. */
const SOURCES_SAID = 8;

/** What isn't as it should be in a run, and what was done about it: a sentence each. */
export function runWarnings(
  run: {
    readonly begins: readonly EndItem[];
    readonly ends: readonly EndItem[];
    readonly groups: ReadonlyMap<number, readonly number[]>;
    readonly sources: readonly RingSource[];
    readonly skipped: readonly Skipped[];
  },
  found: ScanFound,
  given: GivenSources,
): string[] {
  const { begins, sources, skipped } = run;
  const ends = run.ends.filter(({ type }) => type === ITEM_TYPE.END_RUN);
  const nulls = sources.reduce((sum, { nullStamps }) => sum + nullStamps, 0);
  return [
    ...skipped.map(
      ({ path, offset, bytes, item, reason }) =>
        `${path}: ${String(bytes)} bytes were skipped at byte ${String(offset)} (item ${String(item)}): ${reason}`,
    ),
    ...missingGroup("BEGIN_RUN", begins, sources),
    ...missingGroup("END_RUN", ends, sources),
    ...incompleteGroups(run),
    ...(found.emptyEvents > 0
      ? [`${String(found.emptyEvents)} built events hold no fragment, and are left out`]
      : []),
    ...(found.badHeaders > 0
      ? [
          `${String(found.badHeaders)} items have a body header that doesn't fit; they stay as they are`,
        ]
      : []),
    ...[...given].flatMap(([type, sources]) => {
      const name = itemTypeName(type) ?? `type ${String(type)}`;
      return [...sources].map(
        ([source, items]) =>
          `${String(items)} ${name} without body header: taken for source ${String(source)} (--headerless says otherwise)`,
      );
    }),
    ...(nulls > 0
      ? [`${String(nulls)} items without time stamp got the largest one of their source so far`]
      : []),
  ];
}

function missingGroup(
  name: string,
  items: readonly EndItem[],
  sources: readonly RingSource[],
): string[] {
  if (items.length === 0) return [`there is no ${name}`];
  const has = new Set(items.map(({ source }) => source));
  const missing = sources
    .filter(({ source, fragments }) => fragments > 0 && !has.has(source))
    .map(({ source }) => source);
  return missing.length === 0 ? [] : [`there is no ${name} of ${sourcesText(missing)}`];
}

function incompleteGroups(run: {
  readonly groups: ReadonlyMap<number, readonly number[]>;
  readonly sources: readonly RingSource[];
}): string[] {
  const sources = run.sources.filter(({ fragments }) => fragments > 0).length;
  const incomplete = [...run.groups.values()].filter(({ length }) => length < sources);
  if (incomplete.length === 0) return [];
  return [`${String(incomplete.length)} groups of PAUSE_RUN or RESUME_RUN lack some sources`];
}

function sourcesText(sources: readonly number[]): string {
  const more = sources.length > SOURCES_SAID ? ", …" : "";
  const listed = sources.slice(0, SOURCES_SAID).map(String).join(", ");
  return `source${sources.length === 1 ? "" : "s"} ${listed}${more}`;
}
