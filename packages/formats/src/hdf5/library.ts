import type * as h5wasm from "h5wasm/node";

/** The HDF5 library, loaded, with a block of its heap that is used again and again. */
export interface Hdf5 {
  readonly h5: typeof h5wasm;
  readonly module: Module;
  /** A block of at least so many bytes in the library's heap, or 0; the next call may take it away. */
  heap(bytes: number): number;
  /** Runs one call of the library and returns what it printed about its failure, if anything. */
  quietly<Result>(call: () => Result): { result: Result; reason: string };
}

/** What h5wasm's own declaration lacks: the emscripten heap and the table of streams. */
type Module = Awaited<typeof h5wasm.ready> & {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
};

interface Stream {
  flags: number;
  seekable: boolean;
  node: { mode: number };
  stream_ops: {
    write(stream: unknown, bytes: Uint8Array, offset: number, length: number): number;
  };
}

let loaded: Promise<Hdf5> | undefined;

/** Loads the library once, when it is first needed: 70 ms and 40 MB that a process without HDF5 files saves. */
export function loadHdf5(): Promise<Hdf5> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Hdf5> {
  const h5 = await import("h5wasm/node");
  const module = (await h5.ready) as Module;
  const printed = catchStandardError(module);
  let block = { pointer: 0, bytes: 0 };
  return {
    h5,
    module,
    heap(bytes) {
      if (bytes <= block.bytes) return block.pointer;
      if (block.pointer !== 0) module._free(block.pointer);
      const pointer = module._malloc(bytes);
      block = { pointer, bytes: pointer === 0 ? 0 : bytes };
      return pointer;
    },
    quietly(call) {
      printed.text = "";
      const result = call();
      return { result, reason: lastWords(printed.text) };
    },
  };
}

/**
 * HDF5 prints its error stack to the C standard error. We keep the library's default error handler (the throwing
 * one leaks a file descriptor per error and hangs after about 2000; spec/hdf5.md) and read the reason from what it prints.
 */
function catchStandardError(module: Module): { text: string } {
  const printed = { text: "" };
  const stderr = (module.FS as unknown as { streams: (Stream | undefined)[] }).streams[2]!;
  stderr.flags = 1;
  stderr.seekable = false;
  stderr.node = { mode: 0 };
  stderr.stream_ops = {
    write(_stream, bytes, offset, length) {
      if (printed.text.length < PRINTED_MAX)
        printed.text += Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString();
      return length;
    },
  };
  return printed;
}

/** A stack is about 2 kB; a library that prints more than this in one call says nothing new. */
const PRINTED_MAX = 65_536;

/** What the library says where a filter's plugin is missing; further in it only lists folders of the machine that built it. */
export const FILTER_MISSING =
  /required filter (?:'([^']*)'|\(name unavailable\)) is not registered/;

/**
 * The innermost entry of the printed stack says what was wrong: "…(): file signature not found". If the system was asked,
 * its own words say more: "…, errno = 51, error message = 'No space left on device', …".
 */
function lastWords(text: string): string {
  const entries = [...text.matchAll(/#\d+: .*? in \w+\(\): (.*)$/gm)];
  const system = /error message = '([^']*)'/.exec(text)?.[1];
  return FILTER_MISSING.exec(text)?.[0] ?? system ?? entries.at(-1)?.[1]?.trim() ?? "";
}
