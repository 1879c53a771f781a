import { fault } from "../faults.ts";

const WIDTHS = { u64: 8, f64: 8, u32: 4, u16: 2, u8: 1 } as const;
type Width = keyof typeof WIDTHS;
interface Views {
  u64: BigUint64Array;
  f64: Float64Array;
  u32: Uint32Array;
  u16: Uint16Array;
  u8: Uint8Array;
}

/**
 * Lays typed columns out behind a header: wide ones first, so that all are aligned and can be
 * read in place. Reading a frame makes views, no copies, where the frame itself is aligned.
 */
export class ColumnCursor {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #offset: number;

  constructor(frame: Uint8Array, offset: number, what: string) {
    // A frame out of a larger buffer may start anywhere; a copy starts at 0.
    this.#bytes = frame.byteOffset % 8 === 0 ? frame : frame.slice();
    this.#offset = offset;
    this.#what = what;
  }

  /** The next `count` elements. @throws EvbError "frame-bad" where the frame is shorter */
  take<Kind extends Width>(kind: Kind, count: number): Views[Kind] {
    const bytes = count * WIDTHS[kind];
    if (!Number.isSafeInteger(bytes) || this.#offset + bytes > this.#bytes.byteLength)
      throw fault("frame-bad", { what: this.#what, reason: "it is shorter than it says" });
    const { buffer, byteOffset } = this.#bytes;
    const at = byteOffset + this.#offset;
    this.#offset += bytes;
    switch (kind) {
      case "u64":
        return new BigUint64Array(buffer, at, count) as Views[Kind];
      case "f64":
        return new Float64Array(buffer, at, count) as Views[Kind];
      case "u32":
        return new Uint32Array(buffer, at, count) as Views[Kind];
      case "u16":
        return new Uint16Array(buffer, at, count) as Views[Kind];
      case "u8":
        return new Uint8Array(buffer, at, count) as Views[Kind];
    }
  }

  /** Goes on at the next place where any column may begin. */
  align(): void {
    this.#offset = Math.ceil(this.#offset / 8) * 8;
  }

  /** Whether nothing is left. */
  get isAtEnd(): boolean {
    return this.#offset >= this.#bytes.byteLength;
  }

  /** @throws EvbError "frame-bad" where something is left */
  end(): void {
    if (this.#offset !== this.#bytes.byteLength)
      throw fault("frame-bad", { what: this.#what, reason: "it is longer than it says" });
  }
}
