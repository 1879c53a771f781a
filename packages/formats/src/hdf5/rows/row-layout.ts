import { elementBytes, type ElementType } from "@evb/event";
import type { ChunkFilter } from "../filters/stage.ts";
import { HALF_BYTES } from "./halves.ts";

/**
 * How the rows of a data set lie in their file, as far as it is the same for all of them: with the places
 * of a row's chunks it is all that reading takes, without any metadata of the file.
 */
export interface RowLayout {
  /** Dimensions of one row; none: a number. */
  readonly itemShape: readonly number[];
  /** As stored. */
  readonly elementBytes: number;
  /** Elements are 16-bit floats, which are handed over as f4; undefined: as they are stored. */
  readonly halves?: true | undefined;
  readonly bigEndian: boolean;
  /** Rows first; undefined: rows lie one behind the other, and nothing is filtered. */
  readonly chunk: readonly number[] | undefined;
  /** Where rows lie one behind the other: bytes from the file's beginning; {@link NOWHERE}: nothing was written; {@link misplaced}. */
  readonly address: number;
  readonly filters: readonly ChunkFilter[];
  /** One element as it is stored, for what was never written; undefined: zeros. */
  readonly fill: Uint8Array | undefined;
  /** Undefined but for a source of ring items: then each row is a chunk of its own, as long as it is stored. */
  readonly ring?:
    | {
        /** They are of NSCLDAQ 10: none has a body header. */
        readonly v10: boolean;
      }
    | undefined;
}

/** The address of what was never written. */
export const NOWHERE = -1;

/**
 * In place of an address that can't be right, as what lies there is something else: below {@link NOWHERE}, and the address
 * again of what it gives.
 */
export const misplaced = (address: number): number => -2 - address;

export const isMisplaced = (address: number): boolean => address < NOWHERE;

/** Where the chunks of some rows lie: columns, one entry for each chunk. */
export interface ChunkPlaces {
  /** Bytes from the file's beginning; {@link NOWHERE}: never written; {@link misplaced}. */
  readonly address: Float64Array;
  /** Bytes as stored; undefined: no chunk is filtered. */
  readonly stored: Uint32Array | undefined;
  /** Bit k: filter k was left out for this chunk; undefined: none ever was. */
  readonly mask: Uint32Array | undefined;
}

export const NO_PLACES: ChunkPlaces = {
  address: new Float64Array(0),
  stored: undefined,
  mask: undefined,
};

/** What one element takes in the file. @param type as it is handed over */
export const storedElementBytes = (
  type: ElementType,
  { halves }: Pick<RowLayout, "halves">,
): number => (halves === true ? HALF_BYTES : elementBytes(type));

/** Decoded bytes of one row, before 16-bit floats become wider. */
export const rowBytesOf = ({
  itemShape,
  elementBytes,
}: Pick<RowLayout, "itemShape" | "elementBytes">): number =>
  itemShape.reduce((product, n) => product * n, elementBytes);

/** Bytes of one row as they are handed over. */
export const givenBytesOf = (layout: RowLayout): number =>
  layout.halves === true ? (4 / HALF_BYTES) * rowBytesOf(layout) : rowBytesOf(layout);

/** Rows that one chunk covers; 1 where there are no chunks. */
export const rowsPerChunk = ({ chunk }: RowLayout): number => chunk?.[0] ?? 1;

/** Chunks that a row lies in; 0 where rows lie one behind the other. */
export const chunksPerRow = ({ chunk, itemShape }: RowLayout): number =>
  chunk === undefined
    ? 0
    : itemShape.reduce((product, n, i) => product * Math.ceil(n / chunk[i + 1]!), 1);

/** Decoded bytes of one chunk. */
export const chunkBytesOf = ({ chunk, elementBytes }: RowLayout): number =>
  (chunk ?? []).reduce((product, n) => product * n, elementBytes);
