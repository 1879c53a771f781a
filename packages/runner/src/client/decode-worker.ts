import { workerData } from "node:worker_threads";
import { ChunkDesk, type AheadLayouts } from "./chunk-desk.ts";
import { DecodeTasks } from "./decode-tasks.ts";

// A thread that decodes chunks for the one that analyses. It has no messages: it sleeps until something is
// posted, and ends when it is ended.

/** What a decode thread is started with. */
export interface DecodeStart {
  readonly tasks: SharedArrayBuffer;
  readonly heap: SharedArrayBuffer;
  readonly layouts: AheadLayouts;
}

const start = workerData as DecodeStart;
const tasks = new DecodeTasks(start.tasks);
const desk = await ChunkDesk.open(start.layouts, tasks, start.heap);

for (;;) {
  const posted = tasks.posted;
  const number = tasks.claimNext();
  if (number === undefined) tasks.waitForPost(posted);
  else tasks.finish(number, desk.perform(number));
}
