import assert from "node:assert/strict";
import {
  checkBytes,
  type ChunkFilter,
  type ChunkShape,
  type MakeStage,
  type OutputBytes,
  type Stage,
} from "./stage.ts";

/** Decodes the chunks of one data set. It keeps no chunk. */
export interface ChunkDecoder {
  /**
   * Decodes one chunk. `stored`: its bytes as they lie in the file; `mask`: bit k set says that filter k was left out for it;
   * `target`: as long as a decoded chunk.
   * @throws EvbError "chunk-damaged": a checksum is wrong, a stream is broken or its size isn't the chunk's; `target` then
   * holds nothing of use.
   */
  decode(stored: Uint8Array, mask: number, target: Uint8Array): void;
}

/**
 * A decoder for chunks that went through `filters`, or undefined where evb hasn't all of them: then the HDF5 library must read
 * them. A decoder library is loaded with the first data set that needs it.
 *
 * Filters and their numbers: https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
 */
export async function chunkDecoder(
  filters: readonly ChunkFilter[],
  shape: ChunkShape,
): Promise<ChunkDecoder | undefined> {
  if (shape.chunkBytes > CHUNK_BYTES_MAX || filters.length > FILTERS_MAX) return undefined;
  const stages: Stage[] = [];
  for (const { id, clientData } of filters) {
    const stage = await (await STAGES[id]?.())?.(clientData, shape);
    if (stage === undefined) return undefined;
    stages.push(stage);
  }
  const needsKernels = filters.some(({ id }) => id !== DEFLATE);
  const kernels = needsKernels ? (await import("./kernels.ts")).loadKernels() : undefined;
  return {
    decode(stored, mask, target) {
      assert.equal(target.length, shape.chunkBytes);
      kernels?.clear();
      const sizes = sizesOf(stages, mask, shape.chunkBytes);
      // What is too long is refused before it is copied anywhere.
      checkBytes("none", stored.length, sizes[stages.length]!);
      let bytes = stored;
      for (let k = stages.length - 1; k >= 0; k--)
        if (!isLeftOut(mask, k)) bytes = stages[k]!.undo(bytes, sizes[k]!);
      checkBytes("none", bytes.length, { max: shape.chunkBytes, exact: true });
      target.set(bytes);
    },
  };
}

/** A chunk's stored and decoded bytes lie in memory of 32-bit addresses together, several times for several filters. */
const CHUNK_BYTES_MAX = 256 * 2 ** 20;
/** A chunk's filter mask has 32 bits; HDF5 allows as many filters (H5Z_MAX_NFILTERS). */
const FILTERS_MAX = 32;
const DEFLATE = 1;

const STAGES: Readonly<Record<number, () => Promise<MakeStage>>> = {
  [DEFLATE]: async () => (await import("./deflate.ts")).makeDeflate,
  2: async () => (await import("./shuffle.ts")).makeShuffle,
  3: async () => (await import("./fletcher32.ts")).makeFletcher32,
  32000: async () => (await import("./lzf.ts")).makeLzf,
  32001: async () => (await import("./blosc.ts")).makeBlosc,
  32004: async () => (await import("./lz4.ts")).makeLz4,
  32008: async () => (await import("./bitshuffle.ts")).makeBitshuffle,
  32015: async () => (await import("./zstd.ts")).makeZstd,
};

const isLeftOut = (mask: number, k: number): boolean => ((mask >>> k) & 1) === 1;

/** (filters + 1): what filter k was given when the chunk was written; the last one is what lies in the file. */
function sizesOf(stages: readonly Stage[], mask: number, chunkBytes: number): OutputBytes[] {
  const sizes: OutputBytes[] = [{ max: chunkBytes, exact: true }];
  for (const [k, { stored }] of stages.entries()) {
    const given = sizes[k]!;
    sizes.push(isLeftOut(mask, k) ? given : sizeAfter(stored, given));
  }
  return sizes;
}

function sizeAfter(stored: Stage["stored"], given: OutputBytes): OutputBytes {
  switch (stored) {
    case "as many":
      return given;
    case "4 more":
      return { max: given.max + 4, exact: given.exact };
    case "compressed":
      return { max: COMPRESSED_FACTOR * given.max + COMPRESSED_BYTES_MORE, exact: false };
  }
}

/** Streams of bytes that can't be compressed, in the smallest blocks that filters use: 13 bytes for 8, and some headers. */
const COMPRESSED_FACTOR = 2;
const COMPRESSED_BYTES_MORE = 65_536;
