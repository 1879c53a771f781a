import type { TotalsOfEvent } from "./analysis.ts";
import { fault } from "./faults.ts";
import type { TotalSchema } from "./schema.ts";

const RANGES = {
  i8: [-(2n ** 63n), 2n ** 63n - 1n],
  u8: [0n, 2n ** 64n - 1n],
} as const;

/** Two of these are 2^53, up to which a double drops no unit; what is larger goes to the exact part. */
const SAFE = 2 ** 52;

/**
 * Sums over a set of events. Integers are exact at any size; whether they fit is asked at the very
 * end, so that the answer doesn't depend on which events were added first.
 */
export class Totals {
  readonly schema: readonly TotalSchema[];
  readonly #integers: { exact: bigint; small: number }[];
  readonly #floats: Float64Array[];

  constructor(schema: readonly TotalSchema[]) {
    this.schema = schema;
    this.#integers = schema.map(() => ({ exact: 0n, small: 0 }));
    this.#floats = schema.map(({ type, length }) => new Float64Array(type === "f8" ? length : 0));
  }

  /** @param total row of the schema */
  add(total: number, value: number | bigint, bin: number): void {
    if (this.schema[total]!.type === "f8") this.#floats[total]![bin]! += Number(value);
    else this.#addInteger(this.#integers[total]!, value);
  }

  addAll(total: number, values: ArrayLike<number>): void {
    const sums = this.#floats[total]!;
    for (let bin = 0; bin < sums.length; bin++) sums[bin]! += values[bin]!;
  }

  /** Adds what another part of the events gave. */
  merge(other: Totals): void {
    this.schema.forEach((_, total) => {
      this.#addInteger(this.#integers[total]!, other.integer(total));
      this.addAll(total, other.#floats[total]!);
    });
  }

  integer(total: number): bigint {
    const { exact, small } = this.#integers[total]!;
    return exact + BigInt(small);
  }

  floats(total: number): Float64Array {
    return this.#floats[total]!;
  }

  /** @throws EvbError "total-overflow" */
  checkRange(): void {
    this.schema.forEach(({ name, type }, total) => {
      if (type === "f8") return;
      const value = this.integer(total);
      const [low, high] = RANGES[type];
      if (value < low || value > high)
        throw fault("total-overflow", { name, type, value: String(value) });
    });
  }

  #addInteger(sum: { exact: bigint; small: number }, value: number | bigint): void {
    if (typeof value === "bigint") sum.exact += value;
    else if (Math.abs(value) > SAFE) sum.exact += BigInt(value);
    else {
      sum.small += value;
      if (Math.abs(sum.small) <= SAFE) return;
      sum.exact += BigInt(sum.small);
      sum.small = 0;
    }
  }
}

/** Keeps what an event adds until its analysis has returned; then it counts, or it never was. */
export class StagedTotals implements TotalsOfEvent {
  readonly #rows: ReadonlyMap<string, number>;
  readonly #schema: readonly TotalSchema[];
  readonly #staged: { total: number; bin: number; value: number | bigint | ArrayLike<number> }[] =
    [];

  constructor(schema: readonly TotalSchema[]) {
    this.#schema = schema;
    this.#rows = new Map(schema.map(({ name }, row) => [name, row]));
  }

  add(name: string, value: number | bigint, bin = 0): void {
    const total = this.#rowOf(name);
    const { type, length } = this.#schema[total]!;
    if (!Number.isInteger(bin) || bin < 0 || bin >= length)
      throw bad(
        `bin ${String(bin)} of the total ${name}`,
        `it has bins 0 to ${String(length - 1)}`,
      );
    if (typeof value === "number" ? type !== "f8" && !Number.isSafeInteger(value) : !isWord(value))
      throw bad(
        `${String(value)} for the total ${name}`,
        type === "f8" ? "it adds numbers" : "it adds integers; above 2^53 give a BigInt of 64 bit",
      );
    this.#staged.push({ total, bin, value });
  }

  addAll(name: string, values: ArrayLike<number>): void {
    const total = this.#rowOf(name);
    const { type, length } = this.#schema[total]!;
    if (type !== "f8" || values.length !== length)
      throw bad(
        `${String(values.length)} values for the total ${name}`,
        `it is ${type} with ${String(length)} bins`,
      );
    // A copy: the analysis may use its array again before the event is over.
    this.#staged.push({ total, bin: -1, value: Float64Array.from(values) });
  }

  /** Adds what was staged, and forgets it. */
  commit(into: Totals): void {
    for (const { total, bin, value } of this.#staged) {
      if (typeof value === "object") into.addAll(total, value);
      else into.add(total, value, bin);
    }
    this.forget();
  }

  forget(): void {
    this.#staged.length = 0;
  }

  #rowOf(name: string): number {
    const row = this.#rows.get(name);
    if (row === undefined) throw bad(`a total ${name}`, "it declares none of this name");
    return row;
  }
}

/** Sums of 2^63 such values, which no run has, still fit into the 128 bit in which they travel. */
function isWord(value: unknown): boolean {
  return (
    typeof value === "bigint" &&
    (value === BigInt.asIntN(64, value) || value === BigInt.asUintN(64, value))
  );
}

function bad(what: string, reason: string): Error {
  return fault("analysis-bad-result", { what, reason });
}
