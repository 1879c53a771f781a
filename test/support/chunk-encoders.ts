import { deflateSync } from "node:zlib";
import type { ChunkFilter } from "@evb/formats";
import type { SeededRandom } from "./random.ts";

// Encoders as the formats' specifications say, one byte at a time, sharing nothing with the decoders. They needn't compress well.

/** One filter of a pipeline, and how it is applied. */
export interface EncodingFilter extends ChunkFilter {
  readonly encode: (bytes: Uint8Array) => Uint8Array;
}

/** Every pipeline whose chunks can be made here, by name. */
export const PIPELINES: Readonly<Record<string, (elementBytes: number) => EncodingFilter[]>> = {
  gzip: () => [gzip(4)],
  shuffle: (n) => [shuffle(n)],
  "shuffle + gzip": (n) => [shuffle(n), gzip(6)],
  fletcher32: () => [fletcher32()],
  "shuffle + gzip + fletcher32": (n) => [shuffle(n), gzip(1), fletcher32()],
  "fletcher32 + gzip": () => [fletcher32(), gzip(9)],
  lzf: () => [lzf()],
  "shuffle + lzf + fletcher32": (n) => [shuffle(n), lzf(), fletcher32()],
  lz4: () => [lz4(2 ** 30)],
  "lz4 in blocks": () => [lz4(1000)],
  "shuffle + lz4": (n) => [shuffle(n), lz4(4096)],
  bitshuffle: (n) => [bitshuffle(n, 0)],
  "bitshuffle in blocks": (n) => [bitshuffle(n, 16)],
  "bitshuffle + lz4": (n) => [bitshuffleWith(n, 2, lz4Block, 0)],
  "bitshuffle + lz4 in blocks": (n) => [bitshuffleWith(n, 2, lz4Block, 24)],
  "bitshuffle + zstd": (n) => [bitshuffleWith(n, 3, zstdFrame, 0)],
  "blosc lz4": (n) => [blosc(n, { compressor: 1, shuffle: 1, encode: lz4Block })],
  "blosc lz4, bits": (n) => [blosc(n, { compressor: 1, shuffle: 2, encode: lz4Block })],
  "blosc lz4, not shuffled": (n) => [blosc(n, { compressor: 1, shuffle: 0, encode: lz4Block })],
  "blosc lz4, not split": (n) => [
    blosc(n, { compressor: 1, shuffle: 1, encode: lz4Block, split: false }),
  ],
  "blosc zlib": (n) => [blosc(n, { compressor: 3, shuffle: 1, encode: deflateSync })],
  "blosc zstd": (n) => [blosc(n, { compressor: 4, shuffle: 1, encode: zstdFrame })],
  "blosc plain": (n) => [bloscPlain(n)],
  zstd: () => [{ id: 32015, clientData: [3], encode: zstdFrame }],
  "gzip + gzip": () => [gzip(1), gzip(1)],
};

/** A chunk as it lies in a file; filters of `mask` are left out. */
export function encodeChunk(
  filters: readonly EncodingFilter[],
  bytes: Uint8Array,
  mask = 0,
): Uint8Array {
  return filters.reduce((given, { encode }, k) => ((mask >> k) & 1 ? given : encode(given)), bytes);
}

function gzip(level: number): EncodingFilter {
  return {
    id: 1,
    clientData: [level],
    encode: (bytes) => new Uint8Array(deflateSync(bytes, { level })),
  };
}

function shuffle(elementBytes: number): EncodingFilter {
  return { id: 2, clientData: [elementBytes], encode: (bytes) => shuffled(bytes, elementBytes) };
}

function shuffled(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const elements = Math.floor(bytes.length / elementBytes);
  const result = bytes.slice();
  for (let i = 0; i < elements * elementBytes; i++)
    result[(i % elementBytes) * elements + Math.floor(i / elementBytes)] = bytes[i]!;
  return result;
}

function fletcher32(): EncodingFilter {
  return {
    id: 3,
    clientData: [],
    encode(bytes) {
      // Sums of 16 bits, whose carry is added again: what HDF5's folding comes to.
      const added = (a: number, b: number): number => (a + b > 65535 ? a + b - 65535 : a + b);
      let [sum, sums] = [0, 0];
      for (let i = 0; i < bytes.length; i += 2) {
        sum = added(sum, (bytes[i]! << 8) | (bytes[i + 1] ?? 0));
        sums = added(sums, sum);
      }
      return joined(bytes, [sum & 255, sum >> 8, sums & 255, sums >> 8]);
    },
  };
}

/** Literals only, 32 at a time. */
function lzf(): EncodingFilter {
  return {
    id: 32000,
    clientData: [4, 261, 0],
    encode: (bytes) =>
      joined(...piecesOf(bytes, 32).flatMap((piece) => [Uint8Array.of(piece.length - 1), piece])),
  };
}

function lz4(blockBytes: number): EncodingFilter {
  return {
    id: 32004,
    clientData: [blockBytes],
    encode: (bytes) =>
      joined(
        u64Big(bytes.length),
        u32Big(blockBytes),
        ...piecesOf(bytes, blockBytes).flatMap((block) => {
          const stored = lz4Block(block);
          const kept = stored.length < block.length ? stored : block;
          return [u32Big(kept.length), kept];
        }),
      ),
  };
}

/** Takes the last place where the same four bytes stood; the end of a block is literals, as the format wants it. */
function lz4Block(bytes: Uint8Array): Uint8Array {
  const places = new Map<number, number>();
  const stream: number[] = [];
  let [at, literalsFrom] = [0, 0];
  while (at + 12 < bytes.length) {
    const key =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    const place = places.get(key);
    places.set(key, at);
    if (place === undefined || at - place > 65535) {
      at++;
      continue;
    }
    let length = 4;
    while (at + length < bytes.length - 5 && bytes[place + length] === bytes[at + length]) length++;
    lz4Sequence(stream, bytes.subarray(literalsFrom, at), { length, distance: at - place });
    at += length;
    literalsFrom = at;
  }
  lz4Sequence(stream, bytes.subarray(literalsFrom));
  return Uint8Array.from(stream);
}

interface Match {
  readonly length: number;
  readonly distance: number;
}

function lz4Sequence(stream: number[], literals: Uint8Array, match?: Match): void {
  const more = (length: number): number[] => {
    if (length < 15) return [];
    const full = Math.floor((length - 15) / 255);
    return [...Array.from({ length: full }, () => 255), (length - 15) % 255];
  };
  const rest = match === undefined ? 0 : match.length - 4;
  stream.push((Math.min(literals.length, 15) << 4) | Math.min(rest, 15));
  stream.push(...more(literals.length), ...literals);
  if (match !== undefined) stream.push(match.distance & 255, match.distance >> 8, ...more(rest));
}

/** Raw blocks of at most 128 KiB (RFC 8878, 3.1.1: single segment, content size in 4 bytes). */
function zstdFrame(bytes: Uint8Array): Uint8Array {
  const pieces = bytes.length === 0 ? [bytes] : piecesOf(bytes, 100_000);
  return joined(
    [0x28, 0xb5, 0x2f, 0xfd, 0xa0],
    u32Little(bytes.length),
    ...pieces.flatMap((piece, i) => {
      const isLast = i === pieces.length - 1;
      return [u32Little((piece.length << 3) | +isLast).subarray(0, 3), piece];
    }),
  );
}

/** Whole groups of 8 elements as rows of bits; what stands behind them stays. */
function bitTransposed(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const elements = Math.floor(bytes.length / elementBytes / 8) * 8;
  const result = bytes.slice();
  result.fill(0, 0, elements * elementBytes);
  for (let element = 0; element < elements; element++)
    for (let bit = 0; bit < 8 * elementBytes; bit++) {
      const isSet = (bytes[element * elementBytes + (bit >> 3)]! >> (bit & 7)) & 1;
      result[(bit * elements + element) >> 3]! |= isSet << (element & 7);
    }
  return result;
}

const blockOf = (elementBytes: number, blockElements: number): number =>
  (blockElements || Math.max(128, Math.floor(8192 / elementBytes / 8) * 8)) * elementBytes;

function bitshuffle(elementBytes: number, blockElements: number): EncodingFilter {
  return {
    id: 32008,
    clientData: [0, 5, elementBytes, blockElements],
    encode: (bytes) =>
      joined(
        ...piecesOf(bytes, blockOf(elementBytes, blockElements)).map((block) =>
          bitTransposed(block, elementBytes),
        ),
      ),
  };
}

function bitshuffleWith(
  elementBytes: number,
  compression: number,
  encodeBlock: (block: Uint8Array) => Uint8Array,
  blockElements: number,
): EncodingFilter {
  return {
    id: 32008,
    clientData: [0, 5, elementBytes, blockElements, compression],
    encode(bytes) {
      const blockBytes = blockOf(elementBytes, blockElements);
      const group = 8 * elementBytes;
      const whole = Math.floor(bytes.length / group) * group;
      return joined(
        u64Big(bytes.length),
        u32Big(blockBytes),
        ...piecesOf(bytes.subarray(0, whole), blockBytes).flatMap((block) => {
          const stored = encodeBlock(bitTransposed(block, elementBytes));
          return [u32Big(stored.length), stored];
        }),
        bytes.subarray(whole),
      );
    },
  };
}

/** Blocks of 1024 elements. */
function blosc(
  elementBytes: number,
  how: {
    compressor: number;
    shuffle: 0 | 1 | 2;
    encode: (bytes: Uint8Array) => Uint8Array;
    split?: false;
  },
): EncodingFilter {
  const flags = [0, 1, 4][how.shuffle]! | (how.split === false ? 0x10 : 0) | (how.compressor << 5);
  return {
    id: 32001,
    clientData: [2, 2, elementBytes],
    encode(bytes) {
      const blockBytes = Math.min(1024 * elementBytes, bytes.length);
      const blocks = piecesOf(bytes, Math.max(1, blockBytes)).map((block) => {
        const ordered =
          how.shuffle === 1
            ? shuffled(block, elementBytes)
            : how.shuffle === 2 && Math.floor(block.length / elementBytes) % 8 === 0
              ? bitTransposed(block, elementBytes)
              : block;
        const splits =
          how.split !== false && block.length === blockBytes && block.length / elementBytes >= 128;
        const streams = piecesOf(ordered, splits ? block.length / elementBytes : block.length);
        return joined(
          ...streams.flatMap((stream) => {
            const stored = how.encode(stream);
            const kept = stored.length < stream.length ? stored : stream;
            return [u32Little(kept.length), kept];
          }),
        );
      });
      let begin = 16 + 4 * blocks.length;
      const begins = blocks.map((block) => {
        begin += block.length;
        return u32Little(begin - block.length);
      });
      const head = [2, 1, flags, elementBytes];
      const sizes = [bytes.length, blockBytes, begin].map(u32Little);
      return joined(head, ...sizes, ...begins, ...blocks);
    },
  };
}

function bloscPlain(elementBytes: number): EncodingFilter {
  return {
    id: 32001,
    clientData: [2, 2, elementBytes],
    encode: (bytes) =>
      joined(
        [2, 1, 0x2, elementBytes],
        ...[bytes.length, bytes.length, bytes.length + 16].map(u32Little),
        bytes,
      ),
  };
}

/** A stream of literals and matches of every kind that its format has, and what it stands for. */
export interface Sequences {
  readonly stream: Uint8Array;
  readonly bytes: Uint8Array;
}

export function randomLz4(random: SeededRandom, count: number): Sequences {
  const stream: number[] = [];
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) {
    const literals = randomBytes(random, randomLength(random, i === 0 ? 1 : 0));
    bytes.push(...literals);
    const match = randomMatch(random, bytes, { distanceMax: 65535, lengthMin: 4, lengthMax: 700 });
    lz4Sequence(stream, literals, match);
  }
  const last = randomBytes(random, randomLength(random, 0));
  lz4Sequence(stream, last);
  return { stream: Uint8Array.from(stream), bytes: Uint8Array.from([...bytes, ...last]) };
}

export function randomLzf(random: SeededRandom, count: number): Sequences {
  const stream: number[] = [];
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) {
    const literals = randomBytes(random, 1 + random.below(32));
    stream.push(literals.length - 1, ...literals);
    bytes.push(...literals);
    const limits = { distanceMax: 8192, lengthMin: 3, lengthMax: 264 };
    const { length, distance } = randomMatch(random, bytes, limits);
    const [back, rest] = [distance - 1, length - 2];
    const head = (Math.min(rest, 7) << 5) | (back >> 8);
    stream.push(head, ...(rest < 7 ? [] : [rest - 7]), back & 255);
  }
  return { stream: Uint8Array.from(stream), bytes: Uint8Array.from(bytes) };
}

/** A Blosc chunk of one stream. */
export function randomBloscLz(random: SeededRandom, count: number): Sequences {
  const stream: number[] = [];
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) {
    const literals = randomBytes(random, 1 + random.below(32));
    stream.push((literals.length - 1) | (i === 0 ? 0x20 : 0), ...literals);
    bytes.push(...literals);
    const limits = { distanceMax: 8191 + 65536, lengthMin: 3, lengthMax: 900 };
    const { length, distance } = randomMatch(random, bytes, limits);
    const [back, rest] = [distance - 1, length - 2];
    const isFar = back >= 8191;
    stream.push((Math.min(rest, 7) << 5) | (isFar ? 31 : back >> 8));
    if (rest >= 7) {
      for (let left = rest - 7; ; left -= 255) {
        stream.push(Math.min(left, 255));
        if (left < 255) break;
      }
    }
    stream.push(isFar ? 255 : back & 255);
    if (isFar) stream.push((back - 8191) >> 8, (back - 8191) & 255);
  }
  const head = [2, 1, 0x10, 1];
  const sizes = [bytes.length, bytes.length, 16 + 4 + 4 + stream.length].map(u32Little);
  return {
    stream: joined(head, ...sizes, u32Little(20), u32Little(stream.length), stream),
    bytes: Uint8Array.from(bytes),
  };
}

/** Mostly short; some that need a further byte, and two. */
function randomLength(random: SeededRandom, min: number): number {
  const limit = [8, 8, 8, 40, 600][random.below(5)]!;
  return min + random.below(limit);
}

/** Its bytes are appended, one by one, as the last ones may be its own. */
function randomMatch(
  random: SeededRandom,
  bytes: number[],
  limits: { distanceMax: number; lengthMin: number; lengthMax: number },
): Match {
  const near = [4, 20, 300, limits.distanceMax][random.below(4)]!;
  const distance = 1 + random.below(Math.min(near, limits.distanceMax, bytes.length));
  const length = Math.min(randomLength(random, limits.lengthMin), limits.lengthMax);
  for (let i = 0; i < length; i++) bytes.push(bytes[bytes.length - distance]!);
  return { length, distance };
}

export const randomBytes = (random: SeededRandom, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => random.below(256));

function piecesOf(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    pieces.push(bytes.subarray(at, at + pieceBytes));
  return pieces;
}

const joined = (...pieces: readonly ArrayLike<number>[]): Uint8Array =>
  new Uint8Array(Buffer.concat(pieces.map((piece) => Uint8Array.from(piece))));

function u32Big(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u32Little(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const u64Big = (value: number): Uint8Array => joined(u32Big(0), u32Big(value));
