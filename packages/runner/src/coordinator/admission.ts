import { asRank, sentenceOf, type Rank } from "@evb/event";
import { decodeJoin, type Join } from "../wire/join.ts";
import type { CoordinatorLink, Lane } from "../wire/link.ts";
import type { Notices } from "./notices.ts";
import { newPeer, type Peer } from "./peer.ts";

/** Which client of the session is a u16 in every frame, and never used twice. */
const SIDS_MAX = 65_535;

/** What becomes of a client's lane. */
export interface AdmissionEvents {
  /** Its answer: where its lane is, and all that it needs to know. */
  welcome(nonce: string, rank: Rank, lane: Lane): Uint8Array<ArrayBuffer>;
  connected(peer: Peer): void;
  lost(peer: Peer): void;
}

/** Lets clients in: each gets a number and a lane of its own. Who asks again gets the same answer. */
export class Admission {
  readonly #link: CoordinatorLink;
  readonly #events: AdmissionEvents;
  readonly #notices: Notices;
  readonly #now: () => number;
  readonly #byNonce = new Map<string, Promise<Peer>>();
  readonly #peers = new Map<number, Peer>();
  #sids = 0;

  constructor(
    link: CoordinatorLink,
    events: AdmissionEvents,
    watch: { notices: Notices; now: () => number },
  ) {
    this.#link = link;
    this.#events = events;
    this.#notices = watch.notices;
    this.#now = watch.now;
  }

  /** Everybody who ever joined. */
  get peers(): Peer[] {
    return [...this.#peers.values()];
  }

  peer(sid: number): Peer | undefined {
    return this.#peers.get(sid);
  }

  /** @throws EvbError "frame-bad" */
  join(request: Uint8Array, reply: (welcome: Uint8Array<ArrayBuffer>) => void): void {
    const join = decodeJoin(request);
    const admitted = this.#byNonce.get(join.nonce) ?? this.#admit(join);
    admitted?.then(
      ({ rank, lane }) => {
        reply(this.#events.welcome(join.nonce, rank, lane));
      },
      (thrown: unknown) => {
        this.#byNonce.delete(join.nonce);
        this.#notices.say(sentenceOf(thrown));
      },
    );
  }

  /** If it comes back it is another one. */
  forget(peer: Peer): void {
    this.#byNonce.delete(peer.join.nonce);
  }

  #admit(join: Join): Promise<Peer> | undefined {
    if (this.#sids === SIDS_MAX) {
      this.#notices.say(`no client can join any more: ${String(SIDS_MAX)} have`);
      return undefined;
    }
    const sid = ++this.#sids;
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
      admitted = newPeer(asRank(sid), join, opened, this.#now());
      this.#peers.set(sid, admitted);
      if (connected) this.#events.connected(admitted);
      return admitted;
    });
    this.#byNonce.set(join.nonce, peer);
    return peer;
  }
}
