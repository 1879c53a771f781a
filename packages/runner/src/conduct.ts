import { existsSync, rmSync } from "node:fs";
import type { RunEvents } from "@evb/index";
import { isEvbError, type EvbError } from "@evb/event";
import { checkData, type BegunRun, type RunData } from "./begin-run.ts";
import type { Rebuild } from "./coordinator/coordinator-order.ts";
import { Coordinator } from "./coordinator/coordinator.ts";
import type { RunOutcome } from "./coordinator/outcome.ts";
import type { Range } from "./coordinator/range-set.ts";
import { readCoordinatorFile } from "./coordinator-file.ts";
import { fault } from "./faults.ts";
import type { OutFolder } from "./out-folder.ts";
import type { RunOrder, RunWatcher } from "./run-order.ts";
import type { JournalWriter } from "./sink/journal.ts";
import type { TraceFile } from "./sink/trace-file.ts";
import { removeConnection } from "./wire/connection-file.ts";

/** So often a thousand files are asked for their size and time: a millisecond's work on a local disk. */
const DATA_CHECK_MS = 10_000;

/** Runs a coordinator that has its folder, sockets and journal, until no event is left or the signal comes. */
export async function coordinate(
  parts: {
    order: RunOrder;
    begun: BegunRun;
    events: RunEvents;
    range: Range;
    trace: TraceFile | undefined;
    /** Undefined where events are analysed. */
    rebuild?: Rebuild;
  },
  watcher: RunWatcher,
  signal: AbortSignal,
): Promise<RunOutcome> {
  const { order, begun, events, range, trace, rebuild } = parts;
  const { run, link, journal, before, life, connection } = begun;
  journal.ownedWhile(() => {
    if (!isOurs(begun)) throw fault("run-taken-over", { out: begun.out.path });
  });
  const coordinator = new Coordinator({
    index: events,
    order: { ...order, run, range, rebuild },
    before,
    link,
    journal,
    watcher,
    ...(trace && {
      trace: (entry) => {
        trace.write(entry);
      },
    }),
  });
  trace?.write({ what: "listening", life });
  if (!coordinator.isComplete) watcher.listening({ connectionPath: connection?.path, run });
  const outcome = await coordinator.run(signal);
  return withJournalClosed(journal, outcome);
}

/** Takes the way to this coordinator away. Its keys stay for whoever goes on, if anything is left to do. */
export function putAway(begun: BegunRun, { complete }: { complete: boolean }): void {
  const { connection, out } = begun;
  if (existsSync(out.path) && !isOurs(begun)) return;
  if (connection !== undefined) removeConnection(connection.path, connection);
  if (complete) rmSync(out.coordinator, { force: true });
}

/** Whether no other coordinator has gone on with the run: this one may have been frozen. */
export const isOurs = ({ out, run, life }: BegunRun): boolean => {
  try {
    const file = readCoordinatorFile(out.coordinator);
    return file?.run === run && file.life === life;
  } catch {
    // A file system that hiccups says nothing.
    return true;
  }
};

/** Data that change while they are read give results of neither. */
export function watchData(
  index: RunData,
  order: RunOrder,
  before: readonly string[],
): { signal: AbortSignal; check: () => void; end: () => void } {
  const changed = new AbortController();
  const check = (): void => {
    checkData(index, order, { before });
  };
  const timer = setInterval(() => {
    try {
      check();
    } catch (thrown) {
      changed.abort(thrown);
    }
  }, DATA_CHECK_MS);
  return {
    signal: changed.signal,
    check,
    end: () => {
      clearInterval(timer);
    },
  };
}

/** A result that the disk doesn't have is none. */
function withJournalClosed(journal: JournalWriter, outcome: RunOutcome): RunOutcome {
  try {
    if (outcome.ended === undefined) journal.append("end", 0);
    journal.close();
    return outcome;
  } catch (thrown) {
    return { ...outcome, ended: outcome.ended ?? (thrown as Error), stopped: false };
  }
}

/** Why the run ended before its end. What is no fault of the world is one of ours, and thrown. */
export function endOf(outcome: RunOutcome, out: OutFolder): EvbError | undefined {
  const { ended, stopped, done, events } = outcome;
  if (ended === undefined || isEvbError(ended)) return ended;
  if (!stopped) throw ended;
  return fault("stopped", { done, events, out: out.path }, { cause: ended });
}

/** What makes the results of a run that came to its end worth nothing. */
export function lastDoubt(check: () => void): EvbError | undefined {
  try {
    check();
    return undefined;
  } catch (thrown) {
    return thrown as EvbError;
  }
}
