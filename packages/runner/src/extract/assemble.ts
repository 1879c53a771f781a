import { setImmediate } from "node:timers/promises";
import { fault } from "../faults.ts";
import type { ExtractOutput } from "./extract-output.ts";
import type { ExtractShape } from "./extract-shape.ts";
import type { PartRecord, PartRecords } from "./part-records.ts";

/** Bytes that are copied at a time. */
const COPY_BYTES = 2 ** 22;

/** A row that couldn't be read. */
export interface ExtractFailure {
  /** Row of the shape's sources. */
  readonly source: number;
  /** Of the output's rows. */
  readonly event: number;
  readonly reason: string;
}

/**
 * Puts what clients kept to its place, in the order of parts: so the output is the same whoever wrote them. Compressed
 * chunks stand source by source, one behind the other.
 *
 * @returns the rows that couldn't be read, by source and event
 * @throws EvbError "part-lost", "output-failed"; "extract-stopped" where the signal comes
 */
export async function assemble(
  output: ExtractOutput,
  { shape, records }: { readonly shape: ExtractShape; readonly records: PartRecords },
  signal: AbortSignal,
): Promise<ExtractFailure[]> {
  const failures: ExtractFailure[] = [];
  const buffer = new Uint8Array(COPY_BYTES);
  for (let part = 0; part < shape.parts; part++) {
    const record = records.of(part);
    if (record === undefined) continue;
    const { source, first, events } = shape.part(part);
    for (const { event, reason } of record.head.failures) {
      if (event < first || event >= first + events)
        throw fault("frame-bad", { what: "record", reason: "it is of another part" });
      failures.push({ source, event, reason });
    }
    copyChunks(output, record, { part, source, records, buffer });
    await setImmediate();
    if (signal.aborted) throw fault("extract-stopped", { done: part, parts: shape.parts });
  }
  for (const { source, event } of failures) output.fail(source, event);
  return failures;
}

function copyChunks(
  output: ExtractOutput,
  { head, offset }: PartRecord,
  from: {
    readonly part: number;
    readonly source: number;
    readonly records: PartRecords;
    readonly buffer: Uint8Array;
  },
): void {
  const { part, source, records, buffer } = from;
  let at = offset;
  for (const { chunk, storedBytes } of head.chunks) {
    const address = output.placeChunk(source, chunk, storedBytes);
    for (let done = 0; done < storedBytes;) {
      const piece = buffer.subarray(0, Math.min(buffer.length, storedBytes - done));
      output.write(records.bytes(part, at, piece), address + done);
      at += piece.length;
      done += piece.length;
    }
  }
}
