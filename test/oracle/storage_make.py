"""Writes data sets in every way that HDF5 stores them, and says what h5py reads.

    storage_make.py FOLDER

Prints JSON: {file: {data set: sha256 of all elements, in C order and in the byte order of the file}}. Knows nothing of
evb's code. Files are made by h5py, for each version bound with and without user block, and again by h5repack.
"""

import ctypes
import hashlib
import itertools
import json
import os
import subprocess
import sys

import h5py
import numpy as np

VERSIONS = ["earliest", "v108", "v110", "latest"]
USER_BLOCKS = [0, 1024]
TYPES = ["<i4", ">i4", "<u2", ">f8", "<u8", "|i1", "<f4", "|S5"]
FILTERS = {
    "none": {},
    "gzip": {"compression": "gzip", "compression_opts": 4},
    "shuffle": {"shuffle": True},
    "fletcher32": {"fletcher32": True},
    "shufflegzip": {"shuffle": True, "compression": "gzip", "compression_opts": 1},
    "all": {"shuffle": True, "compression": "gzip", "compression_opts": 9, "fletcher32": True},
}
# name, shape, chunks, maxshape: which index it gets follows from these and the version.
SHAPES = [
    ("one_chunk", (9, 7), (9, 7), None),
    ("one_cut", (9, 7), (10, 8), (10, 8)),
    ("fixed", (31, 10), (4, 3), None),
    ("fixed_grows", (13, 5, 3), (4, 2, 3), (40, 11, 5)),
    ("fixed_paged", (2700, 2), (1, 2), None),
    ("first", (300, 5), (2, 3), (None, 5)),
    ("first_grows", (70, 5), (2, 3), (None, 17)),
    ("second", (5, 300), (3, 2), (7, None)),
    ("last", (3, 2, 260), (1, 2, 1), (3, 4, None)),
    ("long", (9000,), (2,), (None,)),
    ("both", (40, 30), (3, 2), (None, None)),
    ("both_deep", (130, 90), (1, 1), (None, None)),
]
DONT_FILTER_PARTIAL_CHUNKS = 2  # H5Dpublic.h


def content(shape, dtype, seed):
    count = int(np.prod(shape, dtype=np.int64))
    raw = np.random.default_rng(seed).integers(0, 40, count)
    if dtype.startswith("|S"):
        return np.array([b"%d" % n for n in raw], dtype=dtype).reshape(shape)
    return (raw * 5 + 1).astype(dtype).reshape(shape)


def fill_of(dtype):
    return b"fill" if dtype.startswith("|S") else np.dtype(dtype).type(77)


def sparse(f, name, shape, dtype, seed, **options):
    """Only the first and last rows are written: the chunks between have the fill value, or are not there."""
    d = f.create_dataset(name, shape, dtype, **options)
    rows = min(3, shape[0])
    whole = content(shape, dtype, seed)
    d[:rows] = whole[:rows]
    d[-1:] = whole[-1:]


def set_property(call, properties, value):
    """A call of the library that h5py hasn't, in the library that h5py has loaded."""
    with open("/proc/self/maps") as maps:
        library = next(line.split()[-1] for line in maps if "libhdf5" in line and "_hl" not in line)
    set_value = getattr(ctypes.CDLL(library), call)
    set_value.argtypes = [ctypes.c_int64, ctypes.c_uint]
    if set_value(properties.id, value) < 0:
        raise RuntimeError(call + " failed")


def low_level(f, name, shape, chunks, dtype, seed, early=False, filtered=(), unfilter_edges=False):
    """What h5py's own functions don't offer."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if chunks:
        made.set_chunk(chunks)
    if early:
        made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    if "gzip" in filtered:
        made.set_deflate(3)
    if unfilter_edges:
        set_property("H5Pset_chunk_opts", made, DONT_FILTER_PARTIAL_CHUNKS)
    space = h5py.h5s.create_simple(shape)
    d = h5py.Dataset(h5py.h5d.create(f.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, made))
    d[...] = content(shape, dtype, seed)


def masked(f, name, shape, seed):
    """Every other chunk is stored as it is, with the bit of its filter set."""
    d = f.create_dataset(name, shape, "<i4", chunks=(2, shape[1]), compression="gzip", maxshape=(None, shape[1]))
    d[...] = content(shape, "<i4", seed)
    for row in range(0, shape[0] - 1, 4):
        cells = content((2, shape[1]), "<i4", seed + row)
        d.id.write_direct_chunk((row, 0), cells.tobytes(), 1)


def fill_file(f, number):
    types = itertools.cycle(TYPES[number % len(TYPES):] + TYPES[:number % len(TYPES)])
    seed = 1000 * number
    for n, shape in enumerate([(17, 5), (3,), (0, 4), ()]):
        dtype = next(types)
        f.create_dataset(f"contiguous_{n}", shape, dtype, content(shape, dtype, seed + n))
    f.create_dataset("contiguous_unwritten", (8, 3), "<i4", fillvalue=77)
    low_level(f, "contiguous_early", (6, 2), None, ">i4", seed, early=True)
    for n, ((name, shape, chunks, most), (filters, options)) in enumerate(itertools.product(SHAPES, FILTERS.items())):
        # A third of all filters a shape, another third for each file.
        if (n + n // len(FILTERS) + number) % 3 != 0:
            continue
        dtype = next(types)
        given = {"chunks": chunks, "maxshape": most, **options}
        if "shuffle" in options and dtype.startswith("|S"):
            dtype = "<u2"
        f.create_dataset(f"{name}_{filters}", shape, dtype, content(shape, dtype, seed + n), **given)
        sparse(f, f"{name}_{filters}_sparse", shape, dtype, seed + n, fillvalue=fill_of(dtype), **given)
    low_level(f, "implicit", (21, 9), (4, 2), "<u8", seed + 501, early=True)
    low_level(f, "early_gzip", (21, 9), (4, 2), ">i4", seed + 502, early=True, filtered=["gzip"])
    low_level(f, "edges", (21, 9), (4, 2), "<i4", seed + 503, filtered=["gzip"], unfilter_edges=True)
    masked(f, "masked", (40, 6), seed + 504)
    d = f.create_dataset("unwritten", (50, 4), ">f8", chunks=(2, 4), maxshape=(None, 4), fillvalue=-1.5)
    d = f.create_dataset("grown", (4, 5), "<i4", content((4, 5), "<i4", seed), chunks=(1, 2), maxshape=(None, None))
    d.resize((9, 12))
    d[5:, 3:] = content((4, 9), "<i4", seed + 1)
    d = f.create_dataset("shrunk", (90, 5), "<i4", content((90, 5), "<i4", seed), chunks=(1, 2), maxshape=(None, 8))
    d.resize((11, 3))
    many = f.create_dataset("attributes", (20, 3), "<i4", content((20, 3), "<i4", seed), chunks=(3, 3))
    for n in range(30):
        many.attrs[f"attribute {n}"] = "continues " * (n % 7)


def made_by_h5py(folder):
    for number, (low, block) in enumerate(itertools.product(VERSIONS, USER_BLOCKS)):
        path = os.path.join(folder, f"{low}_{block}.h5")
        with h5py.File(path, "w", libver=(low, "latest"), userblock_size=block) as f:
            fill_file(f, number)
        yield path


def made_small(folder):
    """Superblock version 1 (its B-trees' width is set), and addresses and lengths of 4 bytes."""
    for number, (name, settings) in enumerate({"superblock1": ["k"], "narrow": ["s"], "narrow1": ["k", "s"]}.items()):
        made = h5py.h5p.create(h5py.h5p.FILE_CREATE)
        if "k" in settings:
            set_property("H5Pset_istore_k", made, 7)
        if "s" in settings:
            made.set_sizes(4, 4)
        path = os.path.join(folder, f"{name}.h5")
        with h5py.File(h5py.h5f.create(path.encode(), h5py.h5f.ACC_TRUNC, fcpl=made)) as f:
            fill_file(f, 20 + number)
        yield path


# h5repack's options; it can't filter a data set without elements.
REPACKED = {
    "contiguous": ["-l", "CONTI", "-f", "NONE"],
    "latest": ["-L"],
    "gzip": ["-L", "-f", "{names}:SHUF", "-f", "{names}:GZIP=2"],
    "fletcher": ["-f", "{names}:FLET"],
    "chunked": ["-L", "-l", "{tables}:CHUNK=5x2", "-f", "{tables}:NONE"],
}


def made_by_h5repack(folder, sources):
    for source, (name, options) in itertools.product(sources, REPACKED.items()):
        path = source.replace(".h5", f"_{name}.h5")
        with h5py.File(source) as f:
            names = ",".join(name for name in f if f[name].size and f[name].shape)
            tables = ",".join(name for name in f if f[name].size and f[name].ndim == 2)
        given = [option.format(names=names, tables=tables) for option in options]
        subprocess.run(["h5repack", *given, source, path], check=True, stdout=subprocess.DEVNULL)
        yield path


def read(path):
    with h5py.File(path) as f:
        return {name: hashlib.sha256(np.array(f[name][()], f[name].dtype).tobytes()).hexdigest() for name in f}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    paths = list(made_by_h5py(folder)) + list(made_small(folder))
    paths += list(made_by_h5repack(folder, [paths[0], paths[5]]))
    print(json.dumps({path: read(path) for path in paths}))


main(sys.argv[1])
