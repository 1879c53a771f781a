import type { RingSummary } from "./summary.ts";

/** What `evb order` should be told, from what is in a file; what it finds by itself is said, not asked for. */
export interface OrderProposal {
  readonly sources: readonly number[];
  /** END_RUN items to expect. */
  readonly endRuns: number;
  /** As many as BEGIN_RUN items, or an ABNORMAL_ENDRUN in the place of all. */
  readonly balanced: boolean;
  /** Rules for --headerless, in order; empty where none is needed. */
  readonly headerless: readonly string[];
  /** Whether events have no stamp but what --timestamp-at finds in their data. */
  readonly stampless: boolean;
}

/** More rules of one kind are left to evb, which applies them anyway. */
const RULES_MAX = 8;
const STATES = ["BEGIN_RUN", "END_RUN", "PAUSE_RUN", "RESUME_RUN"];

/**
 * Proposes options of `evb order`: sources for items without body header, in the way in which evb would
 * find them without being told, so that a user can see and change them.
 */
export function proposeOrder(summary: RingSummary): OrderProposal {
  const { sources, missingHeaders, begins, ends, abnormalEnds } = summary;
  return {
    sources: sources.map(({ source }) => source),
    endRuns: ends,
    balanced: begins === ends || abnormalEnds > 0,
    headerless: headerlessRules(summary),
    stampless: missingHeaders["PHYSICS_EVENT"] !== undefined,
  };
}

function headerlessRules({
  sources,
  missingHeaders,
  originalSources,
}: RingSummary): readonly string[] {
  const missing = Object.values(missingHeaders).reduce((sum, count) => sum + count, 0);
  // Items that name their source themselves need no rule.
  if (missing === 0 || originalSources === missing) return [];
  const bare = sources.filter(
    ({ fragments, runItems }) => fragments > 0 && runItems["BEGIN_RUN"] === undefined,
  );
  const ids = (bare.length > 0 ? bare : sources).map(({ source }) => source);
  const most = Math.max(...STATES.map((type) => missingHeaders[type] ?? 0));
  if (most <= 1 || ids.length <= 1) return [String(ids[0] ?? 0)];
  if (most > Math.min(ids.length, RULES_MAX)) return [];
  return Array.from({ length: most }, (_, k) => `position:${String(k + 1)}=${String(ids[k]!)}`);
}
