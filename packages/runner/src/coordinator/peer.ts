import type { Rank } from "@evb/event";
import type { Lane } from "../wire/link.ts";
import type { Lease } from "../wire/lease-message.ts";
import type { Join } from "../wire/join.ts";
import type { Share } from "./roster.ts";

/** One connection of a client, as the coordinator knows it. When it was lost and comes back, that is another one. */
export interface Peer {
  /** Which connection of this session, never used twice. */
  readonly sid: number;
  /** Which process of the run; it keeps its rank when it comes back. */
  readonly rank: Rank;
  /** What the process has done, under whatever sid. */
  readonly share: Share;
  /** It was there before: in this session, or with an earlier life of the coordinator. */
  readonly came: "new" | "same-session" | "new-session";
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
  /** Nothing was heard of it for a while. */
  late: boolean;
  heardAtMs: number;
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
  readonly outbox: { readonly lease: Lease; readonly double: boolean }[];
  /** It is asked with the next flush to give back what it hasn't begun. */
  revoke: boolean;
}

/** It can be given leases. */
export const isReady = (peer: Peer): boolean =>
  peer.connected && peer.greeted && !peer.lost && !peer.left;

export function newPeer(
  who: Pick<Peer, "sid" | "share" | "came" | "join" | "lane">,
  nowMs: number,
): Peer {
  return {
    ...who,
    rank: who.share.rank,
    joinedAtMs: nowMs,
    connected: false,
    greeted: false,
    lost: false,
    left: false,
    late: false,
    heardAtMs: nowMs,
    received: 0,
    journalled: 0,
    acked: 0,
    sent: 0,
    sentAtMs: 0,
    resendAtMs: -Infinity,
    outbox: [],
    revoke: false,
  };
}
