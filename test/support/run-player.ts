import type { LeaseId, Rank } from "@evb/event";
import type { Range } from "@evb/runner";

export type Message =
  | {
      readonly kind: "results";
      readonly ranges: readonly (Range & { readonly lease: LeaseId })[];
      readonly busySeconds: number;
      readonly waitSeconds: number;
    }
  | { readonly kind: "epoch"; readonly ranges: readonly Range[] }
  | {
      readonly kind: "revoked";
      readonly ranges: readonly (Range & { readonly lease: LeaseId })[];
    }
  | { readonly kind: "settled" | "leave" };

/** A lease on its way through the working thread. */
export interface Entry {
  readonly lease: LeaseId;
  /** Its totals travel in epochs of their own. */
  readonly alone: boolean;
  next: number;
  end: number;
  begun: boolean;
}

/**
 * One client process as the real one behaves (client.ts and lease-loop.ts), without time: what it has
 * to do, what it has said, and what of that has arrived and was acknowledged.
 */
export class Player {
  /** As its welcome says; a coordinator that doesn't know it any more gives it another one. */
  rank: Rank | undefined;
  /** "cut": it lives, and its coordinator, or this connection to it, doesn't. */
  state: "connected" | "cut" | "gone" = "cut";
  late = false;
  /** It was told to go, and only waits for its acknowledgements. */
  leaving = false;
  /** Its working thread is gone; the next one begins with the next connection. */
  restarting = false;
  queue: Entry[] = [];
  /** Leases that its coordinator has decided on, and not sent. */
  mail: (Entry | "revoke")[] = [];
  /** Not acknowledged; the first `arrived` have come to the coordinator under this connection. */
  kept: Message[] = [];
  arrived = 0;
  busySeconds = 0;
  waitSeconds = 0;
  #unsaid: { lease: LeaseId; first: number; end: number }[] = [];
  #untotalled: { first: number; end: number }[] = [];
  /** The next event's totals travel alone: it was in work when others got what isn't begun. */
  #epochDue = false;

  /** It is welcome, for the first time or once more: what it keeps is said again. */
  connect(rank: Rank): void {
    this.rank = rank;
    this.state = "connected";
    this.late = false;
    this.arrived = 0;
    this.mail = [];
    this.kept = this.kept.filter(({ kind }) => kind === "results" || kind === "epoch");
  }

  /**
   * Drops what isn't begun, and closes its epoch.
   *
   * @param inWork what becomes of the event that is worked on: in this epoch, or after it
   */
  takeBack(inWork: "before" | "after", survives: (event: number) => boolean): "lives" | "died" {
    const [entry] = this.queue;
    this.queue = [];
    if (this.restarting) this.#startOver();
    else if (entry?.begun === true && entry.next < entry.end) {
      entry.end = entry.next + 1;
      this.queue.push(entry);
      if (inWork === "before" && this.work(1, survives) === "died") return "died";
    }
    this.sayEpoch();
    this.#epochDue = true;
    this.kept.push({ kind: "settled" });
    return "lives";
  }

  /** Gives back what isn't begun, and says what; the event in work is in an epoch of its own. */
  giveBack(): void {
    const entries = this.queue;
    this.queue = [];
    const ranges: (Range & { lease: LeaseId })[] = [];
    for (const entry of entries) {
      const first = entry.begun ? entry.next + 1 : entry.next;
      if (first < entry.end) ranges.push({ lease: entry.lease, first, end: entry.end });
      entry.end = Math.min(entry.end, first);
      if (entry.next < entry.end) this.queue.push(entry);
    }
    this.kept.push({ kind: "revoked", ranges });
    this.sayEpoch();
    this.#epochDue = true;
  }

  #startOver(): void {
    this.restarting = false;
    this.#epochDue = false;
    this.#unsaid = [];
    this.#untotalled = [];
  }

  /** Up to so many events, one after the other. */
  work(events: number, survives: (event: number) => boolean): "lives" | "died" {
    if (this.restarting) return "lives";
    for (let left = events; left > 0 && this.queue.length > 0; left--) {
      const entry = this.queue[0]!;
      if (entry.alone && !entry.begun) this.sayEpoch();
      entry.begun = true;
      if (!survives(entry.next)) return "died";
      this.#do(entry.lease, entry.next++);
      if (this.#epochDue) this.sayEpoch();
      if (entry.next < entry.end) continue;
      this.queue.shift();
      if (entry.alone) this.sayEpoch();
    }
    return "lives";
  }

  #do(lease: LeaseId, event: number): void {
    const piece = this.#unsaid.at(-1);
    if (piece?.lease === lease && piece.end === event) piece.end++;
    else this.#unsaid.push({ lease, first: event, end: event + 1 });
    const range = this.#untotalled.at(-1);
    if (range?.end === event) range.end++;
    else this.#untotalled.push({ first: event, end: event + 1 });
  }

  say(): void {
    if (this.#unsaid.length === 0) return;
    const { busySeconds, waitSeconds } = this;
    this.kept.push({ kind: "results", ranges: this.#unsaid, busySeconds, waitSeconds });
    this.#unsaid = [];
  }

  /** Results of the same events go before. */
  sayEpoch(): void {
    this.#epochDue = false;
    this.say();
    if (this.#untotalled.length === 0) return;
    this.kept.push({ kind: "epoch", ranges: this.#untotalled });
    this.#untotalled = [];
  }

  /** Politely: what is done is said, what isn't begun is not. */
  leave(): void {
    this.leaving = true;
    this.queue = [];
    this.sayEpoch();
    this.kept.push({ kind: "leave" });
  }

  /** The event in work took too long: it fails, and what the thread had not sent is lost with it. */
  getStuck(entry: Entry): void {
    const event = { first: entry.next, end: entry.next + 1 };
    const { busySeconds, waitSeconds } = this;
    const ranges = [{ ...event, lease: entry.lease }];
    this.kept.push({ kind: "results", ranges, busySeconds, waitSeconds });
    this.kept.push({ kind: "epoch", ranges: [event] }, { kind: "leave" });
    this.queue = [];
    this.restarting = true;
  }

  /** Its coordinator's journal has all that has come. */
  acknowledge(): void {
    this.kept.splice(0, this.arrived);
    this.arrived = 0;
  }

  /** Leases arrive; a thread that is gone takes none. */
  deliver(): void {
    const mail = this.restarting || this.leaving ? [] : this.mail;
    for (const each of mail)
      if (each === "revoke") this.giveBack();
      else this.queue.push(each);
    this.mail = [];
  }
}
