import { defineAnalysis } from "../analysis.ts";

/** Reads nothing, returns nothing: what remains is the dispatch, which can so be measured alone. */
export const none = defineAnalysis({
  setup: () => ({ reads: false, event: () => undefined }),
});
