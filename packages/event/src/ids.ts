/** Clock ticks of one source's clock, unsigned 64 bit. Ticks of different clocks must not be mixed. */
export type Ticks = bigint & { readonly unit: "tick" };
/** Number of a process in its run: 0 is the coordinator, 1..N are clients. */
export type Rank = number & { readonly of: "rank" };
/** Number of an event in its index, counted from 0 in time order. */
export type EventId = number & { readonly of: "event" };
/** Number of a lease in its session, counted from 1. */
export type LeaseId = number & { readonly of: "lease" };

const TICKS_MAX = 2n ** 64n - 1n;

export const asRank = (value: number): Rank => value as Rank;
export const asLeaseId = (value: number): LeaseId => value as LeaseId;
export const asEventId = (value: number): EventId => value as EventId;

/** Brands a stamp that came from a file or an argument. */
export function asTicks(value: bigint): Ticks {
  if (value < 0n || value > TICKS_MAX) throw new RangeError(`${String(value)} is no u64`);
  return value as Ticks;
}
