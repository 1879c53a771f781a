import type { ClientState } from "./client-state.ts";

/** How fast clients are, against each other: what is left is shared out by it. */
export class Speeds {
  #sum = 0;
  #known = 0;

  /** A client was measured: before, and now; undefined: not, or it isn't there. */
  change(before: number | undefined, now: number | undefined): void {
    if (before !== undefined) {
      this.#sum -= 1 / before;
      this.#known--;
    }
    if (now !== undefined) {
      this.#sum += 1 / now;
      this.#known++;
    }
    // What is left of sums of differences would be shared out.
    if (this.#known === 0) this.#sum = 0;
  }

  /** The part of `clients` clients' work that this one does; who wasn't measured yet is as fast as the mean. */
  shareOf({ secondsPerEvent }: Pick<ClientState, "secondsPerEvent">, clients: number): number {
    if (secondsPerEvent === undefined || this.#known === 0) return 1 / clients;
    return this.#known / (secondsPerEvent * this.#sum * clients);
  }
}
