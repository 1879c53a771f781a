import type { Match, Require } from "@evb/event";
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
  /** Undefined: nothing was said, and stamps that are equal are an event where the inputs don't say what is. */
  readonly match: MatchOrder | undefined;
  readonly select: SelectOrder;
  readonly require: Require;
  /** Glob over source names. */
  readonly sources: string | undefined;
  readonly ring: RingIndexOrder;
  /** Written into the index. */
  readonly evbVersion: string;
}

/** Which fragments are an event. */
export type MatchOrder =
  | { readonly match: "exact" }
  | { readonly match: "window" | "gap"; readonly window: Span }
  | {
      readonly match: "nearest";
      /** How far at most; undefined: however far. */
      readonly window: Span | undefined;
      /** Name of a source; undefined: the one with most fragments, the first of several. */
      readonly reference: string | undefined;
    };

/** A distance in time. */
export interface Span {
  /** As it was given. */
  readonly text: string;
  /** Of what unit; of nanoseconds whole ones, u64. */
  readonly unit: "ticks" | "ns";
  readonly count: bigint;
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
  /** How it was found, as attributes of the index. */
  readonly matched: Readonly<Record<string, string>>;
  readonly report: MatchReport;
  readonly selection: string | undefined;
}
