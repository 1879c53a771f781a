import { KERNELS_BASE64 } from "./kernels-wasm.ts";

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What TypeScript declares for browsers only. */
const { Module, Instance } = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object) => { readonly exports: unknown };
    };
  }
).WebAssembly;

/** The WebAssembly functions of kernels/chunk-kernels.ts. All arguments are byte offsets in `memory`, or counts. */
interface KernelExports {
  readonly memory: Memory;
  firstFree(): number;
  lz4: BlockDecoder;
  lzf: BlockDecoder;
  blosclz: BlockDecoder;
  unshuffle(from: number, to: number, elements: number, elementBytes: number): void;
  bitUnshuffle(
    from: number,
    to: number,
    planes: number,
    elements: number,
    elementBytes: number,
  ): void;
  fletcher32(from: number, bytes: number): number;
}

/** How many bytes were written, or −1 where the stream is broken or has no room. */
export type BlockDecoder = (from: number, fromEnd: number, to: number, toEnd: number) => number;

/** Kernels read and write whole vectors: up to 16 bytes behind what they are given. */
const SLACK_BYTES = 32;
const PAGE_BYTES = 65_536;

/**
 * The kernels and their memory, one for a process: a chunk is decoded in one go and copied out, so nobody else's bytes lie
 * there meanwhile. The memory is as large as the largest chunk has needed; it holds a chunk's stored bytes and what each
 * filter made of them.
 */
export class Kernels {
  readonly run: KernelExports;
  #bytes: Uint8Array;
  #view: DataView;
  #free = 0;

  constructor() {
    const module = new Module(Buffer.from(KERNELS_BASE64, "base64"));
    this.run = new Instance(module).exports as KernelExports;
    this.#bytes = new Uint8Array(this.run.memory.buffer);
    this.#view = new DataView(this.run.memory.buffer);
  }

  /** A chunk's decoding begins: what lay in the memory is given up. */
  clear(): void {
    this.#free = this.run.firstFree();
  }

  /** Room for so many bytes; where it begins. Views that were made before may be empty after it, those of `place`, too. */
  take(bytes: number): number {
    const begin = this.#free;
    const end = begin + bytes + SLACK_BYTES;
    if (end > this.#bytes.length) {
      this.run.memory.grow(Math.ceil((end - this.#bytes.length) / PAGE_BYTES));
      this.#bytes = new Uint8Array(this.run.memory.buffer);
      this.#view = new DataView(this.run.memory.buffer);
    }
    // 16 is a vector.
    this.#free = Math.ceil(end / 16) * 16;
    return begin;
  }

  /** Where these bytes lie in the memory; they are copied there if they don't yet. */
  place(bytes: Uint8Array): number {
    if (bytes.buffer === this.#bytes.buffer) return bytes.byteOffset;
    const begin = this.take(bytes.length);
    this.#bytes.set(bytes, begin);
    return begin;
  }

  /** As `to` and `from` need not lie apart. */
  copy(to: number, from: number, bytes: number): void {
    this.#bytes.copyWithin(to, from, from + bytes);
  }

  u8(at: number): number {
    return this.#bytes[at]!;
  }

  u32(at: number, order: { bigEndian: boolean }): number {
    return this.#view.getUint32(at, !order.bigEndian);
  }

  /** A view, until the next `take`. */
  view(begin: number, bytes: number): Uint8Array {
    return this.#bytes.subarray(begin, begin + bytes);
  }
}

let loaded: Kernels | undefined;

/** Compiled when they are first needed, in about a millisecond. */
export function loadKernels(): Kernels {
  loaded ??= new Kernels();
  return loaded;
}
