import { fault } from "../faults.ts";
import { ColumnCursor } from "./columns.ts";
import { HEADER_BYTES, newFrame, type Header } from "./header.ts";
import { RANGES_PER_FRAME_MAX } from "./result-message.ts";

/** Consecutive events of a lease that their client gives back. */
export interface GivenBack {
  readonly lease: number;
  readonly first: number;
  readonly events: number;
}

/** (lease, first, events) u32 (ranges, 3); none where all was begun */
export function encodeRevoked(
  header: Omit<Header, "kind" | "n">,
  ranges: readonly GivenBack[],
): Uint8Array<ArrayBuffer> {
  const n = ranges.length;
  const { frame } = newFrame({ ...header, kind: "revoked", n }, 12 * n);
  const heads = new ColumnCursor(frame, HEADER_BYTES, "revoked").take("u32", 3 * n);
  ranges.forEach(({ lease, first, events }, i) => {
    heads.set([lease, first, events], 3 * i);
  });
  return frame;
}

/** @throws EvbError "frame-bad" */
export function decodeRevoked({ n }: Header, frame: Uint8Array): GivenBack[] {
  const bad = (reason: string): Error => fault("frame-bad", { what: "revoked", reason });
  if (n > RANGES_PER_FRAME_MAX) throw bad(`it holds ${String(n)} ranges`);
  const cursor = new ColumnCursor(frame, HEADER_BYTES, "revoked");
  const heads = cursor.take("u32", 3 * n);
  cursor.end();
  return Array.from({ length: n }, (_, i) => ({
    lease: heads[3 * i]!,
    first: heads[3 * i + 1]!,
    events: heads[3 * i + 2]!,
  }));
}
