import { inflateSync } from "node:zlib";
import { checkBytes, damaged, wordsOf, type Stage } from "./stage.ts";

/** node:zlib takes a further buffer where the last one is just full, so ours is never. */
const MARGIN_BYTES = 64;

/** Filter 1: a zlib stream (RFC 1950); bytes behind its end are ignored, as by HDF5. */
export const makeDeflate = (): Stage => ({
  stored: "compressed",
  undo(input, output) {
    const inflated = inflate("gzip", input, output.max);
    checkBytes("gzip", inflated.length, output);
    return inflated;
  },
});

/** At most `bytesMax` bytes of a zlib stream. @throws EvbError "chunk-damaged" */
export function inflate(filter: string, input: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return inflateSync(input, {
      chunkSize: Math.max(bytesMax + MARGIN_BYTES, MARGIN_BYTES),
      maxOutputLength: Math.max(bytesMax, 1),
    });
  } catch (cause) {
    throw damaged(filter, wordsOf(cause), { cause });
  }
}
