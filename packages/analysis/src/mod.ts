export {
  defineAnalysis,
  VARIES,
  type Analysis,
  type AnalysisEvent,
  type AnalysisSetup,
  type EventResult,
  type Fragment,
  type OptionDeclaration,
  type OptionValue,
  type SourceInfo,
  type TotalDeclaration,
  type TotalsOfEvent,
  type Work,
} from "./analysis.ts";
export { BUILT_IN_NAMES, builtInAnalysis, type BuiltInName } from "./builtin/mod.ts";
export { statsOf, type Stats } from "./builtin/stats.ts";
export { EventFragment } from "./fragment.ts";
export { optionsOf } from "./options.ts";
export {
  COLUMNS_MAX,
  schemaOf,
  TOTAL_LENGTH_MAX,
  type ColumnSchema,
  type ResultSchema,
  type TotalSchema,
} from "./schema.ts";
export { StagedTotals, Totals } from "./totals.ts";
