import { defineAnalysis, type AnalysisEvent, type EventResult } from "../analysis.ts";
import { elementColumn, elementsOf } from "./elements.ts";
import { addReadTotals, readTotals } from "./totals.ts";

/** Every byte of every fragment is in memory before the event counts; nothing else is done with it. */
export const read = defineAnalysis({
  setup({ sources }) {
    const totals = readTotals(sources);
    const integers = "first" in totals;
    return {
      fragmentColumns: { first: elementColumn(sources) },
      totals,
      event(event, sums) {
        addReadTotals(event, sums, integers);
        return { fragments: { first: firsts(event) } };
      },
    };
  },
});

/** The first element of each fragment: cheap, and it shows which row was read. */
export function firsts(event: AnalysisEvent): NonNullable<EventResult["fragments"]>[string] {
  return event.fragments.map((fragment) => elementsOf(fragment)[0] ?? 0);
}
