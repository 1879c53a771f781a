import { ELEMENT_TYPES, viewElements, type Elements, type ElementType } from "@evb/event";
import { KERNELS_BASE64 } from "./kernels-wasm.ts";

/** What TypeScript declares for browsers only. */
const { Module, Instance } = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object) => { readonly exports: unknown };
    };
  }
).WebAssembly;

/** The WebAssembly functions of kernels/stats-kernels.ts: a kernel for each type, which takes a number of elements. */
interface KernelExports extends Readonly<Record<ElementType, (elements: number) => void>> {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** Where the block lies, and what comes out: byte offsets in `memory`. */
  block(): number;
  result(): number;
}

/** Smallest and largest element, and the sum: of integers rounded once, of floats within 1e-12 of the sum of absolute values. */
export interface Reduction {
  min: number | bigint;
  max: number | bigint;
  sum: number;
}

/**
 * So many bytes are copied to the kernels' memory and gone through at a time: they stay in the second-level cache. The last
 * digits of the sums of floats depend on it. Measured by test/bench/stats.mjs on 2026-11-20: 8 KiB 10.0, 32 KiB 13.1, 64 KiB
 * 13.7, 256 KiB 14.7 GB/s (i4).
 */
const BLOCK_BYTES = 65_536;
const PAGE_BYTES = 65_536;
/** In the result; see the drawing in kernels/stats-kernels.ts. */
const AT = { max: 16, sum: 32, sumOfHighs: 40, end: 48 } as const;

const TYPES: Record<Elements[typeof Symbol.toStringTag], ElementType> = {
  Int8Array: "i1",
  Uint8Array: "u1",
  Int16Array: "i2",
  Uint16Array: "u2",
  Int32Array: "i4",
  Uint32Array: "u4",
  BigInt64Array: "i8",
  BigUint64Array: "u8",
  Float32Array: "f4",
  Float64Array: "f8",
};

/** The kernels and their memory, one for a process: a block is copied there and gone through in one go. */
class StatsKernels {
  readonly #run: KernelExports;
  readonly #block: Uint8Array;
  readonly #result: DataView;
  /** The result as smallest and largest elements of each type. */
  readonly #extremes: ReadonlyMap<ElementType, Elements>;

  constructor() {
    const module = new Module(Buffer.from(KERNELS_BASE64, "base64"));
    this.#run = new Instance(module).exports as KernelExports;
    const { memory } = this.#run;
    // What the compiler has reserved may end within its last page.
    memory.grow(BLOCK_BYTES / PAGE_BYTES);
    this.#block = new Uint8Array(memory.buffer, this.#run.block(), BLOCK_BYTES);
    this.#result = new DataView(memory.buffer, this.#run.result(), AT.end);
    const extremes = new Uint8Array(memory.buffer, this.#run.result(), AT.sum);
    this.#extremes = new Map(ELEMENT_TYPES.map((type) => [type, viewElements(type, extremes)]));
  }

  reduce(data: Elements): Reduction {
    const type = TYPES[data[Symbol.toStringTag]];
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const extremes = this.#extremes.get(type)!;
    const largest = AT.max / data.BYTES_PER_ELEMENT;
    let min = data[0]!;
    let max = data[0]!;
    let integers = 0n;
    let floats = 0;
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const part = bytes.subarray(at, at + BLOCK_BYTES);
      this.#block.set(part);
      this.#run[type](part.length / data.BYTES_PER_ELEMENT);
      if (extremes[0]! < min) min = extremes[0]!;
      if (extremes[largest]! > max) max = extremes[largest]!;
      if (type === "f4" || type === "f8") floats += this.#result.getFloat64(AT.sum, true);
      else integers += this.#result.getBigInt64(AT.sum, true);
      if (type === "i8" || type === "u8")
        integers += this.#result.getBigInt64(AT.sumOfHighs, true) << 32n;
    }
    return { min, max, sum: type === "f4" || type === "f8" ? floats : Number(integers) };
  }
}

let loaded: StatsKernels | undefined;

/**
 * Of shape (n) elements, n ≥ 1. Of floats: where the smallest or largest is zero its sign is any one's, and with not-a-number in
 * the data only the sum, which is not-a-number, is right.
 */
export function reduceByKernel(data: Elements): Reduction {
  // Compiled when it is first needed, in 0.2 ms.
  loaded ??= new StatsKernels();
  return loaded.reduce(data);
}
