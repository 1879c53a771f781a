import { crc32 } from "node:zlib";
import { fault } from "../faults.ts";

/** Counted up when a message changes; both sides must agree. */
export const PROTOCOL_VERSION = 5;

/** Little-endian. 24 bytes keep the 8-byte columns behind it aligned. */
//   0      1         2     4         8     12    16    20
//   type u8 version u8 sid u16 session u32 seq u32 ack u32 n u32 crc u32
export const HEADER_BYTES = 24;

/** What a frame says, by its first byte. 1–15 go to clients on their lanes, 16–31 to the coordinator. */
const MESSAGE = {
  lease: 1,
  ack: 2,
  resend: 3,
  stop: 4,
  bye: 5,
  /** Leases of events that another client has, too, or may have: their totals travel in epochs of their own. */
  double: 6,
  /** Others have nothing to do: what isn't begun is to be given back. */
  revoke: 7,
  hello: 16,
  result: 17,
  epoch: 18,
  beat: 19,
  leave: 20,
  /** What makes every result wrong that is still to come: the run ends. */
  fault: 21,
  /** Totals of all that was done before the client joined have been sent. */
  settled: 22,
  /** The answer to a revoke: events that were not begun, and won't be. */
  revoked: 23,
} as const;
export type MessageKind = keyof typeof MESSAGE;

export interface Header {
  readonly kind: MessageKind;
  /** Which client of the session, never used twice. */
  readonly sid: number;
  /** Random, one per life of a coordinator; frames of another session are dropped. */
  readonly session: number;
  /** To the coordinator: counts results, epochs and leaves from 1. On a lane: counts frames. */
  readonly seq: number;
  /** On a lane: every message up to this one is in the journal. */
  readonly ack: number;
  /** How many leases or ranges follow. */
  readonly n: number;
}

const KINDS = new Map<number, MessageKind>(
  (Object.keys(MESSAGE) as MessageKind[]).map((kind) => [MESSAGE[kind], kind]),
);

/** A frame of its own memory: ZeroMQ sends it without a copy, after the call, so it is never written again. */
export function newFrame(
  header: Header,
  bodyBytes: number,
): { frame: Uint8Array<ArrayBuffer>; view: DataView } {
  const frame = new Uint8Array(new ArrayBuffer(HEADER_BYTES + bodyBytes));
  const view = new DataView(frame.buffer);
  view.setUint8(0, MESSAGE[header.kind]);
  view.setUint8(1, PROTOCOL_VERSION);
  view.setUint16(2, header.sid, true);
  view.setUint32(4, header.session, true);
  view.setUint32(8, header.seq, true);
  view.setUint32(12, header.ack, true);
  view.setUint32(16, header.n, true);
  return { frame, view };
}

/** @throws EvbError "frame-bad" */
export function readHeader(frame: Uint8Array): Header {
  if (frame.byteLength < HEADER_BYTES) throw bad(`it has ${String(frame.byteLength)} bytes`);
  const view = viewOf(frame);
  const kind = KINDS.get(view.getUint8(0));
  if (kind === undefined) throw bad(`its kind is ${String(view.getUint8(0))}`);
  if (view.getUint8(1) !== PROTOCOL_VERSION)
    throw bad(
      `its protocol version is ${String(view.getUint8(1))}, not ${String(PROTOCOL_VERSION)}`,
    );
  return {
    kind,
    sid: view.getUint16(2, true),
    session: view.getUint32(4, true),
    seq: view.getUint32(8, true),
    ack: view.getUint32(12, true),
    n: view.getUint32(16, true),
  };
}

const CRC_OFFSET = 20;

/**
 * Writes the checksum of a whole message into its first frame. It is for bytes that change on their
 * way, and for frames that no evb made; against people there are keys.
 */
export function seal(frames: readonly [Uint8Array, ...Uint8Array[]]): void {
  const [first] = frames;
  viewOf(first).setUint32(CRC_OFFSET, checksum(frames), true);
}

/** The header of a message whose checksum holds. @throws EvbError "frame-bad" */
export function openMessage(frames: readonly Uint8Array[]): Header {
  const [first] = frames;
  if (first === undefined) throw bad("it has no frame");
  const header = readHeader(first);
  if (viewOf(first).getUint32(CRC_OFFSET, true) !== checksum(frames))
    throw bad("its checksum is wrong");
  return header;
}

/** CRC-32 over all frames, the first one's own field left out. */
function checksum([first, ...more]: readonly Uint8Array[]): number {
  let crc = crc32(first!.subarray(HEADER_BYTES), crc32(first!.subarray(0, CRC_OFFSET)));
  for (const frame of more) crc = crc32(frame, crc);
  return crc;
}

/** Which client says it, in which session, as its how manyth message. */
export interface Address {
  readonly sid: number;
  readonly session: number;
  readonly seq: number;
}

/** Writes who speaks into a frame that hasn't been sent yet. */
export function address(frame: Uint8Array, { sid, session, seq }: Address): void {
  const view = viewOf(frame);
  view.setUint16(2, sid, true);
  view.setUint32(4, session, true);
  view.setUint32(8, seq, true);
}

const viewOf = (frame: Uint8Array): DataView =>
  new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);

function bad(reason: string): Error {
  return fault("frame-bad", { what: "frame", reason });
}
