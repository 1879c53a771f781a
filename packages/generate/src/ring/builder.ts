import type { MockFragment } from "./arrivals.ts";
import { isWithin } from "./stamps.ts";

/** An event as glom collects it: what is in it, and what it will be as a fragment of an event around it. */
export interface MockEvent {
  readonly kind: "event";
  /** Of its builder. */
  readonly source: number;
  /** Of its first member, the policy "earliest". */
  readonly stamp: number;
  /** When its first member arrived. */
  readonly arrives: number;
  readonly members: readonly Member[];
}

export type Member = MockFragment | MockEvent;

/** Fragments of an event: glom closes one that has more than 1000 (specification 6.3). */
const FRAGMENTS_MAX = 1001;

/** Collects members as glom does: by their distance from the first of an event, as they come. */
export class EventBuilder {
  readonly #windowTicks: number;
  readonly #source: number;
  readonly #onEvent: (event: MockEvent) => void;
  #members: Member[] = [];

  constructor(windowTicks: number, source: number, onEvent: (event: MockEvent) => void) {
    this.#windowTicks = windowTicks;
    this.#source = source;
    this.#onEvent = onEvent;
  }

  /** When the first member of the open event arrived; Infinity if none is open. */
  get openSince(): number {
    return this.#members[0]?.arrives ?? Infinity;
  }

  take(member: Member): void {
    const first = this.#members[0];
    if (first !== undefined) {
      const isFull = this.#members.length >= FRAGMENTS_MAX;
      if (isFull || !isWithin(member.stamp, first.stamp, this.#windowTicks)) this.close();
    }
    this.#members.push(member);
  }

  /** Hands the open event on, if there is one. */
  close(): void {
    const first = this.#members[0];
    if (first === undefined) return;
    const members = this.#members;
    this.#members = [];
    const { stamp, arrives } = first;
    this.#onEvent({ kind: "event", source: this.#source, stamp, arrives, members });
  }
}
