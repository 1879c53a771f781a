export { JOB_KEYS, type JobKey, type JobKind, type KeyOwner, type KeyValue } from "./job-keys.ts";
export {
  chosenRuns,
  isJobFile,
  readJob,
  type Job,
  type JobIndex,
  type JobRun,
} from "./job-file.ts";
export { fault as launchFault } from "./faults.ts";
export { makeIndexFolder, needsIndex, noteIndex } from "./job-index.ts";
export { jobSchema } from "./job-schema.ts";
export type { Resources } from "./resources.ts";
export { quoted } from "./batch/shell-words.ts";
export { type BatchOrder } from "./batch/batch-order.ts";
export {
  batchScript,
  composeScript,
  submitBatch,
  submitCompose,
  type BatchSystem,
  type ComposeOrder,
} from "./batch/submit.ts";
export { placeInJob, type PlaceInJob } from "./place-in-job.ts";
export { checkRuns, runRank, type RankJob } from "./rank.ts";
export { lastWords } from "./rank-log.ts";
export { CoordinatorLock, holderOf, type Holder } from "./coordinator-lock.ts";
export { contend, LockWatch } from "./election.ts";
export { nextStep, type OutBefore } from "./run-record.ts";
