import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fault } from "../faults.ts";
import type { GenerateOptions } from "../generate.ts";
import { notWritten, openDirectory, TRUTH_FILE, writeWhole } from "../run-folder.ts";
import { ItemWriter } from "./item-writer.ts";
import { checkMockRingRun, triggerBytes, triggersMax, type MockRingRun } from "./mock-ring-run.ts";
import { readOut } from "./readout.ts";
import type { RingTruth } from "./ring-truth.ts";
import { partialOf, SegmentWriter } from "./segments.ts";

/**
 * About as many bytes as a run's files will have.
 *
 * @throws EvbError "mock-run-unusable"
 */
export function planMockRingRun(run: MockRingRun): { readonly bytes: number } {
  checkMockRingRun(run);
  if (run.size.kind === "file-size") return { bytes: run.size.bytes };
  return { bytes: Math.ceil(run.size.events * triggerBytes(run)) };
}

/**
 * Writes a mock run of ring items: `run-RRRR-00.evt` … and, last, `truth.json`. Each appears under its name when it is
 * whole. If it fails or is aborted, nothing of it stays.
 *
 * @throws EvbError "mock-run-unusable", "mock-run-exists", "mock-run-not-written"; the signal's reason if it is aborted
 */
export async function generateRingRun(
  run: MockRingRun,
  options: GenerateOptions,
): Promise<RingTruth> {
  const { bytes } = planMockRingRun(run);
  const written: string[] = [];
  const writer = new SegmentWriter(run, (name) => {
    written.push(join(run.directory, partialOf(name)), join(run.directory, name));
  });
  try {
    options.signal?.throwIfAborted();
    await openDirectory(run.directory, options);
    const truth = await writeSegments(run, writer, { ...options, bytesTotal: bytes });
    for (const { file } of truth.files)
      await rename(join(run.directory, partialOf(file)), join(run.directory, file));
    await writeWhole(run.directory, TRUTH_FILE, written, (path) =>
      writeFile(path, truthText(truth)),
    );
    options.onProgress?.(bytes, bytes);
    return truth;
  } catch (thrown) {
    writer.close();
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw notWritten(run.directory, thrown);
  }
}

async function writeSegments(
  run: MockRingRun,
  writer: SegmentWriter,
  { signal, onProgress, bytesTotal }: GenerateOptions & { readonly bytesTotal: number },
): Promise<RingTruth> {
  const items = new ItemWriter(run, writer);
  let triggers = 0;
  const isEnough = (done: number, queuedBytes: number): boolean => {
    triggers = done;
    if (run.size.kind === "events") return done >= run.size.events;
    return done > 0 && items.bytesWith(queuedBytes) >= run.size.bytes;
  };
  let slabs = 0;
  for (const arrival of readOut(run, isEnough)) {
    items.take(arrival);
    if (slabs === writer.slabs) continue;
    slabs = writer.slabs;
    onProgress?.(Math.min(bytesTotal, writer.bytes), bytesTotal);
    await setImmediate();
    signal?.throwIfAborted();
  }
  checkSize(run, triggers, writer.bytes);
  writer.finish();
  return items.truth(triggers);
}

/** A size that nothing can meet is noticed when the run is written: its items alone may be larger. */
function checkSize(run: MockRingRun, triggers: number, bytes: number): void {
  if (run.size.kind === "events") return;
  const isReached = triggers < triggersMax(run);
  if (isReached && (triggers > 1 || bytes <= run.size.bytes + triggerBytes(run))) return;
  throw fault("mock-run-unusable", {
    problems: [
      `--file-size is ${String(run.size.bytes)} bytes, and a run with ${triggers === 1 ? "1 trigger" : `${String(triggers)} triggers`} has ${String(bytes)}`,
    ],
  });
}

/** One line for each fragment, run item and source: a list of 100,000 is read by people too. */
const truthText = (truth: RingTruth): string =>
  `${JSON.stringify(truth, undefined, 1)
    .replaceAll(/\n {3,}/g, " ")
    .replaceAll(/\n {2}([\]}])/g, "$1")}\n`;
