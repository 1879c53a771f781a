export { buildIndex, type IndexOutcome } from "./build.ts";
export { fileState, fingerprintOf, type FileState } from "./fingerprint.ts";
export type { IndexOrder, SelectOrder } from "./order.ts";
export { inNaturalOrder, parseDataPlace, placeOf, type DataPlace } from "./inputs.ts";
export { DEFAULT_SELECTION, LAYOUTS, layoutOf, type Layout, type SourceLayout } from "./layouts.ts";
export type { MatchReport, SourceReport } from "./report.ts";
export {
  checkFile,
  RunIndex,
  type EventSlab,
  type RunEvents,
  type RunFile,
  type RunSource,
} from "./run-index.ts";
export { withSources } from "./some-sources.ts";
export { INDEX_FORMAT, INDEX_VERSION } from "./write.ts";
