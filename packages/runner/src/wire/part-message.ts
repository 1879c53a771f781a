import { fault } from "../faults.ts";
import { ColumnCursor } from "./columns.ts";

/**
 * A part of an output file, with all that it takes to write it. A part has units, one behind the
 * other; a unit is a built event or a run item, and is put together from pieces.
 */
export interface Part {
  /** Row of the welcome's outputs. */
  readonly output: number;
  /** Which building of the run it is of: counts are kept apart. */
  readonly building: number;
  /** Where in the output it begins, and its bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** How the heads of built events are written. */
  readonly littleEndian: boolean;
  /** NSCLDAQ 10 knows no body headers. */
  readonly v10: boolean;
  /** Fragments are their payloads alone, each a unit, and stand in no event. */
  readonly unbuilt?: true;
  /** Source id of built events; of what isn't built, of all items. */
  readonly sourceId: number;
  /** Shape (1), u64 ticks: of the fragment before the first one; 0 where there is none. */
  readonly before: BigUint64Array;
  /** Shape (units), u64 ticks: what built events get. */
  readonly stamp: BigUint64Array;
  /** Shape (units). */
  readonly pieceCount: Uint32Array;
  /** Shape (units): 0 for run items. */
  readonly fragmentCount: Uint32Array;
  /** Shape (pieces): where in the bytes of all inputs; −1 − k: from byte k of the literals. */
  readonly pieceOffset: Float64Array;
  /** Shape (pieces). */
  readonly pieceSize: Uint32Array;
  readonly literals: Uint8Array;
}

/** u32: output, building, units, pieces, literal bytes, flags, source id, 0; f64: offset, bytes; u64: before */
const HEAD_WORDS = 8;
const HEAD_BYTES = 4 * HEAD_WORDS + 8 + 8 + 8;
const BIG_ENDIAN = 1;
const V10 = 2;
const UNBUILT = 4;

/** Columns of u64 and f64 come first, so that all are aligned; its length is a multiple of 8. */
export function encodePart(part: Part): Uint8Array<ArrayBuffer> {
  const [units, pieces] = [part.stamp.length, part.pieceSize.length];
  const bytes = HEAD_BYTES + 16 * units + 12 * pieces + part.literals.length;
  const frame = new Uint8Array(new ArrayBuffer(Math.ceil(bytes / 8) * 8));
  const cursor = new ColumnCursor(frame, 0, "part");
  const flags =
    (part.littleEndian ? 0 : BIG_ENDIAN) |
    (part.v10 ? V10 : 0) |
    (part.unbuilt === true ? UNBUILT : 0);
  cursor
    .take("u32", HEAD_WORDS)
    .set([
      part.output,
      part.building,
      units,
      pieces,
      part.literals.length,
      flags,
      part.sourceId,
      0,
    ]);
  cursor.take("f64", 2).set([part.offset, part.bytes]);
  cursor.take("u64", 1).set(part.before);
  cursor.take("u64", units).set(part.stamp);
  cursor.take("f64", pieces).set(part.pieceOffset);
  cursor.take("u32", units).set(part.pieceCount);
  cursor.take("u32", units).set(part.fragmentCount);
  cursor.take("u32", pieces).set(part.pieceSize);
  cursor.take("u8", part.literals.length).set(part.literals);
  return frame;
}

/** @throws EvbError "frame-bad" */
export function decodePart(frame: Uint8Array): Part {
  const cursor = new ColumnCursor(frame, 0, "part");
  const [output, building, units, pieces, literalBytes, flags, sourceId] = cursor.take(
    "u32",
    HEAD_WORDS,
  );
  const [offset, bytes] = cursor.take("f64", 2);
  const part: Part = {
    output: output!,
    building: building!,
    offset: offset!,
    bytes: bytes!,
    littleEndian: (flags! & BIG_ENDIAN) === 0,
    v10: (flags! & V10) !== 0,
    ...((flags! & UNBUILT) !== 0 && { unbuilt: true as const }),
    sourceId: sourceId!,
    before: cursor.take("u64", 1),
    stamp: cursor.take("u64", units!),
    pieceOffset: cursor.take("f64", pieces!),
    pieceCount: cursor.take("u32", units!),
    fragmentCount: cursor.take("u32", units!),
    pieceSize: cursor.take("u32", pieces!),
    literals: cursor.take("u8", literalBytes!),
  };
  checkPieces(part);
  return part;
}

/** Nothing is written to a place, or copied from one, that isn't. */
function checkPieces({ offset, bytes, pieceCount, pieceOffset, pieceSize, literals }: Part): void {
  if (
    ![offset, bytes, offset + bytes].every((number) => Number.isSafeInteger(number) && number >= 0)
  )
    throw bad("its place is none");
  let pieces = 0;
  for (const count of pieceCount) pieces += count;
  if (pieces !== pieceSize.length) throw bad("its pieces don't add up");
  for (let i = 0; i < pieces; i++) {
    const at = pieceOffset[i]!;
    if (!Number.isSafeInteger(at)) throw bad("a piece is nowhere");
    if (at < 0 && -1 - at + pieceSize[i]! > literals.length)
      throw bad("a piece lies behind its literals");
  }
}

const bad = (reason: string): Error => fault("frame-bad", { what: "part", reason });
