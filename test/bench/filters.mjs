// Reading compressed 1 MB events, one a chunk, on one core: evb's chunk decoders on bytes that are read at the chunks' places,
// against h5wasm's `slice` (with the filters of h5wasm-plugins) and, where Debian's has the filter, one h5py process.
// Needs python3-h5py; `npx tsc --build` before.
//
//   node test/bench/filters.mjs [--rounds 5] [--events 32] [--cells 250000]
import { closeSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as h5wasm from "h5wasm/node";
import { chunkDecoder } from "../../packages/formats/dist/mod.js";
import {
  HERE,
  inTemporaryFolder,
  interleave,
  median,
  numbers,
  PYTHON,
  report,
  run,
} from "./support.mjs";

const { rounds, events, cells } = numbers({ rounds: 5, events: 32, cells: 250_000 });
const EVENT_BYTES = cells * 4;
const PEER = join(HERE, "peers/chunks.py");

/** Filters as the data sets' headers name them; the client data that are set when a chunk is written aren't asked for. */
const deflate = { id: 1, clientData: [4] };
const shuffle = { id: 2, clientData: [4] };
const fletcher32 = { id: 3, clientData: [] };
const lzf = { id: 32000, clientData: [4, 261, EVENT_BYTES] };
const BY_H5PY = {
  "gzip 4": [deflate],
  "shuffle + gzip 4": [shuffle, deflate],
  shuffle: [shuffle],
  fletcher32: [fletcher32],
  lzf: [lzf],
  "shuffle + lzf": [shuffle, lzf],
};
/** Blosc's: four for the library, level, shuffle (1 bytes, 2 bits), compressor (0 BloscLZ, 1 LZ4, 5 Zstandard). */
const BY_H5WASM = {
  "zstd 3": [32015, [3]],
  lz4: [32004, [0]],
  bitshuffle: [32008, [0, 0]],
  "bitshuffle + lz4": [32008, [0, 2]],
  "bitshuffle + zstd 3": [32008, [0, 3, 3]],
  "blosc lz4": [32001, [0, 0, 0, 0, 5, 1, 1]],
  "blosc lz4, bits": [32001, [0, 0, 0, 0, 5, 2, 1]],
  "blosc blosclz": [32001, [0, 0, 0, 0, 5, 1, 0]],
  "blosc zstd": [32001, [0, 0, 0, 0, 5, 1, 5]],
};
/** As the filters complete what they were given. */
const filtersOf = (name) => {
  if (name in BY_H5PY) return BY_H5PY[name];
  const [id, values] = BY_H5WASM[name];
  return [{ id, clientData: id === 32008 ? [0, 5, 4, ...values] : values }];
};

const decoders = {};
for (const name of [...Object.keys(BY_H5PY), ...Object.keys(BY_H5WASM)])
  decoders[name] = await chunkDecoder(filtersOf(name), {
    elementBytes: 4,
    chunkBytes: EVENT_BYTES,
  });

const module = await h5wasm.ready;
module.insert_plugin_search_path(
  join(dirname(fileURLToPath(import.meta.resolve("h5wasm-plugins"))), "plugins"),
  0,
);

/** Like a detector's: noise of some counts about pedestals, and here and there a hit. */
function numbersOf(event) {
  let state = event + 1;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8;
  return Int32Array.from({ length: cells }, (_, cell) => {
    const noise = (random() % 16) + (random() % 16);
    return 1000 + (cell % 13) * 7 + noise + (random() % 50 === 0 ? random() % 5000 : 0);
  });
}

function write(path) {
  const file = new h5wasm.File(path, "w");
  const shape = [events, cells];
  const data = new Int32Array(events * cells);
  for (let event = 0; event < events; event++) data.set(numbersOf(event), event * cells);
  file.create_dataset({ name: "plain", data, shape });
  for (const [name, [id, values]] of Object.entries(BY_H5WASM))
    file.create_dataset({
      name,
      data,
      shape,
      chunks: [1, cells],
      compression: id,
      compression_opts: values,
    });
  file.close();
  run(PYTHON, [PEER, "make", path]);
}

/** What is measured of one data set: seconds for all events. */
function subjectsOf(path, name, chunks) {
  const decoder = decoders[name];
  const target = new Uint8Array(EVENT_BYTES);
  const pooled = Buffer.alloc(Math.max(...chunks.map(([, bytes]) => bytes)));
  const expected = Buffer.from(numbersOf(events - 1).buffer);
  const timed = (read) => () => {
    const begun = performance.now();
    const last = read();
    const seconds = (performance.now() - begun) / 1000;
    if (!expected.equals(last)) throw new Error(`${name} is read wrong`);
    return seconds;
  };
  const file = openSync(path, "r");
  const h5 = new h5wasm.File(path, "r");
  const dataSet = h5.get(name);
  const subjects = {
    evb: timed(() => {
      for (const [offset, bytes, mask] of chunks) {
        readSync(file, pooled, 0, bytes, offset);
        decoder.decode(pooled.subarray(0, bytes), mask, target);
      }
      return target;
    }),
    h5wasm: timed(() => {
      let slice;
      for (let event = 0; event < events; event++) slice = dataSet.slice([[event, event + 1], []]);
      return Buffer.from(slice.buffer, slice.byteOffset, slice.byteLength);
    }),
    ...(name in BY_H5PY && { h5py: () => Number(run(PYTHON, [PEER, "read", path, name]).stdout) }),
  };
  const close = () => {
    closeSync(file);
    h5.close();
  };
  return { subjects, close };
}

inTemporaryFolder((folder) => {
  const path = join(folder, "chunks.h5");
  write(path);
  const places = JSON.parse(run(PYTHON, [PEER, "where", path]).stdout);
  const figures = [];
  for (const [name, chunks] of Object.entries(places)) {
    const { subjects, close } = subjectsOf(path, name, chunks);
    const seen = interleave(rounds, subjects);
    close();
    const total = events * EVENT_BYTES;
    const stored = chunks.reduce((sum, [, bytes]) => sum + bytes, 0);
    const seconds = (who) => median(seen[who]);
    figures.push({
      what: `${name} (${(total / stored).toFixed(1)} to 1): evb`,
      value: total / seconds("evb") / 1e6,
      unit: "MB/s",
    });
    for (const peer of Object.keys(subjects).slice(1))
      figures.push({
        what: `${name}: ${peer} / evb`,
        value: seconds(peer) / seconds("evb"),
        unit: "×",
      });
  }
  report(`compressed events of ${(EVENT_BYTES / 1e6).toFixed(1)} MB, one core`, figures);
});
