import { RunIndex, withSources, type RunEvents } from "@evb/index";
import { isEvbError, type EvbError } from "@evb/event";
import { beginRun, type BegunRun } from "./begin-run.ts";
import { coordinate, endOf, isOurs, lastDoubt, putAway, watchData } from "./conduct.ts";
import type { RunOutcome } from "./coordinator/outcome.ts";
import { EventTable } from "./coordinator/event-table.ts";
import { eventRange } from "./event-range.ts";
import { fault } from "./faults.ts";
import { removeOutFolder, type OutFolder } from "./out-folder.ts";
import type { RunNetwork } from "./run-network.ts";
import type { RunOrder, RunResult, RunWatcher } from "./run-order.ts";
import { runReport, writeReport, type RunReport } from "./sink/report.ts";
import { writeResults } from "./sink/results.ts";
import { TraceFile } from "./sink/trace-file.ts";

/**
 * Runs a coordinator from the index to results.h5 and report.json.
 *
 * @throws EvbError what is wrong before the first batch: index, data, OUT, ports
 */
export async function runCoordinator(
  order: RunOrder,
  network: RunNetwork,
  watcher: RunWatcher,
  signal: AbortSignal,
): Promise<RunResult> {
  const { tracePath } = order;
  const trace = tracePath === undefined ? undefined : new TraceFile(tracePath);
  const index = await RunIndex.open(order.indexPath);
  try {
    const range = eventRange(order.events, index.eventCount);
    const events = order.sources === undefined ? index : withSources(index, order.sources);
    index.checkFresh(order.places);
    const begun = await beginRun(order, network, index, range);
    const watch = watchData(index, order, begun.data);
    let complete = false;
    try {
      const outcome = await coordinate(
        { order, begun, events, range, trace },
        watcher,
        AbortSignal.any([signal, watch.signal]),
      );
      const result = await finish(order, events, begun, outcome, { check: watch.check });
      complete = result.report.ended === undefined;
      return result;
    } finally {
      watch.end();
      putAway(begun, { complete });
    }
  } finally {
    trace?.close();
    index.close();
  }
}

/** A run that was stopped keeps its journal; one that a failed event ended has results of what was done. */
async function finish(
  order: RunOrder,
  index: RunEvents,
  begun: BegunRun,
  outcome: RunOutcome,
  { check }: { check: () => void },
): Promise<RunResult> {
  const { doneRanges } = outcome;
  const { out } = begun;
  // Another's folder is not ours to judge, and not to write to.
  const takenOver = isOurs(begun) ? undefined : fault("run-taken-over", { out: out.path });
  let ended = takenOver ?? endOf(outcome, out) ?? lastDoubt(check);
  let digest: string | undefined;
  if (ended === undefined || isEvbError(ended, "event-failed")) {
    const results = await resultsOf(order, index, out, outcome);
    if (typeof results === "string") digest = results;
    else ended = results;
  }
  const table = new EventTable(index);
  const fragments = doneRanges.reduce((sum, range) => sum + table.fragmentsOf(range), 0);
  const report = runReport(outcome, {
    evb: order.evbVersion,
    index: index.path,
    analysis: order.analysis.name,
    fragments,
    digest,
    ended: ended?.message,
    lastWords: order.lastWords,
  });
  // No client could begin: nothing was done that is worth a folder.
  if (isEvbError(ended, "clients-refused", "clients-blind") && outcome.done === 0)
    removeOutFolder(out);
  else if (!isEvbError(ended, "run-taken-over")) ended = keepReport(out, report) ?? ended;
  return { report, out, ...verdict(outcome, out, ended) };
}

/** Undefined, too, where something else went wrong before: a disk that is full is said to be once. */
function keepReport(out: OutFolder, report: RunReport): EvbError | undefined {
  try {
    writeReport(out.report, report);
    return undefined;
  } catch (thrown) {
    if (report.ended !== undefined) return undefined;
    if (isEvbError(thrown)) return thrown;
    throw thrown;
  }
}

/** The digest, or what kept results.h5 from being written; the journal has everything in any case. */
async function resultsOf(
  order: RunOrder,
  index: RunEvents,
  out: OutFolder,
  { schema, totals, doneRanges }: RunOutcome,
): Promise<string | EvbError> {
  try {
    return await writeResults({
      journalPath: out.journal,
      path: out.results,
      index,
      schema,
      totals,
      done: doneRanges,
      evbVersion: order.evbVersion,
    });
  } catch (thrown) {
    if (isEvbError(thrown)) return thrown;
    throw thrown;
  }
}

function verdict(
  { failures, failed }: RunOutcome,
  out: OutFolder,
  ended: EvbError | undefined,
): Pick<RunResult, "exitCode" | "problem"> {
  if (ended !== undefined) return { exitCode: ended.exitCode, problem: ended.message };
  const [first] = failures;
  if (first === undefined) return { exitCode: 0, problem: undefined };
  const others = failed === 1 ? "" : ` (and ${String(failed - 1)} more)`;
  return {
    exitCode: 1,
    problem: `event ${String(first.event)}${others} failed: ${first.reason}; its status is 1 in ${out.results}, all failures are in ${out.report}`,
  };
}
