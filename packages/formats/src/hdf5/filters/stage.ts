import type { EvbError } from "@evb/event";
import { fault } from "../../faults.ts";

/** One filter of a data set's pipeline, in the order in which it was written. */
export interface ChunkFilter {
  /** As registered with The HDF Group: 1 deflate, 2 shuffle, 3 fletcher32, 32000 lzf, 32004 lz4, … */
  readonly id: number;
  /** Its parameters: u32 each. */
  readonly clientData: readonly number[];
}

/** What a chunk is without its filters. */
export interface ChunkShape {
  /** Of the data set's type. */
  readonly elementBytes: number;
  readonly chunkBytes: number;
}

/** What is known of a stage's output before it runs. */
export interface OutputBytes {
  /** No more is made, whatever the stream says. */
  readonly max: number;
  /** It is exactly so many: no compressing filter lies between it and the chunk. */
  readonly exact: boolean;
}

/** Undoes one filter. */
export interface Stage {
  /** Compressed bytes can be fewer or more than what they are made from, others are as many, and a checksum adds its own. */
  readonly stored: "compressed" | "as many" | "4 more";
  /**
   * The bytes as they were before the filter: a view that the next stage's `take` may end. `input` may lie anywhere.
   * @throws EvbError "chunk-damaged"
   */
  undo(input: Uint8Array, output: OutputBytes): Uint8Array;
}

/** A stage, made when a data set's pipeline has its filter. Undefined: a variant that we don't decode. */
export type MakeStage = (
  clientData: readonly number[],
  shape: ChunkShape,
) => Stage | undefined | Promise<Stage | undefined>;

/** The words of a library's error. Not by `instanceof`: node:zlib's errors may be of another realm. */
export const wordsOf = (thrown: unknown): string => (thrown as { message: string }).message;

export const damaged = (
  filter: string,
  reason: string,
  options?: ErrorOptions,
): EvbError<"chunk-damaged"> => fault("chunk-damaged", { filter, reason }, options);

/** A stream's declared or final size, against what may come out. @throws EvbError "chunk-damaged" */
export function checkBytes(filter: string, bytes: number, { max, exact }: OutputBytes): void {
  if (exact ? bytes !== max : bytes > max)
    throw damaged(
      filter,
      `it holds ${String(bytes)} bytes where ${exact ? "" : "at most "}${String(max)} belong`,
    );
}
