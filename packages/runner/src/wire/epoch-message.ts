import { Totals, type TotalSchema } from "@evb/analysis";
import { fault } from "../faults.ts";
import { ColumnCursor } from "./columns.ts";
import { HEADER_BYTES, newFrame, type Header } from "./header.ts";
import { RANGES_PER_FRAME_MAX } from "./result-message.ts";

/** Totals of exactly these events. An epoch counts whole or not at all. */
export interface Epoch {
  readonly ranges: readonly { readonly first: number; readonly events: number }[];
  readonly totals: Totals;
}

/**
 * (first, events) u32 (ranges, 2) | for each total: an integer as two u64 (low, high; two's
 * complement of 128 bit, so that the sum over parts can't overflow), or its bins f64
 */
export function encodeEpoch(
  header: Omit<Header, "kind" | "n">,
  epoch: Epoch,
): Uint8Array<ArrayBuffer> {
  const { ranges, totals } = epoch;
  const bytes = 8 * ranges.length + totalsBytes(totals.schema);
  const { frame } = newFrame({ ...header, kind: "epoch", n: ranges.length }, bytes);
  const cursor = new ColumnCursor(frame, HEADER_BYTES, "epoch");
  const heads = cursor.take("u32", 2 * ranges.length);
  ranges.forEach(({ first, events }, i) => {
    heads.set([first, events], 2 * i);
  });
  totals.schema.forEach(({ type, length }, row) => {
    if (type === "f8") cursor.take("f64", length).set(totals.floats(row));
    else {
      const value = BigInt.asUintN(128, totals.integer(row));
      cursor.take("u64", 2).set([BigInt.asUintN(64, value), value >> 64n]);
    }
  });
  return frame;
}

/** @throws EvbError "frame-bad" */
export function decodeEpoch(
  header: Header,
  frame: Uint8Array,
  schema: readonly TotalSchema[],
): Epoch {
  if (header.n < 1 || header.n > RANGES_PER_FRAME_MAX)
    throw fault("frame-bad", { what: "epoch", reason: `it holds ${String(header.n)} ranges` });
  // Before memory is taken for the totals.
  if (frame.byteLength !== HEADER_BYTES + 8 * header.n + totalsBytes(schema))
    throw fault("frame-bad", { what: "epoch", reason: "its length is another one" });
  const cursor = new ColumnCursor(frame, HEADER_BYTES, "epoch");
  const heads = cursor.take("u32", 2 * header.n);
  const totals = new Totals(schema);
  schema.forEach(({ type, length }, row) => {
    if (type === "f8") totals.addAll(row, cursor.take("f64", length));
    else {
      const [low, high] = cursor.take("u64", 2);
      totals.add(row, BigInt.asIntN(128, (high! << 64n) | low!), 0);
    }
  });
  cursor.end();
  const ranges: { first: number; events: number }[] = [];
  for (let i = 0; i < heads.length; i += 2)
    ranges.push({ first: heads[i]!, events: heads[i + 1]! });
  return { ranges, totals };
}

function totalsBytes(schema: readonly TotalSchema[]): number {
  return schema.reduce((sum, { type, length }) => sum + (type === "f8" ? 8 * length : 16), 0);
}
