// Smallest, largest and sum of a block of elements in one pass, in AssemblyScript: compiled to WebAssembly with 128-bit vectors
// by scripts/compile-kernels.mjs, which writes src/builtin/kernels-wasm.ts. Whoever calls has copied the block to `block()`;
// what comes out lies at `result()` (docs/decisions/0026-stats-kernels.md):
//
//    0  smallest  of the block's type, in the first lane of 16 bytes
//   16  largest   the same
//   32  sum       i64, or f64 of floats; of 64-bit integers the sum of their low halves
//   40  sum       i64 of the high halves of 64-bit integers
const RESULT: usize = memory.data(48, 16);

export function result(): usize {
  return RESULT;
}

/** The first byte behind everything else, at the border of a cache line. */
export function block(): usize {
  return (__heap_base + 63) & ~63;
}

/** Folds the lanes that were kept, and the elements behind the last whole vector, into the first lanes. */
// @ts-ignore: decorator
@inline
function fold<T>(least: v128, most: v128, tail: usize, end: usize): void {
  v128.store(RESULT, least);
  v128.store(RESULT, most, 16);
  let smallest = load<T>(RESULT);
  let largest = load<T>(RESULT, 16);
  for (let lane: usize = sizeof<T>(); lane < 16; lane += sizeof<T>()) {
    const low = load<T>(RESULT + lane);
    const high = load<T>(RESULT + lane, 16);
    if (low < smallest) smallest = low;
    if (high > largest) largest = high;
  }
  for (let at = tail; at < end; at += sizeof<T>()) {
    const value = load<T>(at);
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  }
  store<T>(RESULT, smallest);
  store<T>(RESULT, largest, 16);
}

/** Lanes of 32 bit: pairs of 16 bit add up to less than 2^17, so a block of 2^14 vectors fits. */
// @ts-ignore: decorator
@inline
function narrow<T>(elements: usize): void {
  const from = block();
  const end = from + elements * sizeof<T>();
  const tail = from + ((elements * sizeof<T>()) & ~15);
  let least = v128.splat<T>(load<T>(from));
  let most = least;
  let sums = i32x4.splat(0);
  for (let at = from; at < tail; at += 16) {
    const values = v128.load(at);
    least = v128.min<T>(least, values);
    most = v128.max<T>(most, values);
    let pairs = v128.extadd_pairwise<T>(values);
    // Of two bytes, signed or not, the sum is within 16 bits and a sign.
    if (sizeof<T>() == 1) pairs = i32x4.extadd_pairwise_i16x8_s(pairs);
    sums = i32x4.add(sums, pairs);
  }
  let sum: i64 = 0;
  sum += i32x4.extract_lane(sums, 0);
  sum += i32x4.extract_lane(sums, 1);
  sum += i32x4.extract_lane(sums, 2);
  sum += i32x4.extract_lane(sums, 3);
  for (let at = tail; at < end; at += sizeof<T>()) sum += <i64>load<T>(at);
  fold<T>(least, most, tail, end);
  store<i64>(RESULT, sum, 32);
}

export function i1(elements: usize): void {
  narrow<i8>(elements);
}
export function u1(elements: usize): void {
  narrow<u8>(elements);
}
export function i2(elements: usize): void {
  narrow<i16>(elements);
}
export function u2(elements: usize): void {
  narrow<u16>(elements);
}

/**
 * Two elements are one number of 64 bit: these are added up modulo 2^64, and their high halves apart, which gives the low ones.
 * Signed elements are moved up by 2^31 for that.
 */
// @ts-ignore: decorator
@inline
function words<T>(elements: usize): void {
  const from = block();
  const end = from + elements * 4;
  const tail = from + ((elements * 4) & ~15);
  let least = v128.splat<T>(load<T>(from));
  let most = least;
  const bias = i32x4.splat(isSigned<T>() ? 0x80000000 : 0);
  let both = i64x2.splat(0);
  let odd = i64x2.splat(0);
  for (let at = from; at < tail; at += 16) {
    const values = v128.load(at);
    least = v128.min<T>(least, values);
    most = v128.max<T>(most, values);
    const moved = isSigned<T>() ? v128.xor(values, bias) : values;
    both = i64x2.add(both, moved);
    odd = i64x2.add(odd, i64x2.shr_u(moved, 32));
  }
  const high = i64x2.extract_lane(odd, 0) + i64x2.extract_lane(odd, 1);
  let sum = i64x2.extract_lane(both, 0) + i64x2.extract_lane(both, 1) - (high << 32) + high;
  if (isSigned<T>()) sum -= (<i64>((tail - from) >> 2)) << 31;
  for (let at = tail; at < end; at += 4) sum += <i64>load<T>(at);
  fold<T>(least, most, tail, end);
  store<i64>(RESULT, sum, 32);
}

export function i4(elements: usize): void {
  words<i32>(elements);
}
export function u4(elements: usize): void {
  words<u32>(elements);
}

/**
 * A vector compares signed numbers of 64 bit only, and halves are unsigned: each kind is moved for the other's sake. Two
 * vectors a step, as a comparison and a choice take longer than the rest.
 */
// @ts-ignore: decorator
@inline
function longs<T>(elements: usize): void {
  const from = block();
  const end = from + elements * 8;
  const tail = from + ((elements * 8) & ~31);
  const bias = i64x2.splat(0x8000000000000000);
  let least = v128.splat<T>(load<T>(from));
  if (!isSigned<T>()) least = v128.xor(least, bias);
  let most = least;
  let least2 = least;
  let most2 = least;
  let both = i64x2.splat(0);
  let high = both;
  let high2 = both;
  for (let at = from; at < tail; at += 32) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    const moved = v128.xor(first, bias);
    const moved2 = v128.xor(second, bias);
    const signed = isSigned<T>() ? first : moved;
    const signed2 = isSigned<T>() ? second : moved2;
    const unsigned = isSigned<T>() ? moved : first;
    const unsigned2 = isSigned<T>() ? moved2 : second;
    least = v128.bitselect(least, signed, i64x2.gt_s(signed, least));
    most = v128.bitselect(signed, most, i64x2.gt_s(signed, most));
    least2 = v128.bitselect(least2, signed2, i64x2.gt_s(signed2, least2));
    most2 = v128.bitselect(signed2, most2, i64x2.gt_s(signed2, most2));
    both = i64x2.add(both, i64x2.add(unsigned, unsigned2));
    high = i64x2.add(high, i64x2.shr_u(unsigned, 32));
    high2 = i64x2.add(high2, i64x2.shr_u(unsigned2, 32));
  }
  least = v128.bitselect(least, least2, i64x2.gt_s(least2, least));
  most = v128.bitselect(most2, most, i64x2.gt_s(most2, most));
  if (!isSigned<T>()) {
    least = v128.xor(least, bias);
    most = v128.xor(most, bias);
  }
  high = i64x2.add(high, high2);
  let highs = i64x2.extract_lane(high, 0) + i64x2.extract_lane(high, 1);
  let lows = i64x2.extract_lane(both, 0) + i64x2.extract_lane(both, 1) - (highs << 32);
  if (isSigned<T>()) highs -= (<i64>((tail - from) >> 3)) << 31;
  for (let at = tail; at < end; at += 8) {
    const value = load<T>(at);
    lows += <i64>(value & 0xffffffff);
    highs += <i64>(value >> 32);
  }
  fold<T>(least, most, tail, end);
  store<i64>(RESULT, lows, 32);
  store<i64>(RESULT, highs, 40);
}

function signedLongs(elements: usize): void {
  longs<i64>(elements);
}
function unsignedLongs(elements: usize): void {
  longs<u64>(elements);
}
// As functions these would hide the types of the same names.
export { signedLongs as i8, unsignedLongs as u8 };

/**
 * Lane by lane, in an order that is part of the result: eight sums, joined in pairs, then the elements behind the last whole
 * step. `pmin` and `pmax` are `<` and `>` of the lanes; data with not-a-number in them are known by their sum.
 */
export function f4(elements: usize): void {
  const from = block();
  const end = from + elements * 4;
  const tail = from + ((elements * 4) & ~31);
  let least = f32x4.splat(load<f32>(from));
  let most = least;
  let least2 = least;
  let most2 = least;
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let at = from; at < tail; at += 32) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    least = f32x4.pmin(least, first);
    most = f32x4.pmax(most, first);
    least2 = f32x4.pmin(least2, second);
    most2 = f32x4.pmax(most2, second);
    a = f64x2.add(a, f64x2.promote_low_f32x4(first));
    b = f64x2.add(b, f64x2.promote_low_f32x4(v128.shuffle<u64>(first, first, 1, 1)));
    c = f64x2.add(c, f64x2.promote_low_f32x4(second));
    d = f64x2.add(d, f64x2.promote_low_f32x4(v128.shuffle<u64>(second, second, 1, 1)));
  }
  let sum = joined(a, b, c, d);
  for (let at = tail; at < end; at += 4) sum += <f64>load<f32>(at);
  fold<f32>(f32x4.pmin(least, least2), f32x4.pmax(most, most2), tail, end);
  store<f64>(RESULT, sum, 32);
}

export function f8(elements: usize): void {
  const from = block();
  const end = from + elements * 8;
  const tail = from + ((elements * 8) & ~63);
  let least = f64x2.splat(load<f64>(from));
  let most = least;
  let least2 = least;
  let most2 = least;
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let at = from; at < tail; at += 64) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    const third = v128.load(at, 32);
    const fourth = v128.load(at, 48);
    least = f64x2.pmin(f64x2.pmin(least, first), third);
    most = f64x2.pmax(f64x2.pmax(most, first), third);
    least2 = f64x2.pmin(f64x2.pmin(least2, second), fourth);
    most2 = f64x2.pmax(f64x2.pmax(most2, second), fourth);
    a = f64x2.add(a, first);
    b = f64x2.add(b, second);
    c = f64x2.add(c, third);
    d = f64x2.add(d, fourth);
  }
  let sum = joined(a, b, c, d);
  for (let at = tail; at < end; at += 8) sum += load<f64>(at);
  fold<f64>(f64x2.pmin(least, least2), f64x2.pmax(most, most2), tail, end);
  store<f64>(RESULT, sum, 32);
}

// @ts-ignore: decorator
@inline
function joined(a: v128, b: v128, c: v128, d: v128): f64 {
  const sums = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
}
