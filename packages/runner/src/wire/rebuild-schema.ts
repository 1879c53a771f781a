import type { ResultSchema } from "@evb/analysis";

/** Rows of the totals. */
export const [FRAGMENTS, EVENTS, BACKWARD_STEPS] = [0, 1, 2];

/** What comes back of parts that were written: counts by building, as they stand in the bytes that were written. */
export const rebuildSchema = (buildings: number): ResultSchema => ({
  eventColumns: [],
  fragmentColumns: [],
  totals: ["fragments", "events", "backwardSteps"].map((name) => ({
    name,
    type: "f8",
    length: buildings,
  })),
});
