/** What decides how many events the next lease has. */
export interface BatchNeeds {
  /** Events that nobody has yet. */
  readonly waiting: number;
  /** Clients that share them. */
  readonly clients: number;
  /** What `--batch` says, or evb's own cap. */
  readonly cap: number;
  /** Seconds that this client has taken for an event; undefined before its first result. */
  readonly secondsPerEvent: number | undefined;
}

/** Where the user gives no cap. */
export const BATCH_CAP = 1000;
/** A lease should be so much work: the loss when its client dies, and 250 × the round trip of 0.17 ms. */
const LEASE_SECONDS = 0.05;
/** Before a client has shown how fast it is. */
const FIRST_EVENTS = 2;
/** A lease is columns in one frame. */
const EVENTS_MAX = 20_000;

/**
 * How many events the next lease has. Toward the end leases shrink with what is left (factoring:
 * half of an equal share), so that all clients end together.
 */
export function batchEvents({ waiting, clients, cap, secondsPerEvent }: BatchNeeds): number {
  const share = Math.ceil(waiting / (2 * Math.max(1, clients)));
  const work = secondsPerEvent === undefined ? FIRST_EVENTS : LEASE_SECONDS / secondsPerEvent;
  return Math.max(1, Math.floor(Math.min(cap, share, work, EVENTS_MAX)));
}
