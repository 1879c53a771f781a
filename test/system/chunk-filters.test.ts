import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { chunkDecoder, loadHdf5, type ChunkFilter } from "@evb/formats";
import { describeWith } from "../support/capabilities.ts";
import { SeededRandom } from "../support/random.ts";
import { python, temporaryFolder } from "../support/system.ts";

/** One data set's chunks as they lie in the file, and what they hold. */
interface Stored {
  readonly name: string;
  readonly filters: readonly ChunkFilter[];
  readonly elementBytes: number;
  readonly chunkBytes: number;
  readonly chunks: readonly {
    readonly file: string;
    readonly mask: number;
    /** Undefined where h5py lacks the filter. */
    readonly content?: string;
  }[];
}

/** Decodes all chunks; those that differ. */
async function wrongChunks(
  set: Stored,
  contentOf: (chunk: number) => Uint8Array,
): Promise<string[]> {
  const decoder = await chunkDecoder(set.filters, set);
  if (decoder === undefined) return [`${set.name}: no decoder`];
  const target = new Uint8Array(set.chunkBytes);
  return set.chunks.flatMap(({ file, mask }, i) => {
    decoder.decode(readFileSync(file), mask, target);
    return Buffer.compare(target, contentOf(i)) === 0 ? [] : [`${set.name}, chunk ${String(i)}`];
  });
}

describeWith(["h5py"], "chunks that HDF5 wrote", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);

  test("by h5py are decoded as h5py reads them, for every filter, type and size that it has", async () => {
    const sets = JSON.parse(python(DUMP + MAKE, folder.path)) as Stored[];
    const wrong: string[] = [];
    for (const set of sets)
      wrong.push(...(await wrongChunks(set, (chunk) => readFileSync(set.chunks[chunk]!.content!))));
    expect(wrong).toEqual([]);
    // Types × sizes × pipelines.
    expect(sets.length).toBe(6 * 4 * 16);
    expect(sets.some(({ chunks }) => chunks.some(({ mask }) => mask !== 0))).toBe(true);
  });
});

/** Client data: see the filters' own pages; the first of Blosc's and bitshuffle's are completed when they write. */
const PLUGINS: Readonly<Record<string, [id: number, values: number[]]>> = {
  "zstd 3": [32015, [3]],
  "zstd 19": [32015, [19]],
  lz4: [32004, [0]],
  "lz4 in blocks of 1000 bytes": [32004, [1000]],
  bitshuffle: [32008, [0, 0]],
  "bitshuffle in blocks of 64": [32008, [64, 0]],
  "bitshuffle + lz4": [32008, [0, 2]],
  "bitshuffle + lz4 in blocks of 64": [32008, [64, 2]],
  "bitshuffle + zstd": [32008, [0, 3, 3]],
  // Level, shuffle (0 none, 1 bytes, 2 bits), compressor (0 BloscLZ, 1 LZ4, 2 LZ4HC, 5 Zstandard).
  ...Object.fromEntries(
    [0, 1, 2, 5].flatMap((compressor) =>
      [0, 1, 2].flatMap((shuffle) =>
        [0, 1, 5, 9].map((level) => [
          `blosc ${[compressor, shuffle, level].join(" ")}`,
          [32001, [0, 0, 0, 0, level, shuffle, compressor]],
        ]),
      ),
    ),
  ),
};

describeWith(["h5py"], "chunks that the filters' own libraries wrote", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);
  const path = join(folder.path, "plugins.h5");
  const contents = new Map<string, Uint8Array>();
  let sets: Stored[] = [];

  beforeAll(async () => {
    const { h5, module } = await loadHdf5();
    const plugins = dirname(fileURLToPath(import.meta.resolve("h5wasm-plugins")));
    module.insert_plugin_search_path(join(plugins, "plugins"), 0);
    const file = new h5.File(path, "w");
    const random = new SeededRandom(5);
    for (const [name, [id, values]] of Object.entries(PLUGINS))
      for (const [type, array] of TYPES)
        for (const cells of [9, 1000, 70_001]) {
          const data = array.from(Array.from({ length: cells }, () => numberOf(random)));
          const set = `${name}, ${type}, ${String(cells)}`;
          contents.set(set, new Uint8Array(data.buffer));
          const shape = [1, cells];
          const how = { compression: id, compression_opts: values };
          file.create_dataset({ name: set, data, dtype: type, shape, chunks: shape, ...how });
        }
    file.close();
    sets = JSON.parse(python(DUMP + RAW, folder.path, path)) as Stored[];
  }, 600_000);

  test("are decoded to what was written", async () => {
    const wrong: string[] = [];
    for (const set of sets) wrong.push(...(await wrongChunks(set, () => contents.get(set.name)!)));
    expect(wrong).toEqual([]);
    // Pipelines × types × sizes. What a filter was left out of would prove nothing about it.
    expect(sets.length).toBe(57 * 4 * 3);
    expect(sets.every(({ chunks }) => chunks.every(({ mask }) => mask === 0))).toBe(true);
  });
});

const TYPES = [
  ["<B", Uint8Array],
  ["<h", Int16Array],
  ["<i", Int32Array],
  ["<d", Float64Array],
] as const;

/** Noise about a pedestal, with hits. */
const numberOf = (random: SeededRandom): number =>
  100 + random.below(16) + (random.below(50) === 0 ? random.below(100) : 0);

/** Writes each chunk of a data set as it lies in the file, and what h5py reads there, to files of the folder. */
const DUMP = `
import itertools, json, os, sys
import h5py, numpy as np

folder = sys.argv[1]
count = itertools.count()

def keep(content):
    path = os.path.join(folder, f"{next(count)}.bin")
    with open(path, "wb") as file:
        file.write(content)
    return path

def filters_of(data_set):
    plist = data_set.id.get_create_plist()
    found = [plist.get_filter(i) for i in range(plist.get_nfilters())]
    return [{"id": f[0], "clientData": list(f[2])} for f in found]

def stored(data_set, readable):
    chunk = data_set.chunks
    chunks = []
    for i in range(data_set.id.get_num_chunks()):
        offset = data_set.id.get_chunk_info(i).chunk_offset
        mask, raw = data_set.id.read_direct_chunk(offset)
        kept = {"file": keep(raw), "mask": mask}
        if readable:
            place = tuple(slice(o, o + n) for o, n in zip(offset, chunk))
            content = data_set[place]
            # Chunks at the edges are stored whole.
            whole = np.zeros(chunk, data_set.dtype)
            whole[tuple(slice(0, n) for n in content.shape)] = content
            kept["content"] = keep(whole.tobytes())
        chunks.append(kept)
    size = data_set.dtype.itemsize
    return {"name": data_set.name.lstrip("/"), "filters": filters_of(data_set), "elementBytes": size,
            "chunkBytes": int(np.prod(chunk)) * size, "chunks": chunks}
`;

const MAKE = `
random = np.random.default_rng(5)
pipelines = {f"gzip {level}": dict(compression="gzip", compression_opts=level) for level in range(1, 10)}
pipelines |= {
    "shuffle": dict(shuffle=True),
    "fletcher32": dict(fletcher32=True),
    "shuffle gzip": dict(shuffle=True, compression="gzip"),
    "shuffle gzip fletcher32": dict(shuffle=True, compression="gzip", fletcher32=True),
    "lzf": dict(compression="lzf"),
    "shuffle lzf": dict(compression="lzf", shuffle=True),
    "shuffle lzf fletcher32": dict(compression="lzf", shuffle=True, fletcher32=True),
}
with h5py.File(os.path.join(folder, "h5py.h5"), "w") as file:
    sets = []
    for kind in ["u1", "i2", "<i4", ">i4", "f8", "c16"]:
        # The last one can't be compressed, so that lzf is left out by the filter mask.
        for n, (shape, chunk) in enumerate([((3,), (2,)), ((40, 25), (7, 10)), ((2, 50001), (1, 50001)), ((1001,), (1001,))]):
            noise = random.integers(0, 16, shape) + 5000 * (random.random(shape) < 0.01)
            data = noise.astype(kind)
            if n == 3:
                data = np.frombuffer(random.bytes(data.nbytes), kind).reshape(shape)
                if data.dtype.kind in "fc":
                    data = np.nan_to_num(data)
            for name, options in pipelines.items():
                data_set = file.create_dataset(f"{name} {kind} {n}", data=data, chunks=chunk, **options)
                sets.append(stored(data_set, True))
    print(json.dumps(sets))
`;

const RAW = `
with h5py.File(sys.argv[2]) as file:
    print(json.dumps([stored(file[name], False) for name in file]))
`;
