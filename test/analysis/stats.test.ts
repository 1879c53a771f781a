import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { statsOf } from "@evb/analysis";
import {
  ELEMENT_TYPES,
  elementBytes,
  isFloat,
  viewElements,
  type Elements,
  type ElementType,
} from "@evb/event";
import { SeededRandom } from "../support/random.ts";
import { newElementsOf } from "../support/run-elements.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const INTEGERS = ELEMENT_TYPES.filter((type) => !isFloat(type));
const FLOATS = ["f4", "f8"] as const;
/** What a kernel goes through at a time; lengths about its borders are tried. */
const BLOCK_BYTES = 65_536;

/** Element by element, with the sum exact: of integers as a BigInt. */
function integersBy(data: Elements): { min: bigint; max: bigint; sum: bigint } {
  const values = Array.from(data as ArrayLike<number | bigint>, BigInt);
  let [min, max, sum] = [values[0]!, values[0]!, 0n];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  return { min, max, sum };
}

/** The sum as two doubles: what an addition rounds away is added up apart (Neumaier 1974). */
function floatsBy(data: Float32Array | Float64Array): {
  min: number;
  max: number;
  sum: number;
  absolute: number;
} {
  let [min, max, sum, lost, absolute] = [data[0]!, data[0]!, 0, 0, 0];
  for (const value of data) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
    absolute += Math.abs(value);
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max, sum: sum + lost, absolute };
}

function expectIntegers(data: Elements, where: object): void {
  const { min, max, sum } = integersBy(data);
  const said = statsOf(data);
  const big = typeof data[0] === "bigint";
  expect({ ...where, ...said }).toEqual({
    ...where,
    first: data[0],
    min: big ? min : Number(min),
    max: big ? max : Number(max),
    sum: Number(sum),
    mean: Number(sum) / data.length,
  });
}

function expectFloats(data: Float32Array | Float64Array, where: object): void {
  const { min, max, sum, absolute } = floatsBy(data);
  const said = statsOf(data);
  expect({ ...where, first: said.first, min: said.min, max: said.max, mean: said.mean }).toEqual({
    ...where,
    first: data[0],
    min,
    max,
    mean: said.sum / data.length,
  });
  expect({ ...where, near: Math.abs(said.sum - sum) <= 1e-12 * absolute }).toEqual({
    ...where,
    near: true,
  });
}

const expectStats = (data: Elements, where: object): void => {
  if (data instanceof Float32Array || data instanceof Float64Array) expectFloats(data, where);
  else expectIntegers(data, where);
};

/** Elements of any bits, or of floats any number of moderate size, `skip` elements behind the start of their buffer. */
function randomElements(
  type: ElementType,
  length: number,
  { random, skip = 0 }: { random: SeededRandom; skip?: number },
): Elements {
  const bytes = new Uint8Array((length + skip) * elementBytes(type));
  const all = viewElements(type, bytes);
  if (all instanceof Float32Array || all instanceof Float64Array)
    for (let i = 0; i < all.length; i++)
      all[i] = (random.u32() / 2 ** 32 - 0.5) * 2 ** random.below(30);
  else for (let i = 0; i < bytes.length; i++) bytes[i] = random.u32();
  return all.subarray(skip);
}

describe("statistics of a fragment", () => {
  test.each(ELEMENT_TYPES)("of %s: right for 1 to 300 elements, wherever they lie", (type) => {
    for (let length = 1; length <= 300; length++) {
      const random = new SeededRandom(length);
      const skip = random.below(17);
      const where = { type, length, skip, seed: length };
      expectStats(randomElements(type, length, { random, skip }), where);
    }
  });

  test.each(ELEMENT_TYPES)("of %s: right about the borders of blocks", (type) => {
    const block = BLOCK_BYTES / elementBytes(type);
    for (const blocks of [1, 2])
      for (const more of [-17, -1, 0, 1, 33]) {
        const length = blocks * block + more;
        const seed = length;
        const random = new SeededRandom(seed);
        const data = randomElements(type, length, { random, skip: 3 });
        expectStats(data, { type, length, seed });
      }
  });

  test.each(ELEMENT_TYPES)("of %s: the extremes are found at every place", (type) => {
    const block = BLOCK_BYTES / elementBytes(type);
    const length = block + 45;
    const data = viewElements(type, new Uint8Array(length * elementBytes(type)));
    const [low, high] = type.startsWith("u") ? [0, 9] : [-9, 9];
    const cast = (value: number): never =>
      (typeof data[0] === "bigint" ? BigInt(value) : value) as never;
    const places = [0, 1, 2, 3, 5, 8, 15, 16, 31, 32, 63, 64, 100];
    for (const place of [...places, ...Array.from({ length: 70 }, (_, i) => length - 70 + i)]) {
      data.fill(cast(5));
      data[place] = cast(low);
      expect({ place, ...statsOf(data) }).toMatchObject({ place, min: cast(low), max: cast(5) });
      data[place] = cast(high);
      expect({ place, ...statsOf(data) }).toMatchObject({ place, min: cast(5), max: cast(high) });
      expect({ place, sum: statsOf(data).sum }).toEqual({ place, sum: 5 * length + 4 });
    }
  });

  test.each(INTEGERS)("of %s: the smallest and the largest that there are", (type) => {
    const bits = BigInt(8 * elementBytes(type));
    const lowest = type.startsWith("u") ? 0n : -(1n << (bits - 1n));
    const highest = type.startsWith("u") ? (1n << bits) - 1n : (1n << (bits - 1n)) - 1n;
    for (const length of [1, 7, 130, 70_003]) {
      const data = viewElements(type, new Uint8Array(length * elementBytes(type)));
      const cast = (value: bigint): never =>
        (typeof data[0] === "bigint" ? value : Number(value)) as never;
      for (const all of [lowest, highest]) {
        data.fill(cast(all));
        expectIntegers(data, { type, length, all });
      }
      data[length >> 1] = cast(lowest);
      expectIntegers(data, { type, length, all: "both" });
    }
  });

  test.each(["i4", "u4", "i8", "u8"] as const)(
    "of %s: sums beyond 2^53 are the doubles next to the exact sums",
    (type) => {
      // 2^22 + 3 elements of 2^31 − 1 or so pass 2^53; of 64 bit a few do.
      const length = elementBytes(type) === 4 ? 2 ** 22 + 3 : 1001;
      const data = viewElements(type, new Uint8Array(length * elementBytes(type)));
      const high =
        type === "i4" ? 2n ** 31n - 1n : type === "u4" ? 2n ** 32n - 1n : 2n ** 53n / 999n;
      const cast = (value: bigint): never =>
        (typeof data[0] === "bigint" ? value : Number(value)) as never;
      data.fill(cast(high));
      const exact = (BigInt(length) - 1n) * high;
      for (const last of [0n, 1n, 2n, 3n, high]) {
        data[length - 1] = cast(last);
        expect({ last, sum: statsOf(data).sum }).toEqual({ last, sum: Number(exact + last) });
      }
    },
  );

  test.each(FLOATS)("of %s: not-a-number anywhere is seen", (type) => {
    for (const length of [3, 127, 128, 129, 20_000])
      for (const place of [0, 1, length >> 1, length - 1]) {
        const data = newElementsOf(type, new Array<number>(length).fill(1)) as Float64Array;
        data[place] = NaN;
        const first = data[0];
        expect({ length, place, ...statsOf(data) }).toEqual({
          ...{ length, place, first, min: NaN, max: NaN, sum: NaN, mean: NaN },
        });
      }
  });

  test.each(FLOATS)("of %s: infinities are the extremes, and the sum follows them", (type) => {
    for (const length of [5, 128, 20_000]) {
      const data = newElementsOf(type, new Array<number>(length).fill(1)) as Float64Array;
      data[length - 2] = Infinity;
      expect(statsOf(data)).toEqual({
        first: 1,
        min: 1,
        max: Infinity,
        sum: Infinity,
        mean: Infinity,
      });
      data[1] = -Infinity;
      expect(statsOf(data)).toEqual({
        first: 1,
        min: -Infinity,
        max: Infinity,
        sum: NaN,
        mean: NaN,
      });
      data[length - 2] = 1;
      expect(statsOf(data)).toMatchObject({ min: -Infinity, max: 1, sum: -Infinity });
    }
  });

  test.each(FLOATS)("of %s: of zeros the first one counts, with its sign", (type) => {
    // 16 is in an earlier lane of a vector than 9.
    for (const [length, here, there] of [
      [4, 1, 3],
      [128, 9, 16],
      [131, 9, 130],
      [20_000, 9, 16],
      [20_000, 3, 19_999],
    ] as const)
      for (const others of [1, -1])
        for (const zero of [0, -0]) {
          const values = new Array<number>(length).fill(others);
          values[here] = zero;
          values[there] = -zero;
          const { min, max } = statsOf(newElementsOf(type, values));
          const where = { length, here, there, others };
          expect({ ...where, zero: others === 1 ? min : max }).toEqual({ ...where, zero });
        }
    const zeros = newElementsOf(type, new Array<number>(200).fill(-0));
    expect(statsOf(zeros)).toEqual({ first: -0, min: -0, max: -0, sum: 0, mean: 0 });
  });

  test.each(FLOATS)("of %s: a large sum that goes away leaves the small one", (type) => {
    const random = new SeededRandom(5);
    const half = randomElements(type, 50_000, { random }) as Float64Array;
    const data = newElementsOf(type, [...half, ...half.map((value) => -value)]) as Float64Array;
    data[70_000] = 1;
    expectFloats(data, { type, seed: 5 });
  });

  test("sums of floats are these bits on every host: the order of adding is part of them", () => {
    const data = Float64Array.from({ length: 10_007 }, (_, i) => 1 / (i + 1));
    // Lane i adds up the elements i, i + 8, …; then (0 + 2) + (4 + 6) and (1 + 3) + (5 + 7), and the rest one by one.
    const blockSum = (block: Float64Array): number => {
      const lanes = new Array<number>(8).fill(0);
      const whole = block.length - (block.length % 8);
      for (let i = 0; i < whole; i++) lanes[i % 8]! += block[i]!;
      const [a, b, c, d, e, f, g, h] = lanes as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      let sum = a + c + (e + g) + (b + d + (f + h));
      for (const value of block.subarray(whole)) sum += value;
      return sum;
    };
    const expected = blockSum(data.subarray(0, 8192)) + blockSum(data.subarray(8192));
    expect(statsOf(data).sum).toBe(expected);
    expect(statsOf(Float32Array.from(data)).sum).toBe(
      blockSum(Float64Array.from(Float32Array.from(data))),
    );
  });
});

describe("the kernels", () => {
  test("that are kept as WebAssembly are what their source compiles to", async () => {
    const { compileKernels } = (await import(join(ROOT, "scripts/compile-kernels.mjs"))) as {
      compileKernels: (source: string) => Promise<string>;
    };
    const kept = readFileSync(join(ROOT, "packages/analysis/src/builtin/kernels-wasm.ts"), "utf8");
    const source = "packages/analysis/kernels/stats-kernels.ts";
    expect(kept).toContain(`"${await compileKernels(source)}"`);
  });
});
