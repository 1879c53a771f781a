import type { Rank } from "@evb/event";
import type { Lane } from "../wire/link.ts";
import type { Lease } from "../wire/lease-message.ts";
import type { ClientTimes } from "../wire/result-message.ts";
import type { Join } from "../wire/join.ts";

const NO_TIMES: ClientTimes = {
  bytes: 0,
  bytesRead: 0,
  seconds: 0,
  waitSeconds: 0,
  openSeconds: 0,
  readSeconds: 0,
  decodeSeconds: 0,
  analysisSeconds: 0,
};

/** One client, as the coordinator knows it. A client that was lost and comes back is another one. */
export interface Peer {
  readonly rank: Rank;
  readonly join: Join;
  readonly lane: Lane;
  readonly joinedAtMs: number;
  /** The lane's handshake is done. */
  connected: boolean;
  /** Its HELLO came: results will follow in order. */
  greeted: boolean;
  lost: boolean;
  /** It said that it leaves. */
  left: boolean;
  /** The last message that was taken in order. */
  received: number;
  /** The last one that the journal's file has. */
  journalled: number;
  /** The last acknowledgement that was sent. */
  acked: number;
  /** Frames sent on its lane. */
  sent: number;
  /** When something was sent last, and when a gap was last asked for. */
  sentAtMs: number;
  resendAtMs: number;
  /** Leases that go out with the next flush. */
  readonly outbox: Lease[];
  times: ClientTimes;
  events: number;
  fragments: number;
}

/** It can be given leases. */
export const isReady = (peer: Peer): boolean =>
  peer.connected && peer.greeted && !peer.lost && !peer.left;

export function newPeer(rank: Rank, join: Join, lane: Lane, joinedAtMs: number): Peer {
  return {
    rank,
    join,
    lane,
    joinedAtMs,
    connected: false,
    greeted: false,
    lost: false,
    left: false,
    received: 0,
    journalled: 0,
    acked: 0,
    sent: 0,
    sentAtMs: 0,
    resendAtMs: -Infinity,
    outbox: [],
    times: NO_TIMES,
    events: 0,
    fragments: 0,
  };
}
