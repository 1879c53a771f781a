import { parentPort, workerData } from "node:worker_threads";
import { isEvbError, sentenceOf } from "@evb/event";
import { encodeSchema } from "../wire/join.ts";
import type { BenchOrder, FromBench, ToBench } from "./bench-messages.ts";
import { LeaseLoop } from "./lease-loop.ts";
import { Workbench } from "./workbench.ts";

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

const { welcome, places, words, before } = workerData as BenchOrder;
try {
  const bench = await Workbench.open(welcome, places);
  const loop = new LeaseLoop(bench, { words, before, post });
  port.on("message", (message: ToBench) => {
    try {
      loop.take(message);
    } catch (thrown) {
      fail(thrown);
    }
  });
  post({ kind: "ready", schema: encodeSchema(bench.schema) });
  await loop.run();
  bench.close();
} catch (thrown) {
  fail(thrown);
}
port.close();
