import { NULL_STAMP } from "@evb/formats";

/** What one source of a ring-item file has. */
export interface SourceSummary {
  readonly source: number;
  /** Of built events' innermost level, and raw PHYSICS_EVENTs with a body header. */
  readonly fragments: number;
  /** Run items with a body header of this source, by type. */
  readonly runItems: Readonly<Record<string, number>>;
  /** The smallest and the largest stamp of its fragments; undefined where none has one. */
  readonly firstTime: bigint | undefined;
  readonly lastTime: bigint | undefined;
  /** Fragments per 10^6 ticks, over the time between the two. */
  readonly fragmentsPerMegatick: number | undefined;
  /** Fragments with a smaller stamp than the one before of this source, and with the same. */
  readonly backwardSteps: number;
  readonly duplicates: number;
  /** Fragments, and run items, without a stamp. */
  readonly nullFragments: number;
  readonly nullRunItems: number;
}

/** Counts what comes by of one source. */
export class SourceTally {
  readonly #source: number;
  readonly #runItems = new Map<string, number>();
  #fragments = 0;
  #first = NULL_STAMP;
  #last = 0n;
  #before: bigint | undefined;
  #backward = 0;
  #duplicates = 0;
  #nullFragments = 0;
  #nullRunItems = 0;

  constructor(source: number) {
    this.#source = source;
  }

  addFragment(stamp: bigint): void {
    this.#fragments++;
    if (stamp === NULL_STAMP) {
      this.#nullFragments++;
      return;
    }
    if (stamp < this.#first) this.#first = stamp;
    if (stamp > this.#last) this.#last = stamp;
    if (this.#before !== undefined && stamp < this.#before) this.#backward++;
    if (stamp === this.#before) this.#duplicates++;
    this.#before = stamp;
  }

  addRunItem(type: string, stamp: bigint): void {
    this.#runItems.set(type, (this.#runItems.get(type) ?? 0) + 1);
    if (stamp === NULL_STAMP) this.#nullRunItems++;
  }

  summary(): SourceSummary {
    const stamped = this.#before !== undefined;
    const ticks = stamped ? Number(this.#last - this.#first) : 0;
    return {
      source: this.#source,
      fragments: this.#fragments,
      runItems: Object.fromEntries(this.#runItems),
      firstTime: stamped ? this.#first : undefined,
      lastTime: stamped ? this.#last : undefined,
      fragmentsPerMegatick: ticks > 0 ? (this.#fragments / ticks) * 1e6 : undefined,
      backwardSteps: this.#backward,
      duplicates: this.#duplicates,
      nullFragments: this.#nullFragments,
      nullRunItems: this.#nullRunItems,
    };
  }
}
