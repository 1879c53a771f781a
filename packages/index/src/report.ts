import type { Match } from "@evb/event";
import type { SourceStorage } from "./direct-storage.ts";
import { belowRoot } from "./inputs.ts";
import type { RunScan, ScannedSource } from "./run-scan.ts";

/** The match report of `evb index`, as CLI.md names its fields. */
export interface MatchReport {
  readonly events: number;
  readonly fragments: number;
  /** Fragments per event → events. */
  readonly multiplicity: Readonly<Record<string, number>>;
  readonly sources: readonly SourceReport[];
  /** Of ring items: what isn't as it should be, a sentence each. */
  readonly warnings?: readonly string[];
  readonly seconds: number;
}

export interface SourceReport {
  readonly source: string;
  /** The one that its fragments begin in. */
  readonly file: string;
  /** rows = matched + unmatched + duplicates. */
  readonly rows: number;
  readonly matched: number;
  readonly unmatched: number;
  readonly duplicates: number;
  /** Rows whose stamp is smaller than that of the row before them. */
  readonly outOfOrder: number;
  /** Why its rows are read through the HDF5 library; null: they are read where they lie. */
  readonly library: string | null;
}

export function matchReport(
  match: Match,
  sources: readonly ScannedSource[],
  { root, warnings }: RunScan,
  seconds: number,
): MatchReport {
  const counts = [...match.multiplicity].sort(([a], [b]) => a - b);
  return {
    events: match.time.length,
    fragments: match.fragment.length,
    multiplicity: Object.fromEntries(counts.map(([n, events]) => [String(n), events])),
    sources: match.sources.map((counted, i) => ({
      source: sources[i]!.name,
      file: belowRoot(sources[i]!.file.path, root),
      ...counted,
      library: libraryReason(sources[i]!.storage),
    })),
    ...(warnings && { warnings }),
    seconds,
  };
}

const libraryReason = (storage: SourceStorage): string | null =>
  storage.kind === "library" ? storage.reason : null;
