import { loadKernels, type Kernels } from "./kernels.ts";
import { checkBytes, damaged, type MakeStage, type OutputBytes } from "./stage.ts";
import { loadSmallZstd, type DecodeZstd } from "./zstd.ts";

const BIG = { bigEndian: true };
const HEADER_BYTES = 12;
/** Elements are transposed in groups of 8; what is left at the end stays as it is. */
const GROUP = 8;
/** Bytes and elements of a block that isn't given (bshuf_default_block_size). */
const BLOCK_BYTES = 8192;
const BLOCK_ELEMENTS_MIN = 128;
/** Client data 4: what each block is compressed with. */
const NONE = 0;
const LZ4 = 2;
const ZSTD = 3;

/** Undoes one block's compression: `stored` bytes at `from` become exactly `bytes` at `to`. */
type DecodeBlock = (from: number, stored: number, to: number, bytes: number) => void;

/**
 * Filter 32008: blocks of elements, each as rows of bits; the last block is what remains in whole groups of 8, and fewer than 8
 * elements behind it are neither transposed nor compressed. With compression, big-endian:
 *
 *     bytes 8 | block bytes 4 | each block: stored bytes 4, an LZ4 block or Zstandard frame | the elements behind
 *
 * Client data: versions 2, element bytes, block elements (0: about 8 KiB), compression, level. Source: bshuf_h5filter.c and
 * bitshuffle.c of bitshuffle 0.5.
 */
export const makeBitshuffle: MakeStage = async (clientData, shape) => {
  const kernels = loadKernels();
  const elementBytes = clientData[2] ?? shape.elementBytes;
  const blockElements = clientData[3] || defaultBlock(elementBytes);
  const compression = clientData[4] ?? NONE;
  if (elementBytes < 1 || elementBytes > ELEMENT_BYTES_MAX) return undefined;
  if (compression === NONE) {
    if (blockElements % GROUP !== 0) return undefined;
    return {
      stored: "as many",
      undo: (input) => undoPlain(kernels, input, { elementBytes, blockElements }),
    };
  }
  const decodeBlock =
    compression === LZ4
      ? lz4Block(kernels)
      : compression === ZSTD
        ? zstdBlock(kernels, await loadSmallZstd())
        : undefined;
  if (decodeBlock === undefined) return undefined;
  return {
    stored: "compressed",
    undo: (input, output) => undoBlocks(kernels, input, { output, elementBytes, decodeBlock }),
  };
};

/** A block of 128 such elements is 8 MiB. Types that evb reads have at most 8 bytes. */
const ELEMENT_BYTES_MAX = 65_536;

function defaultBlock(elementBytes: number): number {
  const groups = Math.floor(BLOCK_BYTES / elementBytes / GROUP);
  return Math.max(groups * GROUP, BLOCK_ELEMENTS_MIN);
}

function undoPlain(
  kernels: Kernels,
  input: Uint8Array,
  { elementBytes, blockElements }: { elementBytes: number; blockElements: number },
): Uint8Array {
  const bytes = input.length;
  if (bytes % elementBytes !== 0) throw damaged("bitshuffle", "it ends within an element");
  const from = kernels.place(input);
  const to = kernels.take(bytes);
  const planes = kernels.take(Math.min(blockElements * elementBytes, bytes));
  const whole = inGroups(bytes / elementBytes) * elementBytes;
  let at = 0;
  while (at < whole) {
    const elements = Math.min(blockElements, (whole - at) / elementBytes);
    kernels.run.bitUnshuffle(from + at, to + at, planes, elements, elementBytes);
    at += elements * elementBytes;
  }
  kernels.copy(to + whole, from + whole, bytes - whole);
  return kernels.view(to, bytes);
}

function undoBlocks(
  kernels: Kernels,
  input: Uint8Array,
  how: { output: OutputBytes; elementBytes: number; decodeBlock: DecodeBlock },
): Uint8Array {
  const { output, elementBytes, decodeBlock } = how;
  if (input.length < HEADER_BYTES) throw damaged("bitshuffle", "it ends within its header");
  let from = kernels.place(input);
  const end = from + input.length;
  const bytes = kernels.u32(from, BIG) * 2 ** 32 + kernels.u32(from + 4, BIG);
  checkBytes("bitshuffle", bytes, output);
  const blockElements = Math.floor(kernels.u32(from + 8, BIG) / elementBytes);
  if (bytes % elementBytes !== 0 || blockElements % GROUP !== 0 || blockElements === 0)
    throw damaged("bitshuffle", "its header says sizes that don't fit its elements");
  from += HEADER_BYTES;
  const begin = kernels.take(bytes);
  const blockBytesMax = Math.min(blockElements * elementBytes, bytes);
  const block = kernels.take(blockBytesMax);
  const planes = kernels.take(blockBytesMax);
  const whole = begin + inGroups(bytes / elementBytes) * elementBytes;
  for (let to = begin; to < whole;) {
    const blockBytes = Math.min(blockBytesMax, whole - to);
    const stored = end - from < 4 ? Infinity : kernels.u32(from, BIG);
    from += 4;
    if (stored > end - from) throw damaged("bitshuffle", "it ends within a block");
    decodeBlock(from, stored, block, blockBytes);
    kernels.run.bitUnshuffle(block, to, planes, blockBytes / elementBytes, elementBytes);
    from += stored;
    to += blockBytes;
  }
  const behind = begin + bytes - whole;
  if (behind > end - from) throw damaged("bitshuffle", "it ends within its last elements");
  kernels.copy(whole, from, behind);
  return kernels.view(begin, bytes);
}

const inGroups = (elements: number): number => elements - (elements % GROUP);

const lz4Block =
  (kernels: Kernels): DecodeBlock =>
  (from, stored, to, bytes) => {
    if (kernels.run.lz4(from, from + stored, to, to + bytes) !== bytes)
      throw damaged("bitshuffle", "an LZ4 block is broken");
  };

const zstdBlock =
  (kernels: Kernels, decode: DecodeZstd): DecodeBlock =>
  (from, stored, to, bytes) => {
    const decoded = decode("bitshuffle", kernels.view(from, stored), bytes);
    checkBytes("bitshuffle", decoded.length, { max: bytes, exact: true });
    kernels.view(to, bytes).set(decoded);
  };
