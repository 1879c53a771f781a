import { rm, writeFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { loadHdf5 } from "@evb/formats";
import { rowsOf } from "./file-rows.ts";
import type { MockRun } from "./mock-run.ts";
import { planMockRun, type MockPlan } from "./plan.ts";
import { eventsOf } from "./run-events.ts";
import { notWritten, openDirectory, TRUTH_FILE, writeWhole } from "./run-folder.ts";
import { tablesOf } from "./tables.ts";
import { truthOf, type Truth } from "./truth.ts";
import { writeMockFile } from "./write-file.ts";

export interface GenerateOptions {
  readonly signal?: AbortSignal | undefined;
  /** An older mock run in the folder is removed first. */
  readonly force?: boolean | undefined;
  /** Called after each slab (8 MiB or one event); at the end both numbers are the plan's `bytes`. */
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
}

/**
 * Writes a mock run: `file1.h5` … and, last, `truth.json`. Each appears under its name when it is whole. If it fails or is
 * aborted, nothing of it stays.
 *
 * @throws EvbError "mock-run-unusable", "mock-run-exists", "mock-run-not-written", "hdf5-write-failed", "hdf5-no-memory";
 * the signal's reason if it is aborted
 */
export async function generateRun(run: MockRun, options: GenerateOptions): Promise<Truth> {
  const plan = planMockRun(run);
  const written: string[] = [];
  try {
    await openDirectory(run.directory, options);
    const truth = await writeRun(run, plan, options, written);
    options.onProgress?.(plan.bytes, plan.bytes);
    return truth;
  } catch (thrown) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw notWritten(run.directory, thrown);
  }
}

async function writeRun(
  run: MockRun,
  plan: MockPlan,
  options: GenerateOptions,
  written: string[],
): Promise<Truth> {
  const events = eventsOf(run, plan.events);
  const hdf5 = await loadHdf5();
  let bytesBefore = 0;
  for (let file = 1; file <= run.files; file++) {
    options.signal?.throwIfAborted();
    const planned = plan.files[file - 1]!;
    const tables = tablesOf(run, { file, rows: planned.rows, events: plan.events });
    const content = { file, events, rows: rowsOf(run, file, plan.events), tables };
    const onSlab = progressOf(options, {
      bytesBefore,
      bytesHere: planned.bytes,
      bytesTotal: plan.bytes,
    });
    await writeWhole(run.directory, planned.file, written, (path) =>
      writeMockFile(hdf5, path, run, content, onSlab),
    );
    bytesBefore += planned.bytes;
  }
  const truth = truthOf(run, events);
  const text = `${JSON.stringify(truth, undefined, 2)}\n`;
  await writeWhole(run.directory, TRUTH_FILE, written, (path) => writeFile(path, text));
  return truth;
}

/** Reports, lets signals and timers have their turn, and stops if it should. */
function progressOf(
  options: GenerateOptions,
  {
    bytesBefore,
    bytesHere,
    bytesTotal,
  }: { bytesBefore: number; bytesHere: number; bytesTotal: number },
): (bytes: number) => Promise<void> {
  let bytesDone = 0;
  return async (bytes) => {
    bytesDone = Math.min(bytesHere, bytesDone + bytes);
    options.onProgress?.(bytesBefore + bytesDone, bytesTotal);
    await setImmediate();
    options.signal?.throwIfAborted();
  };
}
