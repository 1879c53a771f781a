import { asRank, type Rank } from "@evb/event";
import type { Join } from "../wire/join.ts";
import { NO_TIMES, type ClientTimes } from "../wire/result-message.ts";

/** One client process and its part of the run. */
export interface Share {
  readonly rank: Rank;
  readonly nonce: string;
  readonly host: string;
  readonly pid: number;
  /** Since it joined, whatever became of its connection. */
  times: ClientTimes;
  /** Of which its results were the first. */
  events: number;
  fragments: number;
  /** It has said hello. */
  greeted: boolean;
  /** It went without a word, and hasn't come back. */
  lost: boolean;
}

/** Every client process that ever joined the run: it is known by its nonce and keeps its rank. */
export class Roster {
  readonly #byNonce = new Map<string, Share>();
  readonly #earlier: ReadonlySet<string>;
  #ranks = 0;

  /** @param earlier those that the journal of a run that goes on knows */
  constructor(earlier: readonly Share[]) {
    for (const share of earlier) {
      this.#byNonce.set(share.nonce, share);
      this.#ranks = Math.max(this.#ranks, share.rank);
    }
    this.#earlier = new Set(earlier.map(({ nonce }) => nonce));
  }

  /** In order of their ranks. */
  get shares(): Share[] {
    return [...this.#byNonce.values()].sort((a, b) => a.rank - b.rank);
  }

  /** @returns the process's part, and whether an earlier life of the coordinator knew it */
  of({ nonce, host, pid }: Join): { share: Share; earlier: boolean } {
    const known = this.#byNonce.get(nonce);
    if (known !== undefined) return { share: known, earlier: this.#earlier.has(nonce) };
    const rank = asRank(++this.#ranks);
    const counts = { times: NO_TIMES, events: 0, fragments: 0, greeted: false, lost: false };
    const share = { rank, nonce, host, pid, ...counts };
    this.#byNonce.set(nonce, share);
    return { share, earlier: false };
  }
}
