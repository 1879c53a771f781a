/**
 * Jenkins' lookup3 (hashlittle, initial value 0) of the first `end` bytes, which HDF5 puts behind its newer metadata.
 * Source: HDF5 File Format Specification 3.0, III.A ("Jenkins' lookup3 algorithm"); Bob Jenkins, lookup3.c, May 2006.
 *
 * @returns 0 … 2^32 − 1
 */
export function lookup3(view: DataView, end: number): number {
  let a = (0xdeadbeef + end) | 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; end - at > 12; at += 12) {
    a = (a + view.getInt32(at, true)) | 0;
    b = (b + view.getInt32(at + 4, true)) | 0;
    c = (c + view.getInt32(at + 8, true)) | 0;
    // mix(a, b, c)
    a = ((a - c) | 0) ^ rotated(c, 4);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotated(a, 6);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotated(b, 8);
    b = (b + a) | 0;
    a = ((a - c) | 0) ^ rotated(c, 16);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotated(a, 19);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotated(b, 4);
    b = (b + a) | 0;
  }
  if (at === end) return c >>> 0;
  a = (a + lastWord(view, at, end)) | 0;
  b = (b + lastWord(view, at + 4, end)) | 0;
  c = (c + lastWord(view, at + 8, end)) | 0;
  // final(a, b, c)
  c = ((c ^ b) - rotated(b, 14)) | 0;
  a = ((a ^ c) - rotated(c, 11)) | 0;
  b = ((b ^ a) - rotated(a, 25)) | 0;
  c = ((c ^ b) - rotated(b, 16)) | 0;
  a = ((a ^ c) - rotated(c, 4)) | 0;
  b = ((b ^ a) - rotated(a, 14)) | 0;
  c = ((c ^ b) - rotated(b, 24)) | 0;
  return c >>> 0;
}

const rotated = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** Four bytes, of which those behind the end count as 0. */
function lastWord(view: DataView, at: number, end: number): number {
  let word = 0;
  for (let i = 0; i < 4 && at + i < end; i++) word |= view.getUint8(at + i) << (8 * i);
  return word;
}
