import type { Elements } from "@evb/event";
import type { Fragment, SourceInfo } from "../analysis.ts";

/** What the built-in analyses look at: rows as they are, ring items as the 16-bit words that detectors write. */
export const elementsOf = ({ words, data }: Fragment): Elements => words ?? data;

/** Type of fragment columns that hold elements. A run has either ring items or rows of data sets. */
export const elementColumn = (sources: readonly SourceInfo[]): "u2" | "data" =>
  sources.some(({ hasWords }) => hasWords) ? "u2" : "data";
