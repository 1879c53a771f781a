import { fault } from "../faults.ts";

/** Counted up when a message changes; both sides must agree. */
export const PROTOCOL_VERSION = 1;

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
  hello: 16,
  result: 17,
  epoch: 18,
  beat: 19,
  leave: 20,
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
  /** On a lane: every result up to this one is in the journal. */
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
  const view = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
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

/** Writes a header's sequence number into a frame that has not been sent yet, or is sent anew under another. */
export function withSequence(
  frame: Uint8Array<ArrayBuffer>,
  number: { sid: number; session: number; seq: number },
): Uint8Array<ArrayBuffer> {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  view.setUint16(2, number.sid, true);
  view.setUint32(4, number.session, true);
  view.setUint32(8, number.seq, true);
  return copy;
}

function bad(reason: string): Error {
  return fault("frame-bad", { what: "frame", reason });
}
