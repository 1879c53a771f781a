import type { Match, Require } from "@evb/event";
import type { Layout } from "./layouts.ts";
import type { MatchReport } from "./report.ts";
import type { LabelTable, Scan } from "./scan.ts";

/** What `evb index` was asked for. */
export interface IndexOrder {
  readonly inputs: readonly string[];
  readonly out: string;
  readonly force: boolean;
  readonly layout: Layout | undefined;
  readonly select: SelectOrder;
  readonly require: Require;
  /** Glob over source names. */
  readonly sources: string | undefined;
  /** Written into the index. */
  readonly evbVersion: string;
}

export type SelectOrder =
  | { readonly kind: "default" }
  | { readonly kind: "all" }
  | { readonly kind: "expression"; readonly text: string };

/** One source of the index: a file, what it is called, and what the scan found. */
export interface IndexedSource {
  readonly name: string;
  /** Below the root. */
  readonly file: string;
  /** Behind an external link: absolute, and below the root. */
  readonly payloadFile: { readonly path: string; readonly name: string } | undefined;
  readonly scan: Scan;
  readonly fragmentFirst: number;
}

/** What goes into the file. */
export interface IndexContent {
  readonly root: string;
  readonly sources: readonly IndexedSource[];
  readonly labels: LabelTable | undefined;
  readonly match: Match;
  readonly report: MatchReport;
  readonly selection: string | undefined;
}
