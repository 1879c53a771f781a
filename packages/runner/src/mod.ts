export { BATCH_CAP, batchEvents, type BatchNeeds } from "./coordinator/batches.ts";
export type { CoordinatorEvents, CoordinatorOrder } from "./coordinator/coordinator-order.ts";
export { Coordinator } from "./coordinator/coordinator.ts";
export type { ClientShare, RunOutcome } from "./coordinator/outcome.ts";
export { SharedChunks, type LeaseCuts } from "./coordinator/lease-cuts.ts";
export { lengthOf, RangeSet, type Range } from "./coordinator/range-set.ts";
export { Speeds } from "./coordinator/speeds.ts";
export { Schedule } from "./coordinator/schedule.ts";
export type { Action, Progress, Stimulus } from "./coordinator/stimulus.ts";
export type { ClientOrder } from "./client/client-order.ts";
export type { ReadingOrder } from "./client/reading-order.ts";
export { Client, type ClientOutcome } from "./client/client.ts";
export { analysisOrder } from "./client/analysis-module.ts";
export { InputPages, pageMemory } from "./client/input-pages.ts";
export { begin, BENCH_WORDS, takeBack } from "./client/bench-words.ts";
export { ResultBuilder } from "./client/result-builder.ts";
export { RingSources } from "./client/ring-sources.ts";
export { ReadsAhead } from "./client/reads-ahead.ts";
export { sourceInfos } from "./client/sources.ts";
export { UnitWriter, type WrittenPart } from "./client/unit-writer.ts";
export {
  bottleneckOf,
  diskLimitOf,
  type Bottleneck,
  type DiskLimit,
} from "./measure/bottleneck.ts";
export {
  measureReading,
  type Measured,
  type MeasureOrder,
  type RawFigure,
  type RowFigures,
} from "./measure/measure.ts";
export { ExtractShape, type ExtractSizes } from "./extract/extract-shape.ts";
export { runExtract, type ExtractJob, type ExtractResult } from "./extract/extract-run.ts";
export type { ExtractReport } from "./extract/extract-report.ts";
export { eventRange } from "./event-range.ts";
export { fault as runnerFault } from "./faults.ts";
export { joinRun } from "./join-run.ts";
export { startThread, type StartedThread } from "./client/bench-thread.ts";
export {
  addressFor,
  ownAddress,
  ownAddresses,
  reachableAddress,
  type HostPlaces,
} from "./own-address.ts";
export type { Building, PartLimits, StampPolicy } from "./rebuild/rebuild-order.ts";
export { RebuildPlan } from "./rebuild/rebuild-plan.ts";
export type { OrderedRun, OrderReport } from "./rebuild/order-report.ts";
export {
  orderRuns,
  type OrderClients,
  type OrderJob,
  type OrderOutcome,
} from "./rebuild/order-runs.ts";
export { isOn, thisProcess, type ProcessPlace } from "./process-place.ts";
export { runCoordinator } from "./run.ts";
export type { RunOrder, RunResult, RunWatcher } from "./run-order.ts";
export type { RunNetwork } from "./run-network.ts";
export { digestOf } from "./sink/digest.ts";
export {
  encodeStart,
  readJournalState,
  type JournalClient,
  type JournalProgress,
  type JournalShare,
  type JournalStart,
  type JournalState,
} from "./sink/journal-state.ts";
export {
  JournalReader,
  JournalWriter,
  type JournalPlace,
  type JournalRecord,
  type RecordKind,
} from "./sink/journal.ts";
export type { RunReport } from "./sink/report.ts";
export { writeResults } from "./sink/results.ts";
export {
  refuseLiveRun,
  removeConnection,
  waitForConnection,
  writeConnection,
  type Connection,
} from "./wire/connection-file.ts";
export { decodeEpoch, encodeEpoch, type Epoch } from "./wire/epoch-message.ts";
export {
  newFrame,
  openMessage,
  PROTOCOL_VERSION,
  readHeader,
  seal,
  type Header,
} from "./wire/header.ts";
export { leaseSourcesOf } from "./client/lease-sources.ts";
export { decodeLeases, encodeLeases, type Lease } from "./wire/lease-message.ts";
export {
  decodeFailures,
  decodeFault,
  decodeJoin,
  decodeSchema,
  decodeWelcome,
  encodeFailures,
  encodeFault,
  encodeJoin,
  encodeRefusal,
  encodeSchema,
  encodeWelcome,
  type Join,
  type Refusal,
  type Welcome,
} from "./wire/join.ts";
export { newKeyPair } from "./wire/keys.ts";
export type { ClientLink, CoordinatorLink, Lane } from "./wire/link.ts";
export { MemoryNetwork } from "./wire/memory.ts";
export {
  ABSENT,
  decodeExtractPart,
  encodeExtractPart,
  type ExtractPart,
} from "./wire/extract-message.ts";
export { partRecordHead, readPartRecordHead } from "./wire/part-record.ts";
export { decodePart, encodePart, type Part } from "./wire/part-message.ts";
export { decodeResults, encodeResults, type Results } from "./wire/result-message.ts";
export { decodeRevoked, encodeRevoked, type GivenBack } from "./wire/revoked-message.ts";
export { decodeValue, encodeValue } from "./wire/values.ts";
export { connectSocket } from "./wire/zeromq.ts";
export { ZeromqClientLink } from "./wire/zeromq-client.ts";
export { ZeromqCoordinatorLink } from "./wire/zeromq-coordinator.ts";
