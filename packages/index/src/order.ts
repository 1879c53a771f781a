import type { Match, MatchWindow, Require } from "@evb/event";
import type { Layout } from "./layouts.ts";
import type { MatchReport } from "./report.ts";
import type { RingScanOrder } from "./ring/ring-run.ts";
import type { IndexedSource, RunScan, ScannedFile } from "./run-scan.ts";

/** What `evb index` was asked for. */
export interface IndexOrder {
  readonly inputs: readonly string[];
  readonly out: string;
  readonly force: boolean;
  readonly layout: Layout | undefined;
  readonly match: "exact" | MatchWindow;
  readonly select: SelectOrder;
  readonly require: Require;
  /** Glob over source names. */
  readonly sources: string | undefined;
  readonly ring: RingIndexOrder;
  /** Written into the index. */
  readonly evbVersion: string;
}

/** How ring items are to be understood. */
export interface RingIndexOrder {
  readonly scan: RingScanOrder;
  /** All that the scan depends on, as text, by the option's name. */
  readonly settings: Readonly<Record<string, string>>;
  /** Options that were typed: they mean nothing where the inputs are HDF5. */
  readonly typed: readonly string[];
}

export type SelectOrder =
  | { readonly kind: "default" }
  | { readonly kind: "all" }
  | { readonly kind: "expression"; readonly text: string };

/** What goes into the file. */
export interface IndexContent {
  readonly scan: RunScan;
  readonly files: readonly ScannedFile[];
  readonly sources: readonly IndexedSource[];
  readonly match: Match;
  readonly report: MatchReport;
  readonly selection: string | undefined;
}
