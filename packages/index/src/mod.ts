export { buildIndex, type IndexOutcome } from "./build.ts";
export { chunkOf, findStorage, type SourceStorage } from "./direct-storage.ts";
export { EXTRACT_FORMAT, EXTRACT_VERSION, ROW_STATUS } from "./extract/extract-format.ts";
export { fileState, fingerprintOf, type FileState } from "./fingerprint.ts";
export { IndexLabels, type IndexLabel } from "./index-labels.ts";
export type { IndexOrder, MatchOrder, RingIndexOrder, SelectOrder, Span } from "./order.ts";
export {
  belowRoot,
  findInputs,
  inNaturalOrder,
  parseDataPlace,
  placeOf,
  rootOf,
  type DataPlace,
  type Input,
} from "./inputs.ts";
export { DEFAULT_SELECTION, LAYOUTS, layoutOf, type Layout, type SourceLayout } from "./layouts.ts";
export type { MatchReport, SourceReport } from "./report.ts";
export {
  basesOf,
  checkFile,
  fileAt,
  RunIndex,
  type EventSlab,
  type RunEvents,
  type RunFile,
  type RunSource,
} from "./run-index.ts";
export { columnPlace, PagedColumn } from "./paged-column.ts";
export { planEvents, planTotals, type PlanTotals, type RunPlan, type SourcePlan } from "./plan.ts";
export type { BetterChunks, PlannedChunks, PlannedReading } from "./row-tally.ts";
export { withSources } from "./some-sources.ts";
export { INDEX_FORMAT, INDEX_VERSION } from "./write.ts";
export {
  headerlessRuleTexts,
  parseHeaderlessRules,
  type HeaderlessRule,
} from "./ring/headerless-rule.ts";
export type { EndItem, RingFile, RingRun, RingScanOrder, RingSource } from "./ring/ring-run.ts";
export { scanRingRun } from "./ring/scan-ring-run.ts";
export { streamsByRun, streamsOf, type RingStream } from "./ring/streams.ts";
export { RING_INDEX_FORMAT } from "./ring/ring-index-columns.ts";
export { readRingIndex, type RingIndex } from "./ring/ring-index.ts";
export { KeptScan, type KeptScanOrder } from "./ring/kept-scan.ts";
export { proposeOrder, type OrderProposal } from "./ring/propose-order.ts";
export type { SourceSummary } from "./ring/source-tally.ts";
export { summariseRingFile, type DamagedPiece, type RingSummary } from "./ring/summary.ts";
export { validateRingFiles, type ContentReport, type RingReport } from "./ring/validate.ts";
