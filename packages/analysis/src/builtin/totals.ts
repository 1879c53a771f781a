import { isFloat, isUnsigned } from "@evb/event";
import { elementsOf } from "./elements.ts";
import type { AnalysisEvent, SourceInfo, TotalDeclaration, TotalsOfEvent } from "../analysis.ts";

/** `count`, and `first` where all data are integers: the proof that the right bytes were read. */
export function readTotals(sources: readonly SourceInfo[]): Record<string, TotalDeclaration> {
  const count = { type: "i8" } as const;
  if (sources.some((source) => isFloat(source.type))) return { count };
  const unsigned = sources.every((source) => isUnsigned(source.type));
  return { count, first: { type: unsigned ? "u8" : "i8" } };
}

export function addReadTotals(
  event: AnalysisEvent,
  totals: TotalsOfEvent,
  integers: boolean,
): void {
  totals.add("count", 1);
  if (!integers) return;
  for (const fragment of event.fragments) totals.add("first", elementsOf(fragment)[0] ?? 0);
}
