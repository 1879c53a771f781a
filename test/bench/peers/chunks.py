# Data sets of compressed chunks for test/bench/filters.mjs and test/system/chunk-filters.test.ts.
#
#   chunks.py make FILE         adds the data sets whose filters h5py has, of the same numbers as its data set "plain"
#   chunks.py where FILE        where each chunk lies, as JSON: {name: [[offset, bytes, mask], …]}
#   chunks.py read FILE NAME    reads all rows of NAME, one at a time, and prints how many seconds that took
import json
import sys
import time

import h5py
import numpy as np

OPTIONS = {
    "gzip 4": dict(compression="gzip", compression_opts=4),
    "shuffle + gzip 4": dict(compression="gzip", compression_opts=4, shuffle=True),
    "shuffle": dict(shuffle=True),
    "fletcher32": dict(fletcher32=True),
    "lzf": dict(compression="lzf"),
    "shuffle + lzf": dict(compression="lzf", shuffle=True),
}


def make(path):
    with h5py.File(path, "a") as file:
        plain = file["plain"][()]
        for name, options in OPTIONS.items():
            file.create_dataset(name, data=plain, chunks=(1,) + plain.shape[1:], **options)


def where(path):
    with h5py.File(path) as file:
        print(json.dumps({name: chunks_of(file[name]) for name in file if file[name].chunks}))


def chunks_of(data_set):
    infos = [data_set.id.get_chunk_info(i) for i in range(data_set.id.get_num_chunks())]
    infos.sort(key=lambda info: info.chunk_offset)
    return [[info.byte_offset, info.size, info.filter_mask] for info in infos]


def read(path, name):
    with h5py.File(path) as file:
        data_set = file[name]
        row = np.empty(data_set.shape[1:], data_set.dtype)
        begun = time.perf_counter()
        for i in range(len(data_set)):
            data_set.read_direct(row, np.s_[i])
        print(time.perf_counter() - begun)


dict(make=make, where=where, read=read)[sys.argv[1]](*sys.argv[2:])
