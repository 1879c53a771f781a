import { address, readHeader, seal, type Address, type MessageKind } from "../wire/header.ts";

/** A message: its first frame has the header. */
export type Message = readonly [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]];

/**
 * What was sent and is not acknowledged yet, by number. Memory that was sent is never written again, so
 * what is sent once more is as it was.
 */
export class Outbox {
  #kept: { readonly seq: number; readonly frames: Message }[] = [];
  #last = 0;
  #bytes = 0;

  /** The number of the last message. */
  get last(): number {
    return this.#last;
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** Numbers, addresses and seals a message, and keeps it. Its frames are the outbox's from now on. */
  keep(frames: Message, from: Omit<Address, "seq">): Message {
    const seq = ++this.#last;
    address(frames[0], { ...from, seq });
    seal(frames);
    this.#kept.push({ seq, frames });
    this.#bytes += bytesOf(frames);
    return frames;
  }

  /** Drops what is acknowledged. */
  forget(ack: number): void {
    let count = 0;
    while (count < this.#kept.length && this.#kept[count]!.seq <= ack)
      this.#bytes -= bytesOf(this.#kept[count++]!.frames);
    this.#kept.splice(0, count);
  }

  /** Everything after `ack`, in order. */
  after(ack: number): Message[] {
    return this.#kept.filter(({ seq }) => seq > ack).map(({ frames }) => frames);
  }

  /** As another connection: everything that is kept is numbered from 1. What was said of the old one alone isn't said again. */
  renumber(from: Omit<Address, "seq">): void {
    const kept = this.#kept.filter(
      ({ frames }) => !OF_ITS_CONNECTION.has(readHeader(frames[0]).kind),
    );
    this.#kept = [];
    this.#last = 0;
    this.#bytes = 0;
    // Copies: the old ones may still be on their way.
    for (const { frames } of kept) this.keep([frames[0].slice(), ...frames.slice(1)], from);
  }
}

/** Said of one connection: under another it would be untrue. */
const OF_ITS_CONNECTION: ReadonlySet<MessageKind> = new Set([
  "leave",
  "settled",
  "revoked",
] as const);

const bytesOf = (frames: Message): number =>
  frames.reduce((sum, frame) => sum + frame.byteLength, 0);
