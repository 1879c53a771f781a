import { chunkDecoder, type ChunkDecoder } from "../filters/chunk-decoder.ts";
import { chunkBytesOf, type RowLayout } from "./row-layout.ts";

/**
 * What undoes the filters of a layout; "none" where it has none, undefined where evb has no decoder for one
 * of them.
 */
export async function decoderOf(layout: RowLayout): Promise<ChunkDecoder | "none" | undefined> {
  const { filters, elementBytes } = layout;
  if (filters.length === 0) return "none";
  return chunkDecoder(filters, { elementBytes, chunkBytes: chunkBytesOf(layout) });
}
