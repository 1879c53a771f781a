import { faults } from "@evb/event";

export const fault = faults({
  "selection-not-understood": [
    2,
    (at: { text: string; reason: string }) =>
      `the selection ${at.text} is not understood: ${at.reason}; write for example smalldata == "red" && charge > 3`,
  ],
  "selection-unknown-label": [
    2,
    (at: { text: string; label: string; known: readonly string[] }) =>
      `the selection ${at.text} asks for the label ${at.label}, but the run ${at.known.length === 0 ? "has no labels" : `has ${at.known.join(", ")}`}; use one of these, or --all`,
  ],
});
