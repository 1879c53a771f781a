/**
 * Mock runs whose true content is known.
 *
 * @example
 * const run: MockRun = {
 *   directory: "/tmp/run1", layout: "seed", files: 3, size: { kind: "events", events: 300 },
 *   eventBytes: 1_000_000, labels: ["red", "green", "blue"], dropShare: 0.5, eventsPerChunk: 1, seed: 1,
 *   lateShare: 0, duplicateShare: 0, disorderShare: 0,
 * };
 * const bytesNeeded = planMockRun(run).bytes;
 * const truth = await generateRun(run, {});
 *
 * @module
 */
export { generateRun, type GenerateOptions } from "./generate.ts";
export type { MockRun } from "./mock-run.ts";
export { planMockRun, type MockPlan, type PlannedFile } from "./plan.ts";
export type { TrueFile, TrueMatch, Truth } from "./truth.ts";
export { generateRingRun, planMockRingRun } from "./ring/generate-ring-run.ts";
export type { Damage, MissingHeaders, MockRingRun, Stall } from "./ring/mock-ring-run.ts";
export type { RingTruth, TrueFragment, TrueRunItem, TrueSource } from "./ring/ring-truth.ts";
