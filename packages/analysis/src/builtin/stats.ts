import type { Elements } from "@evb/event";
import { defineAnalysis } from "../analysis.ts";
import { elementColumn, elementsOf } from "./elements.ts";
import { reduceByKernel, type Reduction } from "./stats-kernels.ts";
import { addReadTotals, readTotals } from "./totals.ts";

/** What `stats` says of one fragment. */
export interface Stats {
  first: number | bigint;
  min: number | bigint;
  max: number | bigint;
  sum: number;
  mean: number;
}

/** The default analysis: first, smallest and largest element, sum and mean of each fragment. */
export const stats = defineAnalysis({
  setup({ sources }) {
    const totals = readTotals(sources);
    const integers = "first" in totals;
    const type = elementColumn(sources);
    return {
      fragmentColumns: { first: type, min: type, max: type, sum: "f8", mean: "f8" },
      totals,
      event(event, sums) {
        addReadTotals(event, sums, integers);
        const each = event.fragments.map((fragment) => statsOf(elementsOf(fragment)));
        return {
          fragments: {
            first: each.map((one) => one.first),
            min: each.map((one) => one.min),
            max: each.map((one) => one.max),
            sum: each.map((one) => one.sum),
            mean: each.map((one) => one.mean),
          },
        };
      },
    };
  },
});

/**
 * Statistics of shape (n) elements. Of no elements: zeros, and a mean that is not a number. The same bytes on every host.
 */
export function statsOf(data: Elements): Stats {
  if (data.length === 0) return { first: 0, min: 0, max: 0, sum: 0, mean: NaN };
  const reduced = data.length < KERNEL_ELEMENTS ? reduceByLoop(data) : reduceByKernel(data);
  const floats = data instanceof Float32Array || data instanceof Float64Array;
  const { min, max, sum } = floats ? ofFloats(data, reduced) : reduced;
  return { first: data[0]!, min, max, sum, mean: sum / data.length };
}

/**
 * A kernel's call and copy cost as much as a loop over so many elements (test/bench/stats.mjs, 2026-11-20). Both say the same
 * of integers; the last digits of the sums of floats depend on it.
 */
const KERNEL_ELEMENTS = 128;

function reduceByLoop(data: Elements): Reduction {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return reduceBig(data);
  let min = data[0]!;
  let max = data[0]!;
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max, sum };
}

/**
 * Its own loop: one that has seen both kinds of array is 4–6 times slower for good. Low and high halves are added apart, as
 * doubles: exact for so few elements, and no BigInt is made of an element.
 */
function reduceBig(data: BigInt64Array | BigUint64Array): Reduction {
  const at = [data.buffer, data.byteOffset, 2 * data.length] as const;
  const lows = new Uint32Array(...at);
  const highs = data instanceof BigInt64Array ? new Int32Array(...at) : lows;
  let smallest = 0;
  let largest = 0;
  let low = 0;
  let high = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < data[smallest]!) smallest = i;
    if (data[i]! > data[largest]!) largest = i;
    low += lows[2 * i]!;
    high += highs[2 * i + 1]!;
  }
  const sum = Number(BigInt(low) + (BigInt(high) << 32n));
  return { min: data[smallest]!, max: data[largest]!, sum };
}

/** Comparisons pass over not-a-number, and find two zeros equal: the first one counts, with its sign. */
function ofFloats(data: Float32Array | Float64Array, { min, max, sum }: Reduction): Reduction {
  // Infinities of both signs have such a sum as well.
  if (Number.isNaN(sum) && data.some(Number.isNaN)) return { min: NaN, max: NaN, sum: NaN };
  const zero = min === 0 || max === 0 ? data[data.indexOf(0)]! : 0;
  // Written out, as the bits of a not-a-number that was computed are not the same on every processor.
  return {
    min: min === 0 ? zero : min,
    max: max === 0 ? zero : max,
    sum: Number.isNaN(sum) ? NaN : sum,
  };
}
