/**
 * The rows of a run in the order of the output, some of which are run items: they belong to no event,
 * and stand behind the event that was open when their turn came.
 */
export interface OrderedRows {
  /** Shape (n): rows of the columns below, in time order. */
  readonly order: Uint32Array;
  /** By row, u64 ticks. */
  readonly stamp: BigUint64Array;
  /** By row: {@link FRAGMENT}, {@link RUN_ITEM} or {@link CLOSING_ITEM} in the two lowest bits; the others mean nothing here. */
  readonly kind: Uint8Array;
}

export const FRAGMENT = 0;
/** Leaves the event open that it comes in. */
export const RUN_ITEM = 1;
/** Ends the event that is open: a barrier. */
export const CLOSING_ITEM = 3;

/** What ends an event, beside its window. */
export interface EventLimits {
  /** u64; inclusive. */
  readonly windowTicks: bigint;
  /** Fragments of one event; Infinity: any number. */
  readonly fragmentsMax: number;
}

/** Where units begin: an event, or a run item in no event. */
export interface Units {
  /** Shape (n): 1 where a unit begins; 0 behind it, and for run items that came while an event was open. */
  readonly begins: Uint8Array;
  readonly events: number;
}

/**
 * Finds events by a window from the first fragment: a fragment joins while it is at most
 * `windowTicks` later than the first one. That is NSCLDAQ's glom on fragments in time order.
 */
export function glom(rows: OrderedRows, limits: EventLimits): Units {
  return findEvents(rows, limits, { slides: false });
}

/** Finds events by gaps: a fragment joins while it is at most `windowTicks` later than the one before. */
export function gap(rows: OrderedRows, limits: EventLimits): Units {
  return findEvents(rows, limits, { slides: true });
}

/** @param how.slides whether the window counts from the fragment before, or from the first */
function findEvents(
  { order, stamp, kind }: OrderedRows,
  { windowTicks, fragmentsMax }: EventLimits,
  { slides }: { readonly slides: boolean },
): Units {
  const n = order.length;
  const begins = new Uint8Array(n);
  let events = 0;
  let fragments = 0;
  // The row that the window counts from.
  let anchor = 0;
  // Behind the last fragment, or behind the item that closed its event.
  let behind = 0;
  for (let i = 0; i < n; i++) {
    const row = order[i]!;
    const what = kind[row]! & 3;
    if (what !== FRAGMENT) {
      if (what === CLOSING_ITEM) {
        begins.fill(1, behind, i + 1);
        behind = i + 1;
        fragments = 0;
      }
      continue;
    }
    if (
      fragments === 0 ||
      fragments >= fragmentsMax ||
      BigInt.asUintN(64, stamp[row]! - stamp[anchor]!) > windowTicks
    ) {
      if (behind < i) begins.fill(1, behind, i);
      begins[i] = 1;
      anchor = row;
      fragments = 0;
      events++;
    }
    if (slides) anchor = row;
    fragments++;
    behind = i + 1;
  }
  begins.fill(1, behind, n);
  return { begins, events };
}
