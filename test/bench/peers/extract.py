"""The reduction of evb extract as one would write it with h5py, row by row; prints its seconds.

usage: extract.py RUN FILES OUT none|gzip:LEVEL[:shuffle]
"""
import sys
import time

import h5py
import numpy as np

begun = time.perf_counter()
run, files, out, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4].split(":")
times = []
for n in range(1, files + 1):
    with h5py.File(f"{run}/file{n}.h5", "r") as file:
        times.append(file[f"timestamp{n}"][...])
stamps = np.unique(np.concatenate(times))
with h5py.File(out, "w") as extract:
    extract["events/time"] = stamps
    for n in range(1, files + 1):
        with h5py.File(f"{run}/file{n}.h5", "r") as file:
            source = file[f"bigdata{n}"]
            row = np.full(len(stamps), -1)
            row[np.searchsorted(stamps, times[n - 1])] = np.arange(len(times[n - 1]))
            how = {}
            if mode[0] == "gzip":
                how = {"chunks": (1, *source.shape[1:]), "compression": "gzip", "compression_opts": int(mode[1])}
                how["shuffle"] = len(mode) > 2
            data = extract.create_dataset(f"file{n}/data", (len(stamps), *source.shape[1:]), source.dtype, **how)
            extract[f"file{n}/row"] = row
            for event in np.flatnonzero(row >= 0):
                data[event] = source[row[event]]
print(time.perf_counter() - begun)
