import { readFileSync } from "node:fs";
import { sentenceOf } from "@evb/event";
import {
  sharedNowMs,
  type Done,
  type FromReader,
  type ReadTask,
  type ToReader,
} from "./read-task.ts";
import { RandomReads } from "./random-reads.ts";
import { SampleReads, type Progress } from "./sample-reads.ts";

// A process that reads as it is told: where many read, each is one, as clients of a run are.

let random: RandomReads | undefined;
let sample: SampleReads | undefined;
let prepared: (endMs: number) => Progress | Promise<Progress>;

async function answer(order: ToReader): Promise<FromReader> {
  switch (order.kind) {
    case "open":
      random?.close();
      sample?.close();
      random = new RandomReads(order.files.stretches);
      sample = order.files.sample && (await SampleReads.open(order.files.sample));
      return { kind: "ready" };
    case "prepare":
      prepared = prepare(order.task);
      return { kind: "ready" };
    case "read":
      return { kind: "done", done: await read(order) };
  }
}

function prepare(task: ReadTask): typeof prepared {
  switch (task.kind) {
    case "random":
      return random!.prepare(task);
    case "stretches":
      return (endMs) => random!.readAll(endMs);
    case "ranges":
      return (endMs) => sample!.readRanges({ endMs, again: task.again });
    case "rows":
      return (endMs) => sample!.readRows({ endMs, again: task.again });
  }
}

async function read({ beginMs, endMs }: { beginMs: number; endMs: number }): Promise<Done> {
  const before = diskBytes();
  while (sharedNowMs() < beginMs);
  const progress = await prepared(endMs);
  const ended = sharedNowMs();
  const after = diskBytes();
  const known = before !== undefined && after !== undefined;
  return { ...progress, endMs: ended, diskBytes: known ? after - before : undefined };
}

/** What this process took from disks, all its threads together. */
function diskBytes(): number | undefined {
  try {
    const bytes = /^read_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1];
    return bytes === undefined ? undefined : Number(bytes);
  } catch {
    return undefined;
  }
}

process.on("message", (order: ToReader) => {
  void answer(order)
    .catch((thrown: unknown): FromReader => ({ kind: "failed", reason: sentenceOf(thrown) }))
    .then((word) => process.send?.(word));
});
process.once("disconnect", () => process.exit());
