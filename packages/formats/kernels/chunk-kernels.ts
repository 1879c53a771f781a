// The inner loops of chunk decoding, in AssemblyScript: compiled to WebAssembly with 128-bit vectors by
// scripts/compile-kernels.mjs, which writes src/hdf5/filters/kernels-wasm.ts. Pointers are byte offsets in the one memory;
// whoever calls has reserved what they point to and 16 bytes more behind it, as whole vectors are read and written
// (docs/decisions/0024-chunk-filters.md).

/** What a decoder returns for a stream that is broken or doesn't fit. */
const BROKEN: i32 = -1;

/** The first byte of the memory that no table lies in. */
export function firstFree(): usize {
  return __heap_base;
}

/** By period, below 8: lane i is lane i mod period. Row 0 isn't used. */
const REPEAT: StaticArray<u8> = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
  0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0,
  0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0,
  0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1,
];

/** Copies whole vectors; up to 15 bytes more than asked for are written. */
// @ts-ignore: decorator
@inline
function copyApart(to: usize, from: usize, bytes: usize): void {
  const end = to + bytes;
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < end);
}

/** By period: as many whole periods as fit into a vector, so that each store goes on where the last one ended. */
const STEPS: StaticArray<u8> = [0, 16, 16, 15, 16, 15, 12, 14];

/** Copies what lies `distance` bytes back; what was just written is copied again where the two overlap. */
// @ts-ignore: decorator
@inline
function copyBack(to: usize, distance: usize, bytes: usize): void {
  const end = to + bytes;
  if (distance >= 8) {
    // Most matches are short, and a load of 16 bytes would wait for two stores rather than for one.
    let from = to - distance;
    do {
      store<u64>(to, load<u64>(from));
      to += 8;
      from += 8;
    } while (to < end);
    return;
  }
  const lanes = v128.load(changetype<usize>(REPEAT) + (distance << 4));
  const repeated = i8x16.swizzle(v128.load64_zero(to - distance), lanes);
  const step = <usize>load<u8>(changetype<usize>(STEPS) + distance);
  do {
    v128.store(to, repeated);
    to += step;
  } while (to < end);
}

/**
 * One block of LZ4: token (literals 4 bits, match length − 4 4 bits), further literal lengths, literals, distance u16,
 * further match lengths; the last sequence ends after its literals. Source: lz4_Block_format.md of lz4.
 */
export function lz4(from: usize, fromEnd: usize, to: usize, toEnd: usize): i32 {
  const begin = to;
  const fromSafe = fromEnd - min<usize>(fromEnd - from, 8);
  const toSafe = toEnd - min<usize>(toEnd - to, 8);
  while (from < fromEnd) {
    let token = <usize>load<u8>(from++);
    // Numbers with noise become matches of 4 bytes without literals: distance and next token in one load, a third faster.
    while (token == 0 && from < fromSafe && to < toSafe) {
      const word = <usize>load<u32>(from);
      const distance = word & 0xffff;
      if (distance < 4 || distance > to - begin) break;
      store<u32>(to, load<u32>(to - distance));
      to += 4;
      from += 3;
      token = (word >> 16) & 0xff;
    }
    let literals = token >> 4;
    if (literals == 15) {
      let more: usize = 255;
      while (more == 255) {
        if (from >= fromEnd || literals > toEnd - to) return BROKEN;
        more = load<u8>(from++);
        literals += more;
      }
    }
    if (literals > fromEnd - from || literals > toEnd - to) return BROKEN;
    copyApart(to, from, literals);
    from += literals;
    to += literals;
    if (from == fromEnd) return <i32>(to - begin);
    if (fromEnd - from < 2) return BROKEN;
    const distance = <usize>load<u16>(from);
    from += 2;
    if (distance == 0 || distance > to - begin) return BROKEN;
    let length = token & 15;
    if (length == 15) {
      let more: usize = 255;
      while (more == 255) {
        if (from >= fromEnd || length > toEnd - to) return BROKEN;
        more = load<u8>(from++);
        length += more;
      }
    }
    length += 4;
    if (length > toEnd - to) return BROKEN;
    copyBack(to, distance, length);
    to += length;
  }
  return BROKEN;
}

/**
 * LZF: 000LLLLL, L + 1 literals; or LLLDDDDD [LLLLLLLL where LLL is 7] DDDDDDDD, L + 2 bytes from D + 1 back.
 * Source: lzf_d.c of LibLZF 3 as h5py has it.
 */
export function lzf(from: usize, fromEnd: usize, to: usize, toEnd: usize): i32 {
  const begin = to;
  while (from < fromEnd) {
    const control = <usize>load<u8>(from++);
    if (control < 32) {
      const literals = control + 1;
      if (literals > fromEnd - from || literals > toEnd - to) return BROKEN;
      copyApart(to, from, literals);
      from += literals;
      to += literals;
    } else {
      let length = control >> 5;
      if (length == 7) {
        if (from >= fromEnd) return BROKEN;
        length += load<u8>(from++);
      }
      length += 2;
      if (from >= fromEnd) return BROKEN;
      const distance = (((control & 31) << 8) | <usize>load<u8>(from++)) + 1;
      if (distance > to - begin || length > toEnd - to) return BROKEN;
      copyBack(to, distance, length);
      to += length;
    }
  }
  return <i32>(to - begin);
}

/**
 * BloscLZ: as LZF, but the first byte's upper three bits are a mark; L + 2 bytes, where L is 7 followed by bytes that
 * add to it up to one below 255; D of 8191 is followed by a distance of 16 bits, big-endian, + 8192.
 * Source: blosclz.c of c-blosc 1.21.
 */
export function blosclz(from: usize, fromEnd: usize, to: usize, toEnd: usize): i32 {
  if (from >= fromEnd) return BROKEN;
  const begin = to;
  let control = <usize>load<u8>(from++) & 31;
  while (true) {
    if (control < 32) {
      const literals = control + 1;
      if (literals > fromEnd - from || literals > toEnd - to) return BROKEN;
      copyApart(to, from, literals);
      from += literals;
      to += literals;
    } else {
      let length = control >> 5;
      if (length == 7) {
        let more: usize = 255;
        while (more == 255) {
          if (from >= fromEnd || length > toEnd - to) return BROKEN;
          more = load<u8>(from++);
          length += more;
        }
      }
      length += 2;
      if (from >= fromEnd) return BROKEN;
      let distance = ((control & 31) << 8) | <usize>load<u8>(from++);
      if (distance == 8191) {
        if (fromEnd - from < 2) return BROKEN;
        distance += (<usize>load<u8>(from) << 8) | <usize>load<u8>(from + 1);
        from += 2;
      }
      distance += 1;
      if (distance > to - begin || length > toEnd - to) return BROKEN;
      copyBack(to, distance, length);
      to += length;
    }
    if (from >= fromEnd) return <i32>(to - begin);
    control = load<u8>(from++);
  }
}

// @ts-ignore: decorator
@inline
function lows8(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
// @ts-ignore: decorator
@inline
function highs8(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
// @ts-ignore: decorator
@inline
function lows16(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
// @ts-ignore: decorator
@inline
function highs16(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
// @ts-ignore: decorator
@inline
function lows32(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 0, 4, 1, 5);
}
// @ts-ignore: decorator
@inline
function highs32(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 2, 6, 3, 7);
}

/** Writes 16 elements of 8 bytes; `a` has the first bytes of all, `h` the last ones. */
// @ts-ignore: decorator
@inline
function weave8(
  to: usize,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
  g: v128,
  h: v128,
): void {
  const ab0 = lows8(a, b);
  const ab1 = highs8(a, b);
  const cd0 = lows8(c, d);
  const cd1 = highs8(c, d);
  const ef0 = lows8(e, f);
  const ef1 = highs8(e, f);
  const gh0 = lows8(g, h);
  const gh1 = highs8(g, h);
  const abcd0 = lows16(ab0, cd0);
  const abcd1 = highs16(ab0, cd0);
  const abcd2 = lows16(ab1, cd1);
  const abcd3 = highs16(ab1, cd1);
  const efgh0 = lows16(ef0, gh0);
  const efgh1 = highs16(ef0, gh0);
  const efgh2 = lows16(ef1, gh1);
  const efgh3 = highs16(ef1, gh1);
  v128.store(to, lows32(abcd0, efgh0), 0);
  v128.store(to, highs32(abcd0, efgh0), 16);
  v128.store(to, lows32(abcd1, efgh1), 32);
  v128.store(to, highs32(abcd1, efgh1), 48);
  v128.store(to, lows32(abcd2, efgh2), 64);
  v128.store(to, highs32(abcd2, efgh2), 80);
  v128.store(to, lows32(abcd3, efgh3), 96);
  v128.store(to, highs32(abcd3, efgh3), 112);
}

/** Planes of bytes (all first bytes, all second bytes, …) become elements. */
export function unshuffle(from: usize, to: usize, elements: usize, elementBytes: usize): void {
  let done: usize = 0;
  if (elementBytes == 2) done = unshuffle2(from, to, elements);
  else if (elementBytes == 4) done = unshuffle4(from, to, elements);
  else if (elementBytes == 8) done = unshuffle8(from, to, elements);
  for (let plane: usize = 0; plane < elementBytes; plane++) {
    let target = to + done * elementBytes + plane;
    const end = from + plane * elements + elements;
    for (let source = from + plane * elements + done; source < end; source++) {
      store<u8>(target, load<u8>(source));
      target += elementBytes;
    }
  }
}

function unshuffle2(from: usize, to: usize, elements: usize): usize {
  const whole = elements & ~15;
  for (const end = from + whole; from < end; from += 16) {
    const a = v128.load(from);
    const b = v128.load(from + elements);
    v128.store(to, lows8(a, b), 0);
    v128.store(to, highs8(a, b), 16);
    to += 32;
  }
  return whole;
}

function unshuffle4(from: usize, to: usize, elements: usize): usize {
  const whole = elements & ~15;
  for (const end = from + whole; from < end; from += 16) {
    const a = v128.load(from);
    const b = v128.load(from + elements);
    const c = v128.load(from + 2 * elements);
    const d = v128.load(from + 3 * elements);
    const ab0 = lows8(a, b);
    const ab1 = highs8(a, b);
    const cd0 = lows8(c, d);
    const cd1 = highs8(c, d);
    v128.store(to, lows16(ab0, cd0), 0);
    v128.store(to, highs16(ab0, cd0), 16);
    v128.store(to, lows16(ab1, cd1), 32);
    v128.store(to, highs16(ab1, cd1), 48);
    to += 64;
  }
  return whole;
}

function unshuffle8(from: usize, to: usize, elements: usize): usize {
  const whole = elements & ~15;
  for (const end = from + whole; from < end; from += 16) {
    weave8(
      to,
      v128.load(from),
      v128.load(from + elements),
      v128.load(from + 2 * elements),
      v128.load(from + 3 * elements),
      v128.load(from + 4 * elements),
      v128.load(from + 5 * elements),
      v128.load(from + 6 * elements),
      v128.load(from + 7 * elements),
    );
    to += 128;
  }
  return whole;
}

/**
 * Rows of bits (bit 0 of byte 0 of all elements, bit 1 of byte 0, …) become elements. `elements` is a multiple of 8;
 * `planes` is room for as many bytes as `to`. Source: bshuf_untrans_bit_elem of bitshuffle 0.5.
 */
export function bitUnshuffle(
  from: usize,
  to: usize,
  planes: usize,
  elements: usize,
  elementBytes: usize,
): void {
  const target = elementBytes == 1 ? to : planes;
  for (let plane: usize = 0; plane < elementBytes; plane++)
    bitPlane(from + plane * elements, target + plane * elements, elements >> 3);
  if (elementBytes > 1) unshuffle(planes, to, elements, elementBytes);
}

/** Eight rows of bits become as many bytes as a row has bits. */
function bitPlane(from: usize, to: usize, rowBytes: usize): void {
  let column: usize = 0;
  for (const whole = rowBytes & ~15; column < whole; column += 16) {
    const source = from + column;
    let a = v128.load(source);
    let b = v128.load(source + rowBytes);
    let c = v128.load(source + 2 * rowBytes);
    let d = v128.load(source + 3 * rowBytes);
    let e = v128.load(source + 4 * rowBytes);
    let f = v128.load(source + 5 * rowBytes);
    let g = v128.load(source + 6 * rowBytes);
    let h = v128.load(source + 7 * rowBytes);
    // In each column of bytes, an 8 × 8 matrix of bits is transposed: halves, quarters and eighths change places.
    const halves = i8x16.splat(0x0f);
    let t = v128.and(v128.xor(i64x2.shr_u(a, 4), e), halves);
    e = v128.xor(e, t);
    a = v128.xor(a, i64x2.shl(t, 4));
    t = v128.and(v128.xor(i64x2.shr_u(b, 4), f), halves);
    f = v128.xor(f, t);
    b = v128.xor(b, i64x2.shl(t, 4));
    t = v128.and(v128.xor(i64x2.shr_u(c, 4), g), halves);
    g = v128.xor(g, t);
    c = v128.xor(c, i64x2.shl(t, 4));
    t = v128.and(v128.xor(i64x2.shr_u(d, 4), h), halves);
    h = v128.xor(h, t);
    d = v128.xor(d, i64x2.shl(t, 4));
    const quarters = i8x16.splat(0x33);
    t = v128.and(v128.xor(i64x2.shr_u(a, 2), c), quarters);
    c = v128.xor(c, t);
    a = v128.xor(a, i64x2.shl(t, 2));
    t = v128.and(v128.xor(i64x2.shr_u(b, 2), d), quarters);
    d = v128.xor(d, t);
    b = v128.xor(b, i64x2.shl(t, 2));
    t = v128.and(v128.xor(i64x2.shr_u(e, 2), g), quarters);
    g = v128.xor(g, t);
    e = v128.xor(e, i64x2.shl(t, 2));
    t = v128.and(v128.xor(i64x2.shr_u(f, 2), h), quarters);
    h = v128.xor(h, t);
    f = v128.xor(f, i64x2.shl(t, 2));
    const eighths = i8x16.splat(0x55);
    t = v128.and(v128.xor(i64x2.shr_u(a, 1), b), eighths);
    b = v128.xor(b, t);
    a = v128.xor(a, i64x2.shl(t, 1));
    t = v128.and(v128.xor(i64x2.shr_u(c, 1), d), eighths);
    d = v128.xor(d, t);
    c = v128.xor(c, i64x2.shl(t, 1));
    t = v128.and(v128.xor(i64x2.shr_u(e, 1), f), eighths);
    f = v128.xor(f, t);
    e = v128.xor(e, i64x2.shl(t, 1));
    t = v128.and(v128.xor(i64x2.shr_u(g, 1), h), eighths);
    h = v128.xor(h, t);
    g = v128.xor(g, i64x2.shl(t, 1));
    weave8(to, a, b, c, d, e, f, g, h);
    to += 128;
  }
  for (; column < rowBytes; column++) {
    let bits: u64 = 0;
    for (let row: usize = 0; row < 8; row++)
      bits |= (<u64>load<u8>(from + row * rowBytes + column)) << (8 * row);
    let t = (bits ^ (bits >> 7)) & 0x00aa00aa00aa00aa;
    bits = bits ^ t ^ (t << 7);
    t = (bits ^ (bits >> 14)) & 0x0000cccc0000cccc;
    bits = bits ^ t ^ (t << 14);
    t = (bits ^ (bits >> 28)) & 0x00000000f0f0f0f0;
    bits = bits ^ t ^ (t << 28);
    store<u64>(to, bits);
    to += 8;
  }
}

/** With more steps the sums of sums (65535 × steps × (steps + 1) / 2) leave 32 bits. */
const FLETCHER_STEPS_MAX: usize = 360;

/**
 * HDF5's Fletcher-32: sums of big-endian words of 16 bits, an odd last byte counts as a word's upper half; modulo 65535,
 * where a sum that isn't 0 leaves 65535 instead of 0. Source: H5_checksum_fletcher32 in H5checksum.c of HDF5.
 */
export function fletcher32(from: usize, bytes: usize): u32 {
  let sum: u64 = 0;
  let sums: u64 = 0;
  const end = from + bytes;
  while (end - from >= 16) {
    let steps = (end - from) >> 4;
    if (steps > FLETCHER_STEPS_MAX) steps = FLETCHER_STEPS_MAX;
    let low = i32x4.splat(0);
    let high = i32x4.splat(0);
    let lows = i32x4.splat(0);
    let highs = i32x4.splat(0);
    for (let step: usize = 0; step < steps; step++) {
      const swapped = v128.shuffle<u8>(
        v128.load(from), i32x4.splat(0), 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14,
      );
      low = i32x4.add(low, i32x4.extend_low_i16x8_u(swapped));
      high = i32x4.add(high, i32x4.extend_high_i16x8_u(swapped));
      lows = i32x4.add(lows, low);
      highs = i32x4.add(highs, high);
      from += 16;
    }
    // Word l of step k counts 8 × (steps − k) − l times: 8 times in the sums of sums, less l times in the sums.
    sums += sum * <u64>(steps * 8) + 8 * (lanes(lows) + lanes(highs));
    sums -= lane(low, 1) + 2 * lane(low, 2) + 3 * lane(low, 3);
    sums -= 4 * lanes(high) + lane(high, 1) + 2 * lane(high, 2) + 3 * lane(high, 3);
    sum += lanes(low) + lanes(high);
    sum = folded(sum);
    sums = folded(sums);
  }
  for (; end - from >= 2; from += 2) {
    sum += (<u64>load<u8>(from) << 8) | <u64>load<u8>(from + 1);
    sums += sum;
  }
  if (from < end) {
    sum += <u64>load<u8>(from) << 8;
    sums += sum;
  }
  return (<u32>folded(sums) << 16) | <u32>folded(sum);
}

// @ts-ignore: decorator
@inline
function folded(sum: u64): u64 {
  return sum == 0 ? 0 : ((sum - 1) % 65535) + 1;
}

// @ts-ignore: decorator
@inline
function lane(sums: v128, i: u8): u64 {
  return i == 1
    ? <u64>(<u32>i32x4.extract_lane(sums, 1))
    : i == 2
      ? <u64>(<u32>i32x4.extract_lane(sums, 2))
      : <u64>(<u32>i32x4.extract_lane(sums, 3));
}

// @ts-ignore: decorator
@inline
function lanes(sums: v128): u64 {
  return <u64>(<u32>i32x4.extract_lane(sums, 0)) + lane(sums, 1) + lane(sums, 2) + lane(sums, 3);
}
