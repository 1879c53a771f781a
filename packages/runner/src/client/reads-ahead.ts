import type { DataFile } from "@evb/formats";
import type { ReadingOrder } from "./reading-order.ts";

/** As many reads as are on their way at once; libuv has four threads unless UV_THREADPOOL_SIZE says otherwise. */
const READS_MAX = 16;
/** Bytes that are read ahead and not used yet, but for what one event has more; and bytes of buffers that wait. */
const BYTES_MAX = 16 * 2 ** 20;
/** Events that are looked at ahead: some need no reads, and there must be an end. */
const EVENTS_MAX = 256;
/** Memory gives several GB/s: where reads took longer than this for their bytes, they waited for a disk or a network. */
const EVENT_SECONDS = 100e-6;
const BYTES_PER_SECOND = 1e9;
/** So much reading tells, in so many events; or fewer, if so many of them were slow. */
const TELLING_SECONDS = 0.02;
const TELLING_EVENTS = 16;
const TELLING_SLOW = 4;
/**
 * Where one event in so many was slow reading is begun ahead. Not the mean, and not for a few events: on a busy machine
 * a thread that has to wait for a processor takes ten times as long for an event now and then, most of all when a run
 * begins, and threads that read ahead would take another.
 */
const SLOW_ONE_IN = 4;
/** After so many bytes it is looked at anew: what was read once may be in memory. */
const LOOK_AGAIN_BYTES = 2 ** 30;

interface Read {
  readonly file: DataFile;
  readonly position: number;
  readonly buffer: Uint8Array;
  readonly here: Promise<void>;
}

/** What was begun for an event. */
interface EventReads {
  readonly event: string;
  readonly reads: Read[];
}

/** Reads what the next events need, where reading means waiting; it finds out by itself whether it does. */
export class ReadsAhead {
  readonly #mode: "auto" | "always" | "never";
  readonly #readsMax: number;
  readonly #bytesMax: number;
  /** In the order in which they will be worked on. */
  readonly #events: EventReads[] = [];
  readonly #free: Uint8Array[] = [];
  #freeBytes = 0;
  #reads = 0;
  #bytes = 0;
  #isOn: boolean;
  /** Since it was looked at last. */
  #seen = { seconds: 0, events: 0, slow: 0, bytes: 0 };

  constructor({ readAhead: reads, memoryBytes = BYTES_MAX }: ReadingOrder) {
    this.#bytesMax = Math.min(BYTES_MAX, memoryBytes);
    this.#mode = reads === undefined ? "auto" : reads === 0 ? "never" : "always";
    this.#readsMax = reads === undefined || reads === 0 ? READS_MAX : reads;
    this.#isOn = this.#mode === "always";
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  get hasRoom(): boolean {
    return (
      this.#reads < this.#readsMax &&
      this.#bytes < this.#bytesMax &&
      this.#events.length < EVENTS_MAX
    );
  }

  /** What is started from now on is for this event, which comes behind those before. */
  begin(event: string): void {
    this.#events.push({ event, reads: [] });
  }

  start(file: DataFile, position: number, bytes: number): void {
    const buffer = this.#buffer(bytes);
    const here = file.readAhead(buffer, position);
    this.#events.at(-1)!.reads.push({ file, position, buffer, here });
    this.#reads++;
    this.#bytes += bytes;
  }

  /** Comes when all that was begun for an event is here. */
  async arrival(event: string): Promise<void> {
    const found = this.#events.find((each) => each.event === event);
    if (found !== undefined) await Promise.all(found.reads.map(({ here }) => here));
  }

  /** Events that were begun are somebody else's. */
  forget(): void {
    for (const { reads } of this.#events.splice(0)) for (const read of reads) this.#drop(read);
  }

  /** An event is done: its reads, and those of events before it that nobody worked on, are over. */
  done(event: string): void {
    const at = this.#events.findIndex((each) => each.event === event);
    for (const { reads } of this.#events.splice(0, at + 1))
      for (const read of reads) this.#drop(read);
  }

  /** What reading an event took. */
  took(seconds: number, bytes: number): void {
    if (this.#mode !== "auto") return;
    const seen = this.#seen;
    seen.seconds += seconds;
    seen.events++;
    if (seconds > EVENT_SECONDS + bytes / BYTES_PER_SECOND) seen.slow++;
    seen.bytes += bytes;
    const isEnough = seen.events >= TELLING_EVENTS || seen.slow >= TELLING_SLOW;
    const isTelling = seen.seconds >= TELLING_SECONDS && isEnough;
    if (this.#isOn ? seen.bytes < LOOK_AGAIN_BYTES : !isTelling) return;
    this.#isOn = !this.#isOn && seen.slow >= Math.max(TELLING_SLOW, seen.events / SLOW_ONE_IN);
    this.#seen = { seconds: 0, events: 0, slow: 0, bytes: 0 };
  }

  /** Afterwards nothing is on its way. */
  async close(): Promise<void> {
    await Promise.all(this.#events.flatMap(({ reads }) => reads.map(({ here }) => here)));
  }

  #drop({ file, position, buffer, here }: Read): void {
    file.forget(position);
    this.#reads--;
    this.#bytes -= buffer.length;
    // What nobody waited for may still be written to.
    void here.then(() => {
      const { byteLength } = buffer.buffer;
      if (this.#freeBytes + byteLength > this.#bytesMax) return;
      this.#free.push(buffer);
      this.#freeBytes += byteLength;
    });
  }

  #buffer(bytes: number): Uint8Array {
    const at = this.#free.findIndex((each) => each.buffer.byteLength >= bytes);
    const [known] = at < 0 ? [] : this.#free.splice(at, 1);
    if (known === undefined) return new Uint8Array(bytes);
    this.#freeBytes -= known.buffer.byteLength;
    return new Uint8Array(known.buffer, 0, bytes);
  }
}
