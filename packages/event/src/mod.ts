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
  sourceOfFragment,
  type Match,
  type Require,
  type SourceMatch,
  type SourceTimes,
} from "./match.ts";
export { orderRows } from "./order.ts";
export { uniqueUnion } from "./union.ts";
