import { matchExact, matchNearest, matchWindow, type Require } from "@evb/event";
import { fault } from "./faults.ts";
import type { IndexOrder, Span } from "./order.ts";
import type { FoundEvents, IndexedSource, RunScan } from "./run-scan.ts";

/** An event's number of fragments is a u16 in leases. */
const EVENT_FRAGMENTS_MAX = 65_535;

/**
 * @param wanted the selected stamps; undefined: every event
 * @throws EvbError "event-too-large", "no-such-source", "window-unit"
 */
export function findEvents(
  order: Pick<IndexOrder, "match" | "require" | "sources">,
  scan: RunScan,
  sources: readonly IndexedSource[],
  wanted: BigUint64Array | undefined,
): FoundEvents {
  if (scan.known !== undefined) return scan.known.of(sources, wanted, neededOf(order, sources));
  const { match: how = { match: "exact" }, require } = order;
  if (how.match === "exact")
    return { match: matchExact(sources, wanted, require), matched: { match: how.match } };
  const windowTicks = how.window && ticksOf(how.window, scan);
  const window = windowTicks === undefined ? undefined : String(windowTicks);
  const rows = { rows: scan.rowsOf(sources), sources };
  if (how.match === "nearest") {
    const reference = referenceOf(sources, how.reference);
    return {
      match: matchNearest(rows, { reference, windowTicks }, wanted, require),
      matched: {
        match: how.match,
        ...(window !== undefined && { window }),
        reference: sources[reference]!.name,
      },
    };
  }
  const match = matchWindow(rows, { match: how.match, windowTicks: windowTicks! }, wanted, require);
  const most = [...match.multiplicity.keys()].at(-1) ?? 0;
  if (most > EVENT_FRAGMENTS_MAX)
    throw fault("event-too-large", {
      fragments: most,
      max: EVENT_FRAGMENTS_MAX,
      window: how.window.text,
    });
  return { match, matched: { match: how.match, window: window! } };
}

/**
 * Of events that are known an event that has no source stays one, where nobody asks for sources: row k stays event k.
 */
function neededOf(
  { require, sources: pattern }: { require: Require; sources: string | undefined },
  sources: readonly IndexedSource[],
): number {
  if (require === "any") return pattern === undefined ? 0 : 1;
  return require === "all" ? sources.length : require;
}

function ticksOf({ text, unit, count }: Span, { tick, layout }: RunScan): bigint {
  if (unit === "ticks" || unit === tick) return count;
  throw fault("window-unit", { text, layout });
}

/** The source that is named, or has most fragments; the first of several. */
function referenceOf(sources: readonly IndexedSource[], named: string | undefined): number {
  if (named === undefined) {
    const most = Math.max(...sources.map(({ times }) => times.length));
    return sources.findIndex(({ times }) => times.length === most);
  }
  const found = sources.findIndex(({ name }) => name === named);
  if (found >= 0) return found;
  throw fault("no-such-source", { pattern: named, known: sources.map(({ name }) => name) });
}
