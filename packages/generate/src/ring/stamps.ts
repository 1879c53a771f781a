import { NULL_STAMP } from "@evb/formats";

/**
 * Stamps are counted here in ticks from a run's first one, exact in doubles; in the files that one is added: 2023-11-14,
 * in ns since 1970, in a double's neighbourhood where they are 256 apart.
 */
export const FIRST_TICK = 1_700_000_000_000_000_000n;

/** "No stamp", in place of ticks. */
export const NO_STAMP = Infinity;
/** Stamp 0, which a source has that didn't show one yet: before every tick. */
export const STAMP_ZERO = -Infinity;

/** Ticks as the u64 of the files. */
export function stampOf(ticks: number): bigint {
  if (ticks === NO_STAMP) return NULL_STAMP;
  if (ticks === STAMP_ZERO) return 0n;
  return FIRST_TICK + BigInt(ticks);
}

/** Whether glom puts two stamps into one event, were the first the event's: in both directions, its end included. */
export const isWithin = (ticks: number, first: number, window: number): boolean =>
  ticks === first || Math.abs(ticks - first) <= window;
