import { faults } from "@evb/event";

export const fault = faults({
  "analysis-option-unknown": [
    2,
    (at: { analysis: string; name: string; known: readonly string[] }) =>
      `the analysis ${at.analysis} has no option ${at.name}; ${at.known.length === 0 ? "it has none" : `it has ${at.known.join(", ")}`}`,
  ],
  "analysis-option-value": [
    2,
    (at: { analysis: string; name: string; value: string; wanted: string }) =>
      `--set ${at.name}=${at.value}: ${at.name} of the analysis ${at.analysis} is ${at.wanted}`,
  ],
  "analysis-bad-shape": [
    2,
    (at: { analysis: string; reason: string }) =>
      `the analysis ${at.analysis} can't be used: ${at.reason}; see docs/analysis.md`,
  ],
  "analysis-bad-result": [
    1,
    (at: { what: string; reason: string }) => `the analysis returned ${at.what}, but ${at.reason}`,
  ],
  "total-overflow": [
    1,
    (at: { name: string; type: string; value: string }) =>
      `the total ${at.name} is ${at.value}, which doesn't fit into ${at.type === "i8" ? "a signed" : "an unsigned"} 64 bit integer; total it as f8`,
  ],
});
