/** Counts of few fragments, as nearly all are, stand in an array. */
const FEW_FRAGMENTS = 1024;

/** Events by the number of their fragments. */
export class Multiplicity {
  readonly #few = new Float64Array(FEW_FRAGMENTS);
  readonly #many = new Map<number, number>();

  /** Counts one event of so many fragments. */
  add(fragments: number): void {
    if (fragments < FEW_FRAGMENTS) this.#few[fragments]!++;
    else this.#many.set(fragments, (this.#many.get(fragments) ?? 0) + 1);
  }

  /** Fragments → events, ascending. */
  get counts(): ReadonlyMap<number, number> {
    const few = [...this.#few.entries()].filter(([, events]) => events > 0);
    return new Map([...few, ...[...this.#many].sort(([one], [other]) => one - other)]);
  }
}
