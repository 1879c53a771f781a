import { EventFragment, type SourceInfo } from "@evb/analysis";

/** Items begin so that what lies behind their headers, of 28 bytes nearly always, is aligned for any element. */
const ALIGNMENT = 8;
export const ITEM_LEAD_BYTES = 4;

/** What an item takes in a pool. */
export const roomOf = (size: number): number => (Math.floor(size / ALIGNMENT) + 2) * ALIGNMENT;

/** The memory of an event's items. */
export class RingPool {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** As long, for words that can't be had in place; made when there is one. */
  #spare: Uint8Array<ArrayBuffer> | undefined;

  constructor(bytes: number) {
    // Events differ in size: memory is taken a few times, not for each that is a little larger.
    this.bytes = new Uint8Array(2 ** Math.ceil(Math.log2(bytes + 1)));
    this.view = new DataView(this.bytes.buffer);
  }

  /**
   * Some bytes of the pool as 16-bit words of this host.
   *
   * @param swapped their order isn't this host's, which is little-endian as all hosts that evb runs on
   */
  words(data: Uint8Array, swapped: boolean): Uint16Array {
    const count = data.length >>> 1;
    const isEven = data.byteOffset % 2 === 0;
    if (isEven && !swapped) return new Uint16Array(this.bytes.buffer, data.byteOffset, count);
    this.#spare ??= new Uint8Array(this.bytes.length);
    // Data at an odd place have a header before them, which takes more than the byte that is lost here.
    const at = data.byteOffset - (isEven ? 0 : 1);
    this.#spare.set(data.subarray(0, 2 * count), at);
    if (swapped) Buffer.from(this.#spare.buffer, at, 2 * count).swap16();
    return new Uint16Array(this.#spare.buffer, at, count);
  }
}

/** A ring item in a pool. Its words are made when they are asked for. */
export class RingFragment extends EventFragment<Uint8Array> {
  readonly #pool: RingPool;
  readonly #swapped: boolean;
  #words: Uint16Array | undefined;

  constructor(
    pool: RingPool,
    item: {
      readonly source: SourceInfo;
      readonly row: number;
      readonly data: Uint8Array;
      readonly swapped: boolean;
    },
  ) {
    super(item.source, item.row, item.data);
    this.#pool = pool;
    this.#swapped = item.swapped;
  }

  get words(): Uint16Array {
    this.#words ??= this.#pool.words(this.data, this.#swapped);
    return this.#words;
  }
}
