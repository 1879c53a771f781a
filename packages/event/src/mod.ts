export {
  binsOf,
  distancesFrom,
  gapsOf,
  quantile,
  type DistanceBin,
  type Distances,
} from "./distances.ts";
export { disorderOf, type Disorder } from "./disorder.ts";
export {
  asElementType,
  ELEMENT_TYPES,
  elementBytes,
  isFloat,
  isUnsigned,
  promote,
  viewElements,
  type Elements,
  type ElementType,
} from "./element.ts";
export { EvbError, faults, isEvbError, sentenceOf, type ExitCode } from "./faults.ts";
export {
  CLOSING_ITEM,
  FRAGMENT,
  gap,
  glom,
  RUN_ITEM,
  type EventLimits,
  type OrderedRows,
  type Units,
} from "./glom.ts";
export {
  asEventId,
  asLeaseId,
  asRank,
  asTicks,
  type EventId,
  type LeaseId,
  type Rank,
  type Ticks,
} from "./ids.ts";
export {
  matchExact,
  sortedStamps,
  sourceOfFragment,
  type Match,
  type Require,
  type SourceMatch,
  type SourceTimes,
} from "./match.ts";
export { matchNearest, type MatchNearest } from "./match-nearest.ts";
export { matchWindow, rowsInOrder, type MatchRows, type MatchWindow } from "./match-window.ts";
export { Multiplicity } from "./multiplicity.ts";
export { orderRows } from "./order.ts";
export { orderSources, type Arrivals } from "./order-sources.ts";
export { uniqueUnion } from "./union.ts";
export { ShownStamps, type ArrivingRows, type SourceOrder } from "./shown-stamps.ts";
export { tryWindows, windowsToTry, type SourcedRows, type WindowOutcome } from "./windows.ts";
