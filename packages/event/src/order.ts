/** 11 bits a digit: the counters (16 kB) stay in the first-level cache; see docs/decisions/0004-kernels.md. */
const DIGIT_BITS = 11;
const BUCKETS = 1 << DIGIT_BITS;
const DIGITS = Math.ceil(64 / DIGIT_BITS);

/**
 * The rows of `times` in time order; rows of equal stamps stay in file order.
 *
 * A least-significant-digit radix sort over a u32 permutation: stable, no BigInt is made, and
 * digits that are the same in all stamps are skipped (of 64 bit nanoseconds usually two).
 *
 * @param times shape (n), u64 ticks, n < 2^32
 * @param rows shape (n), the order that rows of equal stamps keep; its memory is used up
 * @returns shape (n), the permutation: `times[rows[0]]` is the earliest
 */
export function orderRows(times: BigUint64Array, rows = inFileOrder(times.length)): Uint32Array {
  const n = times.length;
  const words = new Uint32Array(times.buffer, times.byteOffset, 2 * n);
  const counts = countDigits(words);
  let from = rows;
  let to = new Uint32Array(n);
  for (let digit = 0; digit < DIGITS; digit++) {
    const count = counts.subarray(digit * BUCKETS, (digit + 1) * BUCKETS);
    if (n > 0 && count.includes(n)) continue;
    toStarts(count);
    for (let i = 0; i < n; i++) {
      const row = from[i]!;
      to[count[digitOf(words, row, digit)]!++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

function inFileOrder(n: number): Uint32Array<ArrayBuffer> {
  const rows = new Uint32Array(n);
  for (let row = 0; row < n; row++) rows[row] = row;
  return rows;
}

function digitOf(words: Uint32Array, row: number, digit: number): number {
  const bit = digit * DIGIT_BITS;
  const low = words[2 * row]!;
  const high = words[2 * row + 1]!;
  if (bit >= 32) return (high >>> (bit - 32)) & (BUCKETS - 1);
  if (bit + DIGIT_BITS <= 32) return (low >>> bit) & (BUCKETS - 1);
  return ((low >>> bit) | (high << (32 - bit))) & (BUCKETS - 1);
}

function countDigits(words: Uint32Array): Uint32Array {
  const counts = new Uint32Array(DIGITS * BUCKETS);
  for (let row = 0; 2 * row < words.length; row++) {
    for (let digit = 0; digit < DIGITS; digit++)
      counts[digit * BUCKETS + digitOf(words, row, digit)]!++;
  }
  return counts;
}

function toStarts(count: Uint32Array): void {
  let start = 0;
  for (let bucket = 0; bucket < count.length; bucket++) {
    const here = count[bucket]!;
    count[bucket] = start;
    start += here;
  }
}
