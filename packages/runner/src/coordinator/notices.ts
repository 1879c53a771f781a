import type { FaultCounts } from "./counts.ts";

/** A stranger that sends nonsense can't fill the log. */
const PAUSE_MS = 1000;

/** Sentences for whoever watches: at most one a second; the others are counted. */
export class Notices {
  readonly #counts: FaultCounts;
  readonly #say: (sentence: string) => void;
  readonly #now: () => number;
  #saidAtMs = -Infinity;
  #muted = 0;

  constructor(counts: FaultCounts, say: (sentence: string) => void, now: () => number) {
    this.#counts = counts;
    this.#say = say;
    this.#now = now;
  }

  say(sentence: string): void {
    const now = this.#now();
    if (now - this.#saidAtMs < PAUSE_MS) {
      this.#muted++;
      return;
    }
    const more = this.#muted === 0 ? "" : ` (and ${String(this.#muted)} more messages)`;
    this.#saidAtMs = now;
    this.#muted = 0;
    this.#say(`${sentence}${more}`);
  }

  stray(what: string): void {
    this.#counts.strayFrames++;
    this.say(`ignored: ${what}`);
  }
}
