import type { MockFragment } from "./arrivals.ts";
import { EventBuilder, type MockEvent } from "./builder.ts";
import { BUILDER_LEVEL_STEP, type MockRingRun } from "./mock-ring-run.ts";

/**
 * A builder, and the stages that feed it: an innermost one has two sources of its own, one above it the events of two
 * such, and so on; the outermost takes from all that there are.
 */
export class BuilderStage {
  readonly #builder: EventBuilder;
  readonly #inner: readonly BuilderStage[];
  readonly #firstSource: number;
  /** Sources of each inner stage. */
  readonly #share: number;
  /** Events of the inner stages that something older may still come in front of, by arrival. */
  readonly #waiting: MockEvent[] = [];

  /**
   * @param level from 1
   * @param sources ascending without gaps
   * @param onEvent gets the events in the order in which they are complete
   */
  constructor(
    run: MockRingRun,
    level: number,
    sources: readonly number[],
    onEvent: (event: MockEvent) => void,
  ) {
    this.#firstSource = sources[0]!;
    this.#share = 2 ** (level - 1);
    const number = Math.floor((this.#firstSource - run.firstSource) / 2 ** level) + 1;
    const id = level === run.nesting ? 0 : BUILDER_LEVEL_STEP * level + number;
    this.#builder = new EventBuilder(run.windowTicks, id, onEvent);
    const inner: BuilderStage[] = [];
    for (let at = 0; level > 1 && at < sources.length; at += this.#share)
      inner.push(
        new BuilderStage(run, level - 1, sources.slice(at, at + this.#share), (event) => {
          this.#wait(event);
        }),
      );
    this.#inner = inner;
  }

  take(fragment: MockFragment): void {
    if (this.#inner.length === 0) {
      this.#builder.take(fragment);
      return;
    }
    this.#inner[Math.floor((fragment.source - this.#firstSource) / this.#share)]!.take(fragment);
    this.#passOn();
  }

  /** Closes what is open, as a barrier does. */
  closeAll(): void {
    for (const stage of this.#inner) stage.closeAll();
    this.#passOn();
    this.#builder.close();
  }

  /** When the oldest that it holds arrived: what it will hand on isn't older. Infinity if it holds nothing. */
  #heldSince(): number {
    let since = Math.min(this.#builder.openSince, this.#waiting[0]?.arrives ?? Infinity);
    for (const stage of this.#inner) since = Math.min(since, stage.#heldSince());
    return since;
  }

  #wait(event: MockEvent): void {
    const waiting = this.#waiting;
    let row = waiting.length;
    while (row > 0 && waiting[row - 1]!.arrives > event.arrives) row--;
    waiting.splice(row, 0, event);
  }

  /** Gives the builder what nothing can come in front of any more, as an orderer between two builders does. */
  #passOn(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    let bound = Infinity;
    for (const stage of this.#inner) bound = Math.min(bound, stage.#heldSince());
    while (waiting.length > 0 && waiting[0]!.arrives < bound) this.#builder.take(waiting.shift()!);
  }
}
