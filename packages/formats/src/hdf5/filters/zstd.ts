import * as zlib from "node:zlib";
import { checkBytes, damaged, wordsOf, type MakeStage } from "./stage.ts";

/** What a Zstandard stream holds, at most `bytesMax` bytes. @throws EvbError "chunk-damaged" */
export type DecodeZstd = (filter: string, input: Uint8Array, bytesMax: number) => Uint8Array;

/** Filter 32015: Zstandard frames (RFC 8878). */
export const makeZstd: MakeStage = async () => {
  const decode = await loadZstd();
  return {
    stored: "compressed",
    undo(input, output) {
      const bytes = decode("zstd", input, output.max);
      checkBytes("zstd", bytes.length, output);
      return bytes;
    },
  };
};

/**
 * A decoder for whole chunks and large blocks: Node's own from 22.15 on, as no package is faster; before, that for small blocks
 * (docs/decisions/0024-chunk-filters.md).
 */
export function loadZstd(): Promise<DecodeZstd> {
  const { zstdDecompressSync } = zlib as MaybeZstd;
  return zstdDecompressSync === undefined
    ? loadSmallZstd()
    : Promise.resolve(decodeWith(zstdDecompressSync));
}

/** A decoder for blocks of some kilobytes, for which Node's own takes 0.01 ms more each: WebAssembly. */
export async function loadSmallZstd(): Promise<DecodeZstd> {
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (filter, input, bytesMax) => {
    if (bytesMax === 0) return new Uint8Array(0);
    const bytes = decoder.decode(input, bytesMax);
    // The library's error codes are negative lengths, of which it makes empty arrays.
    if (bytes.length === 0)
      throw damaged(filter, "its stream is broken or holds more than a chunk");
    return bytes;
  };
}

/** The types are those of the oldest Node. */
interface MaybeZstd {
  readonly zstdDecompressSync?: (
    input: Uint8Array,
    options: { chunkSize: number; maxOutputLength: number },
  ) => Uint8Array;
}

/** As for gzip: one buffer that is never just full. */
const MARGIN_BYTES = 64;

const decodeWith =
  (decompress: NonNullable<MaybeZstd["zstdDecompressSync"]>): DecodeZstd =>
  (filter, input, bytesMax) => {
    try {
      const [chunkSize, maxOutputLength] = [bytesMax + MARGIN_BYTES, Math.max(bytesMax, 1)];
      return decompress(input, { chunkSize, maxOutputLength });
    } catch (cause) {
      throw damaged(filter, wordsOf(cause), { cause });
    }
  };
