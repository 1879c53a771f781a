import { fault } from "../faults.ts";
import { Fields, decodeValue, encodeValue } from "./values.ts";

/** A chunk of the output that is compressed, and has no place there yet. */
export interface PartChunk {
  /** Number along the data set's first dimension. */
  readonly chunk: number;
  readonly bytes: Uint8Array;
}

/** What a record says before its chunks' bytes. */
export interface PartRecordHead {
  readonly chunks: readonly { readonly chunk: number; readonly storedBytes: number }[];
  /** Events of the output whose rows couldn't be read. */
  readonly failures: readonly { readonly event: number; readonly reason: string }[];
  /** Of the head itself. */
  readonly bytes: number;
}

/** A sentence of a failure is cut to this many characters. */
const REASON_LENGTH_MAX = 1000;
/** Events of a part that may fail, with their sentences. */
const FAILURES_BYTES_MAX = 2 ** 30;
const FAILURES_MAX = 2 ** 32 - 1;
const HEAD_BYTES = 8;

/** Where a client's records of a run stand: session and sid are of its connection, and no other has them. */
export const partFileName = (which: {
  readonly session: number;
  readonly sid: number;
  readonly run: string;
}): string => `${String(which.session)}-${String(which.sid)}.${which.run}.partial`;

/** chunks u32 | bytes of failures u32 || number u32, stored bytes u32 of each chunk || failures, msgpack */
export function partRecordHead(
  chunks: readonly PartChunk[],
  failures: PartRecordHead["failures"],
): Uint8Array {
  const cut = failures.map(({ event, reason }) => ({
    event,
    reason: reason.slice(0, REASON_LENGTH_MAX),
  }));
  const said = cut.length === 0 ? new Uint8Array(0) : encodeValue({ failures: cut });
  const head = new Uint8Array(HEAD_BYTES + 8 * chunks.length + said.length);
  const view = new DataView(head.buffer);
  view.setUint32(0, chunks.length, true);
  view.setUint32(4, said.length, true);
  chunks.forEach(({ chunk, bytes }, k) => {
    view.setUint32(HEAD_BYTES + 8 * k, chunk, true);
    view.setUint32(HEAD_BYTES + 8 * k + 4, bytes.length, true);
  });
  head.set(said, HEAD_BYTES + 8 * chunks.length);
  return head;
}

/**
 * @param read gives so many bytes of the record from an offset on
 * @param bytes of the whole record
 * @throws EvbError "frame-bad"
 */
export function readPartRecordHead(
  read: (offset: number, bytes: number) => Uint8Array,
  bytes: number,
): PartRecordHead {
  if (bytes < HEAD_BYTES) throw bad("it is cut");
  const begin = viewOf(read(0, HEAD_BYTES));
  const [count, saidBytes] = [begin.getUint32(0, true), begin.getUint32(4, true)];
  const headBytes = HEAD_BYTES + 8 * count + saidBytes;
  if (headBytes > bytes) throw bad("it is shorter than it says");
  const table = viewOf(read(HEAD_BYTES, 8 * count));
  const chunks = Array.from({ length: count }, (_, k) => ({
    chunk: table.getUint32(8 * k, true),
    storedBytes: table.getUint32(8 * k + 4, true),
  }));
  const stored = chunks.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  if (headBytes + stored !== bytes) throw bad("its chunks don't have its size");
  const said = saidBytes === 0 ? undefined : read(HEAD_BYTES + 8 * count, saidBytes);
  return { chunks, failures: said === undefined ? [] : decodeFailed(said), bytes: headBytes };
}

function decodeFailed(bytes: Uint8Array): PartRecordHead["failures"] {
  const fields = new Fields("record", decodeValue("record", bytes, FAILURES_BYTES_MAX));
  return fields.list("failures", FAILURES_MAX, (value) => {
    const inner = new Fields("record's failure", value);
    return {
      event: inner.integer("event", FAILURES_MAX),
      reason: inner.text("reason", REASON_LENGTH_MAX),
    };
  });
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const bad = (reason: string): Error => fault("frame-bad", { what: "record", reason });
