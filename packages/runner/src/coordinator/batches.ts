/** What decides how many events the next lease has. */
export interface BatchNeeds {
  /** Of the events that nobody has yet, those that this client would do if all ended together. */
  readonly share: number;
  /** What an event has that every source is in; 0: nothing is read. */
  readonly eventBytes: number;
  /** So many a lease may have, before a client has shown how fast it is as well as after it. */
  readonly leaseBytes: number;
  /** Events of a batch: what `--batch` says, or evb's own cap. */
  readonly cap: number;
  /** Seconds that this client has taken for an event; undefined before its first result. */
  readonly secondsPerEvent: number | undefined;
}

/** Where the user gives no cap. */
export const BATCH_CAP = 1000;
/** A lease should be so much work: the loss when its client dies, and 250 × the round trip of 0.17 ms. */
const LEASE_SECONDS = 0.05;
/** Batches that are over sooner travel together, in one lease: it costs coordinator and client some 20 µs. */
const LEASE_SECONDS_MIN = 0.005;
/** Before a client has shown how fast it is. */
const FIRST_EVENTS = 2;
/** A lease is columns in one frame. */
const EVENTS_MAX = 20_000;

/**
 * How many events the next lease has: a batch, or several where those are over in no time, as a
 * client gives back any event of a lease that it hasn't begun. Toward the end leases shrink with what is left (factoring:
 * half of what is its share by its speed), so that all clients end together.
 */
export function batchEvents({
  share,
  cap,
  secondsPerEvent,
  eventBytes,
  leaseBytes,
}: BatchNeeds): number {
  const half = Math.ceil(share / 2);
  const room = eventBytes === 0 ? Infinity : leaseBytes / eventBytes;
  const work = secondsPerEvent === undefined ? FIRST_EVENTS : LEASE_SECONDS / secondsPerEvent;
  const together = secondsPerEvent === undefined ? 1 : LEASE_SECONDS_MIN / secondsPerEvent / cap;
  const batches = cap * Math.max(1, Math.floor(together));
  return Math.max(1, Math.floor(Math.min(batches, half, work, room, EVENTS_MAX)));
}
