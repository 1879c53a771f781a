import { Totals, type TotalSchema } from "@evb/analysis";

/** What a client has totalled since it said so last, and which events are in it: the next epoch. */
export class Delta {
  readonly #schema: readonly TotalSchema[];
  #totals: Totals;
  #ranges: { first: number; events: number }[] = [];

  constructor(schema: readonly TotalSchema[]) {
    this.#schema = schema;
    this.#totals = new Totals(schema);
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Ranges of events. */
  get rangeCount(): number {
    return this.#ranges.length;
  }

  /** The event's totals are added, or it failed and has none. */
  count(event: number): void {
    const last = this.#ranges.at(-1);
    if (last !== undefined && last.first + last.events === event) last.events++;
    else this.#ranges.push({ first: event, events: 1 });
  }

  take(): { ranges: { first: number; events: number }[]; totals: Totals } {
    const taken = { ranges: this.#ranges, totals: this.#totals };
    this.#ranges = [];
    this.#totals = new Totals(this.#schema);
    return taken;
  }
}
