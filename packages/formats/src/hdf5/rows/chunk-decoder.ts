/** One filter of a data set's pipeline; they are listed in the order in which they were applied. */
export interface ChunkFilter {
  /** As registered with The HDF Group. */
  readonly id: number;
  readonly clientData: readonly number[];
}

/** Undoes the filters of a chunk. */
export interface ChunkDecoder {
  /**
   * @param stored the chunk as it lies in the file
   * @param mask bit k: filter k was left out for this chunk
   * @param target as long as the chunk is decoded
   * @throws EvbError "chunk-damaged": `target` then holds nothing of use
   */
  decode(stored: Uint8Array, mask: number, target: Uint8Array): void;
}

/** Undefined where evb has no decoder for one of the filters. */
export function chunkDecoder(_layout: {
  readonly filters: readonly ChunkFilter[];
}): Promise<ChunkDecoder | undefined> {
  return Promise.resolve(undefined);
}
