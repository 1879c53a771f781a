import { withSequence } from "../wire/header.ts";

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

  /** @param write makes the message under the number that it gets */
  keep(write: (seq: number) => Message): Message {
    const seq = ++this.#last;
    const frames = write(seq);
    this.#kept.push({ seq, frames });
    this.#bytes += bytesOf(frames);
    return frames;
  }

  /** Drops what is acknowledged. */
  forget(ack: number): void {
    while (this.#kept[0] !== undefined && this.#kept[0].seq <= ack)
      this.#bytes -= bytesOf(this.#kept.shift()!.frames);
  }

  /** Everything after `ack`, in order. */
  after(ack: number): Message[] {
    return this.#kept.filter(({ seq }) => seq > ack).map(({ frames }) => frames);
  }

  /** As another client: everything that is kept is numbered from 1. */
  renumber(as: { session: number; sid: number }): void {
    this.#kept = this.#kept.map(({ frames: [frame, ...more] }, i) => ({
      seq: i + 1,
      frames: [withSequence(frame, { ...as, seq: i + 1 }), ...more],
    }));
    this.#last = this.#kept.length;
  }
}

const bytesOf = (frames: Message): number =>
  frames.reduce((sum, frame) => sum + frame.byteLength, 0);
