export { JOB_KEYS, type JobKey, type JobKind, type KeyOwner, type KeyValue } from "./job-keys.ts";
export { isJobFile, readJob, type Job, type JobIndex, type JobRun } from "./job-file.ts";
export { jobSchema } from "./job-schema.ts";
export type { Resources } from "./resources.ts";
export { placeInJob, type PlaceInJob } from "./place-in-job.ts";
export { runRank, type RankJob } from "./rank.ts";
export { lastWords } from "./rank-log.ts";
