import { inflate } from "./deflate.ts";
import { loadKernels, type BlockDecoder, type Kernels } from "./kernels.ts";
import { unshuffle } from "./shuffle.ts";
import { checkBytes, damaged, type MakeStage, type OutputBytes } from "./stage.ts";
import { loadZstd, type DecodeZstd } from "./zstd.ts";

const LITTLE = { bigEndian: false };
const HEADER_BYTES = 16;
/** The newest format of c-blosc 1; that of c-blosc 2, which is another filter, is 3 and more. */
const VERSION_MAX = 2;
/** Bits of the flags; the upper three say how blocks are compressed. */
const SHUFFLED = 0x1;
const PLAIN = 0x2;
const BIT_SHUFFLED = 0x4;
const NOT_SPLIT = 0x10;
/** Blocks of at most so large elements, and at least so many of them, are split into one stream for each byte of an element. */
const SPLITS_MAX = 16;
const SPLIT_ELEMENTS_MIN = 128;
/** Client data 6. */
const SNAPPY = 3;

/** A chunk's header, with places in the kernels' memory. */
interface Header {
  readonly begin: number;
  readonly end: number;
  readonly flags: number;
  readonly elementBytes: number;
  readonly bytes: number;
  readonly blockBytes: number;
}

/** Undoes one stream's compression: `stored` bytes at `from` become exactly `bytes` at `to`. */
type DecodeStream = (from: number, stored: number, to: number, bytes: number) => void;

/**
 * Filter 32001, format of c-blosc 1, all numbers little-endian. Each block is one stream, or one for each byte of an element; a
 * stream that can't be compressed is as it was:
 *
 *     version 1 | of the compressor 1 | flags 1 | element bytes 1 | bytes 4 | block bytes 4 | stored bytes 4
 *     where each block begins, 4 each | each block: each stream: stored bytes 4, stream
 *
 * The header decides, not the data set's client data. Snappy isn't decoded here. Source: README_CHUNK_FORMAT.rst and blosc.c
 * of c-blosc 1.21.
 */
export const makeBlosc: MakeStage = async (clientData) => {
  if (clientData[6] === SNAPPY) return undefined;
  const kernels = loadKernels();
  const streams = streamDecoders(kernels, await loadZstd());
  return {
    stored: "compressed",
    undo(input, output) {
      const header = readHeader(kernels, input, output);
      const { begin, end, flags, bytes } = header;
      const to = kernels.take(bytes);
      if ((flags & PLAIN) !== 0) {
        if (end - begin !== HEADER_BYTES + bytes) throw broken("its plain bytes aren't all there");
        kernels.copy(to, begin + HEADER_BYTES, bytes);
      } else {
        const decode = streams[flags >> 5];
        if (decode === undefined) throw broken(`it has no compressor ${String(flags >> 5)}`);
        undoBlocks(kernels, header, { to, decode });
      }
      return kernels.view(to, bytes);
    },
  };
};

function readHeader(kernels: Kernels, input: Uint8Array, output: OutputBytes): Header {
  if (input.length < HEADER_BYTES) throw broken("it ends within its header");
  const begin = kernels.place(input);
  const version = kernels.u8(begin);
  if (version < 1 || version > VERSION_MAX) throw broken(`version ${String(version)} isn't known`);
  const flags = kernels.u8(begin + 2);
  const elementBytes = kernels.u8(begin + 3);
  const bytes = kernels.u32(begin + 4, LITTLE);
  checkBytes("blosc", bytes, output);
  const blockBytes = kernels.u32(begin + 8, LITTLE);
  const stored = kernels.u32(begin + 12, LITTLE);
  if (stored < HEADER_BYTES || stored > input.length) throw broken("it isn't stored whole");
  if (elementBytes === 0 || (bytes > 0 && (blockBytes === 0 || blockBytes > bytes)))
    throw broken("its header says sizes that can't be");
  return { begin, end: begin + stored, flags, elementBytes, bytes, blockBytes };
}

function undoBlocks(
  kernels: Kernels,
  header: Header,
  { to, decode }: { to: number; decode: DecodeStream },
): void {
  const { begin, end, bytes, blockBytes } = header;
  const blocks = bytes === 0 ? 0 : Math.ceil(bytes / blockBytes);
  if (HEADER_BYTES + 4 * blocks > end - begin) throw broken("it ends within its table of blocks");
  const shuffled = kernels.take(blockBytes);
  const planes = kernels.take(blockBytes);
  for (let block = 0; block < blocks; block++) {
    const at = block * blockBytes;
    const from = begin + kernels.u32(begin + HEADER_BYTES + 4 * block, LITTLE);
    const place = { from, to: to + at, bytes: Math.min(blockBytes, bytes - at) };
    undoBlock(kernels, header, { ...place, shuffled, planes, decode });
  }
}

function undoBlock(
  kernels: Kernels,
  { flags, elementBytes, blockBytes, end }: Header,
  block: {
    from: number;
    to: number;
    bytes: number;
    shuffled: number;
    planes: number;
    decode: DecodeStream;
  },
): void {
  const { bytes, to, shuffled } = block;
  const byBytes = (flags & SHUFFLED) !== 0 && elementBytes > 1;
  const byBits = !byBytes && (flags & BIT_SHUFFLED) !== 0 && bytes >= elementBytes;
  const isSplit =
    (flags & NOT_SPLIT) === 0 &&
    elementBytes <= SPLITS_MAX &&
    Math.floor(bytes / elementBytes) >= SPLIT_ELEMENTS_MIN &&
    bytes === blockBytes;
  const streams = isSplit ? elementBytes : 1;
  if (bytes % streams !== 0) throw broken("its blocks don't hold whole elements");
  const streamBytes = bytes / streams;
  let from = block.from;
  for (let stream = 0; stream < streams; stream++) {
    const target = (byBytes || byBits ? shuffled : to) + stream * streamBytes;
    const stored = end - from < 4 ? Infinity : kernels.u32(from, LITTLE);
    from += 4;
    if (stored > end - from) throw broken("it ends within a block");
    if (stored === streamBytes) kernels.copy(target, from, streamBytes);
    else block.decode(from, stored, target, streamBytes);
    from += stored;
  }
  if (byBytes) unshuffle(kernels, { from: shuffled, to, bytes, elementBytes });
  if (byBits) bitUnshuffle(kernels, { ...block, elementBytes });
}

/** Blocks whose elements don't come in groups of 8 aren't transposed. */
function bitUnshuffle(
  kernels: Kernels,
  block: { shuffled: number; to: number; planes: number; bytes: number; elementBytes: number },
): void {
  const { shuffled, to, planes, bytes, elementBytes } = block;
  const elements = Math.floor(bytes / elementBytes);
  const whole = elements % 8 === 0 ? elements * elementBytes : 0;
  if (whole > 0) kernels.run.bitUnshuffle(shuffled, to, planes, elements, elementBytes);
  kernels.copy(to + whole, shuffled + whole, bytes - whole);
}

/** By the flags' upper three bits. */
function streamDecoders(
  kernels: Kernels,
  decodeZstd: DecodeZstd,
): readonly (DecodeStream | undefined)[] {
  const inMemory =
    (name: string, decode: BlockDecoder): DecodeStream =>
    (from, stored, to, bytes) => {
      if (decode(from, from + stored, to, to + bytes) !== bytes)
        throw broken(`a ${name} stream is broken`);
    };
  const outside =
    (decode: DecodeZstd): DecodeStream =>
    (from, stored, to, bytes) => {
      const decoded = decode("blosc", kernels.view(from, stored), bytes);
      checkBytes("blosc", decoded.length, { max: bytes, exact: true });
      kernels.view(to, bytes).set(decoded);
    };
  const { blosclz, lz4 } = kernels.run;
  return [
    inMemory("BloscLZ", blosclz),
    inMemory("LZ4", lz4),
    undefined,
    outside(inflate),
    outside(decodeZstd),
  ];
}

const broken = (reason: string) => damaged("blosc", reason);
