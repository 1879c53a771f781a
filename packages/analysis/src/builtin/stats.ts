import type { Elements } from "@evb/event";
import { defineAnalysis } from "../analysis.ts";
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
    return {
      fragmentColumns: { first: "data", min: "data", max: "data", sum: "f8", mean: "f8" },
      totals,
      event(event, sums) {
        addReadTotals(event, sums, integers);
        const each = event.fragments.map((fragment) => statsOf(fragment.data));
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

/** Statistics of shape (n) elements. Of no elements: zeros, and a mean that is not a number. */
export function statsOf(data: Elements): Stats {
  if (data.length === 0) return { first: 0, min: 0, max: 0, sum: 0, mean: NaN };
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return statsOfBig(data);
  return statsOfNumbers(data);
}

/** So many elements are summed before they are added to the rest: sums of floats stay within 1e-12 of the exact ones. */
const BLOCK = 1024;

function statsOfNumbers(data: Exclude<Elements, BigInt64Array | BigUint64Array>): Stats {
  let min = data[0]!;
  let max = data[0]!;
  let sum = 0;
  for (let block = 0; block < data.length; block += BLOCK) {
    const end = Math.min(block + BLOCK, data.length);
    let part = 0;
    for (let i = block; i < end; i++) {
      const value = data[i]!;
      part += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    sum += part;
  }
  if (Number.isNaN(sum) && data.some(Number.isNaN)) min = max = NaN;
  return { first: data[0]!, min, max, sum, mean: sum / data.length };
}

/** Its own kernel: one that has seen both kinds of array is 4–6 times slower for good. */
function statsOfBig(data: BigInt64Array | BigUint64Array): Stats {
  let smallest = 0;
  let largest = 0;
  for (let i = 1; i < data.length; i++) {
    if (data[i]! < data[smallest]!) smallest = i;
    if (data[i]! > data[largest]!) largest = i;
  }
  const sum = Number(exactSum(data));
  const [min, max] = [data[smallest]!, data[largest]!];
  return { first: data[0]!, min, max, sum, mean: sum / data.length };
}

/** So many halves of 32 bit add up to less than 2^53. */
const HALVES = 2 ** 20;

/** Low and high halves are added apart, as doubles: exact, and no BigInt is made of an element. */
function exactSum(data: BigInt64Array | BigUint64Array): bigint {
  const signed = data instanceof BigInt64Array;
  const at = [data.buffer, data.byteOffset, 2 * data.length] as const;
  const lows = new Uint32Array(...at);
  const highs = signed ? new Int32Array(...at) : lows;
  let sum = 0n;
  for (let block = 0; block < lows.length; block += 2 * HALVES) {
    const end = Math.min(block + 2 * HALVES, lows.length);
    let low = 0;
    let high = 0;
    for (let i = block; i < end; i += 2) {
      low += lows[i]!;
      high += highs[i + 1]!;
    }
    sum += BigInt(low) + (BigInt(high) << 32n);
  }
  return sum;
}
