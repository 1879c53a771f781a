import type { LeaseId } from "@evb/event";
import { RangeSet, type Range } from "./range-set.ts";

/** A client has so much work before it, so that it never waits for an answer: 100 × the round trip of 0.17 ms. */
const WORK_AHEAD_SECONDS_MIN = 0.02;
/** …and up to so much where a run takes long: then it need not say all the time what is done. */
const WORK_AHEAD_SECONDS_MAX = 0.1;
/** That much of what is left to do, shared among the clients: they are to end together. */
const WORK_AHEAD_SHARE = 1 / 16;
/** …and, where it has waited twice for work that there was, twice as long as that: the way there and back is longer. */
const WAITS_AHEAD = 2;
/** What its clock calls waiting while it changes hands. */
const WAITED_SECONDS_MIN = 0.001;
const WAITED_SECONDS_MAX = 1;
/** …and so many bytes, whatever its clock says, unless it says less: 64 events of 16 MB. */
const BYTES_AHEAD_MAX = 2 ** 30;
/** While it works on one lease the next one is there. */
const LEASES_AHEAD_MIN = 2;
/** Leases of one tiny event each fill the time ahead with thousands; they are columns, but each is also an entry here. */
const LEASES_AHEAD_MAX = 1024;
/** Where chunks hold many events it may have so much before it: more would be waited for at the end of a run. */
const CHUNK_AHEAD_SECONDS = 0.2;
/** All clients together have so many events before them: their columns, some 20 bytes each, lie here until they are sent. */
const EVENTS_AHEAD_ALL = 2 ** 18;
/** A new measurement of a client's speed weighs so much against the old ones. */
const SPEED_WEIGHT = 0.3;
/** A microsecond: what an event costs that the client's clock can't see. */
const SECONDS_PER_EVENT_MIN = 1e-6;

/** Events of one lease. */
export type LeasePart = Range & { readonly lease: LeaseId };

/** One client, as the schedule sees it. */
export interface ClientState {
  readonly leases: Map<LeaseId, Range>;
  /** Events in its leases that have no result of its yet. */
  readonly ahead: RangeSet;
  /** Events that it has done and not sent the totals of. */
  readonly uncounted: RangeSet;
  /** Bytes of events that it may have before it, but for one lease of one event. */
  readonly bytesAheadMax: number;
  /** It has what may have ended a client, mostly one event: it gets no other until that is done. */
  alone: boolean;
  /** Nothing is heard of it. */
  late: boolean;
  /** It was asked to give back what it hasn't begun, and hasn't answered. */
  revoking: boolean;
  /** It was given something since it was asked last: that may not be begun. */
  givenSince: boolean;
  /** It has answered, and been given nothing since it was asked: what it has is begun. */
  begunAll: boolean;
  /** What it has begun was given to another one as well. */
  doubled: boolean;
  /** Beats since it last brought results, or was given something to do. */
  silentBeats: number;
  secondsPerEvent: number | undefined;
  /** Of its last message; undefined: its clock ran before it came to us. */
  busySeconds: number | undefined;
  waitSeconds: number;
  /** How long it had nothing to do when that was so last, while there was work. */
  lastWaited: number;
  /** The longest that it has had nothing to do two times in a row: once it may be a coordinator that stood still. */
  waitedSeconds: number;
}

export function newClient({
  returned,
  memoryBytes = BYTES_AHEAD_MAX,
}: {
  returned: boolean;
  memoryBytes?: number | undefined;
}): ClientState {
  return {
    bytesAheadMax: Math.min(BYTES_AHEAD_MAX, memoryBytes),
    leases: new Map(),
    ahead: new RangeSet(),
    uncounted: new RangeSet(),
    alone: false,
    late: false,
    revoking: false,
    givenSince: false,
    begunAll: false,
    doubled: false,
    silentBeats: 0,
    secondsPerEvent: undefined,
    busySeconds: returned ? undefined : 0,
    waitSeconds: 0,
    lastWaited: 0,
    waitedSeconds: 0,
  };
}

/** The events of the range leave the lease that they were in, if it is this client's; returns them. */
export function settle(client: ClientState, range: LeasePart): Range[] {
  const lease = client.leases.get(range.lease);
  if (lease === undefined) return [];
  const first = Math.max(range.first, lease.first);
  const end = Math.min(range.end, lease.end);
  const left = client.ahead.remove({ first, end });
  // Not by counting: in an earlier life of the coordinator another lease had this number.
  if (client.ahead.touches(lease)) return left;
  client.leases.delete(range.lease);
  client.alone = false;
  return left;
}

/** What it takes for an event, to compare; who hasn't shown it comes last. */
export const secondsOf = ({ secondsPerEvent }: ClientState): number =>
  secondsPerEvent ?? Number.MAX_VALUE;

/** The client hasn't begun them, and won't: its lease ends before them. Returns those that it had. */
export function giveBack(client: ClientState, range: LeasePart): Range[] {
  const given = settle(client, range);
  const lease = client.leases.get(range.lease);
  // They may come to it again, in another lease.
  if (lease !== undefined)
    client.leases.set(range.lease, { ...lease, end: Math.min(lease.end, range.first) });
  return given;
}

/**
 * @param share events of those that nobody has that would be its; @param eventBytes what an event has that every source is in
 * @param clients how many there are
 */
export function wantsMore(
  { leases, ahead, bytesAheadMax, secondsPerEvent, waitedSeconds }: ClientState,
  { share, eventBytes, clients }: { share: number; eventBytes: number; clients: number },
): boolean {
  if (leases.size < LEASES_AHEAD_MIN) return true;
  if (ahead.count >= EVENTS_AHEAD_ALL / clients) return false;
  if (leases.size >= LEASES_AHEAD_MAX || secondsPerEvent === undefined) return false;
  if (ahead.count * eventBytes > bytesAheadMax - leaseBytesOf(bytesAheadMax)) return false;
  const rest = share * secondsPerEvent * WORK_AHEAD_SHARE;
  const usual = Math.min(WORK_AHEAD_SECONDS_MAX, Math.max(WORK_AHEAD_SECONDS_MIN, rest));
  const wanted = Math.max(usual, WAITS_AHEAD * waitedSeconds);
  return ahead.count * secondsPerEvent < wanted;
}

/** The most bytes of a lease: so many of them are before a client. */
export const leaseBytesOf = (bytesAheadMax: number): number => bytesAheadMax / LEASES_AHEAD_MIN;

/** Whether it has fewer events before it than these, and not much work. */
export function hasLittle(
  { leases, ahead, secondsPerEvent }: ClientState,
  events: number,
): boolean {
  if (secondsPerEvent === undefined || leases.size >= LEASES_AHEAD_MAX) return false;
  return ahead.count < events && ahead.count * secondsPerEvent < CHUNK_AHEAD_SECONDS;
}

/** @param isWorkLeft whether something waits for a client: then it need not have waited */
export function measure(
  client: ClientState,
  {
    events,
    busySeconds,
    waitSeconds,
  }: { events: number; busySeconds: number; waitSeconds: number },
  { isWorkLeft }: { isWorkLeft: boolean },
): void {
  const since = client.busySeconds;
  if (events === 0) return;
  const waited = Math.min(WAITED_SECONDS_MAX, waitSeconds - client.waitSeconds);
  // Before its first results it waited for the others.
  if (isWorkLeft && client.secondsPerEvent !== undefined && waited > WAITED_SECONDS_MIN) {
    client.waitedSeconds = Math.max(client.waitedSeconds, Math.min(waited, client.lastWaited));
    client.lastWaited = waited;
  }
  client.waitSeconds = waitSeconds;
  client.busySeconds = busySeconds;
  client.silentBeats = 0;
  if (since === undefined) return;
  const now = Math.max(SECONDS_PER_EVENT_MIN, (busySeconds - since) / events);
  const before = client.secondsPerEvent;
  client.secondsPerEvent = before === undefined ? now : before + SPEED_WEIGHT * (now - before);
}
