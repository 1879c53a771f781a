import { defineAnalysis } from "../analysis.ts";
import { elementColumn } from "./elements.ts";
import { firsts } from "./read.ts";
import { addReadTotals, readTotals } from "./totals.ts";

/** As `read`, then its thread sleeps: a stand-in for an analysis of known length. */
export const wait = defineAnalysis({
  options: {
    ms: { default: 1, help: "milliseconds that each event sleeps" },
    slowRank: { default: 0, help: "the client that sleeps longer; 0: none" },
    slowBy: { default: 1, help: "how many times longer" },
  },
  setup({ options, sources, rank }) {
    const totals = readTotals(sources);
    const integers = "first" in totals;
    const sleepMs = options.ms * (rank === options.slowRank ? options.slowBy : 1);
    const never = new Int32Array(new SharedArrayBuffer(4));
    return {
      fragmentColumns: { first: elementColumn(sources) },
      totals,
      event(event, sums) {
        addReadTotals(event, sums, integers);
        if (sleepMs > 0) Atomics.wait(never, 0, 0, sleepMs);
        return { fragments: { first: firsts(event) } };
      },
    };
  },
});
