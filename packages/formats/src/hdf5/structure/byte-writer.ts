/** HDF5's "undefined address", in the 8 bytes that addresses have in our files. */
const UNDEFINED_ADDRESS = 2n ** 64n - 1n;
const BYTES_AT_FIRST = 256;

/** Little-endian numbers and bytes, one behind the other; it grows. */
export class ByteWriter {
  #bytes = new Uint8Array(BYTES_AT_FIRST);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** What was written so far: a view that ends with the next call. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  u8(...values: readonly number[]): this {
    const at = this.#next(values.length);
    values.forEach((value, k) => {
      this.#view.setUint8(at + k, value);
    });
    return this;
  }

  u16(value: number): this {
    const at = this.#next(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#next(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: number): this {
    const at = this.#next(8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  /** @param address undefined: there is none */
  address(address: number | undefined): this {
    const value = address === undefined ? UNDEFINED_ADDRESS : BigInt(address);
    const at = this.#next(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#next(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text, "utf8"));
  }

  zeros(count: number): this {
    this.#next(count);
    return this;
  }

  /** Zeros up to the next multiple. */
  align(multiple: number): this {
    return this.zeros(alignedTo(this.#at, multiple) - this.#at);
  }

  /** Where the next bytes go. Asked for first: it may put a larger view in place. */
  #next(count: number): number {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** The first multiple that isn't below `at`. */
export const alignedTo = (at: number, multiple: number): number =>
  Math.ceil(at / multiple) * multiple;
