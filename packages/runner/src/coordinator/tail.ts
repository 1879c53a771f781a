import type { Rank } from "@evb/event";
import { secondsOf, type ClientState } from "./client-state.ts";

/** So much work is worth asking for: the answer takes a millisecond where processors are shared. */
const REVOKE_SECONDS_MIN = 0.002;
/** What its client hasn't spoken of for so long is given to an idle one as well, or where that does it in half the time. */
const DOUBLE_SECONDS_MIN = 0.02;
const DOUBLE_RATIO = 2;
/** Between two "beat" stimuli. */
const BEAT_SECONDS = 0.1;

/** What is to be done while clients have nothing to do, and others have. */
export interface TailMoves {
  /** Whether a client has nothing to do. */
  readonly idles: boolean;
  /** They are asked to give back what they haven't begun. */
  readonly revoke: readonly Rank[];
  /** What `of` has begun is given to `to`, too. */
  readonly double: readonly { readonly to: Rank; readonly of: Rank }[];
}

type Clients = ReadonlyMap<Rank, ClientState>;

/**
 * Toward the end, when nothing waits: whom to ask for what it hasn't begun, and whose events to do twice. One client
 * for each that idles, those with most work before them first.
 */
export function tailMoves(clients: Clients): TailMoves {
  const idle: Entry[] = [];
  let answers = 0;
  let fastest = Number.MAX_VALUE;
  for (const entry of clients) {
    if (entry[1].revoking) answers++;
    if (!isIdle(entry[1])) continue;
    idle.push(entry);
    fastest = Math.min(fastest, secondsOf(entry[1]));
  }
  const idles = idle.length > 0;
  if (!idles || idle.length === clients.size) return { ...NOTHING, idles };
  const busy: Entry[] = [];
  // A thousand clients may end together: only who can be helped is put in order.
  for (const entry of clients) if (canBeHelped(entry[1], fastest)) busy.push(entry);
  if (busy.length === 0) return { ...NOTHING, idles };
  idle.sort(([, a], [, b]) => secondsOf(a) - secondsOf(b));
  busy.sort(([, a], [, b]) => restSeconds(b) - restSeconds(a));
  const revoke: Rank[] = [];
  const double: { to: Rank; of: Rank }[] = [];
  for (const [rank, client] of busy) {
    const to = idle[double.length];
    if (to === undefined) break;
    if (!client.begunAll) {
      if (answers + revoke.length < idle.length) revoke.push(rank);
    } else if (isSlow(client, secondsOf(to[1]))) double.push({ to: to[0], of: rank });
  }
  return { idles, revoke, double };
}

type Entry = [Rank, ClientState];

/** Whether something may be taken from it or doubled that is worth it. */
function canBeHelped(client: ClientState, fastest: number): boolean {
  const { late, alone, revoking, begunAll, doubled, ahead } = client;
  if (late || alone || revoking || doubled || ahead.count === 0) return false;
  if (!begunAll && ahead.count > 1 && restSeconds(client) >= REVOKE_SECONDS_MIN) return true;
  return isSlow(client, fastest);
}

const isIdle = ({ late, alone, leases }: ClientState): boolean =>
  !late && !alone && leases.size === 0;

/** As far as it has shown; of one that hasn't, since when nothing has come. */
function restSeconds({ ahead, secondsPerEvent, silentBeats }: ClientState): number {
  return secondsPerEvent === undefined ? silentBeats * BEAT_SECONDS : ahead.count * secondsPerEvent;
}

/** Whether a client that takes so long for an event would be done long before this one. */
function isSlow(client: ClientState, secondsPerEvent: number): boolean {
  const silent = (client.silentBeats - 1) * BEAT_SECONDS;
  const rest = Math.max(restSeconds(client), silent);
  return rest >= DOUBLE_SECONDS_MIN && rest >= DOUBLE_RATIO * client.ahead.count * secondsPerEvent;
}

const NOTHING = { revoke: [], double: [] };
