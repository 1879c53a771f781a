import { parentPort, workerData } from "node:worker_threads";
import { isEvbError, sentenceOf } from "@evb/event";
import { encodeSchema } from "../wire/join.ts";
import type { Bench } from "./bench.ts";
import type { BenchOrder, FromBench, ThreadStart, ToBench } from "./bench-messages.ts";
import { LeaseLoop } from "./lease-loop.ts";

// The thread in which a client reads and analyses, so that its sockets answer whatever an analysis does.

const port = parentPort!;

function post(message: FromBench): void {
  const buffers = message.kind === "message" ? message.frames.map(({ buffer }) => buffer) : [];
  port.postMessage(message, buffers);
}

function fail(thrown: unknown): void {
  const known = isEvbError(thrown);
  post({
    kind: "failed",
    tag: known ? thrown.tag : "defect",
    message: sentenceOf(thrown),
    exitCode: known ? thrown.exitCode : undefined,
  });
}

const { words, kind } = workerData as ThreadStart;

const loadRebuild = (): Promise<typeof import("./rebuild-bench.ts")> =>
  import("./rebuild-bench.ts");
const loadExtract = (): Promise<typeof import("./extract-bench.ts")> =>
  import("./extract-bench.ts");
if (kind === "rebuild") await loadRebuild();
if (kind === "extract") await loadExtract();

/** What isn't needed isn't loaded. */
async function openBench(order: BenchOrder): Promise<Bench> {
  const { welcome, places, out } = order;
  if (welcome.rebuild?.extract !== undefined) {
    const { ExtractBench } = await loadExtract();
    return ExtractBench.open(welcome, places, out);
  }
  if (welcome.rebuild !== undefined) {
    const { RebuildBench } = await loadRebuild();
    return new RebuildBench(welcome, places, out);
  }
  const { Workbench } = await import("./workbench.ts");
  return Workbench.open(order);
}

async function work(order: BenchOrder): Promise<void> {
  const bench = await openBench(order);
  loop = new LeaseLoop(bench, { words, before: order.before, post });
  post({ kind: "ready", schema: encodeSchema(bench.schema) });
  await loop.run();
  await bench.close();
}

let loop: LeaseLoop | undefined;

port.on("message", (message: ToBench) => {
  if (message.kind === "open") {
    // A thread that failed stays until it is ended: what it said must not be overtaken by its end.
    work(message.order).then(() => {
      port.close();
    }, fail);
    return;
  }
  try {
    loop?.take(message);
  } catch (thrown) {
    fail(thrown);
  }
});
