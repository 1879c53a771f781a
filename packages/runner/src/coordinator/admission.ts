import { sentenceOf } from "@evb/event";
import { decodeJoin, encodeRefusal, type Join } from "../wire/join.ts";
import type { CoordinatorLink } from "../wire/link.ts";
import type { Notices } from "./notices.ts";
import { newPeer, type Peer } from "./peer.ts";
import type { Roster } from "./roster.ts";

/** Which connection of the session is a u16 in every frame, and never used twice. */
const SIDS_MAX = 65_535;
/** A client that died or froze gives its lane back after 2.5 s at most: the one in its place isn't refused before. */
const PATIENCE_MS = 3000;

/** What becomes of a client's lane. */
export interface AdmissionEvents {
  /** Its answer: where its lane is, and all that it needs to know. */
  welcome(peer: Peer): Uint8Array<ArrayBuffer>;
  connected(peer: Peer): void;
  lost(peer: Peer): void;
}

/** Lets clients in: each gets a number and a lane of its own. Who asks again gets the same answer. */
export class Admission {
  readonly #link: CoordinatorLink;
  readonly #run: string;
  readonly #roster: Roster;
  readonly #events: AdmissionEvents;
  readonly #notices: Notices;
  readonly #now: () => number;
  readonly #byNonce = new Map<string, Promise<Peer>>();
  readonly #peers = new Map<number, Peer>();
  /** The connection of each rank that was the last to say hello. */
  readonly #greeted = new Map<number, Peer>();
  readonly #sids = new Map<string, number>();
  /** Of this session: who comes back is no newcomer. */
  readonly #known = new Set<string>();
  readonly #refused = new Map<string, string>();
  /** By nonce: since when there is no lane for it. */
  readonly #withoutLaneMs = new Map<string, number>();
  #sidLast = 0;

  /** @param run which run this is: clients of another one get no answer */
  constructor(
    parts: { link: CoordinatorLink; run: string; roster: Roster },
    events: AdmissionEvents,
    watch: { notices: Notices; now: () => number },
  ) {
    this.#link = parts.link;
    this.#run = parts.run;
    this.#roster = parts.roster;
    this.#events = events;
    this.#notices = watch.notices;
    this.#now = watch.now;
  }

  /** Every connection that was made, but for those that were lost. */
  get peers(): Peer[] {
    return [...this.#peers.values()].filter((peer) => !peer.lost);
  }

  peer(sid: number): Peer | undefined {
    return this.#peers.get(sid);
  }

  /** Who speaks for this rank. */
  ofRank(rank: number): Peer | undefined {
    return this.#greeted.get(rank);
  }

  greeted(peer: Peer): void {
    this.#greeted.set(peer.rank, peer);
  }

  /** @throws EvbError "frame-bad" */
  join(request: Uint8Array, reply: (answer: Uint8Array<ArrayBuffer>) => void): void {
    const join = decodeJoin(request);
    if (join.run !== this.#run) {
      this.#notices.stray("a client of another run");
      return;
    }
    const refused = this.#refused.get(join.nonce) ?? this.#full(join);
    if (refused !== undefined) {
      reply(encodeRefusal({ nonce: join.nonce, refused }));
      return;
    }
    const admitted = this.#byNonce.get(join.nonce) ?? this.#admit(join);
    admitted.then(
      (peer) => {
        this.#withoutLaneMs.delete(join.nonce);
        reply(this.#events.welcome(peer));
      },
      (thrown: unknown) => {
        this.#byNonce.delete(join.nonce);
        if (this.#isPatientWith(join)) return;
        const refused = sentenceOf(thrown);
        this.#notices.say(refused);
        reply(encodeRefusal({ nonce: join.nonce, refused }));
      },
    );
  }

  /** A client asks again and again: another one may leave meanwhile. */
  #isPatientWith({ nonce }: Join): boolean {
    const now = this.#now();
    const since = this.#withoutLaneMs.get(nonce) ?? now;
    this.#withoutLaneMs.set(nonce, since);
    if (now - since < PATIENCE_MS) return true;
    this.#withoutLaneMs.delete(nonce);
    return false;
  }

  /** If it comes back it is another connection. */
  forget(peer: Peer): void {
    const { nonce } = peer.join;
    // The same process may have come as another connection before this one broke.
    if (this.#sids.get(nonce) === peer.sid) this.#byNonce.delete(nonce);
    // A frame of it may still be on its way: its number stays known, all else goes.
    peer.outbox.length = 0;
  }

  /** Nothing of this process is taken any more. */
  refuse(peer: Peer, reason: string): void {
    this.#refused.set(peer.join.nonce, reason);
  }

  #full({ nonce }: Join): string | undefined {
    if (this.#sidLast < SIDS_MAX || this.#byNonce.has(nonce)) return undefined;
    const refused = `no client can join any more: ${String(SIDS_MAX)} have`;
    this.#notices.say(refused);
    return refused;
  }

  #admit(join: Join): Promise<Peer> {
    const { share, earlier } = this.#roster.of(join);
    const again = this.#known.has(join.nonce);
    const came = again ? "same-session" : earlier ? "new-session" : "new";
    let admitted: Peer | undefined;
    // The lane may be connected before it is ours: the promise of it comes later.
    let connected = false;
    const lane = this.#link.openLane({
      connected: () => {
        connected = true;
        if (admitted !== undefined) this.#events.connected(admitted);
      },
      lost: () => {
        if (admitted !== undefined) this.#events.lost(admitted);
      },
    });
    const peer = lane.then((opened) => {
      const sid = ++this.#sidLast;
      this.#known.add(join.nonce);
      this.#sids.set(join.nonce, sid);
      admitted = newPeer({ sid, share, came, join, lane: opened }, this.#now());
      this.#peers.set(sid, admitted);
      if (connected) this.#events.connected(admitted);
      return admitted;
    });
    this.#byNonce.set(join.nonce, peer);
    return peer;
  }
}
